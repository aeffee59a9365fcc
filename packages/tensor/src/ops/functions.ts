/** Functions of one float and activations, element by element. Integers become float32 first, as in PyTorch. */
import { div, pow, add, sub, max, eq, lt, mul, neg, type Node, unary, where } from '@torchlet/graph';
import { wide } from './autocasting.js';
import { like, toFloat } from './operands.js';
import { inTermsOfResult, piecewise } from './piecewise.js';

type FloatFunction = 'sqrt' | 'exp' | 'expm1' | 'log' | 'log1p' | 'sin' | 'cos' | 'atan' | 'tanh' | 'erf';

/** A primitive of floats, of any dtype. */
export function float(op: FloatFunction, x: Node): Node {
  return unary(op, toFloat(x));
}

export function rsqrt(x: Node): Node {
  const root = float('sqrt', wide(x));
  return div(1, root);
}

export function square(x: Node): Node {
  return mul(x, x);
}

/** log of x to `base`. */
export function logarithm(x: Node, base: 2 | 10): Node {
  const natural = float('log', wide(x));
  return div(natural, base === 2 ? Math.LN2 : Math.LN10);
}

export function exp2(x: Node): Node {
  const float2 = toFloat(x);
  return pow(2, float2);
}

export function tan(x: Node): Node {
  const f = toFloat(wide(x));
  return div(unary('sin', f), unary('cos', f));
}

/** 1 / (1 + e^-x), in the form that does not overflow on either side and keeps the small tail below 0. */
export function sigmoid(x: Node): Node {
  const f = toFloat(x);
  const one = like(f, 1);
  const negative = lt(f, 0);
  const e = unary('exp', where(negative, f, neg(f)));
  const value = div(where(negative, e, one), add(e, one));
  return inTermsOfResult(f, value, (grad, s) => mul(grad, mul(s, sub(one, s))));
}

/** max(x, 0): NaN passes. A max alone would give half the gradient at 0; PyTorch gives none. */
export function relu(x: Node): Node {
  const zero = like(x, 0);
  const value = max(x, zero);
  return piecewise(x, value, (grad) => where(eq(value, zero), 0, grad));
}

/** x * Phi(x), exact (erf) or by the tanh approximation (https://arxiv.org/abs/1606.08415). */
export function gelu(x: Node, approximate: 'none' | 'tanh'): Node {
  const f = toFloat(x);
  if (approximate === 'none') {
    const half = mul(f, 0.5);
    return mul(half, add(unary('erf', mul(f, Math.SQRT1_2)), 1));
  }
  const cubic = mul(mul(mul(f, f), f), 0.044715);
  // (1 + tanh(u)) / 2 is the logistic function of 2 u, which keeps the digits of the small tail.
  return mul(f, sigmoid(mul(add(f, cubic), 2 * Math.sqrt(2 / Math.PI))));
}

export function silu(x: Node): Node {
  return mul(toFloat(x), sigmoid(x));
}

/** log(1 + e^(beta x)) / beta; x itself above the threshold. */
export function softplus(x: Node, beta: number, threshold: number): Node {
  const f = toFloat(x);
  const scaled = mul(f, beta);
  const above = lt(threshold, scaled);
  const soft = div(unary('log1p', unary('exp', where(above, 0, scaled))), beta);
  return where(above, f, soft);
}

export function leakyRelu(x: Node, slope: number): Node {
  const positive = lt(0, x);
  const scaled = (y: Node): Node => where(positive, y, mul(y, slope));
  return piecewise(x, scaled(x), scaled);
}

/** x above 0, alpha * (e^x - 1) below. */
export function elu(x: Node, alpha: number): Node {
  const f = toFloat(x);
  const positive = lt(0, f);
  const below = mul(unary('expm1', where(positive, 0, f)), alpha);
  return where(positive, f, below);
}

/** log(sigmoid(x)) without overflow. */
export function logSigmoid(x: Node): Node {
  const f = toFloat(x);
  const negative = lt(f, 0);
  const tail = unary('log1p', unary('exp', where(negative, f, neg(f))));
  return sub(where(negative, f, 0), tail);
}

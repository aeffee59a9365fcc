/** Functions of one float and activations, element by element. Integers become float32 first, as in PyTorch. */
import { binary, eq, lt, mul, neg, type Node, unary, where } from '@torchlet/graph';
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
  return binary('div', like(root, 1), root);
}

export function square(x: Node): Node {
  return mul(x, x);
}

/** log of x to `base`. */
export function logarithm(x: Node, base: 2 | 10): Node {
  const natural = float('log', wide(x));
  return binary('div', natural, like(natural, base === 2 ? Math.LN2 : Math.LN10));
}

export function exp2(x: Node): Node {
  const float2 = toFloat(x);
  return binary('pow', like(float2, 2), float2);
}

export function tan(x: Node): Node {
  const f = toFloat(wide(x));
  return binary('div', unary('sin', f), unary('cos', f));
}

/** 1 / (1 + e^-x), in the form that does not overflow on either side and keeps the small tail below 0. */
export function sigmoid(x: Node): Node {
  const f = toFloat(x);
  const one = like(f, 1);
  const negative = lt(f, like(f, 0));
  const e = unary('exp', where(negative, f, neg(f)));
  const value = binary('div', where(negative, e, one), binary('add', e, one));
  return inTermsOfResult(f, value, (grad, s) => mul(grad, mul(s, binary('add', one, neg(s)))));
}

/** max(x, 0): NaN passes. A max alone would give half the gradient at 0; PyTorch gives none. */
export function relu(x: Node): Node {
  const zero = like(x, 0);
  const value = binary('max', x, zero);
  return piecewise(x, value, (grad) => where(eq(value, zero), like(grad, 0), grad));
}

/** x * Phi(x), exact (erf) or by the tanh approximation (https://arxiv.org/abs/1606.08415). */
export function gelu(x: Node, approximate: 'none' | 'tanh'): Node {
  const f = toFloat(x);
  if (approximate === 'none') {
    const half = mul(f, like(f, 0.5));
    return mul(half, binary('add', unary('erf', mul(f, like(f, Math.SQRT1_2))), like(f, 1)));
  }
  const cubic = mul(mul(mul(f, f), f), like(f, 0.044715));
  // (1 + tanh(u)) / 2 is the logistic function of 2 u, which keeps the digits of the small tail.
  return mul(f, sigmoid(mul(binary('add', f, cubic), like(f, 2 * Math.sqrt(2 / Math.PI)))));
}

export function silu(x: Node): Node {
  return mul(toFloat(x), sigmoid(x));
}

/** log(1 + e^(beta x)) / beta; x itself above the threshold. */
export function softplus(x: Node, beta: number, threshold: number): Node {
  const f = toFloat(x);
  const scaled = mul(f, like(f, beta));
  const above = lt(like(f, threshold), scaled);
  const soft = binary('div', unary('log1p', unary('exp', where(above, like(f, 0), scaled))), like(f, beta));
  return where(above, f, soft);
}

export function leakyRelu(x: Node, slope: number): Node {
  const positive = lt(like(x, 0), x);
  const scaled = (y: Node): Node => where(positive, y, mul(y, like(y, slope)));
  return piecewise(x, scaled(x), scaled);
}

/** x above 0, alpha * (e^x - 1) below. */
export function elu(x: Node, alpha: number): Node {
  const f = toFloat(x);
  const positive = lt(like(f, 0), f);
  const below = mul(unary('expm1', where(positive, like(f, 0), f)), like(f, alpha));
  return where(positive, f, below);
}

/** log(sigmoid(x)) without overflow. */
export function logSigmoid(x: Node): Node {
  const f = toFloat(x);
  const negative = lt(f, like(f, 0));
  const tail = unary('log1p', unary('exp', where(negative, f, neg(f))));
  return binary('add', where(negative, f, like(f, 0)), neg(tail));
}

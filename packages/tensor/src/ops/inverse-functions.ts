/**
 * Functions of one float beside the primitives: inverse trigonometric and hyperbolic ones, the complementary error function. Owns the forms that
 * keep their digits near 0, near the ends of the domain and far out; each has its derivative as a formula of x.
 */
import { sub, eq, add, div, lt, mul, neg, type Node, unary, where } from '@torchlet/graph';
import { like, toFloat } from './operands.js';
import { inTermsOfResult } from './piecewise.js';

/** `value` of x with the gradient grad * slope, where the slope is made of differentiable operations. */
function withSlope(x: Node, value: Node, slope: () => Node): Node {
  return inTermsOfResult(x, value, (grad) => mul(grad, slope()));
}

const sqrt = (x: Node): Node => unary('sqrt', x);
const minus = (x: Node, y: Node): Node => sub(x, y);
const plus = (x: Node, y: number): Node => add(x, y);
const times = (x: Node, y: number): Node => mul(x, y);
const oneOver = (x: Node): Node => div(1, x);

/** |x| and the sign put back: for odd functions. -0 stays -0, NaN passes. */
function odd(x: Node, ofMagnitude: (magnitude: Node) => Node): Node {
  const negative = lt(x, 0);
  const value = ofMagnitude(where(negative, neg(x), x));
  return where(negative, neg(value), value);
}

/** 1 - x^2 without the digits that the square would lose near 1. */
const coSquare = (x: Node): Node => mul(plus(x, 1), plus(neg(x), 1));

/** arctan(x / sqrt(1 - x^2)), which is a quarter turn at 1. */
export function asin(x: Node): Node {
  const f = toFloat(x);
  return withSlope(f, unary('atan', div(f, sqrt(coSquare(f)))), () => oneOver(sqrt(coSquare(f))));
}

/** 2 arctan(sqrt((1 - x) / (1 + x))), which keeps the small angles near 1. */
export function acos(x: Node): Node {
  const f = toFloat(x);
  const value = times(unary('atan', sqrt(div(plus(neg(f), 1), plus(f, 1)))), 2);
  return withSlope(f, value, () => neg(oneOver(sqrt(coSquare(f)))));
}

/** Beyond this 1 + x^2 is x^2 in every dtype. */
const far = 1e9;

/** log(2x), for magnitudes whose square would overflow. */
const logOfTwice = (x: Node): Node => plus(unary('log', x), Math.LN2);

export function asinh(x: Node): Node {
  const f = toFloat(x);
  const value = odd(f, (a) => {
    const isFar = lt(far, a);
    const near = where(isFar, 0, a);
    const square = mul(near, near);
    const log = unary('log1p', add(near, div(square, plus(sqrt(plus(square, 1)), 1))));
    return where(isFar, logOfTwice(a), log);
  });
  return withSlope(f, value, () => oneOver(sqrt(plus(mul(f, f), 1))));
}

export function acosh(x: Node): Node {
  const f = toFloat(x);
  const isFar = lt(far, f);
  const above = plus(where(isFar, 1, f), -1);
  const log = unary('log1p', add(above, mul(sqrt(above), sqrt(plus(above, 2)))));
  return withSlope(f, where(isFar, logOfTwice(f), log), () => oneOver(mul(sqrt(plus(f, -1)), sqrt(plus(f, 1)))));
}

export function atanh(x: Node): Node {
  const f = toFloat(x);
  const value = odd(f, (a) => times(unary('log1p', div(times(a, 2), plus(neg(a), 1))), 0.5));
  return withSlope(f, value, () => oneOver(coSquare(f)));
}

/** Beyond this e^-x is nothing beside e^x in every dtype, and e^x may overflow where its half does not. */
const large = 40;

/** e^x / 2 as a product of two roots. */
function halfExp(x: Node): Node {
  const root = unary('exp', times(x, 0.5));
  return mul(times(root, 0.5), root);
}

export function sinh(x: Node): Node {
  const f = toFloat(x);
  const value = odd(f, (a) => {
    const isLarge = lt(large, a);
    const e = unary('expm1', where(isLarge, 0, a));
    return where(isLarge, halfExp(a), times(add(e, div(e, plus(e, 1))), 0.5));
  });
  return withSlope(f, value, () => cosh(f));
}

export function cosh(x: Node): Node {
  const f = toFloat(x);
  const a = where(lt(f, 0), neg(f), f);
  return withSlope(f, add(halfExp(a), times(unary('exp', neg(a)), 0.5)), () => sinh(f));
}

/**
 * Chebyshev coefficients of log(erfc(z) e^(z^2) / t) over t = 2 / (2 + z) in [0, 1], computed with 40 digits. The first 15 are enough for float32.
 */
const erfcSeries = [
  -1.3026537197817094, 0.6419697923564902, 0.019476473204185836, -0.009561514786808632, -0.0009465953444820369,
  0.00036683949785276145, 4.252332480690777e-5, -2.0278578112534242e-5, -1.6242900046470256e-6, 1.3036558355805232e-6,
  1.5626441722066142e-8, -8.523809591492654e-8, 6.529054439098852e-9, 5.059343495551469e-9, -9.91364156493033e-10,
  -2.273651222931836e-10, 9.646791102015527e-11, 2.3940380830391146e-12, -6.886027526497553e-12, 8.944879273090725e-13,
  3.130921399342958e-13, -1.1270822361367252e-13, 3.810905255189232e-16, 7.106097613609237e-15, -1.5230282014571043e-15,
] as const;

/** 1 - erf(x) with the digits of its small tail. */
export function erfc(x: Node): Node {
  const f = toFloat(x);
  const negative = lt(f, 0);
  const z = where(negative, neg(f), f);
  const t = div(2, plus(z, 2));
  const y = plus(times(t, 4), -2);
  let [d, before] = [like(z, 0), like(z, 0)];
  // Clenshaw's recurrence, highest coefficient first.
  for (let i = f.dtype === 'float64' ? erfcSeries.length - 1 : 14; i > 0; i--) {
    [d, before] = [plus(minus(mul(y, d), before), erfcSeries[i] as number), d];
  }
  const series = minus(times(plus(mul(y, d), erfcSeries[0]), 0.5), before);
  const tail = mul(t, unary('exp', minus(series, mul(z, z))));
  const value = where(negative, plus(neg(tail), 2), tail);
  return withSlope(f, value, () => times(unary('exp', neg(mul(f, f))), -2 / Math.sqrt(Math.PI)));
}

/** sin(pi x) / (pi x), 1 at 0. */
export function sinc(x: Node): Node {
  const f = toFloat(x);
  const isZero = eq(f, 0);
  const angle = times(where(isZero, 1, f), Math.PI);
  return where(isZero, 1, div(unary('sin', angle), angle));
}

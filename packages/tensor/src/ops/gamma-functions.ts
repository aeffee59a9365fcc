/** The gamma function's logarithm and the derivative of that, and the inverse of the error function: sums and fractions that hold in float32 and float64. */
import { add, and, div, eq, lt, mul, neg, type Node, sub, unary, where } from '@torchlet/graph';
import { toFloat } from './operands.js';
import { inTermsOfResult } from './piecewise.js';

const log = (x: Node): Node => unary('log', x);
const floor = (x: Node): Node => unary('floor', x);

/** Lanczos' series with g = 4.7421875 (Press et al., Numerical Recipes, 3rd edition, 6.1): off by less than 1e-15 for x > 0. */
const lanczos = [
  57.15623566586292, -59.59796035547549, 14.136097974741746, -0.4919138160976202, 3.399464998481189e-5,
  4.652362892704858e-5, -9.837447530487956e-5, 0.0001580887032249125, -0.00021026444172410488, 0.00021743961811521265,
  -0.0001643181065367639, 8.441822398385275e-5, -2.6190838401581408e-5, 3.6899182659531625e-6,
];

function logGammaAbove0(x: Node): Node {
  const shifted = add(x, 5.2421875);
  const series = lanczos.reduce(
    (sum, weight, i) => add(sum, div(weight, add(x, i + 1))),
    add(mul(x, 0), 0.9999999999999971),
  );
  const grown = sub(mul(add(x, 0.5), log(shifted)), shifted);
  // Not the logarithm of a quotient, which is subnormal for large x.
  return add(grown, sub(log(mul(series, Math.sqrt(2 * Math.PI))), log(x)));
}

/** The distance of x to the nearest whole number, in [-0.5, 0.5]. */
const fromWhole = (x: Node): Node => sub(x, floor(add(x, 0.5)));

/** log |gamma(x)|; below a half by Euler's reflection. Infinite at 0, -1, -2, ... */
export function lgamma(x: Node): Node {
  const f = toFloat(x);
  const low = lt(f, 0.5);
  const above = logGammaAbove0(where(low, sub(1, f), f));
  const sine = unary('sin', mul(fromWhole(where(low, f, 0.5)), Math.PI));
  const reflected = sub(Math.log(Math.PI), add(log(where(lt(sine, 0), neg(sine), sine)), above));
  const value = where(low, where(eq(sine, 0), Infinity, reflected), above);
  const finite = eq(mul(f, 0), 0);
  // Of infinities the differences above are NaN; of NaN too, and that stays.
  const result = where(finite, value, where(eq(f, f), Infinity, f));
  return inTermsOfResult(f, result, (grad) => mul(grad, digamma(f)));
}

/** Coefficients of 1 / x^2n of log(x) - 1 / 2x - digamma(x): B(2n) / 2n. */
const bernoulli = [1 / 12, -1 / 120, 1 / 252, -1 / 240, 1 / 132, -691 / 32760, 1 / 12];
/** By how much x is raised before the asymptotic series holds. */
const raise = 8;

/** The derivative of `lgamma`, NaN at -1, -2, ...: its asymptotic series of x + 8, the recurrence down to x, and the reflection below a half. */
export function digamma(x: Node): Node {
  const f = toFloat(x);
  const low = lt(f, 0.5);
  const a = where(low, sub(1, f), f);
  const y = add(a, raise);
  const inverse = div(1, y);
  const square = mul(inverse, inverse);
  const tail = bernoulli.toReversed().reduce((sum, weight) => mul(add(sum, weight), square), mul(y, 0));
  const raised = sub(sub(log(y), mul(inverse, 0.5)), tail);
  const steps = Array.from({ length: raise }, (_, i) => div(1, add(a, i))).reduce((sum, step) => add(sum, step));
  const above = sub(raised, steps);
  const turn = mul(fromWhole(where(low, f, 0.25)), Math.PI);
  const reflected = sub(above, div(mul(unary('cos', turn), Math.PI), unary('sin', turn)));
  const pole = and(lt(f, 0), eq(turn, 0));
  return where(low, where(pole, Number.NaN, reflected), where(eq(f, Infinity), f, above));
}

/** Giles' polynomials (Approximating the erfinv function, 2012) of w = -log(1 - x^2): exact to float32. */
const central = [
  2.81022636e-8, 3.43273939e-7, -3.5233877e-6, -4.39150654e-6, 2.1858087e-4, -1.25372503e-3, -4.17768164e-3,
  0.246640727, 1.50140941,
];
const outer = [
  -2.00214257e-4, 1.00950558e-4, 1.34934322e-3, -3.67342844e-3, 5.73950773e-3, -7.6224613e-3, 9.43887047e-3, 1.00167406,
  2.83297682,
];
const polynomial = (x: Node, weights: readonly number[]): Node =>
  weights.reduce<Node>((sum, weight) => add(mul(sum, x), weight), mul(x, 0));

/** The inverse of erf, on [-1, 1]; NaN outside. Float64 gets its last digits by Halley's method. */
export function erfinv(x: Node): Node {
  const f = toFloat(x);
  const end = eq(mul(f, f), 1);
  const inside = where(end, 0, f);
  const w = neg(log(mul(sub(1, inside), add(inside, 1))));
  const near = lt(w, 5);
  const p = where(
    near,
    polynomial(sub(where(near, w, 0), 2.5), central),
    polynomial(sub(unary('sqrt', where(near, 5, w)), 3), outer),
  );
  let value = mul(p, inside);
  for (let step = 0; f.dtype === 'float64' && step < 3; step++) {
    const error = mul(sub(unary('erf', value), inside), Math.sqrt(Math.PI) / 2);
    const newton = mul(error, unary('exp', mul(value, value)));
    value = sub(value, div(newton, add(mul(value, newton), 1)));
  }
  const result = where(end, mul(f, Infinity), value);
  return inTermsOfResult(f, result, (grad, z) => mul(grad, mul(unary('exp', mul(z, z)), Math.sqrt(Math.PI) / 2)));
}

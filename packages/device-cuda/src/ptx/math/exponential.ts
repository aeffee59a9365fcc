/**
 * exp, expm1 and tanh: x = n ln 2 + r, and a series for e^r. Those of float32 are minimax fits made for this project, with errors of 1.4, 2 and 3 units in the
 * last place; those of float64 are Taylor's, as far as they count. Results below the normal range are right.
 */
import { int32, type Operand } from '../register.js';
import type { Real } from './real.js';

/** (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2. */
const tail = {
  f32: [0.49999994, 0.16666517, 0.041668102, 0.0083691925, 0.0013838894],
  f64: Array.from({ length: 12 }, (_, i) => 1 / factorial(i + 2)),
} as const;

/** Beyond these e^x is 0 or infinite; below the last, e^x - 1 is -1. */
const bounds = {
  f32: { least: -104, most: 89, minusOne: -20 },
  f64: { least: -746, most: 710, minusOne: -40 },
} as const;

/** ln 2 in two parts: products with the first lose nothing once joined to a sum. */
const ln2 = {
  f32: [0.6931471824645996, -1.904654323148236e-9],
  f64: [Math.LN2, 2.3190468138462996e-17],
} as const;

function factorial(n: number): number {
  return n < 2 ? 1 : n * factorial(n - 1);
}

/** x = n ln 2 + r: n, and e^r - 1. */
function reduced(f: Real, x: Operand): { readonly whole: Operand; readonly p: Operand } {
  const { n, whole } = f.nearest(x, Math.LOG2E);
  const [high, low] = ln2[f.kind];
  const r = f.fma(n, -low, f.fma(n, -high, x), 'r');
  const p = f.fma(f.mul(f.polynomial(r, tail[f.kind]), r), r, r, 'p');
  return { whole, p };
}

export function exp(f: Real, x: Operand): Operand {
  const { least, most } = bounds[f.kind];
  const bounded = f.between(x, least, most);
  const { whole, p } = reduced(f, bounded);
  // Two scales: 2^n may be outside the range where the result is inside.
  const { integer } = f.format;
  const first = f.int(`shr.${integer}`, [whole, int32(1)], 'half');
  const second = f.int(`sub.${integer}`, [whole, first], 'half');
  const scale = f.powerOfTwo(first);
  return f.mul(f.fma(p, scale, scale), f.powerOfTwo(second), 'exp');
}

/** (e^x - 1) / 2, for x from where it is -1/2 on. */
function halfExpm1(f: Real, x: Operand): Operand {
  const { whole, p } = reduced(f, x);
  // Half of it, as 2^n may be one above the greatest exponent.
  const scale = f.powerOfTwo(f.int(`sub.${f.format.integer}`, [whole, f.integer(1)], 'n'));
  return f.fma(scale, p, f.sub(scale, 0.5), 'half');
}

export function expm1(f: Real, x: Operand): Operand {
  const { minusOne, most } = bounds[f.kind];
  const half = halfExpm1(f, f.between(x, minusOne, most));
  return f.choose(f.is('lt', f.abs(x), f.format.tiny), x, f.add(half, half));
}

/** e^x - 1 for x between where it is -1 and 0. */
export function expm1OfNegative(f: Real, x: Operand): Operand {
  const half = halfExpm1(f, f.between(x, bounds[f.kind].minusOne, 0));
  return f.add(half, half);
}

/** -(e^(-2x) - 1) / (e^(-2x) + 1) of the absolute value, then the sign. */
export function tanh(f: Real, x: Operand): Operand {
  const e = expm1OfNegative(f, f.mul(f.abs(x), -2));
  const size = f.quotient(e, f.add(e, 2), 'tanh');
  const signed = f.withSign(size, x);
  return f.choose(f.is('lt', f.abs(x), f.format.tiny), x, signed);
}

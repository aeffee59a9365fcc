/** The functions in float64: JavaScript's own, which are within one unit in the last place, and erf. */
import type { MathName } from '../../src/math/index.js';

/** Numbers below are whole multiples of 2^-200. */
const digits = 200n;
const twoOverRootPi = 0x120dd750429b6d11ae3a914fed7fd8688281341d7587cea2e73n;

/** Taylor's series with digits enough that its cancellation costs nothing. */
export function erf(x: number): number {
  const a = Math.abs(x);
  if (!(a > 1e-20)) return (2 / Math.sqrt(Math.PI)) * x;
  if (a > 6) return Math.sign(x);
  const fixed = BigInt(a * 2 ** 150) << (digits - 150n);
  const square = (fixed * fixed) >> digits;
  let term = fixed;
  let sum = 0n;
  for (let n = 0n; term !== 0n; n++) {
    sum += term / (2n * n + 1n);
    term = (-term * square) / (1n << digits) / (n + 1n);
  }
  return (Math.sign(x) * Number((sum * twoOverRootPi) >> digits)) / 2 ** Number(digits);
}

/** C's pow: JavaScript gives NaN where C gives 1. */
function pow(x: number, y: number): number {
  if (x === 1 || (x === -1 && Math.abs(y) === Number.POSITIVE_INFINITY)) return 1;
  return x ** y;
}

export const reference: Readonly<Record<MathName, (x: number, y: number) => number>> = {
  exp: Math.exp,
  expm1: Math.expm1,
  log: Math.log,
  log1p: Math.log1p,
  sin: Math.sin,
  cos: Math.cos,
  atan: Math.atan,
  tanh: Math.tanh,
  erf,
  pow,
};

export const mathNames = Object.keys(reference) as readonly MathName[];

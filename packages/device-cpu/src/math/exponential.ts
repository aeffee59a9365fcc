/**
 * exp, expm1 and tanh of float32 vectors: x = n ln 2 + r, and a polynomial for e^r. Polynomials are minimax fits made for this file. Error
 * measured, in units in the last place: 1.4 for exp, 2 for expm1, 3 for tanh. Results below the normal range are right.
 */
import { f32x4, i32x4, type Local, type Value, v128 } from '../wasm/index.js';
import { bias, ln2, magic, mantissa, type Site, tiny, withSign } from './site.js';

/** Beyond these e^x is 0 or infinite; below the last, e^x - 1 is -1. */
const least = -104;
const most = 89;
const minusOne = -20;

/** (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2. */
const tail = [0.49999994, 0.16666517, 0.041668102, 0.0083691925, 0.0013838894];

/** The same for |r| <= ln 2. */
const wideTail = [0.50000036, 0.16666614, 0.04166126, 0.008336109, 0.0014104677, 0.00019611344];

/** x = multiple n ln 2 + r: n as the low bits of `shifted`, above `base`, and e^r - 1. */
function reduced(site: Site, x: Local, multiple: 1 | 2, base: number, series: readonly number[]) {
  const shifted = site.let('shifted', site.madd(x, Math.LOG2E / multiple, base));
  const n = site.let('n', f32x4.sub(shifted, base));
  const r = site.let('r', site.madd(n, -multiple * ln2[1], site.madd(n, -multiple * ln2[0], x)));
  const p = site.let('p', site.madd(f32x4.mul(site.polynomial(r, series), r), r, r));
  return { shifted, p };
}

/** NaN stays. */
function between(site: Site, x: Value, low: number, high: number): Local {
  return site.let('bounded', f32x4.pmin(f32x4.pmax(x, low), high));
}

/**
 * e^x, the function that softmax spends its time in: x = 2 m ln 2 + r, so that 2^(2 m) is two products by the same 2^m, none of which leaves the
 * range before the result does. One more term of the polynomial costs less than two scales.
 */
export function exp(site: Site, x: Local): Value {
  // The bias stands in the low bits too, so a shift makes 2^m of them.
  const { shifted, p } = reduced(site, between(site, x, least, most), 2, magic + bias, wideTail);
  const scale = site.let('scale', i32x4.shl(shifted, mantissa));
  return f32x4.mul(site.madd(p, scale, scale), scale);
}

/** (e^x - 1) / 2^less, for x from `minusOne` on. */
function expm1Over(site: Site, x: Local, less: 0 | 1): Local {
  const { shifted, p } = reduced(site, x, 1, magic, tail);
  // The bits of `magic` leave with the shift.
  const scale = site.let('scale', i32x4.add(i32x4.shl(shifted, mantissa), (bias - less) << mantissa));
  return site.let('minusOne', site.madd(scale, p, f32x4.sub(scale, 2 ** -less)));
}

/** e^x - 1 for x from `minusOne` to where e^x overflows; -0 becomes 0. */
export function expm1Core(site: Site, x: Local): Local {
  return expm1Over(site, x, 0);
}

export function expm1(site: Site, x: Local): Value {
  // Half of it, as 2^n may be one above the greatest exponent.
  const half = expm1Over(site, between(site, x, minusOne, most), 1);
  return v128.bitselect(x, f32x4.add(half, half), f32x4.lt(f32x4.abs(x), tiny));
}

/** -(e^(-2x) - 1) / (e^(-2x) + 1) of the absolute value, then the sign. */
export function tanh(site: Site, x: Local): Value {
  const e = expm1Core(site, site.let('doubled', f32x4.pmax(f32x4.mul(f32x4.abs(x), -2), minusOne)));
  return withSign(f32x4.div(e, f32x4.add(e, 2)), x);
}

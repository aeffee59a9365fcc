/**
 * exp, expm1 and tanh of vectors, for both widths: x = n ln 2 + r, and a polynomial for e^r. Polynomials are minimax fits made for this file.
 * Error measured, in units in the last place: 1.4 for exp in float32 and 1 in float64, 2 for expm1, 3 for tanh. Results below the normal range are right.
 */
import { type Local, type Value, v128 } from '../wasm/index.js';
import type { FloatName, Site } from './site.js';

interface ExponentialTable {
  /** ln 2 in two parts; the first so short that n times it is exact. */
  readonly ln2: readonly [number, number];
  /** (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2. */
  readonly tail: readonly number[];
  /** Beyond these the result is 0 or infinite. */
  readonly least: number;
  readonly most: number;
  /** Below this, e^x - 1 is -1. */
  readonly minusOne: number;
}

const tables: Readonly<Record<FloatName, ExponentialTable>> = {
  float32: {
    ln2: [0.693359375, -2.1219444005469057e-4],
    tail: [0.4999999403953552, 0.16666516661643982, 0.04166810214519501, 0.008369192481040955, 0.0013838893501088023],
    least: -104,
    most: 89,
    minusOne: -20,
  },
  float64: {
    ln2: [0.6931471803691238, 1.9082149292705877e-10],
    tail: [
      0.5, 0.16666666666666685, 0.04166666666666667, 0.008333333333315752, 0.0013888888888881738,
      0.00019841269899438478, 2.4801587332926453e-5, 2.7557231931953303e-6, 2.755726358410969e-7, 2.5113109480751687e-8,
      2.0921372852676467e-9,
    ],
    least: -746,
    most: 710,
    minusOne: -40,
  },
};

/** n as the low bits of `shifted`, and e^r - 1. `correction` is added to r. */
function reduced(site: Site, x: Local, correction: Value | null): { shifted: Local; n: Local; p: Local } {
  const { F, magic } = site.lanes;
  const { ln2, tail } = tables[site.lanes.name];
  const shifted = site.let('shifted', site.madd(x, Math.LOG2E, magic));
  const n = site.let('n', F.sub(shifted, magic));
  const r = site.let('r', site.madd(n, -ln2[1], site.madd(n, -ln2[0], x)));
  if (correction !== null) site.f.set(r, F.add(r, correction));
  const p = site.let('p', site.madd(F.mul(site.polynomial(r, tail), r), r, r));
  return { shifted, n, p };
}

/** NaN stays. */
function between(site: Site, x: Value, least: number, most: number): Local {
  const { F } = site.lanes;
  return site.let('bounded', F.pmin(F.pmax(x, least), most));
}

/** (e^r - 1 - r) / r^2 for |r| <= ln 2. */
const wideTail = [
  0.5000003576278687, 0.16666613519191742, 0.04166125878691673, 0.008336109109222889, 0.0014104676665738225,
  0.00019611344032455236,
];

/**
 * e^x of float32, the function that softmax spends its time in: x = 2 m ln 2 + r, so that 2^(2 m) is two products by the same 2^m, none of
 * which leaves the range before the result does. One more term of the polynomial costs less than two scales.
 */
function expFloat32(site: Site, x: Local): Value {
  const { F, I, magic, mantissa, bias } = site.lanes;
  const { ln2, least, most } = tables.float32;
  const bounded = between(site, x, least, most);
  // The bias stands in the low bits too, so a shift makes 2^m of them.
  const shifted = site.let('shifted', site.madd(bounded, Math.LOG2E / 2, magic + bias));
  const m = site.let('m', F.sub(shifted, magic + bias));
  const r = site.let('r', site.madd(m, -2 * ln2[1], site.madd(m, -2 * ln2[0], bounded)));
  const p = site.let('p', site.madd(F.mul(site.polynomial(r, wideTail), r), r, r));
  const scale = site.let('scale', I.shl(shifted, mantissa));
  return F.mul(site.madd(p, scale, scale), scale);
}

/** e^x, or for float64 e^(x + correction) for a correction far below x. */
export function exp(site: Site, x: Local, correction: Value | null = null): Value {
  if (site.lanes.name === 'float32') return expFloat32(site, x);
  const { F, I, magicBits, mantissa, bias } = site.lanes;
  const { least, most } = tables[site.lanes.name];
  const { shifted, p } = reduced(site, between(site, x, least, most), correction);
  // 2^n in two factors: n may be below the least normal exponent, or one above the greatest.
  const n = site.let('exponent', I.sub(shifted, magicBits));
  const half = site.let('half', I.shrS(n, 1));
  const scale = (exponent: Value) => I.shl(I.add(exponent, bias), mantissa);
  return F.mul(F.mul(F.add(p, 1), scale(half)), scale(I.sub(n, half)));
}

/** e^x - 1 for x from `minusOne` to where e^x overflows; -0 becomes 0. */
export function expm1Core(site: Site, x: Local): Local {
  const { F, I, mantissa, bias } = site.lanes;
  const { shifted, p } = reduced(site, x, null);
  // The bits of `magic` leave with the shift.
  const scale = site.let('scale', I.add(I.shl(shifted, mantissa), BigInt(bias) << BigInt(mantissa)));
  return site.let('minusOne', site.madd(scale, p, F.sub(scale, 1)));
}

export function expm1(site: Site, x: Local): Value {
  const { F, I, mantissa, bias, tiny } = site.lanes;
  const { minusOne, most } = tables[site.lanes.name];
  const { shifted, p } = reduced(site, between(site, x, minusOne, most), null);
  // Half of 2^n, which may be one above the greatest exponent.
  const scale = site.let('scale', I.add(I.shl(shifted, mantissa), BigInt(bias - 1) << BigInt(mantissa)));
  const half = site.let('half', site.madd(scale, p, F.sub(scale, 0.5)));
  return v128.bitselect(x, F.add(half, half), F.lt(F.abs(x), tiny));
}

/** -(e^(-2x) - 1) / (e^(-2x) + 1) of the absolute value, then the sign. */
export function tanh(site: Site, x: Local): Value {
  const { F } = site.lanes;
  const doubled = site.let('doubled', F.pmax(F.mul(F.abs(x), -2), tables[site.lanes.name].minusOne));
  const e = expm1Core(site, doubled);
  return site.withSign(F.div(e, F.add(e, 2)), x);
}

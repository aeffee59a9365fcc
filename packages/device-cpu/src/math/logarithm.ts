/**
 * log and log1p of vectors, for both widths: x = 2^k (1 + f), s = f / (2 + f), log(1 + f) = 2s + s R(s^2), summed so that the leading
 * digits of f are not lost. Polynomials are minimax fits made for this file. Error measured: below 1.2 units in the last place.
 */
import { type Local, type Value, v128 } from '../wasm/index.js';
import type { FloatName, Site } from './site.js';

interface LogarithmTable {
  readonly ln2: readonly [number, number];
  /** R(z) / z. */
  readonly series: readonly number[];
  /** The bits of sqrt(1/2), where the significand's range begins. */
  readonly rootHalf: bigint;
  readonly leastNormal: number;
}

const tables: Readonly<Record<FloatName, LogarithmTable>> = {
  float32: {
    ln2: [0.693359375, -2.1219444005469057e-4],
    series: [0.6666666269302368, 0.40000972151756287, 0.2849879264831543, 0.24278996884822845],
    rootHalf: 0x3f3504f3n,
    leastNormal: 2 ** -126,
  },
  float64: {
    ln2: [0.6931471803691238, 1.9082149292705877e-10],
    series: [
      0.6666666666666735, 0.39999999999409325, 0.2857142874369614, 0.2222219842772491, 0.18183572431728925,
      0.15313829927280215, 0.1479828372224276,
    ],
    rootHalf: 0x3fe6a09e667f3bcdn,
    leastNormal: 2 ** -1022,
  },
};

/** k and f of a positive finite x = 2^k (1 + f), f between sqrt(1/2) - 1 and sqrt(2) - 1. */
export function split(site: Site, x: Local): { k: Local; f: Local } {
  const { F, I, mantissa, magic, magicBits } = site.lanes;
  const { rootHalf, leastNormal } = tables[site.lanes.name];
  const lift = mantissa + 2;
  const below = site.let('below', F.lt(x, leastNormal));
  const normal = site.let('normal', v128.bitselect(F.mul(x, 2 ** lift), x, below));
  const exponent = site.let('exponent', I.shrS(I.sub(normal, rootHalf), mantissa));
  const f = site.let('f', F.sub(I.sub(normal, I.shl(exponent, mantissa)), 1));
  const whole = F.sub(I.add(exponent, magicBits), magic);
  const k = site.let('k', F.sub(whole, v128.and(below, F.const(lift))));
  return { k, f };
}

/** -inf at 0, NaN below, the argument itself at infinity and NaN; elsewhere `value`. */
export function atTheEdges(site: Site, x: Local, value: Value): Value {
  const { F } = site.lanes;
  const inside = v128.and(F.gt(x, 0), F.lt(x, Number.POSITIVE_INFINITY));
  const edge = v128.bitselect(F.const(Number.NEGATIVE_INFINITY), v128.or(x, F.lt(x, 0)), F.eq(x, 0));
  return v128.bitselect(value, edge, inside);
}

/** log x, plus `correction` where given. */
function sum(site: Site, x: Local, correction: Value | null): Value {
  const { F } = site.lanes;
  const { ln2, series } = tables[site.lanes.name];
  const { k, f } = split(site, x);
  const s = site.let('s', F.div(f, F.add(f, 2)));
  const z = site.let('z', F.mul(s, s));
  const halfSquare = site.let('halfSquare', F.mul(F.mul(f, 0.5), f));
  const rest = correction === null ? F.mul(k, ln2[1]) : site.madd(k, ln2[1], correction);
  const low = site.madd(s, site.madd(site.polynomial(z, series), z, halfSquare), rest);
  return site.madd(k, ln2[0], F.sub(f, F.sub(halfSquare, low)));
}

export function log(site: Site, x: Local): Value {
  return atTheEdges(site, x, sum(site, x, null));
}

/** log(1 + x) by the rounded u = 1 + x, and what was rounded away over u. */
export function log1p(site: Site, x: Local): Value {
  const { F } = site.lanes;
  const u = site.let('u', F.add(x, 1));
  const gained = site.let('gained', F.sub(u, 1));
  const lost = F.add(F.sub(x, gained), F.sub(1, F.sub(u, gained)));
  const value = sum(site, u, F.div(lost, u));
  // Where x alone decides: keeps -0 and numbers below the normal range.
  return v128.bitselect(x, atTheEdges(site, u, value), F.lt(F.abs(x), site.lanes.tiny));
}

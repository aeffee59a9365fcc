/**
 * log and log1p of float32 vectors: x = 2^k (1 + f), s = f / (2 + f), log(1 + f) = 2s + s R(s^2), summed so that the leading digits of f are
 * not lost. The polynomial is a minimax fit made for this file. Error measured: below 1.2 units in the last place.
 */
import { f32x4, i32x4, type Local, type Value, v128 } from '../wasm/index.js';
import { ln2, mantissa, type Site, tiny } from './site.js';

/** R(z) / z. */
const series = [0.6666666, 0.40000972, 0.28498793, 0.24278997];

/** The bits of sqrt(1/2), where the significand's range begins. */
const rootHalf = 0x3f3504f3;

const leastNormal = 2 ** -126;
/** By this power of two, numbers below the normal range are lifted into it. */
const lift = mantissa + 2;

/** k and f of a positive finite x = 2^k (1 + f), f between sqrt(1/2) - 1 and sqrt(2) - 1. */
function split(site: Site, x: Local): { k: Local; f: Local } {
  const below = site.let('below', f32x4.lt(x, leastNormal));
  const normal = site.let('normal', v128.bitselect(f32x4.mul(x, 2 ** lift), x, below));
  const exponent = site.let('exponent', i32x4.shrS(i32x4.sub(normal, rootHalf), mantissa));
  const f = site.let('f', f32x4.sub(i32x4.sub(normal, i32x4.shl(exponent, mantissa)), 1));
  return { k: site.let('k', f32x4.sub(f32x4.convertI32x4S(exponent), v128.and(below, f32x4.const(lift)))), f };
}

/** log x, plus `correction` where given: -inf at 0, NaN below, the argument itself at infinity and NaN. */
function sum(site: Site, x: Local, correction: Value | null): Value {
  const { k, f } = split(site, x);
  const s = site.let('s', f32x4.div(f, f32x4.add(f, 2)));
  const z = site.let('z', f32x4.mul(s, s));
  const halfSquare = site.let('halfSquare', f32x4.mul(f32x4.mul(f, 0.5), f));
  const rest = correction === null ? f32x4.mul(k, ln2[1]) : site.madd(k, ln2[1], correction);
  const low = site.madd(s, site.madd(site.polynomial(z, series), z, halfSquare), rest);
  const value = site.madd(k, ln2[0], f32x4.sub(f, f32x4.sub(halfSquare, low)));
  const inside = v128.and(f32x4.gt(x, 0), f32x4.lt(x, Infinity));
  const edge = v128.bitselect(f32x4.const(-Infinity), v128.or(x, f32x4.lt(x, 0)), f32x4.eq(x, 0));
  return v128.bitselect(value, edge, inside);
}

export function log(site: Site, x: Local): Value {
  return sum(site, x, null);
}

/** log(1 + x) by the rounded u = 1 + x, and what was rounded away over u. */
export function log1p(site: Site, x: Local): Value {
  const u = site.let('u', f32x4.add(x, 1));
  const gained = site.let('gained', f32x4.sub(u, 1));
  const lost = f32x4.add(f32x4.sub(x, gained), f32x4.sub(1, f32x4.sub(u, gained)));
  // Where x alone decides: keeps -0 and numbers below the normal range.
  return v128.bitselect(x, sum(site, u, f32x4.div(lost, u)), f32x4.lt(f32x4.abs(x), tiny));
}

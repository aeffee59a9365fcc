/**
 * log and log1p: x = 2^k (1 + f), s = f / (2 + f), log(1 + f) = 2s + s R(s^2), summed so that the leading digits of f are not lost. R is a minimax fit made for
 * this project in float32 (errors below 1.2 units in the last place), and the series of the inverse hyperbolic tangent in float64.
 */
import { int32, type Operand } from '../register.js';
import type { Real } from './real.js';

/** R(z) / z. */
const series = {
  f32: [0.6666666, 0.40000972, 0.28498793, 0.24278997],
  f64: Array.from({ length: 11 }, (_, i) => 2 / (2 * i + 3)),
} as const;

/** ln 2 in two parts; the first so short that whole multiples of it are exact. */
const ln2 = {
  f32: [0.6933594, -0.00021219444],
  f64: [0.6931471803691238, 1.9082149292705877e-10],
} as const;

const leastNormal = { f32: 2 ** -126, f64: 2 ** -1022 } as const;

/** k and f of a positive finite x = 2^k (1 + f), f between sqrt(1/2) - 1 and sqrt(2) - 1. */
function split(f: Real, x: Operand): { readonly k: Operand; readonly part: Operand } {
  const { integer, mantissa } = f.format;
  const lift = mantissa + 2;
  const below = f.is('lt', x, leastNormal[f.kind]);
  const normal = f.bits(f.choose(below, f.mul(x, 2 ** lift), x));
  const from = f.int(`sub.${integer}`, [normal, f.bits(f.number(Math.SQRT1_2))], 'from');
  const exponent = f.int(`shr.${integer}`, [from, int32(mantissa)], 'exponent');
  const significand = f.int(`sub.${integer}`, [normal, f.shiftLeft(exponent, mantissa)], 'significand');
  const part = f.sub(f.ofBits(significand), 1, 'f');
  const lifted = f.body.op(f.kind, `cvt.rn.${f.kind}.${integer}`, [exponent], 'k');
  return { k: f.choose(below, f.sub(lifted, lift), lifted), part };
}

/** -inf at 0, NaN below, the argument itself at infinity and NaN; else `value`. */
function withEdges(f: Real, x: Operand, value: Operand): Operand {
  const upper = f.choose(f.is('lt', x, Infinity), value, x);
  const below = f.choose(f.is('lt', x, 0), Number.NaN, upper);
  return f.choose(f.is('eq', x, 0), -Infinity, below);
}

/** log x, plus `correction` where given. */
function sum(f: Real, x: Operand, correction: Operand | null): Operand {
  const { k, part } = split(f, x);
  const [high, low] = ln2[f.kind];
  const s = f.quotient(part, f.add(part, 2), 's');
  const z = f.mul(s, s, 'z');
  const halfSquare = f.mul(f.mul(part, 0.5), part, 'half_square');
  const rest = correction === null ? f.mul(k, low) : f.fma(k, low, correction);
  const tail = f.fma(s, f.fma(f.polynomial(z, series[f.kind]), z, halfSquare), rest);
  const value = f.fma(k, high, f.sub(part, f.sub(halfSquare, tail)), 'log');
  return withEdges(f, x, value);
}

export function log(f: Real, x: Operand): Operand {
  return sum(f, x, null);
}

/** log(1 + x) by the rounded u = 1 + x, and what was rounded away over u. */
export function log1p(f: Real, x: Operand): Operand {
  const u = f.add(x, 1, 'u');
  const gained = f.sub(u, 1);
  const lost = f.add(f.sub(x, gained), f.sub(1, f.sub(u, gained)));
  const value = sum(f, u, f.quotient(lost, u, 'correction'));
  // Where x alone decides: keeps -0 and numbers below the normal range.
  return f.choose(f.is('lt', f.abs(x), f.format.tiny), x, value);
}

/** log of a positive x in two parts, whose sum has about 30 bits in float32 and 60 in float64: what powers need. -inf at 0; infinity and NaN stay. */
export function logInParts(f: Real, x: Operand): { readonly high: Operand; readonly low: Operand } {
  const { k, part } = split(f, x);
  const [ln2High, ln2Low] = ln2[f.kind];
  const divisor = f.add(part, 2, 'divisor');
  const s = f.quotient(part, divisor, 's');
  // What the rounded divisor and quotient leave of s.
  const lost = f.sub(part, f.sub(divisor, 2));
  const rest = f.fma(f.op('neg', [s]), lost, f.fma(f.op('neg', [s]), divisor, part));
  const correction = f.nearQuotient(rest, divisor, 'correction');
  const z = f.mul(s, s, 'z');
  const tail = f.mul(s, f.mul(f.polynomial(z, series[f.kind]), z), 'tail');
  const double = f.add(s, s);
  const whole = f.mul(k, ln2High, 'whole');
  const lead = f.add(whole, double, 'lead');
  const rounded = f.add(f.sub(whole, lead), double);
  const below = f.add(rounded, f.fma(k, ln2Low, f.fma(correction, 2, tail)), 'below');
  const high = f.add(lead, below, 'high');
  const low = f.add(f.sub(lead, high), below, 'low');
  const isPlain = f.body.op('pred', 'and.pred', [f.is('gt', x, 0), f.is('lt', x, Infinity)], 'plain');
  const edge = f.choose(f.is('eq', x, 0), -Infinity, x);
  return { high: f.choose(isPlain, high, edge), low: f.choose(isPlain, low, 0) };
}

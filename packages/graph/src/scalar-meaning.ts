/**
 * What every scalar function means: those with one right answer (`exact-meaning.ts`), and here those of floats that devices approximate. Owns the
 * table of all of them.
 */
import type { ScalarFunction } from '@torchlet/device';
import { exactMeanings, number, type ScalarMeaning } from './exact-meaning.js';

export const scalarMeanings: { readonly [Name in ScalarFunction]: ScalarMeaning } = {
  ...exactMeanings,
  exp: ofFloat(Math.exp),
  expm1: ofFloat(Math.expm1),
  log: ofFloat(Math.log),
  log1p: ofFloat(Math.log1p),
  sin: ofFloat(Math.sin),
  cos: ofFloat(Math.cos),
  atan: ofFloat(Math.atan),
  tanh: ofFloat(Math.tanh),
  erf: ofFloat(erf),
  pow: ([x, y]) => pow(number(x), number(y)),
};

function ofFloat(fn: (x: number) => number): ScalarMeaning {
  return ([x]) => fn(number(x));
}

/** As in C: JavaScript says NaN where the base is 1, or -1 with an infinite exponent. */
function pow(x: number, y: number): number {
  if (x === 1 || (x === -1 && Math.abs(y) === Infinity)) return 1;
  return x ** y;
}

/**
 * The error function: below 2 by the series of positive terms, above by the continued fraction of its complement
 * (https://dlmf.nist.gov/7.6 and 7.9).
 */
function erf(x: number): number {
  if (Number.isNaN(x) || x === 0) return x;
  const size = Math.abs(x);
  if (size > 6) return Math.sign(x);
  const gauss = Math.exp(-size * size);
  if (size < 2) {
    let term = size;
    let sum = term;
    for (let n = 1; term > sum * 1e-17; n++) {
      term *= (2 * size * size) / (2 * n + 1);
      sum += term;
    }
    return (Math.sign(x) * 2 * gauss * sum) / Math.sqrt(Math.PI);
  }
  let fraction = size;
  for (let n = 60; n > 0; n--) fraction = size + n / 2 / fraction;
  return Math.sign(x) * (1 - gauss / (fraction * Math.sqrt(Math.PI)));
}

/** Formulas of float32 against float64, by their instructions; those of float64, and what is called, are tested on devices. */
import { describe, expect, it } from 'vitest';
import { mathFunctions } from '../src/ptx/math/index.js';
import { runnable } from './straight-line.js';

/** erf by its series, or by its continued fraction where that would cancel (Abramowitz and Stegun 7.1.5, 7.1.14). */
function erf(x: number): number {
  if (x === 0 || Number.isNaN(x)) return x;
  if (!Number.isFinite(x)) return Math.sign(x);
  if (Math.abs(x) > 2.5) {
    let fraction = 0;
    for (let i = 60; i > 0; i--) fraction = i / 2 / (Math.abs(x) + fraction);
    return Math.sign(x) * (1 - Math.exp(-x * x) / Math.sqrt(Math.PI) / (Math.abs(x) + fraction));
  }
  let [term, sum] = [x, x];
  for (let n = 1; n < 80; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 * sum) / Math.sqrt(Math.PI);
}

/** By name: what it should be, the largest size of arguments, and the error allowed, in units in the last place. */
const rows = [
  ['exp', Math.exp, 100, 1.5],
  ['expm1', Math.expm1, 80, 2],
  ['log', Math.log, 1e30, 1.5],
  ['log1p', Math.log1p, 1e30, 1.5],
  ['sin', Math.sin, 6e4, 2],
  ['cos', Math.cos, 6e4, 2],
  ['atan', Math.atan, 1e30, 2],
  ['tanh', Math.tanh, 10, 3],
  ['erf', erf, 5, 3],
] as const;

/** The distance from a float32 to the next, at `value`. */
function unit(value: number): number {
  return 2 ** Math.max(-149, Math.floor(Math.log2(Math.abs(value))) - 23);
}

describe('formulas of float32', () => {
  it.each(rows)('%s', (name, expected, size, most) => {
    const run = runnable(mathFunctions[name].f32);
    const errors: string[] = [];
    for (let i = 0; i < 4000; i++) {
      const part = (i * 0.754877666) % 1;
      // Half of them evenly, half by their exponents.
      const magnitude = i % 2 === 0 ? part * Math.min(size, 20) : size * 10 ** (-part * 40);
      const x = Math.fround(i % 4 < 2 && name !== 'log' ? -magnitude : magnitude);
      const right = expected(x);
      const error = Math.abs(run(x) - right) / unit(right);
      if (Number.isFinite(Math.fround(right)) && right !== 0 && !(error <= most)) errors.push(`${x}: ${error}`);
    }
    expect(errors).toEqual([]);
  });

  it('keep signed zeros, infinities and NaN', () => {
    const edges = [0, -0, Infinity, -Infinity, Number.NaN, -1, 1];
    for (const [name, expected] of rows) {
      const run = runnable(mathFunctions[name].f32);
      // Multiples of pi/2 of infinite arguments are taken away by a function of the module.
      const isPeriodic = name === 'sin' || name === 'cos';
      for (const x of edges.filter((edge) => Number.isFinite(edge) || !isPeriodic)) {
        const right = expected(x);
        expect([name, x, run(x)]).toEqual([name, x, Number.isFinite(right) ? expect.closeTo(right, 5) : right]);
        if (right === 0) expect([name, x, Object.is(run(x), right)]).toEqual([name, x, true]);
      }
    }
  });
});

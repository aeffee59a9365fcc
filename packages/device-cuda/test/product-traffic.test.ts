/**
 * Matrix products run on the stand-in: what they compute, by every way that operands lie and come to shared memory, and what their accesses would cost a card:
 * whole sectors of global memory, and no conflicts between banks of shared memory.
 */
import { describe, expect, test } from 'vitest';
import { type Case, rounding, run } from './run-product.js';
import { noStandin, onStandin } from './standin-driver.js';

const layouts = [{}, { b: 'turned' }, { a: 'turned' }, { a: 'turned', b: 'turned' }] as const;
const kinds = [
  { dtype: 'float32' },
  { dtype: 'float64' },
  { dtype: 'float32', isHigh: true },
  { dtype: 'bfloat16' },
  { dtype: 'float16' },
] as const;
const named = (one: Case): string =>
  `${one.isHigh === true ? 'tf32' : one.dtype} ${one.m} x ${one.n} x ${one.k}, ${one.a ?? 'plain'} and ${one.b ?? 'plain'}${one.isComputed === true ? ', computed' : ''}`;
const row = (one: Case): [string, Case] => [named(one), one];

describe.skipIf(noStandin !== null)(onStandin('products'), () => {
  test.each(
    kinds.flatMap((kind) =>
      layouts.flatMap((layout) => [
        row({ m: 64, n: 128, k: 96, ...kind, ...layout }),
        row({ m: 128, n: 128, k: 64, ...kind, ...layout, multiprocessors: 1 }),
      ]),
    ),
  )('%s: exact, in whole sectors, without conflicts', (_, one) => {
    const { error, work } = run(one);
    expect(error).toBeLessThanOrEqual(rounding[one.dtype ?? 'float32'] ?? 0);
    expect(work.globalSectors).toBe(work.globalLeast);
    expect(work.sharedWavefronts).toBe(work.sharedLeast);
  });

  test.each(
    kinds.flatMap((kind) =>
      layouts.flatMap((layout) => [
        row({ m: 67, n: 70, k: 70, ...kind, ...layout }),
        row({ m: 33, n: 131, k: 37, ...kind, ...layout }),
        row({ m: 40, n: 50, k: 61, ...kind, ...layout, isComputed: true }),
        row({ m: 32, n: 36, k: 1000, ...kind, ...layout, multiprocessors: 16 }),
      ]),
    ),
  )('%s: exact at the edges and in parts, without conflicts', (_, one) => {
    const { error, work } = run(one);
    expect(error).toBeLessThanOrEqual(rounding[one.dtype ?? 'float32'] ?? 0);
    // Units narrower than 4 bytes are written beside each other in one word.
    expect(work.sharedWavefronts).toBe(work.sharedLeast);
  });

  test.each(
    kinds
      .filter(({ dtype }) => dtype !== 'float64')
      .flatMap((kind) => [
        row({ m: 128, n: 128, k: 64, ...kind, isLong: true, multiprocessors: 1 }),
        row({ m: 256, n: 256, k: 32, ...kind, isLong: true, multiprocessors: 1 }),
        row({ m: 70, n: 90, k: 36, ...kind, isLong: true }),
      ]),
  )('%s, with a long epilogue: the same, in a loop', (_, one) => {
    const { error, work, comment } = run(one);
    expect(comment).toContain('tiles');
    // Halves are rounded twice.
    expect(error).toBeLessThanOrEqual(2 * (rounding[one.dtype ?? 'float32'] ?? 0));
    expect(work.sharedWavefronts).toBe(work.sharedLeast);
  });

  test.each([
    ['float32', { m: 256, n: 256, k: 256, multiprocessors: 1 }, 0.88],
    ['float32, weights as linear has them', { m: 256, n: 256, k: 256, b: 'turned', multiprocessors: 1 }, 0.86],
  ] as const)('%s: most instructions multiply', (_, one, least) => {
    const { work } = run(one);
    expect((one.m * one.n * one.k) / 32 / work.warpInstructions).toBeGreaterThan(least);
  });
});

/**
 * Matrix products by warpgroups run on the stand-in as a card of compute capability 9.0: what they compute by every way that operands may lie, at edges, in batches
 * and in parts, and what their accesses cost. That the stand-in's rules for them hold is `standin-warpgroups.test.ts`.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setStandin } from '../standin/library.js';
import { type Case, rounding, run } from './run-product.js';
import { noStandin, onStandin } from './standin-driver.js';

const halves = ['bfloat16', 'float16'] as const;
const layouts = [{}, { b: 'turned' }, { a: 'turned' }, { a: 'turned', b: 'turned' }] as const;
const kinds: readonly Pick<Case, 'dtype' | 'isHigh' | 'a' | 'b'>[] = [
  ...halves.flatMap((dtype) => layouts.map((layout) => ({ dtype, ...layout }))),
  // TF32 cannot be turned on the way: both lie along k.
  { dtype: 'float32', isHigh: true, b: 'turned' },
];
const row = (one: Case): [string, Case] => [
  `${one.isHigh === true ? 'tf32' : one.dtype} ${one.m} x ${one.n} x ${one.k}, ${one.a ?? 'plain'} and ${one.b ?? 'plain'}`,
  { multiprocessors: 1, ...one, byWarpgroups: true },
];

describe.skipIf(noStandin !== null)(onStandin('products by warpgroups'), () => {
  beforeAll(() => setStandin({ card: { multiprocessors: 4, capability: 90 } }));
  afterAll(() => setStandin({}));

  test.each(
    kinds.flatMap((kind) => [
      row({ m: 64, n: 128, k: 256, ...kind }),
      row({ m: 128, n: 128, k: 128, ...kind }),
      row({ m: 128, n: 256, k: 320, ...kind }),
    ]),
  )('%s: exact, in whole sectors, without conflicts', (_, one) => {
    const { error, work, comment } = run(one);
    expect(comment).toContain('by warpgroups');
    expect(error).toBeLessThanOrEqual(rounding[one.dtype ?? 'float32'] ?? 0);
    expect(work.globalSectors).toBe(work.globalLeast);
    expect(work.sharedWavefronts).toBe(work.sharedLeast);
  });
});

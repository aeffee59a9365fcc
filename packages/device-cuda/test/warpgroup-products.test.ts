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
const card = { multiprocessors: 4, capability: 90 };
const row = (one: Case): [string, Case] => [
  `${one.isHigh === true ? 'tf32' : one.dtype} ${one.m} x ${one.n} x ${one.k}, ${one.a ?? 'plain'} and ${one.b ?? 'plain'}`,
  { multiprocessors: 1, ...one, byWarpgroups: true },
];

describe.skipIf(noStandin !== null)(onStandin('products by warpgroups'), () => {
  beforeAll(() => setStandin({ card }));
  afterAll(() => setStandin({}));

  test.each(
    kinds.flatMap((kind) => [
      row({ m: 64, n: 128, k: 256, ...kind }),
      row({ m: 128, n: 128, k: 128, ...kind }),
      ...(kind.dtype === 'float16' ? [] : [row({ m: 128, n: 256, k: 192, ...kind })]),
    ]),
  )('%s: exact, in whole sectors, without conflicts', (_, one) => {
    const { error, work, comment } = run(one);
    expect(comment).toContain('by warpgroups');
    expect(error).toBeLessThanOrEqual(rounding[one.dtype ?? 'float32'] ?? 0);
    expect(work.globalSectors).toBe(work.globalLeast);
    expect(work.sharedWavefronts).toBe(work.sharedLeast);
  });

  test.each(
    kinds.flatMap((kind) => [
      row({ m: 72, n: 136, k: 200, ...kind }),
      row({ m: 40, n: 24, k: 48, batch: 3, ...kind }),
      row({ m: 64, n: 72, k: 1000, ...kind, multiprocessors: 16 }),
    ]),
  )('%s: exact at the edges, in batches and in parts, without conflicts', (_, one) => {
    const { error, work, comment } = run(one);
    expect(comment).toContain('by warpgroups');
    expect(error).toBeLessThanOrEqual(rounding[one.dtype ?? 'float32'] ?? 0);
    expect(work.sharedWavefronts).toBe(work.sharedLeast);
  });

  test.each(
    [kinds[0], kinds[5], kinds[8]].flatMap((kind) => [
      row({ m: 128, n: 256, k: 64, ...kind, isLong: true }),
      row({ m: 72, n: 128, k: 64, ...kind, isLong: true }),
    ]),
  )('%s, with a long epilogue: the same, in a loop', (_, one) => {
    const { error, work, comment } = run(one);
    expect(comment).toContain('by warpgroups');
    // Halves are rounded twice.
    expect(error).toBeLessThanOrEqual(2 * (rounding[one.dtype ?? 'float32'] ?? 0));
    expect(work.sharedWavefronts).toBe(work.sharedLeast);
  });

  test.each([
    ['units of 8 bytes', row({ m: 64, n: 64, k: 68, dtype: 'bfloat16' })],
    ['computed', row({ m: 64, n: 64, k: 64, dtype: 'bfloat16', isComputed: true })],
    ['tf32 along the side', row({ m: 64, n: 64, k: 64, dtype: 'float32', isHigh: true })],
    ['float32', row({ m: 64, n: 64, k: 64, dtype: 'float32', b: 'turned' })],
  ] as const)('operands that they cannot read go to warps or threads: %s', (_, [, one]) => {
    const { error, comment } = run(one);
    expect(comment).toContain('tiles of');
    expect(comment).not.toContain('by warpgroups');
    expect(error).toBeLessThanOrEqual(rounding[one.dtype ?? 'float32'] ?? 0);
  });

  test.each(kinds.filter(({ dtype }) => dtype !== 'float16').map((kind) => row({ m: 136, n: 128, k: 320, ...kind })))(
    '%s: the same where threads take their turns the other way',
    async (_, one) => {
      await setStandin({ card, reversed: true });
      expect(run(one).error).toBeLessThanOrEqual(rounding[one.dtype ?? 'float32'] ?? 0);
      await setStandin({ card });
    },
  );

  test.each([
    ['the fence between proxies', /fence\.proxy\.async\S*;/, /may not see .* no fence.proxy.async/],
    ['the barrier', /bar\.sync 0;/, /race in shared memory/],
    ['the wait for copies', /cp\.async\.wait_group \d;/, /has not waited for/],
    ['the fence of registers', /wgmma\.fence\.sync\.aligned;/, /before any wgmma.fence/],
    [
      'the wait for the product before',
      /wgmma\.wait_group\.sync\.aligned 1;/,
      /which a wgmma that was not waited for reads/,
    ],
    ['the last wait', /wgmma\.wait_group\.sync\.aligned 0;/, /touches a register of a wgmma/],
  ])('nothing of a kernel can be left out: %s', (_, what, message) => {
    const edited = (ptx: string): string => {
      expect(ptx).toMatch(what);
      return ptx.replace(what, '');
    };
    expect(() =>
      run({ m: 128, n: 128, k: 384, dtype: 'bfloat16', multiprocessors: 1, byWarpgroups: true, edited }),
    ).toThrow(message);
  });

  test('read both operands once for each tile, by fewer than half the instructions of warps', () => {
    const one: Case = { m: 128, n: 256, k: 1024, dtype: 'bfloat16', b: 'turned', multiprocessors: 1 };
    const [groups, warps] = [run({ ...one, byWarpgroups: true }), run(one)].map(({ work }) => work);
    expect(32 * (groups?.globalSectors ?? 0)).toBe(2 * (128 * 1024 + 256 * 1024 + 128 * 256));
    expect((groups?.warpInstructions ?? 0) / (warps?.warpInstructions ?? 1)).toBeLessThan(0.45);
  });
});

/** The cache of keys and values: what it gives attention, and what it refuses. Generation with it is a row of the programs suite. */
import { arange, type Tensor } from '@torchlet/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { KVCache } from '../src/index.js';
import { openDevice } from './device.js';

beforeAll(async () => {
  await openDevice();
});

const cacheOf3 = (): KVCache => new KVCache({ batchSize: 1, maxLength: 3, numHeads: 1, headDim: 2 });
const tokens = (first: number, count: number): Tensor =>
  arange(first, first + 2 * count, 1, { dtype: 'float32' }).reshape([1, 1, count, 2]);

describe('KVCache', () => {
  it('keeps tokens in order, and lets each see itself and those before', async () => {
    const cache = cacheOf3();
    await cache.update(tokens(1, 1), tokens(11, 1)).key.data();
    const { key, value, attnMask } = cache.update(tokens(3, 2), tokens(13, 2));
    expect(await key.array()).toEqual([
      [
        [
          [1, 2],
          [3, 4],
          [5, 6],
        ],
      ],
    ]);
    expect(await value.array()).toEqual([
      [
        [
          [11, 12],
          [13, 14],
          [15, 16],
        ],
      ],
    ]);
    expect(await attnMask.array()).toEqual([
      [true, true, false],
      [true, true, true],
    ]);
    expect(cache.size).toBe(3);
  });

  it('begins anew after reset()', async () => {
    const cache = cacheOf3();
    cache.update(tokens(1, 3), tokens(1, 3));
    cache.reset();
    const { key, attnMask } = cache.update(tokens(7, 1), tokens(7, 1));
    expect((await key.data()).slice(0, 2)).toEqual(Float32Array.of(7, 8));
    expect(await attnMask.array()).toEqual([[true, false, false]]);
  });

  it('refuses tokens beyond its length, and other shapes', () => {
    const cache = cacheOf3();
    cache.update(tokens(1, 2), tokens(1, 2));
    expect(() => cache.update(tokens(1, 2), tokens(1, 2))).toThrow('at most 3 tokens, got 2 and 2 more');
    expect(() => cache.update(tokens(1, 1), tokens(1, 1).reshape([1, 2, 1, 1]))).toThrow('expected keys and values of');
    expect(cache.size).toBe(2);
  });
});

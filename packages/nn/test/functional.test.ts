import { Generator, manualSeed, ones } from '@torchlet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { Dropout, dropout, embedding, layerNorm } from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, float32Digits, floats, indices, spreadNumbers } from './values.js';

beforeAll(openDevice);

describe('dropout', () => {
  test('zeroes about p of the elements and scales the others', async () => {
    const values = await dataOf(dropout(ones([4000]), { p: 0.25, generator: new Generator(1) }));
    const kept = values.filter((x) => x !== 0);
    expect(new Set(kept)).toEqual(new Set([Math.fround(4 / 3)]));
    // Four standard deviations of a binomial count.
    expect(Math.abs(kept.length - 3000)).toBeLessThan(4 * Math.sqrt(4000 * 0.25 * 0.75));
  });

  test('repeats with the seed, and draws anew each time', async () => {
    manualSeed(5);
    const first = await dataOf(dropout(ones([64])));
    const second = await dataOf(dropout(ones([64])));
    manualSeed(5);
    expect(await dataOf(dropout(ones([64])))).toEqual(first);
    expect(second).not.toEqual(first);
  });

  test('passes gradients to what it kept', async () => {
    const x = ones([64]).requiresGrad_();
    const y = dropout(x, { generator: new Generator(2) });
    y.sum().backward();
    expect(await dataOf(x.grad)).toEqual(await dataOf(y));
  });

  test('does nothing in evaluation or for p = 0, and all for p = 1', async () => {
    const x = ones([3]);
    expect(dropout(x, { training: false })).toBe(x);
    expect(dropout(x, { p: 0 })).toBe(x);
    expect(new Dropout().eval().forward(x)).toBe(x);
    expect(await dataOf(dropout(x, { p: 1 }))).toEqual([0, 0, 0]);
  });

  test('refuses what is no probability', () => {
    expect(() => dropout(ones([1]), { p: 1.5 })).toThrow('dropout: expected a probability in [0, 1], got 1.5');
    expect(() => new Dropout(-1)).toThrow('Dropout: expected a probability');
  });
});

describe('layerNorm', () => {
  test('gives mean 0 and variance 1, then weight and bias', async () => {
    const x = spreadNumbers(6);
    const mean = x.reduce((a, b) => a + b, 0) / 6;
    const variance = x.reduce((sum, v) => sum + (v - mean) ** 2, 0) / 6;
    const normalized = x.map((v) => (v - mean) / Math.sqrt(variance + 0.1));
    const plain = await dataOf(layerNorm(floats(x, [1, 2, 3]), [2, 3], { eps: 0.1 }));
    normalized.forEach((v, i) => {
      expect(plain[i]).toBeCloseTo(v, float32Digits);
    });
    const weight = floats([1, 2, 3, 4, 5, 6], [2, 3]);
    const affine = await dataOf(
      layerNorm(floats(x, [1, 2, 3]), [2, 3], { eps: 0.1, weight, bias: floats([1, 1, 1, 1, 1, 1], [2, 3]) }),
    );
    normalized.forEach((v, i) => {
      expect(affine[i]).toBeCloseTo(v * (i + 1) + 1, float32Digits);
    });
  });

  test('refuses a shape that does not end as asked', () => {
    expect(() => layerNorm(ones([2, 3]), [2])).toThrow('layerNorm: expected an input of shape [..., 2], got [2, 3]');
    expect(() => layerNorm(ones([3]), [2, 3])).toThrow('[..., 2, 3], got [3]');
  });
});

describe('embedding', () => {
  const table = () => floats([0, 1, 10, 11, 20, 21], [3, 2]).requiresGrad_();

  test('reads rows, and adds gradients of rows read twice', async () => {
    const weight = table();
    const rows = embedding(indices([2, 0, 2]), weight);
    expect(await dataOf(rows)).toEqual([20, 21, 0, 1, 20, 21]);
    rows.sum().backward();
    expect(await dataOf(weight.grad)).toEqual([1, 1, 0, 0, 2, 2]);
  });

  test('gives the padding row no gradient', async () => {
    const weight = table();
    embedding(indices([2, 0, 2]), weight, { paddingIdx: -1 })
      .sum()
      .backward();
    expect(await dataOf(weight.grad)).toEqual([1, 1, 0, 0, 0, 0]);
  });

  test('refuses an index outside, and a table that is none', () => {
    expect(() => embedding(indices([3]), table())).toThrow('embedding: expected indices in [0, 3), got 3');
    expect(() => embedding(indices([0]), ones([3]))).toThrow('expected a weight of [n, dim], got [3]');
  });
});

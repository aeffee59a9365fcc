import { Generator, manualSeed, type Tensor, zeros } from '@torchlet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { Embedding, init, LayerNorm, Linear } from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf } from './values.js';

beforeAll(openDevice);

const seeded = () => ({ generator: new Generator(7) });

function momentsOf(values: readonly number[]): { mean: number; std: number } {
  const mean = values.reduce((a, b) => a + b, 0) / values.length;
  return { mean, std: Math.sqrt(values.reduce((sum, x) => sum + (x - mean) ** 2, 0) / values.length) };
}

/** Sampling error of a standard deviation over n numbers, four times over. */
const sampling = (std: number, n: number) => (4 * std) / Math.sqrt(n);

describe('layers', () => {
  test('draw the weight first, then the bias, within 1 / sqrt(inFeatures)', async () => {
    const layer = new Linear(4, 3, seeded());
    const generator = new Generator(7);
    const expected = [...generator.uniform(12), ...generator.uniform(3)].map((u) => Math.fround(-0.5 + u));
    expect([...(await dataOf(layer.weight)), ...(await dataOf(layer.bias))]).toEqual(expected);
  });

  test('draw from the default generator in the order they are made', async () => {
    const draw = async () => {
      manualSeed(3);
      const layers = [new Linear(2, 2), new Embedding(3, 2)];
      return Promise.all(layers.map(({ weight }) => dataOf(weight)));
    };
    const first = await draw();
    expect(await draw()).toEqual(first);
    manualSeed(4);
    expect(await dataOf(new Linear(2, 2).weight)).not.toEqual(first[0]);
  });

  test('begin with what PyTorch begins with', async () => {
    const norm = new LayerNorm([2, 2]);
    expect(await dataOf(norm.weight)).toEqual([1, 1, 1, 1]);
    expect(await dataOf(norm.bias)).toEqual([0, 0, 0, 0]);
    const padded = await dataOf(new Embedding(3, 2, { paddingIdx: -1, ...seeded() }).weight);
    expect(padded.slice(4)).toEqual([0, 0]);
    expect(padded.slice(0, 4)).not.toContain(0);
  });
});

describe('initialisers', () => {
  const size = 200 * 100;
  const matrix = () => zeros([200, 100]);
  const rows: readonly (readonly [string, (x: Tensor) => Tensor, { mean: number; std: number; bound: number }])[] = [
    ['uniform_', (x) => init.uniform_(x, -1, 3, seeded()), { mean: 1, std: 4 / Math.sqrt(12), bound: 3 }],
    ['normal_', (x) => init.normal_(x, 2, 0.5, seeded()), { mean: 2, std: 0.5, bound: 6 }],
    [
      'xavierUniform_',
      (x) => init.xavierUniform_(x, 1, seeded()),
      { mean: 0, std: Math.sqrt(2 / 300), bound: Math.sqrt(6 / 300) },
    ],
    ['xavierNormal_', (x) => init.xavierNormal_(x, 2, seeded()), { mean: 0, std: 2 * Math.sqrt(2 / 300), bound: 2 }],
    [
      'kaimingUniform_',
      (x) => init.kaimingUniform_(x, { nonlinearity: 'relu', ...seeded() }),
      { mean: 0, std: Math.sqrt(2 / 100), bound: Math.sqrt(6 / 100) },
    ],
    [
      'kaimingNormal_',
      (x) => init.kaimingNormal_(x, { mode: 'fanOut', ...seeded() }),
      { mean: 0, std: Math.sqrt(2 / 200), bound: 2 },
    ],
  ];
  test.each(rows)('%s', async (_, initialise, { mean, std, bound }) => {
    const values = await dataOf(initialise(matrix()));
    const got = momentsOf(values);
    expect(Math.abs(got.mean - mean)).toBeLessThan(sampling(std, size));
    expect(Math.abs(got.std - std)).toBeLessThan(sampling(std, size));
    expect(Math.max(...values.map(Math.abs))).toBeLessThanOrEqual(Math.fround(bound));
  });

  test('truncNormal_ stays within its bounds', async () => {
    const values = await dataOf(init.truncNormal_(zeros([2000]), 0, 1, -0.5, 1, seeded()));
    expect(Math.min(...values)).toBeGreaterThanOrEqual(-0.5);
    expect(Math.max(...values)).toBeLessThanOrEqual(1);
    expect(momentsOf(values).std).toBeGreaterThan(0.3);
  });

  test.each([
    [3, 5],
    [5, 3],
  ])('orthogonal_ of %i x %i has orthonormal rows or columns', async (rowCount, columnCount) => {
    const x = init.orthogonal_(zeros([rowCount, columnCount]), 2, seeded());
    const product = await dataOf(rowCount < columnCount ? x.matmul(x.t()) : x.t().matmul(x));
    product.forEach((value, i) => {
      expect(value).toBeCloseTo(i % 4 === 0 ? 4 : 0, 5);
    });
  });

  test('constants', async () => {
    expect(await dataOf(init.constant_(zeros([2]), 3))).toEqual([3, 3]);
    expect(await dataOf(init.ones_(zeros([2])))).toEqual([1, 1]);
    expect(await dataOf(init.zeros_(init.ones_(zeros([2]))))).toEqual([0, 0]);
    expect(await dataOf(init.eye_(zeros([2, 3])))).toEqual([1, 0, 0, 0, 1, 0]);
  });

  test('write a parameter in place, which stays one', async () => {
    const { weight } = new Linear(2, 2);
    expect(init.constant_(weight, 4)).toBe(weight);
    expect(await dataOf(weight)).toEqual([4, 4, 4, 4]);
    expect(weight.requiresGrad && weight.isLeaf).toBe(true);
  });

  test('count the receptive field', () => {
    expect(init.fansOf([8, 4, 3, 3])).toEqual({ fanIn: 36, fanOut: 72 });
    expect(init.calculateGain('leakyRelu', 1)).toBe(1);
    expect(init.calculateGain('tanh')).toBe(5 / 3);
  });

  test('refuse shapes that have no fans', () => {
    expect(() => init.xavierNormal_(zeros([3]))).toThrow('need at least 2 dims, got [3]');
    expect(() => init.eye_(zeros([3]))).toThrow('expected a matrix, got [3]');
    expect(() => init.orthogonal_(zeros([3]))).toThrow('expected at least 2 dims, got [3]');
  });
});

/** Draws from distributions: shares over many draws, what cannot be drawn, equal seeds. */
import { cpu } from '@torchlet/device-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import {
  bernoulli,
  empty,
  full,
  Generator,
  multinomial,
  normal,
  randintLike,
  randLike,
  randnLike,
  setDefaultDevice,
  type Tensor,
  tensor,
  zeros,
} from '../src/index.js';

beforeAll(async () => {
  setDefaultDevice(await cpu());
});

const floats = (values: readonly number[]): Tensor => tensor([...values], { dtype: 'float32' });
const share = (drawn: ArrayLike<number | bigint>, of: number): number =>
  Array.from(drawn, Number).filter((value) => value === of).length / drawn.length;

describe('multinomial', () => {
  it('draws in proportion to the weights, with replacement', async () => {
    const drawn = await multinomial(floats([1, 0, 3, 4]), 8000, {
      replacement: true,
      generator: new Generator(3),
    }).data();
    [0.125, 0, 0.375, 0.5].forEach((expected, category) => {
      expect(Math.abs(share(drawn, category) - expected)).toBeLessThan(0.02);
    });
  });

  it('draws each category once at most without it, the heavy ones first', async () => {
    const rows = full([4000, 4], 0).add(floats([1, 0.0001, 3, 4]));
    const drawn = (await multinomial(rows, 3, { generator: new Generator(4) }).array()) as bigint[][];
    for (const row of drawn) expect(new Set(row).size).toBe(3);
    const first = drawn.map(([category]) => Number(category));
    [0.125, 0, 0.375, 0.5].forEach((expected, category) => {
      expect(Math.abs(share(first, category) - expected)).toBeLessThan(0.03);
    });
  });

  it('never draws a weight of 0, and repeats for a seed', async () => {
    const one = () => multinomial(floats([0, 2, 0]), 1, { generator: new Generator(9) }).array();
    expect(await one()).toEqual(await one());
    for (let seed = 0; seed < 50; seed++) {
      expect(await multinomial(floats([0, 2, 0, 1]), 2, { generator: new Generator(seed) }).array()).not.toContain(0n);
    }
  });

  it('refuses more samples than categories, and weights of another form', () => {
    expect(() => multinomial(floats([1, 2]), 3)).toThrow('expected 1 to 2 samples of 2 categories, got 3');
    expect(() => multinomial(zeros([2, 2, 2]), 1)).toThrow('[rows, categories], got float32 [2, 2, 2]');
    expect(() => multinomial(tensor([1, 2]), 1)).toThrow('expected float weights');
  });
});

describe('bernoulli and normal', () => {
  it('follow their parameters', async () => {
    const coins = await bernoulli(full([5000], 0.3), { generator: new Generator(1) }).data();
    expect(Math.abs(share(coins, 1) - 0.3)).toBeLessThan(0.02);
    expect(share(coins, 0) + share(coins, 1)).toBe(1);
    const drawn = normal(floats([0, 100]).expand([4000, 2]), 2, undefined, { generator: new Generator(2) });
    const [low, high] = (await drawn.mean(0).array()) as number[];
    expect(Math.abs(low as number)).toBeLessThan(0.15);
    expect(Math.abs((high as number) - 100)).toBeLessThan(0.15);
    expect(
      Math.abs(
        (await normal(1, 3, [8000], { generator: new Generator(5) })
          .std()
          .item()) - 3,
      ),
    ).toBeLessThan(0.1);
    expect(() => normal(0, 1)).toThrow('expected a size');
  });
});

describe('tensors in the likeness of others', () => {
  it('have their shape and dtype', async () => {
    const x = zeros([2, 3], { dtype: 'float64' });
    for (const like of [randLike(x), randnLike(x), randintLike(x, 2, 5)]) {
      expect([like.shape, like.dtype]).toEqual([[2, 3], 'float64']);
    }
    for (const value of await randintLike(x, 2, 5).data()) expect([2, 3, 4]).toContain(value);
    expect(empty([2]).shape).toEqual([2]);
  });
});

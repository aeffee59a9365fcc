/**
 * The order of samples: complete, random where it should be, and the same for the same seed.
 */
import { Generator, manualSeed } from '@torchlet/tensor';
import { describe, expect, it } from 'vitest';
import {
  BatchSampler,
  ConcatDataset,
  type Dataset,
  RandomSampler,
  randomSplit,
  SequentialSampler,
  SubsetRandomSampler,
  splitIndices,
  WeightedRandomSampler,
} from '../src/index.js';

const ten = { length: 10 };
const upTo = (n: number) => Array.from({ length: n }, (_, i) => i);
const sorted = (indices: Iterable<number>) => [...indices].sort((a, b) => a - b);

describe('SequentialSampler', () => {
  it('counts', () => {
    const sampler = new SequentialSampler(ten);
    expect(sampler.length).toBe(10);
    expect([...sampler]).toEqual(upTo(10));
    expect([...sampler]).toEqual(upTo(10));
  });
});

describe('RandomSampler', () => {
  it('gives every index once, in a new order each pass', () => {
    const sampler = new RandomSampler({ length: 100 }, { generator: new Generator(1) });
    const [first, second] = [[...sampler], [...sampler]];
    expect(sorted(first)).toEqual(upTo(100));
    expect(sorted(second)).toEqual(upTo(100));
    expect(first).not.toEqual(upTo(100));
    expect(second).not.toEqual(first);
  });

  it('repeats itself for the same seed, by generator or manualSeed', () => {
    const orders = [7, 7, 8].map((seed) => [...new RandomSampler(ten, { generator: new Generator(seed) })]);
    expect(orders[0]).toEqual(orders[1]);
    expect(orders[0]).not.toEqual(orders[2]);
    const sampler = new RandomSampler(ten);
    manualSeed(3);
    const before = [...sampler];
    manualSeed(3);
    expect([...sampler]).toEqual(before);
  });

  it('draws as many as asked: without replacement in whole rounds, with it independently', () => {
    const generator = new Generator(5);
    const rounds = [...new RandomSampler(ten, { numSamples: 25, generator })];
    expect(rounds).toHaveLength(25);
    expect(sorted(rounds.slice(0, 10))).toEqual(upTo(10));
    expect(sorted(rounds.slice(10, 20))).toEqual(upTo(10));
    const drawn = [...new RandomSampler(ten, { replacement: true, numSamples: 1000, generator })];
    expect(drawn).toHaveLength(1000);
    expect(new Set(drawn)).toEqual(new Set(upTo(10)));
    expect(sorted(drawn.slice(0, 10))).not.toEqual(upTo(10));
  });

  it('refuses to draw from nothing, or a broken number', () => {
    expect(() => new RandomSampler({ length: 0 }, { numSamples: 1 })).toThrow(/cannot draw 1 samples from 0/);
    expect(() => new RandomSampler(ten, { numSamples: 1.5 })).toThrow(RangeError);
    expect([...new RandomSampler({ length: 0 })]).toEqual([]);
  });
});

describe('SubsetRandomSampler', () => {
  it('gives the given indices once, in random order', () => {
    const indices = [5, 50, 500, 7, 70, 700, 9, 90, 900];
    const sampler = new SubsetRandomSampler(indices, { generator: new Generator(2) });
    const [first, second] = [[...sampler], [...sampler]];
    expect(sampler.length).toBe(9);
    expect(sorted(first)).toEqual(sorted(indices));
    expect(second).not.toEqual(first);
  });
});

describe('BatchSampler', () => {
  it.each([
    [false, 4, [[0, 1, 2], [3, 4, 5], [6, 7, 8], [9]]],
    [
      true,
      3,
      [
        [0, 1, 2],
        [3, 4, 5],
        [6, 7, 8],
      ],
    ],
  ])('with dropLast %s', (dropLast, length, batches) => {
    const sampler = new BatchSampler(new SequentialSampler(ten), 3, { dropLast });
    expect(sampler.length).toBe(length);
    expect([...sampler]).toEqual(batches);
  });

  it('refuses a batch size below 1', () => {
    expect(() => new BatchSampler(new SequentialSampler(ten), 0)).toThrow(/at least 1, got 0/);
  });
});

describe('splitIndices', () => {
  it('parts all indices at random, the second part being the fraction', () => {
    const [train, valid] = splitIndices(60_000, 0.2, { generator: new Generator(0) });
    expect([train.length, valid.length]).toEqual([48_000, 12_000]);
    expect(sorted([...train, ...valid])).toEqual(upTo(60_000));
    expect(sorted(valid)).not.toEqual(valid);
    // A fair split has 6,000 of the upper half in validation, with a deviation of about 49.
    expect(Math.abs(valid.filter((index) => index >= 30_000).length - 6_000)).toBeLessThan(300);
  });

  it('rounds to whole samples, and may give all to either part', () => {
    expect(splitIndices(100, 0.29).map(({ length }) => length)).toEqual([71, 29]);
    expect(splitIndices(3, 0).map(({ length }) => length)).toEqual([3, 0]);
    expect(splitIndices(3, 1).map(({ length }) => length)).toEqual([0, 3]);
  });

  it('refuses what is no fraction', () => {
    expect(() => splitIndices(10, 20)).toThrow(/a fraction from 0 to 1, got 20/);
    expect(() => splitIndices(10, Number.NaN)).toThrow(RangeError);
    expect(() => splitIndices(-1, 0.2)).toThrow(/a number of samples, got -1/);
  });
});

describe('WeightedRandomSampler', () => {
  it('draws in proportion to the weights, never one of 0', () => {
    const drawn = [...new WeightedRandomSampler([1, 0, 3], 4000, { generator: new Generator(2) })];
    const shares = [0, 1, 2].map((index) => drawn.filter((other) => other === index).length / 4000);
    expect(shares[1]).toBe(0);
    expect(Math.abs((shares[0] as number) - 0.25)).toBeLessThan(0.03);
    const once = [...new WeightedRandomSampler([1, 0, 3], 2, { replacement: false, generator: new Generator(2) })];
    expect(sorted(once)).toEqual([0, 2]);
  });

  it('refuses what cannot be drawn', () => {
    expect(() => new WeightedRandomSampler([1, 0], 2, { replacement: false })).toThrow(/cannot draw 2 samples from 1/);
    expect(() => new WeightedRandomSampler([0, 0], 1)).toThrow(/one above/);
    expect(() => new WeightedRandomSampler([1, -1], 1)).toThrow(RangeError);
  });
});

describe('datasets made of datasets', () => {
  const numbers = (first: number, length: number): Dataset<number> => ({ length, get: (i) => first + i });

  it('ConcatDataset has one behind the other', async () => {
    const joined = new ConcatDataset([numbers(0, 2), numbers(0, 0), numbers(10, 3)]);
    expect(await Promise.all(upTo(joined.length).map((i) => joined.get(i)))).toEqual([0, 1, 10, 11, 12]);
    expect(() => joined.get(5)).toThrow(/expected an index from 0 to 4, got 5/);
    expect(() => new ConcatDataset([])).toThrow(/at least one/);
  });

  it('randomSplit parts a dataset by counts or shares, sharing nothing', () => {
    const parts = randomSplit(numbers(0, 10), [0.5, 0.25, 0.25], { generator: new Generator(1) });
    expect(parts.map(({ length }) => length)).toEqual([6, 2, 2]);
    expect(sorted(parts.flatMap(({ indices }) => indices))).toEqual(upTo(10));
    expect(randomSplit(numbers(0, 10), [7, 3]).map(({ length }) => length)).toEqual([7, 3]);
    expect(() => randomSplit(numbers(0, 10), [7, 4])).toThrow(/sum to 10, or shares that sum to 1, got \[7, 4\]/);
  });
});

/** Layers of channels and edges: dropout of channels, padding, shuffles, Gumbel samples, parameters as a vector. */
import { arange, Generator, manualSeed, ones, tensor, zeros } from '@torchlet/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import * as nn from '../src/index.js';
import { openDevice } from './device.js';

beforeAll(async () => {
  await openDevice();
});

const numbers = (...shape: number[]) =>
  arange(shape.reduce((a, b) => a * b, 1))
    .float()
    .reshape(shape);

describe('dropout of channels', () => {
  it('drops whole channels in training, and none in evaluation', async () => {
    manualSeed(1);
    const layer = new nn.Dropout2d(0.5);
    const rows = (await layer
      .forward(ones([20, 10, 3, 2]))
      .reshape(200, 6)
      .array()) as number[][];
    for (const row of rows) expect(row).toEqual(new Array(6).fill(row[0]));
    const dropped = rows.filter(([first]) => first === 0).length;
    expect(rows.filter(([first]) => first === 2).length).toBe(200 - dropped);
    expect(dropped).toBeGreaterThan(70);
    expect(dropped).toBeLessThan(130);
    layer.eval();
    expect(await layer.forward(ones([1, 2, 1, 1])).array()).toEqual([[[[1]], [[1]]]]);
    expect(() => layer.forward(ones([2, 3]))).toThrow('dropout2d: expected an input of 3 or 4 dims, got [2, 3]');
  });

  it('alphaDropout keeps mean and variance', async () => {
    manualSeed(2);
    const x = tensor(new Generator(3).normal(40_000));
    const y = nn.alphaDropout(x, { p: 0.3 });
    expect(Math.abs(await y.mean().item())).toBeLessThan(0.03);
    expect(Math.abs((await y.std().item()) - 1)).toBeLessThan(0.03);
  });
});

describe('padding', () => {
  const x = numbers(1, 1, 2, 3);
  const rows = async (layer: nn.TensorModule) => ((await layer.forward(x).array()) as number[][][][])[0]?.[0];

  it('fills by its mode', async () => {
    expect(await rows(new nn.ZeroPad2d([1, 0, 0, 1]))).toEqual([
      [0, 0, 1, 2],
      [0, 3, 4, 5],
      [0, 0, 0, 0],
    ]);
    expect(await rows(new nn.ConstantPad1d(1, 7))).toEqual([
      [7, 0, 1, 2, 7],
      [7, 3, 4, 5, 7],
    ]);
    expect(await rows(new nn.ReflectionPad2d([2, 0, 1, 0]))).toEqual([
      [5, 4, 3, 4, 5],
      [2, 1, 0, 1, 2],
      [5, 4, 3, 4, 5],
    ]);
    expect(await rows(new nn.ReplicationPad1d([0, 2]))).toEqual([
      [0, 1, 2, 2, 2],
      [3, 4, 5, 5, 5],
    ]);
    expect(await rows(new nn.CircularPad2d([1, 0, 0, 0]))).toEqual([
      [2, 0, 1, 2],
      [5, 3, 4, 5],
    ]);
  });

  it('refuses counts of another number of dims', () => {
    expect(() => new nn.ZeroPad2d([1, 2])).toThrow('ZeroPad2d: expected a whole number, or 4 of them, got [1, 2]');
  });
});

describe('shapes of channels', () => {
  it('shuffles and unflattens', async () => {
    expect(
      await new nn.ChannelShuffle(2)
        .forward(numbers(1, 4, 1))
        .reshape(-1)
        .array(),
    ).toEqual([0, 2, 1, 3]);
    expect(new nn.Unflatten(1, [2, -1]).forward(zeros([3, 8])).shape).toEqual([3, 2, 4]);
  });
});

describe('gumbelSoftmax', () => {
  it('samples in proportion, one-hot where hard, with the soft gradient', async () => {
    const logits = tensor([0.2, 0.5, 0.3]).log().expand([6000, 3]);
    const hard = nn.gumbelSoftmax(logits, { hard: true, generator: new Generator(1) });
    const shares = (await hard.mean(0).array()) as number[];
    [0.2, 0.5, 0.3].forEach((expected, i) => {
      expect(Math.abs((shares[i] as number) - expected)).toBeLessThan(0.03);
    });
    const weights = tensor([1, 2, 4]);
    const gradientOf = async (hardly: boolean): Promise<unknown> => {
      const leaf = zeros([2, 3], { requiresGrad: true });
      nn.gumbelSoftmax(leaf, { hard: hardly, generator: new Generator(5) })
        .mul(weights)
        .sum()
        .backward();
      return leaf.grad?.array();
    };
    expect(await gradientOf(true)).toEqual(await gradientOf(false));
    expect(() => nn.gumbelSoftmax(zeros([2]), { tau: 0 })).toThrow('a tau above 0');
  });
});

describe('parameters as a vector', () => {
  it('go there and back', async () => {
    const layer = new nn.Linear(2, 3);
    const vector = nn.parametersToVector(layer.parameters());
    expect(vector.shape).toEqual([9]);
    nn.vectorToParameters(arange(9).float(), layer.parameters());
    expect(await layer.weight.array()).toEqual([
      [0, 1],
      [2, 3],
      [4, 5],
    ]);
    expect(await layer.bias?.array()).toEqual([6, 7, 8]);
    expect(() => nn.vectorToParameters(arange(8).float(), layer.parameters())).toThrow('a vector of 9, got shape [8]');
  });
});

describe('maxUnpool', () => {
  it('puts the largest back where they were, and takes gradients from there', async () => {
    const image = numbers(1, 1, 4, 5).requiresGrad_();
    const { values, indices } = nn.maxPool2d(image, 2, { returnIndices: true });
    const back = nn.maxUnpool2d(values, indices, 2, { outputSize: [4, 5] });
    const expected = new Array<number>(20).fill(0);
    for (const place of [6, 8, 16, 18]) expected[place] = place;
    expect(Array.from(await back.data(), Number)).toEqual(expected);
    back.mul(10).sum().backward();
    expect(Array.from((await image.grad?.data()) ?? [], Number)).toEqual(expected.map((value) => (value > 0 ? 10 : 0)));
  });

  it('writes what several windows share once, and has the shape of what was pooled without asking', async () => {
    const line = tensor([[[0.1, 0.2, 0.9, 0.3, 0.4]]]);
    const [values, indices] = nn.maxPool1d(line, 3, { stride: 2, returnIndices: true });
    const back = nn.maxUnpool1d(values as never, indices as never, 3, { stride: 2 });
    expect(await back.mul(10).round().array()).toEqual([[[0, 0, 9, 0, 0]]]);
    expect(() => nn.maxUnpool1d(line, tensor([[[0]]]), 2)).toThrow(
      "maxUnpool1d: expected indices of the input's shape",
    );
  });
});

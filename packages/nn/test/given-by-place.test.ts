/** What PyTorch's tutorials give by place: strides, padding, slopes. And layers that share a weight by assignment. */
import { beforeAll, describe, expect, test } from 'vitest';
import * as nn from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, float32Digits, floats, indices } from './values.js';

beforeAll(openDevice);

const ramp = (size: number, shape: readonly number[], scale: number) =>
  floats(
    Array.from({ length: size }, (_, i) => i / scale),
    shape,
  );
const image = () => ramp(25, [1, 1, 5, 5], 5);

describe('options by place', () => {
  const rows = [
    [
      'conv2d',
      () => nn.conv2d(image(), ramp(9, [1, 1, 3, 3], 10), null, 2, 1),
      [1.76, 3.5, 2.72, 6.9, 10.56, 6.9, 4.64, 6.38, 3.68],
    ],
    ['maxPool2d', () => nn.maxPool2d(image(), 3, 1), [2.4, 2.6, 2.8, 3.4, 3.6, 3.8, 4.4, 4.6, 4.8]],
    [
      'avgPool2d',
      () => nn.avgPool2d(image(), 3, 2, { padding: 1 }),
      [0.26666668, 0.6, 0.53333336, 1.4, 2.4, 1.8, 1.6, 2.6, 1.8666667],
    ],
    ['leakyRelu', () => nn.leakyRelu(floats([-1, 2]), 0.2), [-0.2, 2]],
    ['elu', () => nn.elu(floats([-1, 2]), 0.5), [-0.31606027, 2]],
  ] as const;
  test.each(rows)('%s', async (_, run, expected) => {
    const values = await dataOf(run());
    expect(values.length).toBe(expected.length);
    values.forEach((value, i) => {
      expect(value).toBeCloseTo(expected[i] as number, float32Digits);
    });
  });

  test('layers take them as well, before other options', () => {
    const layer = new nn.Conv2d(3, 8, 4, 2, 1, { bias: false });
    expect(String(layer)).toBe('Conv2d(3, 8, kernelSize=[4, 4], stride=2, padding=1, bias=false)');
    expect(String(new nn.ConvTranspose2d(8, 3, 4, 2, [1, 1]))).toBe(
      'ConvTranspose2d(8, 3, kernelSize=[4, 4], stride=2, padding=[1, 1])',
    );
    expect(String(new nn.MaxPool2d(3, 2))).toBe('MaxPool2d(kernelSize=3, stride=2)');
    expect(new nn.LeakyReLU(0.2).negativeSlope).toBe(0.2);
    expect(new nn.ELU(0.5).alpha).toBe(0.5);
  });
});

describe('layers that are put together', () => {
  class Tied extends nn.Module {
    readonly words = new nn.Embedding(5, 3);
    readonly scores = new nn.Linear(3, 5, { bias: false });

    constructor() {
      super();
      this.scores.weight = this.words.weight;
    }

    override forward(text: Parameters<nn.Embedding['forward']>[0]) {
      return this.scores.forward(this.words.forward(text));
    }
  }

  test('a weight that is assigned is shared: one parameter, two keys, one gradient', async () => {
    const model = new Tied();
    expect(model.parameters()).toEqual([model.words.weight]);
    expect(Object.keys(model.stateDict())).toEqual(['words.weight', 'scores.weight']);
    model
      .forward(indices([0, 1]))
      .sum()
      .backward();
    const gradient = await dataOf(model.words.weight.grad);
    expect(gradient.slice(6, 9)).not.toEqual([0, 0, 0]);
    expect(gradient.slice(0, 3)).not.toEqual(gradient.slice(6, 9));
  });

  test('Sequential is looked into by position, and grows', () => {
    const last = new nn.Linear(4, 2);
    const model = new nn.Sequential(new nn.Linear(3, 4), new nn.ReLU()).append(last);
    expect(model.at(-1)).toBe(last);
    expect(Object.keys(model.stateDict())).toEqual(['0.weight', '0.bias', '2.weight', '2.bias']);
    expect(() => model.at(3)).toThrow('Sequential: expected a position below 3, got 3');
  });
});

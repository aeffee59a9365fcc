import { autocast, type Device, type Tensor, tensor } from '@torchlet/tensor';
import { beforeAll, describe, expect, it, test } from 'vitest';
import * as nn from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, floats, indices, spreadNumbers } from './values.js';

let device: Device;

beforeAll(async () => {
  device = await openDevice();
});

type Make = (shape: number[], seed?: number) => Tensor;

const full: Make = (shape, seed) =>
  floats(
    spreadNumbers(
      shape.reduce((n, length) => n * length, 1),
      seed,
    ),
    shape,
  );
const half: Make = (shape, seed) => full(shape, seed).to('bfloat16');

/** PyTorch's lists (https://pytorch.org/docs/stable/amp.html): the dtype of the result for operands of float32 and of bfloat16. */
const rows: readonly [name: string, ofFull: string, ofHalf: string, run: (make: Make) => Tensor][] = [
  ['conv1d', 'bfloat16', 'bfloat16', (x) => nn.conv1d(x([1, 2, 5]), x([3, 2, 3]), x([3]))],
  ['conv2d', 'bfloat16', 'bfloat16', (x) => nn.conv2d(x([1, 2, 4, 4]), x([3, 2, 3, 3]), x([3]))],
  ['convTranspose2d', 'bfloat16', 'bfloat16', (x) => nn.convTranspose2d(x([1, 2, 4, 4]), x([2, 3, 3, 3]), x([3]))],
  ['attention', 'bfloat16', 'bfloat16', (x) => nn.scaledDotProductAttention(x([2, 3, 4]), x([2, 3, 4]), x([2, 3, 4]))],
  ['layerNorm', 'float32', 'float32', (x) => nn.layerNorm(x([2, 4]), [4], { weight: x([4]), bias: x([4]) })],
  ['groupNorm', 'float32', 'float32', (x) => nn.groupNorm(x([2, 4, 3]), 2)],
  ['batchNorm', 'float32', 'bfloat16', (x) => nn.batchNorm(x([3, 2, 4]), null, null, { training: true })],
  ['cosineSimilarity', 'float32', 'float32', (x) => nn.cosineSimilarity(x([2, 4]), x([2, 4], 2))],
  ['normalize', 'float32', 'float32', (x) => nn.normalize(x([2, 4]))],
  ['mseLoss', 'float32', 'float32', (x) => nn.mseLoss(x([4]), x([4], 2))],
  ['l1Loss', 'float32', 'float32', (x) => nn.l1Loss(x([4]), x([4], 2))],
  ['smoothL1Loss', 'float32', 'float32', (x) => nn.smoothL1Loss(x([4]), x([4], 2))],
  ['klDiv', 'float32', 'float32', (x) => nn.klDiv(x([4]), x([4], 2).abs())],
  ['crossEntropy', 'float32', 'float32', (x) => nn.crossEntropy(x([2, 3]), indices([0, 2]))],
  ['nllLoss', 'float32', 'float32', (x) => nn.nllLoss(x([2, 3]), indices([0, 2]))],
  ['withLogits', 'float32', 'float32', (x) => nn.binaryCrossEntropyWithLogits(x([4]), x([4], 2))],
  ['hingeEmbedding', 'float32', 'float32', (x) => nn.hingeEmbeddingLoss(x([2]), floats([1, -1]))],
  ['marginRanking', 'float32', 'float32', (x) => nn.marginRankingLoss(x([2]), x([2], 2), floats([1, -1]))],
  ['cosineEmbedding', 'float32', 'float32', (x) => nn.cosineEmbeddingLoss(x([2, 3]), x([2, 3], 2), floats([1, -1]))],
  ['tripletMargin', 'float32', 'float32', (x) => nn.tripletMarginLoss(x([2, 3]), x([2, 3], 2), x([2, 3], 3))],
  ['softMargin', 'float32', 'float32', (x) => nn.softMarginLoss(x([2]), floats([1, -1]))],
  ['multiMargin', 'float32', 'float32', (x) => nn.multiMarginLoss(x([2, 3]), indices([0, 2]))],
  ['poissonNll', 'float32', 'float32', (x) => nn.poissonNllLoss(x([4]), x([4], 2).abs())],
  ['maxPool1d', 'float32', 'bfloat16', (x) => nn.maxPool1d(x([1, 2, 4]), 2)],
  ['avgPool1d', 'float32', 'bfloat16', (x) => nn.avgPool1d(x([1, 2, 4]), 2)],
  ['LSTM', 'bfloat16', 'bfloat16', (x) => new nn.LSTM(3, 2).forward(x([4, 1, 3]))[0]],
  ['GRU', 'bfloat16', 'bfloat16', (x) => new nn.GRU(3, 2).forward(x([4, 1, 3]))[0]],
  ['LSTMCell', 'bfloat16', 'bfloat16', (x) => new nn.LSTMCell(3, 2).forward(x([4, 3]))[0]],
];

describe('autocast', () => {
  test.each(rows)('%s gives %s of float32 and %s of bfloat16', (_, ofFull, ofHalf, run) => {
    expect(autocast(device, 'bfloat16', () => run(full)).dtype).toBe(ofFull);
    expect(autocast(device, 'bfloat16', () => run(half)).dtype).toBe(ofHalf);
    expect(run(full).dtype).toBe('float32');
  });

  it('computes statistics of a batch in float32, and keeps running ones exact', async () => {
    // Sums of numbers near 1000 lose their deviations in bfloat16.
    const input = tensor(Float32Array.from([1000, 1004, 1008, 1012]), { shape: [4, 1] }).to('bfloat16');
    const [mean, variance] = [floats([0]), floats([0])];
    const output = autocast(device, 'bfloat16', () =>
      nn.batchNorm(input, mean, variance, { training: true, momentum: 1 }),
    );
    const values = await dataOf(input);
    const center = values.reduce((sum, x) => sum + x, 0) / 4;
    const spread = values.reduce((sum, x) => sum + (x - center) ** 2, 0);
    expect(await dataOf(mean)).toEqual([center]);
    expect((await dataOf(variance))[0]).toBeCloseTo(spread / 3, 3);
    (await dataOf(output)).forEach((y, i) => {
      expect(y).toBeCloseTo(((values[i] as number) - center) / Math.sqrt(spread / 4 + 1e-5), 2);
    });
  });

  it('refuses the loss whose gradients a narrow dtype cannot hold', () => {
    const [x, t] = [floats([0.25]), floats([1])];
    expect(() => autocast(device, 'float16', () => nn.binaryCrossEntropy(x, t))).toThrow(
      'use binaryCrossEntropyWithLogits without the sigmoid',
    );
  });
});

import { type Tensor, tensor } from '@torchlet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import {
  binaryCrossEntropyWithLogits,
  crossEntropy,
  huberLoss,
  klDiv,
  l1Loss,
  logSoftmax,
  mseLoss,
  multilabelMarginLoss,
  nllLoss,
  smoothL1Loss,
  tripletMarginWithDistanceLoss,
} from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, float32Digits, floats, indices, spreadNumbers } from './values.js';

beforeAll(openDevice);

const logits = spreadNumbers(12);
const rows = [0, 1, 2].map((row) => logits.slice(4 * row, 4 * row + 4));
const targets = [2, 0, 3];

function logProbabilities(row: readonly number[]): number[] {
  const normalizer = Math.log(row.reduce((sum, x) => sum + Math.exp(x), 0));
  return row.map((x) => x - normalizer);
}

const losses = rows.map((row, i) => -(logProbabilities(row)[targets[i] as number] as number));
const sum = (numbers: readonly number[]) => numbers.reduce((a, b) => a + b, 0);
const input = () => floats(logits, [3, 4]);

/** The operations behind some nodes, each once. */
function opsOf(...roots: Tensor['node'][]): string[] {
  const seen = new Set(roots);
  for (const node of seen) for (const input of node.inputs) seen.add(input);
  return [...seen].map((node) => node.op);
}

async function close(got: Tensor, expected: readonly number[]): Promise<void> {
  const data = await dataOf(got);
  expect(data.length).toBe(expected.length);
  data.forEach((x, i) => {
    expect(x).toBeCloseTo(expected[i] as number, float32Digits);
  });
}

describe('crossEntropy', () => {
  test('is the mean, the sum, or each', async () => {
    await close(crossEntropy(input(), indices(targets)), [sum(losses) / 3]);
    await close(crossEntropy(input(), indices(targets), { reduction: 'sum' }), [sum(losses)]);
    await close(crossEntropy(input(), indices(targets), { reduction: 'none' }), losses);
  });

  test('has the gradient softmax - one-hot', async () => {
    const x = input().requiresGrad_();
    crossEntropy(x, indices(targets), { reduction: 'sum' }).backward();
    const expected = rows.flatMap((row, i) =>
      logProbabilities(row).map((p, c) => Math.exp(p) - (c === targets[i] ? 1 : 0)),
    );
    await close(x.grad as Tensor, expected);
  });

  test('leaves out ignored targets, and is NaN of nothing', async () => {
    await close(crossEntropy(input(), indices([2, -100, 3])), [((losses[0] as number) + (losses[2] as number)) / 2]);
    await close(crossEntropy(input(), indices([2, 1, 3]), { ignoreIndex: 1, reduction: 'none' }), [
      losses[0] as number,
      0,
      losses[2] as number,
    ]);
    expect(await dataOf(crossEntropy(input(), indices([-100, -100, -100])))).toEqual([Number.NaN]);
  });

  test('weighs classes, and divides by the weights', async () => {
    const weight = [1, 2, 3, 4];
    const weights = targets.map((target) => weight[target] as number);
    const weighted = losses.map((loss, i) => loss * (weights[i] as number));
    await close(crossEntropy(input(), indices(targets), { weight: floats(weight) }), [sum(weighted) / sum(weights)]);
  });

  test('smooths labels: the same as the smoothed probabilities', async () => {
    const smoothing = 0.2;
    const expected = rows.map((row, i) =>
      sum(logProbabilities(row).map((p, c) => -p * ((c === targets[i] ? 1 - smoothing : 0) + smoothing / 4))),
    );
    await close(crossEntropy(input(), indices(targets), { labelSmoothing: smoothing }), [sum(expected) / 3]);
    const oneHot = floats(
      targets.flatMap((target) => [0, 1, 2, 3].map((c) => (c === target ? 1 : 0))),
      [3, 4],
    );
    await close(crossEntropy(input(), oneHot, { labelSmoothing: smoothing }), [sum(expected) / 3]);
    await close(crossEntropy(input(), oneHot), [sum(losses) / 3]);
  });

  test('takes classes along dim 1, and a single sample', async () => {
    const flipped = floats(
      [0, 1, 2, 3].flatMap((c) => rows.map((row) => row[c] as number)),
      [1, 4, 3],
    );
    await close(crossEntropy(flipped, indices(targets, [1, 3]), { reduction: 'none' }), losses);
    await close(crossEntropy(floats(rows[0] as number[]), tensor(targets[0] as number)), [losses[0] as number]);
  });

  test('does not overflow', async () => {
    await close(crossEntropy(floats([1000, 0, -1000], [1, 3]), indices([1])), [1000]);
    await close(crossEntropy(floats([1000, 0, -1000], [1, 3]), indices([0])), [0]);
  });

  test('refuses a class outside at once where the host has it, and is NaN where only the device has it', async () => {
    expect(() => crossEntropy(input(), indices([0, 4, 1]))).toThrow('crossEntropy: expected indices in [0, 4), got 4');
    expect(() => crossEntropy(input(), indices([0, -1, 1]))).toThrow('got -1');
    const computed = indices([0, 3, 0]).add(1);
    expect(await dataOf(crossEntropy(input(), computed, { reduction: 'none' }))).toEqual([
      expect.any(Number),
      Number.NaN,
      expect.any(Number),
    ]);
  });

  test('refuses shapes and options that do not fit', () => {
    expect(() => crossEntropy(input(), indices([1, 2]))).toThrow(
      'expected targets of shape [3] for an input of [3, 4], got [2]',
    );
    expect(() => crossEntropy(input(), floats([1, 2, 3]))).toThrow('expected probabilities of shape [3, 4], got [3]');
    expect(() => crossEntropy(tensor(1.5), tensor(0))).toThrow('expected an input of [n, classes, ...]');
    expect(() => crossEntropy(input(), indices(targets), { labelSmoothing: 2 })).toThrow(
      'labelSmoothing in [0, 1], got 2',
    );
    expect(() => crossEntropy(input(), indices(targets), { weight: floats([1]) })).toThrow(
      'expected one for each of 4 classes, got [1]',
    );
  });

  test('and its gradient need no gather and no scatter', () => {
    const x = input().requiresGrad_();
    const loss = crossEntropy(x, indices(targets));
    loss.backward();
    const ops = opsOf(loss.node, (x.grad as Tensor).node);
    expect(ops).not.toContain('gather');
    expect(ops).not.toContain('scatterAdd');
    expect(ops.filter((op) => op.startsWith('reduce')).length).toBe(4);
  });
});

test('nllLoss is crossEntropy of logarithms', async () => {
  await close(nllLoss(logSoftmax(input(), 1), indices(targets)), [sum(losses) / 3]);
  await close(nllLoss(logSoftmax(input(), 1), indices(targets), { weight: floats([1, 1, 2, 1]), reduction: 'sum' }), [
    sum(losses) + (losses[0] as number),
  ]);
});

describe('losses of distances', () => {
  const distances = [-3, -0.5, 0, 0.25, 2];
  const a = () => floats(distances);
  const zero = () => floats([0, 0, 0, 0, 0]);
  const cases: readonly (readonly [string, () => Tensor, (d: number) => number])[] = [
    ['mseLoss', () => mseLoss(a(), zero(), { reduction: 'none' }), (d) => d * d],
    ['l1Loss', () => l1Loss(a(), zero(), { reduction: 'none' }), Math.abs],
    [
      'smoothL1Loss',
      () => smoothL1Loss(a(), zero(), { beta: 0.5, reduction: 'none' }),
      (d) => (Math.abs(d) < 0.5 ? d * d : Math.abs(d) - 0.25),
    ],
    ['smoothL1Loss with beta 0', () => smoothL1Loss(a(), zero(), { beta: 0, reduction: 'none' }), Math.abs],
    [
      'huberLoss',
      () => huberLoss(a(), zero(), { delta: 2, reduction: 'none' }),
      (d) => (Math.abs(d) < 2 ? (d * d) / 2 : 2 * (Math.abs(d) - 1)),
    ],
  ];
  test.each(cases)('%s', async (_, compute, expected) => {
    await close(compute(), distances.map(expected));
  });

  test('are averaged unless told otherwise', async () => {
    await close(mseLoss(a(), zero()), [sum(distances.map((d) => d * d)) / 5]);
    await close(l1Loss(a(), zero(), { reduction: 'sum' }), [5.75]);
  });

  test('refuse what makes no sense', () => {
    expect(() => huberLoss(a(), zero(), { delta: 0 })).toThrow('delta above 0');
    expect(() => smoothL1Loss(a(), zero(), { beta: -1 })).toThrow('beta of at least 0');
  });
});

test('klDiv', async () => {
  const target = [0.5, 0.5, 0, 1];
  const log = [-1, -2, -3, -0.5];
  const expected = target.map((t, i) => (t === 0 ? 0 : t * (Math.log(t) - (log[i] as number))));
  await close(klDiv(floats(log, [2, 2]), floats(target, [2, 2]), { reduction: 'none' }), expected);
  await close(klDiv(floats(log, [2, 2]), floats(target, [2, 2]), { reduction: 'batchmean' }), [sum(expected) / 2]);
  const logTarget = [-0.5, -0.7, -2, -1];
  const expectedLog = logTarget.map((t, i) => Math.exp(t) * (t - (log[i] as number)));
  await close(klDiv(floats(log), floats(logTarget), { logTarget: true, reduction: 'sum' }), [sum(expectedLog)]);
});

test('binaryCrossEntropyWithLogits is stable, and weighs positives', async () => {
  const x = [-200, -1, 0, 2, 200];
  const t = [0, 1, 0.5, 1, 1];
  const expected = x.map((v, i) => {
    const target = t[i] as number;
    return (
      (1 - target) * (Math.max(v, 0) + Math.log1p(Math.exp(-Math.abs(v)))) +
      3 * target * (Math.max(-v, 0) + Math.log1p(Math.exp(-Math.abs(v))))
    );
  });
  await close(
    binaryCrossEntropyWithLogits(floats(x), floats(t), { posWeight: floats([3]), reduction: 'none' }),
    expected,
  );
});

describe("losses of margins, by PyTorch's numbers", () => {
  test('multilabelMarginLoss, of rows that end at -1 or have no label', async () => {
    const x = floats(spreadNumbers(12), [3, 4]).requiresGrad_();
    const labels = indices([3, 0, -1, 1, 1, -1, 0, 2, -1, 0, 1, 2], [3, 4]);
    await close(multilabelMarginLoss(x, labels), [0.9039021]);
    await close(multilabelMarginLoss(x, labels, { reduction: 'none' }), [1.0558531, 1.6558532, 0]);
    await close(multilabelMarginLoss(x.select(0, 0), labels.select(0, 0)), [1.0558531]);
    multilabelMarginLoss(x, labels, { reduction: 'sum' }).backward();
    await close(x.grad as Tensor, [-0.5, 0.25, 0.5, -0.25, 0.25, -0.75, 0.25, 0.25, 0, 0, 0, 0]);
  });

  test('tripletMarginWithDistanceLoss', async () => {
    const triple = [1, 2, 3].map((seed) => floats(spreadNumbers(12, seed), [3, 4])) as [Tensor, Tensor, Tensor];
    const distanceFunction = (a: Tensor, b: Tensor): Tensor => a.sub(b).abs().sum(-1);
    await close(tripletMarginWithDistanceLoss(...triple, { distanceFunction, margin: 2, swap: true }), [4.8825555]);
    await close(tripletMarginWithDistanceLoss(...triple, { reduction: 'none' }), [2.7528346, 2.7528346, 1.2784433]);
  });
});

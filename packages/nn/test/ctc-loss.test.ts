/** The loss of labels without places, against PyTorch's numbers. */
import { logSoftmax, type Tensor } from '@torchlet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { CTCLoss, ctcLoss } from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, floats, indices, spreadNumbers } from './values.js';

beforeAll(openDevice);

const logits = (): Tensor => floats(spreadNumbers(72), [6, 3, 4]);
const targets = (): Tensor => indices([1, 2, 2, 3, 1, 0, 0, 0, 0], [3, 3]);
const lengths = [6, 5, 4];
const counts = [3, 2, 0];
const each = [7.2961164, 4.4770741, 7.0909109];

// biome-ignore format: a table
const gradientOfLogProbs = [0.00152, -0.77419, 0.4968, 0.27586, -0.22724, 0.08117, 0.4968, -0.35073, -0.85383, 0.08117, 0.4968, 0.27586, 0.00408, -0.13664, -0.1433, 0.27586, -0.05565, 0.03952, 0.4968, -0.48067, -0.85383, 0.08117, 0.4968, 0.27586, -0.05409, 0.07258, -0.29435, 0.27586, -0.09805, -0.08827, 0.4968, -0.31048, -0.85383, 0.08117, 0.4968, 0.27586, -0.54855, 0.14804, -0.10264, 0.50315, -0.05632, -0.25948, 0.0822, 0.2336, -0.73339, 0.14804, 0.0822, 0.50315, -0.25089, 0.14804, -0.4003, 0.50315, -0.10681, -0.47855, 0.0822, 0.50315, 0.0, 0.0, 0.0, 0.0, -0.15297, 0.14804, -0.49822, 0.50315, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
// biome-ignore format: a table
const gradientOfLogits = [0.00017, -0.08602, 0.0552, 0.03065, -0.03787, 0.01353, 0.0828, -0.05845, -0.28461, 0.02706, 0.1656, 0.09195, 0.00045, -0.01518, -0.01592, 0.03065, -0.00928, 0.00659, 0.0828, -0.08011, -0.28461, 0.02706, 0.1656, 0.09195, -0.00601, 0.00806, -0.03271, 0.03065, -0.01634, -0.01471, 0.0828, -0.05175, -0.28461, 0.02706, 0.1656, 0.09195, -0.06095, 0.01645, -0.0114, 0.05591, -0.00939, -0.04325, 0.0137, 0.03893, -0.24446, 0.04935, 0.0274, 0.16772, -0.02788, 0.01645, -0.04448, 0.05591, -0.0178, -0.07976, 0.0137, 0.08386, 0.0, 0.0, 0.0, 0.0, -0.017, 0.01645, -0.05536, 0.05591, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];

async function expectClose(x: Tensor | null, expected: readonly number[]): Promise<void> {
  const values = await dataOf(x);
  expect(values.length).toBe(expected.length);
  for (const [i, value] of values.entries()) expect(value).toBeCloseTo(expected[i] as number, 4);
}

describe('ctcLoss', () => {
  test('of targets of several lengths, an empty one among them, reduced or not', async () => {
    const logProbs = logSoftmax(logits(), 2);
    await expectClose(ctcLoss(logProbs, targets(), lengths, counts, { reduction: 'none' }), each);
    await expectClose(ctcLoss(logProbs, targets(), lengths, counts, { reduction: 'sum' }), [18.8641014]);
    await expectClose(new CTCLoss().forward(logProbs, targets(), indices(lengths), indices(counts)), [3.9204957]);
    await expectClose(
      ctcLoss(logProbs.select(1, 0), targets().select(0, 0), [6], [3], { reduction: 'none' }),
      each.slice(0, 1),
    );
  });

  test('has the gradient of logits, also for logProbs that are leaves', async () => {
    const scores = logits().requiresGrad_();
    ctcLoss(logSoftmax(scores, 2), targets(), lengths, counts).backward();
    await expectClose(scores.grad, gradientOfLogits);
    const logProbs = logSoftmax(logits(), 2).detach().requiresGrad_();
    ctcLoss(logProbs, targets(), lengths, counts, { reduction: 'sum' }).backward();
    await expectClose(logProbs.grad, gradientOfLogProbs);
  });

  test('is infinite where a target does not fit, or 0 without a gradient', async () => {
    const logProbs = logSoftmax(logits(), 2).detach().requiresGrad_();
    const short = [2, 5, 4];
    await expectClose(
      ctcLoss(logProbs, targets(), short, counts, { reduction: 'none' }).narrow(0, 1, 2),
      each.slice(1),
    );
    expect(await ctcLoss(logProbs, targets(), short, counts, { reduction: 'none' }).at(0).item()).toBe(Infinity);
    const loss = ctcLoss(logProbs, targets(), short, counts, { reduction: 'sum', zeroInfinity: true });
    loss.backward();
    expect(await loss.item()).toBeCloseTo(11.567985, 4);
    expect((await dataOf((logProbs.grad as Tensor).select(1, 0))).every((value) => value === 0)).toBe(true);
  });

  test('takes targets that lie end to end, and refuses those of other batches', async () => {
    const joined = indices([1, 2, 2, 3, 1]);
    await expectClose(ctcLoss(logSoftmax(logits(), 2), joined, lengths, counts, { reduction: 'none' }), each);
    expect(() => ctcLoss(logits(), indices([1, 2], [2, 1]), lengths, counts)).toThrow('targets [n, longest], got');
  });
});

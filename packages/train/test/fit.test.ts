/**
 * Training and evaluation on the CPU device, with models small enough to follow by hand.
 */
import { DataLoader, TensorDataset } from '@torchlet/data';
import { cpu } from '@torchlet/device-cpu';
import { Linear, Module, mseLoss } from '@torchlet/nn';
import { Adam, SGD } from '@torchlet/optim';
import { type Device, manualSeed, ones, setDefaultDevice, type Tensor, tensor } from '@torchlet/tensor';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { accuracy, type EpochRecord, evaluate, fit, type Loader, lossBatch, type Progress } from '../src/index.js';

let device: Device;

beforeAll(async () => {
  device = await cpu();
  setDefaultDevice(device);
});

afterAll(() => device.dispose());

/** y = w x + b, from zero. */
class Line extends Module {
  readonly linear = new Linear(1, 1);
  readonly modes: boolean[] = [];

  constructor() {
    super();
    this.loadStateDict({ 'linear.weight': tensor([[0]], { dtype: 'float32' }), 'linear.bias': ones([1]).mul(0) });
  }

  override forward(x: Tensor): Tensor {
    this.modes.push(this.training);
    return this.linear.forward(x);
  }

  async values(): Promise<[weight: number, bias: number]> {
    return [await this.linear.weight.item(), await (this.linear.bias as Tensor).item()];
  }
}

/** The points x = 0, 1, ..., n - 1 on y = 2 x + 1. */
function points(n: number, batchSize: number, shuffle = false): Loader {
  const x = tensor(
    Float32Array.from({ length: n }, (_, i) => i),
    { shape: [n, 1] },
  );
  const y = tensor(
    Float32Array.from({ length: n }, (_, i) => 2 * i + 1),
    { shape: [n, 1] },
  );
  return new DataLoader(new TensorDataset(x, y), { batchSize, shuffle });
}

const nothing: Loader = { length: 0, async *[Symbol.asyncIterator]() {} };

/** The largest error in a batch. */
const worst = (predictions: Tensor, targets: Tensor) => predictions.sub(targets).abs().amax();

describe('accuracy', () => {
  it('is the fraction of rows whose largest score is at the target', async () => {
    const scores = tensor([
      [0.1, 0.9],
      [0.8, 0.2],
      [0.3, 0.7],
      [0.6, 0.4],
    ]);
    const result = accuracy(scores, tensor([1, 0, 0, 0]));
    expect([result.shape, result.dtype, await result.item()]).toEqual([[], 'float32', 0.75]);
  });
});

describe('lossBatch', () => {
  it('gives the loss and the metric, and leaves the model alone without an optimizer', async () => {
    const model = new Line();
    const { loss, metric, length } = lossBatch(
      model,
      mseLoss,
      tensor([[1], [2]], { dtype: 'float32' }),
      tensor([[3], [5]], { dtype: 'float32' }),
      { metric: worst },
    );
    expect([await loss.item(), await metric?.item(), length]).toEqual([17, 5, 2]);
    expect(await model.values()).toEqual([0, 0]);
  });

  it('takes one step with an optimizer; the metric is of the predictions before it', async () => {
    const model = new Line();
    const optimizer = new SGD(model.parameters(), { lr: 0.5 });
    const { loss, metric } = lossBatch(
      model,
      mseLoss,
      tensor([[1]], { dtype: 'float32' }),
      tensor([[3]], { dtype: 'float32' }),
      { optimizer, metric: worst },
    );
    // d (0 - 3)^2 = -6 by the weight and by the bias.
    expect(await model.values()).toEqual([3, 3]);
    expect([await loss.item(), await metric?.item()]).toEqual([9, 3]);
    expect(model.linear.weight.grad).toBeNull();
  });
});

describe('evaluate', () => {
  it('weighs the means of batches by their lengths, whatever the batch size', async () => {
    const model = new Line();
    const squares = [1, 9, 25, 49, 81];
    const mean = squares.reduce((a, b) => a + b) / 5;
    for (const batchSize of [1, 2, 3, 5]) {
      const { loss, length } = await evaluate(model, mseLoss, points(5, batchSize));
      expect(loss).toBeCloseTo(mean, 4);
      expect(length).toBe(5);
    }
    const { metric } = await evaluate(model, mseLoss, points(5, 3), { metric: worst });
    expect(metric).toBeCloseTo((3 * 5 + 2 * 9) / 5, 5);
  });

  it('is done in evaluation mode and gives the mode back, also when it fails', async () => {
    const model = new Line();
    await evaluate(model, mseLoss, points(2, 1));
    expect(model.modes).toEqual([false, false]);
    expect(model.training).toBe(true);
    model.eval();
    await evaluate(model, mseLoss, points(1, 1));
    expect(model.training).toBe(false);
    model.train();
    const broken = () => {
      throw new Error('no loss');
    };
    await expect(evaluate(model, broken, points(1, 1))).rejects.toThrow('no loss');
    expect(model.training).toBe(true);
  });

  it('leaves no gradients, and refuses a loader without batches', async () => {
    const model = new Line();
    await evaluate(model, mseLoss, points(2, 1));
    expect(model.linear.weight.grad).toBeNull();
    await expect(evaluate(model, mseLoss, nothing)).rejects.toThrow(/at least one batch, got none/);
  });
});

describe('fit', () => {
  it('learns, and tells the history', async () => {
    const model = new Line();
    const seen: EpochRecord[] = [];
    const history = await fit(60, 0.1, model, mseLoss, points(4, 2), points(4, 3), {
      metric: worst,
      onEpoch: (record) => void seen.push(record),
    });
    const [weight, bias] = await model.values();
    expect(weight).toBeCloseTo(2, 2);
    expect(bias).toBeCloseTo(1, 2);
    expect(history).toHaveLength(60);
    expect(seen).toEqual(history);
    expect(history.map(({ epoch }) => epoch).slice(0, 3)).toEqual([1, 2, 3]);
    const [first, last] = [history[0], history.at(-1)] as [EpochRecord, EpochRecord];
    expect(first.lr).toBe(0.1);
    expect(last.trainLoss).toBeLessThan(first.trainLoss / 1000);
    expect(last.validationLoss).toBeLessThan(1e-3);
    expect(last.validationMetric).toBeLessThan(0.05);
    expect(last.stepsPerSecond).toBeGreaterThan(0);
    expect(last.seconds).toBeGreaterThan(0);
  });

  it('gives the mean training loss over samples, with the weights each batch found', async () => {
    const model = new Line();
    // Batches [0, 1] and [2]; losses (1 + 9) / 2 = 5 and, after the step of lr 0.1 down [-3, -4], (5 - 2 * 0.3 - 0.4)^2 = 16.
    const [record] = await fit(1, 0.1, model, mseLoss, points(3, 2), points(1, 1));
    expect(record?.trainLoss).toBeCloseTo((2 * 5 + 16) / 3, 5);
  });

  it('trains in training mode and validates in evaluation mode', async () => {
    const model = new Line().eval();
    await fit(2, 0.1, model, mseLoss, points(2, 1), points(1, 1));
    expect(model.modes).toEqual([true, true, false, true, true, false]);
  });

  it('takes an optimizer class, a function, or an optimizer, which keeps its state', async () => {
    const trained = async (optimizer: Parameters<typeof fit>[6]) => {
      const model = new Line();
      await fit(2, 0.1, model, mseLoss, points(3, 1), points(1, 1), optimizer);
      return model.values();
    };
    const plain = await trained({});
    expect(await trained({ optimizer: SGD })).toEqual(plain);
    expect(await trained({ optimizer: Adam })).not.toEqual(plain);
    const momentum = await trained({ optimizer: (params, { lr }) => new SGD(params, { lr, momentum: 0.9 }) });
    expect(momentum).not.toEqual(plain);

    const model = new Line();
    const optimizer = new SGD(model.parameters(), { lr: 123, momentum: 0.9 });
    await fit(1, 0.1, model, mseLoss, points(3, 1), points(1, 1), { optimizer });
    await fit(1, 0.1, model, mseLoss, points(3, 1), points(1, 1), { optimizer });
    expect(optimizer.paramGroups[0]?.lr).toBe(0.1);
    expect(await model.values()).toEqual(momentum);
  });

  it('gives the same for the same seed', async () => {
    const run = async (seed: number) => {
      manualSeed(seed);
      const model = new Line();
      const history = await fit(2, 0.02, model, mseLoss, points(10, 3, true), points(4, 2));
      return [await model.values(), history.map(({ trainLoss, validationLoss }) => [trainLoss, validationLoss])];
    };
    const first = await run(1);
    expect(await run(1)).toEqual(first);
    expect(await run(2)).not.toEqual(first);
  });

  it('tells each batch and each step of the progress', async () => {
    const batches: [epoch: number, step: number, length: number][] = [];
    const told: string[] = [];
    const progress: Progress = {
      start: ({ epoch, epochs, steps }) => told.push(`start ${epoch}/${epochs} of ${steps}`),
      step: ({ step }) => told.push(`step ${step}`),
      stop: () => told.push('stop'),
    };
    await fit(2, 0.1, new Line(), mseLoss, points(3, 2), points(1, 1), {
      progress,
      onBatch: ({ epoch, step, length }) => void batches.push([epoch, step, length]),
    });
    expect(batches).toEqual([
      [1, 1, 2],
      [1, 2, 1],
      [2, 1, 2],
      [2, 2, 1],
    ]);
    const epoch = ['step 1', 'step 2', 'stop'];
    expect(told).toEqual(['start 1/2 of 2', ...epoch, 'start 2/2 of 2', ...epoch]);
  });

  it('stops after the batch in which it is told to, with the epochs that were completed', async () => {
    const signal = { aborted: false };
    const model = new Line();
    let stopped = 0;
    const progress: Progress = { start: () => {}, step: () => {}, stop: () => void stopped++ };
    let batches = 0;
    const history = await fit(5, 0.1, model, mseLoss, points(3, 1), points(1, 1), {
      signal,
      progress,
      onBatch: () => {
        batches += 1;
        signal.aborted = batches === 5;
      },
    });
    expect([batches, history.length, stopped]).toEqual([5, 1, 2]);
    expect(await fit(5, 0.1, model, mseLoss, points(3, 1), points(1, 1), { signal })).toEqual([]);
  });

  it('trains nothing in 0 epochs, and refuses broken numbers and empty loaders', async () => {
    const model = new Line();
    expect(await fit(0, 0.1, model, mseLoss, points(3, 1), points(1, 1))).toEqual([]);
    expect(await model.values()).toEqual([0, 0]);
    await expect(fit(1.5, 0.1, model, mseLoss, points(3, 1), points(1, 1))).rejects.toThrow(
      /whole number of epochs, got 1.5/,
    );
    await expect(fit(1, 0.1, model, mseLoss, nothing, points(1, 1))).rejects.toThrow(/at least one batch, got none/);
  });
});

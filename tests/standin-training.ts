/**
 * A small training loop on CUDA's driver stand-in, and whether it is flat as the driver sees it. Owns the loop; how many steps it takes, and which calls they
 * make, the tests say.
 */
import type { CudaDevice } from '@torchlet/device-cuda';
import { crossEntropy, Linear, ReLU, Sequential } from '@torchlet/nn';
import { AdamW, type Optimizer, SGD } from '@torchlet/optim';
import { manualSeed, setDefaultDevice, type Tensor, tensor } from '@torchlet/tensor';
import { expect } from 'vitest';
import { type Counts, watchStandin } from '../packages/device-cuda/standin/watch.js';

const rows = 8;
const inputs = 12;
const classes = 4;

export class Training {
  readonly #model = new Sequential(new Linear(inputs, 16), new ReLU(), new Linear(16, classes));
  readonly #optimizer: Optimizer;
  #steps = 0;

  constructor(optimizer: Optimizers) {
    this.#optimizer = optimizer(this.#model.parameters());
  }

  step(): Tensor {
    const at = this.#steps++;
    const labels = BigInt64Array.from({ length: rows }, (_, row) => BigInt((row * 7 + at) % classes));
    const pixels = Float32Array.from({ length: rows * inputs }, (_, i) => {
      const isOn = BigInt((i % inputs) % classes) === labels[Math.floor(i / inputs)];
      return (isOn ? 1 : 0) + Math.sin(at * 31 + i * 7) / 2;
    });
    const logits = this.#model.forward(tensor(pixels, { shape: [rows, inputs] }));
    const loss = crossEntropy(logits, tensor(labels, { shape: [rows] }));
    loss.backward();
    this.#optimizer.step();
    this.#optimizer.zeroGrad();
    return loss;
  }
}

export type Optimizers = (parameters: ReturnType<Sequential['parameters']>) => Optimizer;

export const optimizers: Readonly<Record<string, Optimizers>> = {
  SGD: (parameters) => new SGD(parameters, { lr: 0.1, momentum: 0.9 }),
  AdamW: (parameters) => new AdamW(parameters, { lr: 0.01 }),
};

/** The first page of losses is full after 256 steps, and is read while they go on. */
const warmSteps = 300;

/**
 * Events and pinned blocks are kept for the most that were under way at once: a run, the read of its loss, that of a full page, and a mark. Whether these meet is
 * not the same each time.
 */
const mostAtOnce = 4;

/** What the device and the driver hold. */
async function held(device: CudaDevice): Promise<Counts> {
  await device.synchronize();
  device.collectGarbage?.();
  await new Promise((wake) => setImmediate(wake));
  const { allocated, buffers, reserved } = device.memory();
  return { allocated, buffers, reserved, ...(await watchStandin()).alive() };
}

/** Trains for `steps` steps after the first few hundred: what is held stays the same, and the loss falls. */
export async function expectFlat(device: CudaDevice, optimizer: Optimizers, steps: number): Promise<void> {
  setDefaultDevice(device);
  manualSeed(7);
  const training = new Training(optimizer);
  const first = Number(await training.step().item());
  for (let i = 1; i < warmSteps; i++) await training.step().item();
  const { events: _, host: __, ...warm } = await held(device);
  let last = Number.NaN;
  for (let i = 0; i < steps; i++) last = Number(await training.step().item());
  const { events = 0, host = 0, ...rest } = await held(device);
  expect(rest).toEqual(warm);
  expect(Math.max(events, host)).toBeLessThanOrEqual(mostAtOnce);
  expect(last).toBeLessThan(first / 2);
}

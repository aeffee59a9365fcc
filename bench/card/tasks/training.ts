/**
 * The tutorial's training on a device beside the CPU's, and a training that must stay flat. Owns what is compared; the training is `examples/mnist/train.ts`, the
 * very file that the tutorial runs.
 */
import type { Device } from '@torchlet/device';
import { setDefaultDevice } from '@torchlet/tensor';
import { type Settings, train } from '../../../examples/mnist/train.js';
import { openDevice } from '../../../scripts/devices.js';
import { Digits } from '../../children/shared-inputs.js';
import { SoakTraining, TRAIN_IMAGES } from '../../soak-training.js';
import type { Scale } from '../cases.js';
import { digits, trainingImages } from '../digits.js';
import type { Emit } from '../lines.js';

export interface TrainingSettings {
  readonly device: string;
  readonly scale: Scale;
}

const sizes = {
  full: { images: 60_000, epochs: [5, 5], compared: 100, warm: 1000, steps: 10_000 },
  tiny: { images: 500, epochs: [1, 0], compared: 4, warm: 8, steps: 16 },
} as const;

/** How far a loss may be from the CPU's, relative; and the accuracy at the end. */
const LOSS_TOLERANCE = 1e-3;
const ACCURACY_TOLERANCE = 0.005;
/** What the tutorial reaches with all of MNIST. */
const TUTORIAL_ACCURACY = 0.96;

interface Trained {
  readonly weights: ReadonlyMap<string, ArrayLike<number | bigint>>;
  readonly losses: readonly number[];
  readonly accuracy: number;
  readonly stepsPerSecond: number;
}

export async function mnist({ device: name, scale }: TrainingSettings, emit: Emit): Promise<void> {
  const { dataset, name: images } = await trainingImages(sizes[scale].images);
  const trained = new Map<string, Trained>();
  for (const on of [name, 'cpu']) {
    const device = await openDevice(on);
    setDefaultDevice(device);
    trained.set(on, await trainedOn(device, dataset, scale));
    device.dispose();
  }
  const [here, cpu] = [trained.get(name), trained.get('cpu')];
  if (here === undefined || cpu === undefined) throw new Error('a training gave nothing');
  const unequal = [...cpu.weights].filter(([key, values]) => !sameBits(values, here.weights.get(key)));
  emit({
    kind: 'check',
    name: "initial weights are the CPU's to the bit",
    ok: unequal.length === 0 && cpu.weights.size > 0,
    detail: unequal.length === 0 ? `${cpu.weights.size} parameters` : unequal.map(([key]) => key).join(', '),
  });
  const errors = cpu.losses.map((loss, i) => Math.abs((here.losses[i] ?? Number.NaN) / loss - 1));
  const worst = Math.max(...errors);
  emit({
    kind: 'check',
    name: `losses of ${errors.length} steps are within ${LOSS_TOLERANCE} of the CPU's`,
    ok: worst <= LOSS_TOLERANCE && errors.length === sizes[scale].compared,
    detail: `largest difference ${worst.toExponential(2)}`,
  });
  const percent = (value: number): string => `${(100 * value).toFixed(2)} %`;
  const enough = scale === 'tiny' || process.env['TORCHLET_DATA'] === undefined || here.accuracy >= TUTORIAL_ACCURACY;
  emit({
    kind: 'check',
    name: `accuracy on ${images} is within half a point of the CPU's`,
    // The few digits of a rehearsal are a point each.
    ok: enough && (scale === 'tiny' || Math.abs(here.accuracy - cpu.accuracy) <= ACCURACY_TOLERANCE),
    detail: `${percent(here.accuracy)}, the CPU ${percent(cpu.accuracy)}`,
  });
  emit({ kind: 'figure', name: `training on ${images}`, value: here.stepsPerSecond, unit: 'steps/s' });
  emit({ kind: 'figure', name: `training on ${images}, the CPU`, value: cpu.stepsPerSecond, unit: 'steps/s' });
}

async function trainedOn(device: Device, dataset: Parameters<typeof train>[0], scale: Scale): Promise<Trained> {
  const weights = new Map<string, ArrayLike<number | bigint>>();
  const losses: number[] = [];
  const settings: Settings = { seed: 0, hidden: [32], batchSize: 100, epochs: sizes[scale].epochs, lr: [0.5, 0.1] };
  const { history } = await train(dataset, device, settings, {
    print: () => undefined,
    onStart: async ({ model }) => {
      for (const [name, parameter] of model.namedParameters()) weights.set(name, await parameter.data());
    },
    onBatch: async ({ loss }) => {
      if (losses.length < sizes[scale].compared) losses.push(await loss.item());
    },
  });
  const last = history.at(-1);
  return { weights, losses, accuracy: last?.validationMetric ?? Number.NaN, stepsPerSecond: last?.stepsPerSecond ?? 0 };
}

function sameBits(a: ArrayLike<number | bigint>, b: ArrayLike<number | bigint> | undefined): boolean {
  return b?.length === a.length && Array.from(a).every((value, i) => Object.is(value, b[i]));
}

const freeByDriver = 'bytes free by the driver';

/** Trains for thousands of steps: bytes and buffers of the device, and what the driver says is free, must be after the last what they were after the warm ones. */
export async function flat({ device: name, scale }: TrainingSettings, emit: Emit): Promise<void> {
  const device = await openDevice(name);
  const { warm, steps } = sizes[scale];
  const { images, labels } = await digits();
  const order = Int32Array.from({ length: 9 * TRAIN_IMAGES }, (_, i) => (i * 7919) % TRAIN_IMAGES);
  const training = new SoakTraining(
    device,
    new Digits({ images: Float32Array.from(images, (byte) => byte / 255), labels, order }, TRAIN_IMAGES),
  );
  const at = async (step: number): Promise<Record<string, number>> => {
    const { loss } = await training.upTo(step, 'every step');
    if (!Number.isFinite(loss)) throw new Error(`the loss of step ${step} is ${loss}`);
    await device.synchronize();
    const { allocated, buffers } = device.memory();
    const { info } = device as Device & { info?(): { readonly freeBytes: number } };
    return {
      bytes: allocated,
      buffers,
      ...(info === undefined ? {} : { [freeByDriver]: info.call(device).freeBytes }),
    };
  };
  const before = await at(warm);
  const start = performance.now();
  const after = await at(steps);
  emit({
    kind: 'figure',
    name: 'steps with their loss read',
    value: ((steps - warm) / (performance.now() - start)) * 1000,
    unit: 'steps/s',
  });
  for (const [what, value] of Object.entries(before)) {
    const now = after[what] ?? Number.NaN;
    emit({
      kind: 'check',
      name: `flat from step ${warm} to step ${steps}: ${what}`,
      // Somebody else may give memory back meanwhile.
      ok: what === freeByDriver ? now >= value : now === value,
      detail: `${value}, then ${after[what]}`,
    });
  }
  device.dispose();
}

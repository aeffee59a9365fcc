/**
 * "Training deep neural networks on a GPU", step by step: a small network learns to read digits. Owns the model and the training, and
 * knows no platform: `node.ts` beside it chooses the data, the device and where the output goes.
 */

import {
  DataLoader,
  DeviceDataLoader,
  type ImageDataset,
  SubsetRandomSampler,
  splitIndices,
  toDevice,
} from '@torchlet/data';
import type { Device } from '@torchlet/device';
import { crossEntropy, Linear, Module, relu } from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import { manualSeed, slice, type Tensor } from '@torchlet/tensor';
import {
  accuracy,
  type BatchRecord,
  type EpochRecord,
  type EvaluationResult,
  evaluate,
  fit,
  type Loader,
  type Progress,
} from '@torchlet/train';
import { drawDigits } from './digits.js';

/** One hidden layer, or two: 784 pixels to `hidden` to ten scores, with relu between. */
export class MnistModel extends Module {
  readonly linear1: Linear;
  readonly linear2: Linear;
  readonly linear3?: Linear;

  constructor([first, second]: HiddenSizes) {
    super();
    this.linear1 = new Linear(784, first);
    this.linear2 = new Linear(first, second ?? 10);
    if (second !== undefined) {
      this.linear3 = new Linear(second, 10);
    }
  }

  override forward(images: Tensor): Tensor {
    let output = this.linear1.forward(images.flatten(1));
    output = this.linear2.forward(relu(output));
    return this.linear3?.forward(relu(output)) ?? output;
  }
}

export type HiddenSizes = readonly [number, number?];

/** What the tutorial leaves open. */
export interface Settings {
  readonly seed: number;
  readonly hidden: HiddenSizes;
  readonly batchSize: number;
  /** Of the first and the second run. */
  readonly epochs: readonly [number, number];
  readonly lr: readonly [number, number];
}

/** Where the tutorial's output goes, who watches, and who may end it early. Training waits for the promises that watchers give. */
export interface Surroundings {
  print(line: string): void;
  readonly progress?: Progress;
  /** The model is on its device and has been measured; its training begins. */
  onStart?(run: Run): void | Promise<void>;
  onBatch?(batch: BatchRecord): void | Promise<void>;
  onEpoch?(record: EpochRecord): void | Promise<void>;
  readonly signal?: { readonly aborted: boolean };
}

/** What is trained, and how good it was by chance. */
export interface Run {
  readonly model: MnistModel;
  readonly device: Device;
  readonly trainLoader: Loader;
  readonly validLoader: Loader;
  readonly trainImages: number;
  readonly validationImages: number;
  /** Which images of the data set are held back. */
  readonly validIndices: readonly number[];
  readonly initial: EvaluationResult;
}

export interface Outcome extends Run {
  readonly history: readonly EpochRecord[];
}

export async function train(
  digits: ImageDataset,
  device: Device,
  { seed, hidden, batchSize, epochs, lr }: Settings,
  { print, onStart, ...watch }: Surroundings,
): Promise<Outcome> {
  manualSeed(seed);

  // 1. The data: look at some digits, hold a random fifth back for validation, and load both in batches.
  print(`${digits.length} images of shape ${shapeOf(digits.get(0)[0])}, some of them:`);
  print(await drawDigits(digits, 5));
  const [trainIndices, validIndices] = splitIndices(digits.length, 0.2);
  const trainSampler = new SubsetRandomSampler(trainIndices);
  const validSampler = new SubsetRandomSampler(validIndices);
  let trainLoader: Loader = new DataLoader(digits, { batchSize, sampler: trainSampler });
  let validLoader: Loader = new DataLoader(digits, { batchSize, sampler: validSampler });
  print(`${trainIndices.length} images to train with, ${validIndices.length} to validate with`);

  // 2. The model: its parameters, and what it says of the first images before it has learned anything.
  const model = new MnistModel(hidden);
  for (const [name, parameter] of model.namedParameters()) {
    print(`${name.padEnd(14)} ${shapeOf(parameter)}`);
  }

  // 3. The device: the model moves there, and each batch as it comes.
  toDevice(model, device);
  trainLoader = new DeviceDataLoader(trainLoader, device);
  validLoader = new DeviceDataLoader(validLoader, device);
  for await (const [images] of trainLoader) {
    print(`a batch of shape ${shapeOf(images)} on ${images.device?.name}`);
    const scores = model.forward(images);
    print(`its scores, of shape ${shapeOf(scores)}, begin with`);
    print(await scores.at(slice(0, 2)).toString());
    break;
  }

  // 4. How good is it by chance?
  const metric = accuracy;
  const initial = await evaluate(model, crossEntropy, validLoader, { metric });
  print(`before training: validation loss ${initial.loss.toFixed(4)}, accuracy ${percent(initial.metric)}`);
  const counts = { trainImages: trainIndices.length, validationImages: validIndices.length };
  const run: Run = { model, device, trainLoader, validLoader, ...counts, validIndices, initial };
  await onStart?.(run);

  // 5. Training: first with large steps, then with small ones.
  const history: EpochRecord[] = [];
  const onEpoch = async (record: EpochRecord) => {
    history.push(record);
    const { validationLoss, validationMetric } = record;
    print(
      `epoch ${history.length}: validation loss ${validationLoss.toFixed(4)}, accuracy ${percent(validationMetric)}`,
    );
    await watch.onEpoch?.(record);
  };
  const options = { ...watch, metric, optimizer: SGD, onEpoch };
  await fit(epochs[0], lr[0], model, crossEntropy, trainLoader, validLoader, options);
  await fit(epochs[1], lr[1], model, crossEntropy, trainLoader, validLoader, options);

  // 6. The plot and the weights are kept where the platform keeps things.
  return { ...run, history };
}

export function percent(fraction = Number.NaN): string {
  return `${(100 * fraction).toFixed(2)} %`;
}

function shapeOf({ shape }: Tensor): string {
  return `[${shape.join(', ')}]`;
}

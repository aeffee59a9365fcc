/**
 * Training over epochs, with validation after each. Owns `fit`; a batch is `evaluate.ts`'s, what is shown meanwhile is a `Progress`'s.
 */

import type { TensorModule } from '@torchlet/nn';
import { Optimizer, SGD } from '@torchlet/optim';
import type { Tensor } from '@torchlet/tensor';
import { evaluate, type Loader, type LossFn, lossBatch, type Metric, weightedMean } from './evaluate.js';
import type { EpochRecord, History } from './history.js';
import type { Progress } from './progress.js';

/** Makes an optimizer for a model's parameters; a class such as `SGD` or `Adam` is given as it is. */
export type OptimizerFactory =
  | (new (
      params: Tensor[],
      options: { lr: number },
    ) => Optimizer)
  | ((params: Tensor[], options: { lr: number }) => Optimizer);

/** One batch was trained with. */
export interface BatchRecord {
  readonly epoch: number;
  /** From 1. */
  readonly step: number;
  readonly loss: Tensor;
  /** Samples in the batch. */
  readonly length: number;
}

export interface FitOptions {
  /** Measured on the validation data after each epoch. */
  readonly metric?: Metric;
  /** `SGD` unless told. An optimizer that exists gets `lr` in all its groups and keeps its state. */
  readonly optimizer?: Optimizer | OptimizerFactory;
  /** After each epoch; a promise is awaited. */
  readonly onEpoch?: (record: EpochRecord) => void | Promise<void>;
  /** After each batch; a promise is awaited. */
  readonly onBatch?: (batch: BatchRecord) => void | Promise<void>;
  readonly progress?: Progress;
  /** Once aborted, the batch under way is finished and no other begun; the history has the epochs that were completed. */
  readonly signal?: { readonly aborted: boolean };
}

declare const performance: { now(): number };

/** How often the loss is read for the progress display: reading waits for the device. */
const millisecondsBetweenReads = 250;

/**
 * Trains a model: for each epoch, every batch of `trainLoader` in training mode, then the means over `validLoader`.
 *
 * @param epochs how many; 0 trains nothing.
 * @param lr the learning rate of every step.
 * @param lossFn from predictions and targets to the batch's mean loss.
 * @returns a record of each completed epoch.
 * @throws RangeError if `epochs` is not a whole number of at least 0, or a loader gives no batch.
 * @example
 * const history = await fit(5, 0.5, model, crossEntropy, trainLoader, validLoader, { metric: accuracy, optimizer: SGD });
 */
export async function fit(
  epochs: number,
  lr: number,
  model: TensorModule,
  lossFn: LossFn,
  trainLoader: Loader,
  validLoader: Loader,
  options: FitOptions = {},
): Promise<History> {
  if (!Number.isInteger(epochs) || epochs < 0) {
    throw new RangeError(`fit: expected a whole number of epochs, got ${epochs}`);
  }
  const { metric, onEpoch, signal } = options;
  const optimizer = optimizerFor(model, lr, options.optimizer ?? SGD);
  const history: EpochRecord[] = [];
  for (let epoch = 1; epoch <= epochs && !signal?.aborted; epoch++) {
    const start = performance.now();
    const trained = await trainEpoch({ epoch, epochs }, model, lossFn, optimizer, trainLoader, options);
    if (trained === undefined) {
      break;
    }
    const validation = await evaluate(model, lossFn, validLoader, metric && { metric });
    const record: EpochRecord = {
      epoch,
      lr,
      seconds: (performance.now() - start) / 1000,
      stepsPerSecond: trained.stepsPerSecond,
      trainLoss: trained.loss,
      validationLoss: validation.loss,
      ...(validation.metric !== undefined && { validationMetric: validation.metric }),
    };
    history.push(record);
    await onEpoch?.(record);
  }
  return history;
}

/** One pass over the training data; undefined if it was aborted before its end. */
async function trainEpoch(
  { epoch, epochs }: { readonly epoch: number; readonly epochs: number },
  model: TensorModule,
  lossFn: LossFn,
  optimizer: Optimizer,
  loader: Loader,
  { onBatch, progress, signal }: FitOptions,
): Promise<{ readonly loss: number; readonly stepsPerSecond: number } | undefined> {
  const losses: [loss: Tensor, length: number][] = [];
  const start = performance.now();
  const rate = () => (losses.length / (performance.now() - start)) * 1000;
  let shown: number | undefined;
  let shownAt = start;
  model.train();
  progress?.start({ epoch, epochs, steps: loader.length });
  try {
    for await (const [inputs, targets] of loader) {
      const { loss, length } = lossBatch(model, lossFn, inputs, targets, { optimizer });
      losses.push([loss, length]);
      await onBatch?.({ epoch, step: losses.length, loss, length });
      if (progress !== undefined) {
        if (performance.now() - shownAt >= millisecondsBetweenReads) {
          shown = Number(await loss.item());
          shownAt = performance.now();
        }
        progress.step({ step: losses.length, stepsPerSecond: rate(), loss: shown });
      }
      if (signal?.aborted) {
        return undefined;
      }
    }
    if (losses.length === 0) {
      throw new RangeError('fit: expected a training loader with at least one batch, got none');
    }
    const loss = await weightedMean(losses);
    return { loss, stepsPerSecond: rate() };
  } finally {
    progress?.stop();
  }
}

function optimizerFor(model: TensorModule, lr: number, given: Optimizer | OptimizerFactory): Optimizer {
  if (given instanceof Optimizer) {
    for (const group of given.paramGroups) {
      group.lr = lr;
    }
    return given;
  }
  const params = [...model.parameters()];
  return isClass(given) ? new given(params, { lr }) : given(params, { lr });
}

function isClass(given: OptimizerFactory): given is new (params: Tensor[], options: { lr: number }) => Optimizer {
  return given.prototype instanceof Optimizer;
}

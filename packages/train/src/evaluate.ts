/**
 * One batch through a model, and a whole loader through it for its means. Owns `lossBatch`, `evaluate` and the metric `accuracy`; training
 * over epochs is `fit.ts`. Values stay on the device until the end: reading one waits for everything before it.
 */

import type { Batches } from '@torchlet/data';
import type { TensorModule } from '@torchlet/nn';
import type { Optimizer } from '@torchlet/optim';
import { noGrad, stack, type Tensor } from '@torchlet/tensor';

/** The mean loss over a batch, a tensor with one element. */
export type LossFn = (predictions: Tensor, targets: Tensor) => Tensor;

/** The mean of something over a batch, a tensor with one element, such as `accuracy`. */
export type Metric = (predictions: Tensor, targets: Tensor) => Tensor;

export type Loader = Batches<readonly [inputs: Tensor, targets: Tensor]>;

export interface BatchResult {
  readonly loss: Tensor;
  /** Samples in the batch. */
  readonly length: number;
  /** Present where a metric was given. */
  readonly metric?: Tensor;
}

export interface EvaluationResult {
  /** Means over all samples: the batches' means weighted by their lengths. */
  readonly loss: number;
  readonly metric?: number;
  /** Samples seen. */
  readonly length: number;
}

/**
 * The loss of one batch; with an optimizer, also one step down its gradient. Nothing is read.
 *
 * @param options.optimizer takes a step after the gradients are recorded, and forgets them.
 * @param options.metric also of the predictions, which are those from before the step.
 * @example
 * const { loss, length } = lossBatch(model, crossEntropy, images, labels, { optimizer });
 */
export function lossBatch(
  model: TensorModule,
  lossFn: LossFn,
  inputs: Tensor,
  targets: Tensor,
  { optimizer, metric }: { readonly optimizer?: Optimizer; readonly metric?: Metric } = {},
): BatchResult {
  const predictions = model.forward(inputs);
  const loss = lossFn(predictions, targets);
  if (optimizer !== undefined) {
    loss.backward();
    optimizer.step();
    optimizer.zeroGrad();
  }
  const length = inputs.shape[0] ?? 1;
  return metric === undefined ? { loss, length } : { loss, length, metric: metric(predictions, targets) };
}

/**
 * The mean loss (and metric) of a model over a loader, without gradients and in evaluation mode; the mode it was in comes back.
 *
 * @throws RangeError if the loader gives no batch.
 * @example
 * const { loss, metric } = await evaluate(model, crossEntropy, validLoader, { metric: accuracy });
 */
export async function evaluate(
  model: TensorModule,
  lossFn: LossFn,
  loader: Loader,
  options: { readonly metric?: Metric } = {},
): Promise<EvaluationResult> {
  const wasTraining = model.training;
  const results: BatchResult[] = [];
  model.eval();
  try {
    for await (const [inputs, targets] of loader) {
      results.push(noGrad(() => lossBatch(model, lossFn, inputs, targets, options)));
    }
  } finally {
    model.train(wasTraining);
  }
  if (results.length === 0) {
    throw new RangeError('evaluate: expected a loader with at least one batch, got none');
  }
  const length = results.reduce((sum, result) => sum + result.length, 0);
  const loss = await weightedMean(results.map((result) => [result.loss, result.length]));
  const metrics = results.flatMap((result) =>
    result.metric === undefined ? [] : [[result.metric, result.length] as const],
  );
  return metrics.length === 0 ? { loss, length } : { loss, length, metric: await weightedMean(metrics) };
}

/** The mean of values of one element, each with its weight; read from the device all at once. */
export async function weightedMean(values: readonly (readonly [value: Tensor, weight: number])[]): Promise<number> {
  const read = await noGrad(() => stack(values.map(([value]) => value))).data();
  let sum = 0;
  let weights = 0;
  for (const [index, [, weight]] of values.entries()) {
    sum += Number(read[index]) * weight;
    weights += weight;
  }
  return sum / weights;
}

/**
 * The fraction of rows whose largest prediction is at the target.
 *
 * @param predictions `[n, classes]`: logits, probabilities or any scores.
 * @param targets int64 `[n]`.
 * @returns float32 `[]`, 0 to 1.
 * @example
 * await accuracy(model.forward(images), labels).item();
 */
export function accuracy(predictions: Tensor, targets: Tensor): Tensor {
  return predictions.argmax(1).eq(targets).float().mean();
}

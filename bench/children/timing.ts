/** How a JavaScript peer is timed: whole epochs for training, repeated calls for everything else. */
import type { ConvnetSteps, Training } from '../workloads.js';
import type { Batch, Digits, Rows } from './shared-inputs.js';

const WARM_CALLS = 3;
const WARM_LIMIT_MS = 5000;
const FEWEST_CALLS = 5;
const MOST_CALLS = 200;

/** Milliseconds of each call of `run`, after a few that warm up, for as long as the budget lasts. */
export async function timeCalls(run: () => unknown, budgetMs: number): Promise<number[]> {
  const warmStart = performance.now();
  for (let call = 0; call < WARM_CALLS && performance.now() - warmStart < WARM_LIMIT_MS; call++) await run();
  const samples: number[] = [];
  const start = performance.now();
  while (samples.length < FEWEST_CALLS || (samples.length < MOST_CALLS && performance.now() - start < budgetMs)) {
    const before = performance.now();
    await run();
    samples.push(performance.now() - before);
  }
  return samples;
}

export interface Trainer {
  step(batch: Batch): void;
  /** For a peer that gathers the batch itself, from a tensor of all images: called instead of `step`. */
  stepRows?(batch: Rows, images: Float32Array): void;
  /** Loss of the last step, once everything before it has been computed. */
  lastLoss(): Promise<number>;
  /** Loss of the last step, as its users read it while they train. */
  readLoss(): Promise<number>;
  accuracy(heldOut: Batch): Promise<number>;
}

/** How long a peer trains before the measured training begins, so that the engine's compilers have done their work. */
const WARM_TRAINING_MS = 2000;

/**
 * Trains for all epochs of the work, from the shared initial weights, and times those after the warm ones; gathering the
 * batches is part of the time. Before that, another trainer of the same kind warms the engine up.
 */
export async function timeEpochs(
  digits: Digits,
  work: Training,
  makeTrainer: () => Trainer,
): Promise<{ samples: number[]; loss: number; accuracy: number }> {
  const steps = work.trainImages / work.batch;
  const runEpoch = (trainer: Trainer, epoch: number): Promise<number> => {
    for (let index = 0; index < steps; index++) {
      if (trainer.stepRows === undefined) trainer.step(digits.batch(epoch, index, work.batch));
      else trainer.stepRows(digits.rows(epoch, index, work.batch), digits.trainImages);
    }
    return trainer.lastLoss();
  };
  const warmStart = performance.now();
  const warming = makeTrainer();
  for (let epoch = 0; performance.now() - warmStart < WARM_TRAINING_MS; epoch++) {
    await runEpoch(warming, epoch % work.epochs);
  }
  const trainer = makeTrainer();
  const samples: number[] = [];
  let loss = Number.NaN;
  for (let epoch = 0; epoch < work.epochs; epoch++) {
    const start = performance.now();
    loss = await runEpoch(trainer, epoch);
    if (epoch >= work.warmEpochs) samples.push(performance.now() - start);
  }
  return { samples, loss, accuracy: await trainer.accuracy(digits.heldOut) };
}

/** A trainer whose loss is read after every step. */
export type SteppedTrainer = Pick<Trainer, 'step' | 'readLoss'>;

/**
 * Trains step by step, reading every loss; getting the batch is part of the time. The engine has been warmed up by another
 * trainer; then come the compared steps from the shared initial weights, and more of them for as long as the budget lasts.
 *
 * @returns the milliseconds of the steps after the warm ones, and the loss of the last compared step.
 */
export async function timeSteps(
  batch: (index: number) => Batch,
  { warmSteps, comparedSteps }: ConvnetSteps,
  makeTrainer: () => SteppedTrainer,
  budgetMs: number,
): Promise<{ samples: number[]; loss: number }> {
  const step = (trainer: SteppedTrainer, index: number): Promise<number> => {
    trainer.step(batch(index));
    return trainer.readLoss();
  };
  const warmStart = performance.now();
  const warming = makeTrainer();
  for (let index = 0; performance.now() - warmStart < WARM_TRAINING_MS; index++) await step(warming, index);
  const trainer = makeTrainer();
  const samples: number[] = [];
  let loss = Number.NaN;
  const start = performance.now();
  for (
    let index = 0;
    index < comparedSteps || (samples.length < MOST_CALLS && performance.now() - start < budgetMs);
    index++
  ) {
    const before = performance.now();
    const value = await step(trainer, index);
    if (index >= warmSteps) samples.push(performance.now() - before);
    if (index === comparedSteps - 1) loss = value;
  }
  return { samples, loss };
}

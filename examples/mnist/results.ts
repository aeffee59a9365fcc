/**
 * What a run leaves for other programs: the numbers of `--json`. Owns their names and how they are counted.
 */

import type { Device } from '@torchlet/device';
import { deviceStats } from '@torchlet/tensor';
import type { EpochRecord } from '@torchlet/train';
import type { Outcome } from './train.js';

export interface Results {
  readonly device: string;
  readonly seed: number;
  readonly data: 'full' | 'sample';
  /** After the split. */
  readonly trainImages: number;
  readonly validationImages: number;
  readonly initialLoss: number;
  /** Accuracies are fractions. */
  readonly initialAccuracy: number;
  readonly epochs: readonly EpochResults[];
  readonly finalAccuracy: number;
  /** Of training alone, over all epochs; 0 where there was none, as is `kernelsPerStep`. */
  readonly stepsPerSecond: number;
  readonly kernelsPerStep: number;
  readonly memory: { readonly allocated: number; readonly peak: number; readonly buffers: number };
  /** The path of the picture. */
  readonly plot: string;
}

export interface EpochResults {
  readonly lr: number;
  readonly seconds: number;
  readonly trainLoss: number;
  readonly validationLoss: number;
  readonly validationAccuracy: number;
  /** In this epoch, its validation included. */
  readonly compiledPrograms: number;
  readonly buffersCreated: number;
}

/** Watches a device while it trains: what each epoch compiled and allocated, and the kernels of a step. */
export class Counter {
  readonly #device: Device;
  readonly #epochs: EpochResults[] = [];
  #compiled: number;
  #created: number;
  #kernelsPerStep = 0;

  constructor(device: Device) {
    this.#device = device;
    this.#compiled = deviceStats(device).programsCompiled;
    this.#created = device.memory().created;
  }

  onBatch(): void {
    this.#kernelsPerStep = deviceStats(this.#device).kernelsOfLast;
  }

  onEpoch({ lr, seconds, trainLoss, validationLoss, validationMetric }: EpochRecord): void {
    const { programsCompiled } = deviceStats(this.#device);
    const { created } = this.#device.memory();
    this.#epochs.push({
      lr,
      seconds,
      trainLoss,
      validationLoss,
      validationAccuracy: accuracyOf(validationMetric),
      compiledPrograms: programsCompiled - this.#compiled,
      buffersCreated: created - this.#created,
    });
    this.#compiled = programsCompiled;
    this.#created = created;
  }

  results(outcome: Outcome, about: Pick<Results, 'seed' | 'data' | 'plot'>): Results {
    const { trainImages, validationImages, initial, history } = outcome;
    const { allocated, peak, buffers } = this.#device.memory();
    const secondsPerStep = history.reduce((sum, record) => sum + 1 / record.stepsPerSecond, 0) / history.length;
    const initialAccuracy = accuracyOf(initial.metric);
    return {
      device: this.#device.name,
      seed: about.seed,
      data: about.data,
      trainImages,
      validationImages,
      initialLoss: initial.loss,
      initialAccuracy,
      epochs: this.#epochs,
      finalAccuracy: this.#epochs.at(-1)?.validationAccuracy ?? initialAccuracy,
      stepsPerSecond: history.length === 0 ? 0 : 1 / secondsPerStep,
      kernelsPerStep: this.#kernelsPerStep,
      memory: { allocated, peak, buffers },
      plot: about.plot,
    };
  }
}

/** Training and evaluation here always measure the accuracy, which they call their metric. */
function accuracyOf(metric: number | undefined): number {
  if (metric === undefined) {
    throw new TypeError('expected an accuracy: evaluate and fit must be given the metric');
  }
  return metric;
}

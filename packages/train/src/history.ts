/**
 * What a training run leaves behind: one record an epoch. Owns these types; `fit.ts` fills them.
 */

export interface EpochRecord {
  /** From 1. */
  readonly epoch: number;
  readonly lr: number;
  /** Training and validation together. */
  readonly seconds: number;
  /** Training alone, until the device was done. */
  readonly stepsPerSecond: number;
  /** Means over all samples of the epoch, with the weights each batch found. */
  readonly trainLoss: number;
  readonly validationLoss: number;
  /** Absent where `fit` was given no metric. */
  readonly validationMetric?: number;
}

export type History = readonly EpochRecord[];

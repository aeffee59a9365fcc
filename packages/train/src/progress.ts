/**
 * Who watches a training run. Owns the interface between `fit` and a progress display; the terminal's is `progress-bar.node.ts`.
 */

export interface Progress {
  /** An epoch of `steps` batches begins. */
  start(epoch: { readonly epoch: number; readonly epochs: number; readonly steps: number }): void;
  /** A batch was trained with. `loss` is the latest that was read, which is not that of every batch: reading waits for the device. */
  step(state: { readonly step: number; readonly stepsPerSecond: number; readonly loss: number | undefined }): void;
  /** The epoch's training is over, or has stopped. */
  stop(): void;
}

/**
 * What the page and its worker say to each other. Owns these types alone: the page half is `main.ts`, the worker's is
 * `worker/trainer.ts`; the calls travel by Comlink.
 */

import type { EpochRecord } from '@torchlet/train';
import type { Results } from '../../results.js';
import type { HiddenSizes, Settings } from '../../train.js';

export type DeviceName = 'webgpu' | 'cpu';
export type DataName = 'sample' | 'full';

/** Where the worker finds what is not code. */
export interface Assets {
  /** The packed sample digits. */
  readonly sample: string;
  /** Folders with the original MNIST files, in the order in which they are asked. */
  readonly mirrors: readonly string[];
}

/** What a device is on this machine, or why there is none. */
export interface DeviceState {
  readonly name: DeviceName;
  readonly available: boolean;
  /** The adapter, or the reason. */
  readonly detail: string;
  /** Computed by the CPU in the end, so slower than the CPU device. */
  readonly emulated: boolean;
}

/** Where the network is, and which digits it is measured with. */
export interface Place {
  readonly device: DeviceName;
  readonly data: DataName;
}

export interface TrainingSettings extends Settings, Place {}

/** A digit that the network took for another. */
export interface Mistake {
  /** 28 by 28 bytes. */
  readonly pixels: Uint8Array;
  readonly label: number;
  readonly predicted: number;
  /** Of the prediction, 0 to 1. */
  readonly probability: number;
}

export interface Mistakes {
  readonly shown: readonly Mistake[];
  /** How many digits were looked at to find these. */
  readonly seen: number;
}

export type TrainingEvent =
  | { readonly kind: 'line'; readonly text: string }
  | { readonly kind: 'download'; readonly file: string; readonly receivedBytes: number; readonly totalBytes?: number }
  | {
      readonly kind: 'start';
      readonly device: string;
      readonly stepsPerEpoch: number;
      readonly validationImages: number;
      readonly initialLoss: number;
      readonly initialAccuracy: number;
    }
  | {
      readonly kind: 'losses';
      /** Of all steps since the last such event. */
      readonly values: readonly number[];
      readonly stepsPerSecond: number;
    }
  | { readonly kind: 'epoch'; readonly record: EpochRecord; readonly mistakes: Mistakes };

/** The page's ear, as the worker has it: the promise is kept when the page has heard. */
export type Hear = (event: TrainingEvent) => void | Promise<void>;

/**
 * What a training run leaves, as a file for other programs: the same as Node's `--json`, and every step's loss. The step rate is without
 * pauses.
 */
export interface PageResults extends Omit<Results, 'plot'> {
  readonly losses: readonly number[];
}

/** Weights from a file, at work. */
export interface OpenedWeights {
  readonly device: string;
  readonly hidden: HiddenSizes;
  readonly images: number;
  readonly accuracy: number;
  readonly mistakes: Mistakes;
}

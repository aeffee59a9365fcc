/**
 * What JavaScript peers make of the shared inputs for the convolutional networks: their batches, and initial weights as PyTorch lays them out. A peer that
 * lays them out otherwise transposes them. The networks themselves are each peer's own file.
 */
import type { ConvnetSteps } from '../workloads.js';
import { type Batch, type DigitFiles, Digits } from './shared-inputs.js';

const CLASSES = 10;
const TRAIN_IMAGES = 8000;

/** Batch `index` of the training: digits in the order of the first epoch, or the last normal numbers as pictures of noise, the same ones each time. */
export function convnetBatches(
  { network, image, batch }: ConvnetSteps,
  digitFiles: DigitFiles,
  normals: Float32Array,
): (index: number) => Batch {
  switch (network) {
    case 'mnist-cnn': {
      const digits = new Digits(digitFiles, TRAIN_IMAGES);
      return (index) => digits.batch(0, index % (TRAIN_IMAGES / batch), batch);
    }
    case 'residual': {
      const noise = {
        images: normals.subarray(-batch * elements(image)),
        labels: Uint8Array.from({ length: batch }, (_, row) => row % CLASSES),
      };
      return () => noise;
    }
    default:
      return network satisfies never;
  }
}

/** Weights, drawn one after another from the normal numbers in the order in which the network has them. */
export class WeightDraws {
  readonly #normals: Float32Array;
  #start = 0;

  constructor(normals: Float32Array) {
    this.#normals = normals;
  }

  /** A weight of `[outputs, ...]`, row-major, scaled by 1 / sqrt(inputs of one output). */
  weight(shape: readonly [number, ...number[]]): Float32Array {
    const size = elements(shape);
    const scale = Math.fround(1 / Math.sqrt(size / shape[0]));
    const values = this.#normals.subarray(this.#start, this.#start + size).map((value) => value * scale);
    this.#start += size;
    return values;
  }
}

function elements(shape: readonly number[]): number {
  return shape.reduce((product, length) => product * length, 1);
}

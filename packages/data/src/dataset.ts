/**
 * What a dataset is, and the two that are made of others: tensors side by side, and a part of another dataset. Owns no files and no
 * order; read `samplers.ts` for the order and `data-loader.ts` for batches.
 */

import { fromHost, type Tensor } from '@torchlet/tensor';
import type { Collated } from './collate.js';

/**
 * Samples by number. `get` may give a promise; a `batch` must agree with it: the samples of `get`, collated.
 *
 * @see torch.utils.data.Dataset, whose `__getitems__` is `batch`
 */
export interface Dataset<Sample, Batch = Collated<Sample>> {
  readonly length: number;
  /** @throws RangeError for an index outside [0, length). */
  get(index: number): Sample | Promise<Sample>;
  /** Many samples already collated, where that is faster than one by one. */
  batch?(indices: readonly number[]): Batch | Promise<Batch>;
}

/**
 * Tensors side by side: sample i is their i-th rows.
 *
 * @see torch.utils.data.TensorDataset
 * @example
 * const dataset = new TensorDataset(inputs, targets); // [100, 4] and [100]
 * dataset.get(7); // [tensor of [4], tensor of []]
 */
export class TensorDataset<const Tensors extends readonly Tensor[]> implements Dataset<Tensors, Tensors> {
  readonly tensors: Tensors;
  readonly length: number;

  /** @throws RangeError if no tensor is given, one has no dimension, or their first dimensions differ. */
  constructor(...tensors: Tensors) {
    const lengths = tensors.map(({ shape }) => shape[0]);
    const [length] = lengths;
    if (length === undefined || lengths.some((other) => other !== length)) {
      const shapes = tensors.map(({ shape }) => `[${shape.join(', ')}]`).join(', ');
      throw new RangeError(`TensorDataset: expected tensors with equal first dimensions, got ${shapes || 'none'}`);
    }
    this.tensors = tensors;
    this.length = length;
  }

  get(index: number): Tensors {
    checkIndex('TensorDataset', index, this.length);
    return this.tensors.map((whole) => whole.at(index)) as unknown as Tensors;
  }

  batch(indices: readonly number[]): Tensors {
    for (const index of indices) {
      checkIndex('TensorDataset', index, this.length);
    }
    const rows = fromHost(BigInt64Array.from(indices, BigInt), [indices.length], 'int64');
    return this.tensors.map((whole) => whole.indexSelect(0, rows)) as unknown as Tensors;
  }
}

/**
 * The samples of `dataset` at `indices`, in that order.
 *
 * @see torch.utils.data.Subset
 */
export class Subset<Sample, Batch = Collated<Sample>> implements Dataset<Sample, Batch> {
  readonly dataset: Dataset<Sample, Batch>;
  readonly indices: readonly number[];
  readonly batch?: (indices: readonly number[]) => Batch | Promise<Batch>;

  /** @throws RangeError if an index is outside the dataset. */
  constructor(dataset: Dataset<Sample, Batch>, indices: readonly number[]) {
    for (const index of indices) {
      checkIndex('Subset', index, dataset.length);
    }
    this.dataset = dataset;
    this.indices = [...indices];
    const whole = dataset.batch?.bind(dataset);
    if (whole !== undefined) {
      this.batch = (wanted) => whole(wanted.map((index) => this.#inWhole(index)));
    }
  }

  get length(): number {
    return this.indices.length;
  }

  get(index: number): Sample | Promise<Sample> {
    return this.dataset.get(this.#inWhole(index));
  }

  #inWhole(index: number): number {
    checkIndex('Subset', index, this.indices.length);
    return this.indices[index] as number;
  }
}

/** @throws RangeError where a dataset of `length` samples has none at `index`. */
export function checkIndex(dataset: string, index: number, length: number): void {
  if (!Number.isInteger(index) || index < 0 || index >= length) {
    throw new RangeError(`${dataset}: expected an index from 0 to ${length - 1}, got ${index}`);
  }
}

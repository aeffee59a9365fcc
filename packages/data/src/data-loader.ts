/**
 * A dataset in batches. Owns the loader: which samples make a batch, and how they are fetched and collated; the order is a sampler's.
 * Batches are host data until a program reads them; `device-loader.ts` puts them on a device before that.
 */

import { settle } from '@torchlet/tensor';
import { type Collated, collate } from './collate.js';
import type { Dataset } from './dataset.js';
import { BatchSampler, type SamplingOptions, RandomSampler, type Sampler, SequentialSampler } from './samplers.js';

export interface DataLoaderOptions<Sample, Batch> extends SamplingOptions {
  /** Samples in a batch; 1 unless told. */
  readonly batchSize?: number;
  /** All samples in a new random order each pass; false unless told. Not together with `sampler`. */
  readonly shuffle?: boolean;
  /** Which samples, in which order. Not together with `shuffle`. */
  readonly sampler?: Sampler;
  /** Leave out a last batch that is not full; false unless told. */
  readonly dropLast?: boolean;
  /** Makes a batch of samples, instead of the dataset's own `batch` or the default `collate`. */
  readonly collate?: (samples: readonly Sample[]) => Batch;
}

/** Anything that gives batches and knows how many. */
export interface Batches<Batch> extends AsyncIterable<Batch> {
  readonly length: number;
}

/**
 * Batches of a dataset, by `for await`; each pass asks the sampler anew. Every batch is fresh memory.
 *
 * @see torch.utils.data.DataLoader
 * @example
 * const loader = new DataLoader(digits, { batchSize: 100, shuffle: true });
 * for await (const [images, labels] of loader) { ... } // [100, 1, 28, 28], [100]
 */
export class DataLoader<Sample, Batch = Collated<Sample>> implements Batches<Batch> {
  readonly dataset: Dataset<Sample, Batch>;
  readonly batchSize: number;
  readonly #batches: BatchSampler;
  readonly #collate: ((samples: readonly Sample[]) => Batch) | undefined;

  /** @throws RangeError if `batchSize` is not a whole number of at least 1; TypeError if both `sampler` and `shuffle` are given. */
  constructor(
    dataset: Dataset<Sample, unknown>,
    options: DataLoaderOptions<Sample, Batch> & { readonly collate: (samples: readonly Sample[]) => Batch },
  );
  constructor(dataset: Dataset<Sample, Batch>, options?: DataLoaderOptions<Sample, Batch>);
  constructor(dataset: Dataset<Sample, Batch>, options: DataLoaderOptions<Sample, Batch> = {}) {
    const { batchSize = 1, shuffle = false, sampler, dropLast = false, generator } = options;
    if (sampler !== undefined && shuffle) {
      throw new TypeError('DataLoader: a sampler gives the order, so shuffle must not be set; use a RandomSampler');
    }
    const order = shuffle ? new RandomSampler(dataset, generator && { generator }) : new SequentialSampler(dataset);
    this.dataset = dataset;
    this.batchSize = batchSize;
    this.#batches = new BatchSampler(sampler ?? order, batchSize, { dropLast });
    this.#collate = options.collate;
  }

  /** Batches in one pass. */
  get length(): number {
    return this.#batches.length;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Batch> {
    for (const indices of this.#batches) {
      // Between batches nothing waits for a value: here the device may catch up, and timers and signals get their turn.
      await settle();
      yield await this.#fetch(indices);
    }
  }

  async #fetch(indices: readonly number[]): Promise<Batch> {
    if (this.#collate === undefined && this.dataset.batch !== undefined) {
      return this.dataset.batch(indices);
    }
    const samples = await Promise.all(indices.map((index) => this.dataset.get(index)));
    return this.#collate === undefined ? (collate(samples) as Batch) : this.#collate(samples);
  }
}

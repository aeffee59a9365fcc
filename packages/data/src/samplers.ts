/**
 * In which order samples are taken. Owns the samplers and the random split; a loader asks one for an iterator each epoch. Randomness
 * comes from a generator, the default one unless told.
 */

import { defaultGenerator, type Generator } from '@torchlet/tensor';

/** Indices (or lists of them) in an order that may differ from pass to pass; `length` of them in each. */
export interface Sampler<Item = number> extends Iterable<Item> {
  readonly length: number;
}

export interface SamplingOptions {
  /** Where random numbers come from; the default generator, which `manualSeed` seeds, unless told. */
  readonly generator?: Generator;
}

/**
 * 0, 1, 2, ...
 *
 * @see torch.utils.data.SequentialSampler
 */
export class SequentialSampler implements Sampler {
  readonly length: number;

  constructor(source: { readonly length: number }) {
    this.length = source.length;
  }

  *[Symbol.iterator](): IterableIterator<number> {
    for (let index = 0; index < this.length; index++) {
      yield index;
    }
  }
}

export interface RandomSamplerOptions extends SamplingOptions {
  /** Draw each index anew, so that some come twice and some not at all; false unless told. */
  readonly replacement?: boolean;
  /** How many a pass; all unless told. */
  readonly numSamples?: number;
}

/**
 * All indices in a new random order each pass.
 *
 * @see torch.utils.data.RandomSampler
 */
export class RandomSampler implements Sampler {
  readonly length: number;
  readonly #size: number;
  readonly #replacement: boolean;
  readonly #generator: Generator;

  /** @throws RangeError if `numSamples` is not a whole number of at least 0, or asks for samples of an empty source. */
  constructor(source: { readonly length: number }, options: RandomSamplerOptions = {}) {
    const { replacement = false, numSamples = source.length, generator = defaultGenerator } = options;
    if (!Number.isInteger(numSamples) || numSamples < 0 || (numSamples > 0 && source.length === 0)) {
      throw new RangeError(`RandomSampler: cannot draw ${numSamples} samples from ${source.length}`);
    }
    this.length = numSamples;
    this.#size = source.length;
    this.#replacement = replacement;
    this.#generator = generator;
  }

  *[Symbol.iterator](): IterableIterator<number> {
    if (this.#replacement) {
      yield* this.#generator.integers(this.length, 0, this.#size);
      return;
    }
    for (let left = this.length; left > 0; left -= this.#size) {
      yield* this.#generator.permutation(this.#size).slice(0, left);
    }
  }
}

/**
 * Given indices in a new random order each pass.
 *
 * @see torch.utils.data.SubsetRandomSampler
 */
export class SubsetRandomSampler implements Sampler {
  readonly length: number;
  readonly #indices: readonly number[];
  readonly #generator: Generator;

  constructor(indices: readonly number[], { generator = defaultGenerator }: SamplingOptions = {}) {
    this.length = indices.length;
    this.#indices = [...indices];
    this.#generator = generator;
  }

  *[Symbol.iterator](): IterableIterator<number> {
    for (const position of this.#generator.permutation(this.length)) {
      yield this.#indices[position] as number;
    }
  }
}

/**
 * Indices drawn in proportion to weights, which need not sum to 1.
 *
 * @see torch.utils.data.WeightedRandomSampler
 */
export class WeightedRandomSampler implements Sampler {
  readonly length: number;
  readonly #weights: readonly number[];
  readonly #replacement: boolean;
  readonly #generator: Generator;

  /** @throws RangeError for weights below 0 or all 0, or, without replacement, fewer of them above 0 than samples. */
  constructor(
    weights: readonly number[],
    numSamples: number,
    { replacement = true, generator = defaultGenerator }: SamplingOptions & { readonly replacement?: boolean } = {},
  ) {
    const usable = weights.filter((weight) => weight > 0).length;
    if (!weights.every((weight) => weight >= 0 && weight < Infinity) || usable === 0) {
      throw new RangeError('WeightedRandomSampler: expected weights of at least 0, and one above');
    }
    if (!Number.isInteger(numSamples) || numSamples < 0 || (!replacement && numSamples > usable)) {
      throw new RangeError(`WeightedRandomSampler: cannot draw ${numSamples} samples from ${usable} weights above 0`);
    }
    this.length = numSamples;
    this.#weights = [...weights];
    this.#replacement = replacement;
    this.#generator = generator;
  }

  *[Symbol.iterator](): IterableIterator<number> {
    if (!this.#replacement) {
      yield* this.#race();
      return;
    }
    const sums: number[] = [];
    let total = 0;
    for (const weight of this.#weights) sums.push((total += weight));
    for (const draw of this.#generator.uniform(this.length)) yield firstAbove(sums, draw * total);
  }

  /** Exponential races (Efraimidis and Spirakis 2006): who arrives first is drawn first. */
  #race(): number[] {
    const draws = this.#generator.uniform(this.#weights.length);
    const times = this.#weights.map((weight, i) => -Math.log1p(-(draws[i] as number)) / weight);
    const order = times.flatMap((time, i) => (Number.isNaN(time) || time === Infinity ? [] : [i]));
    return order.sort((a, b) => (times[a] as number) - (times[b] as number)).slice(0, this.length);
  }
}

/** Position of the first of ascending `sums` above `value`, by halving. */
function firstAbove(sums: readonly number[], value: number): number {
  let [low, high] = [0, sums.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((sums[middle] as number) > value) high = middle;
    else low = middle + 1;
  }
  return low;
}

/**
 * Another sampler's indices, `batchSize` at a time; the last batch may be smaller, or is dropped.
 *
 * @see torch.utils.data.BatchSampler
 */
export class BatchSampler implements Sampler<readonly number[]> {
  readonly batchSize: number;
  readonly dropLast: boolean;
  readonly #sampler: Sampler;

  /** @throws RangeError if `batchSize` is not a whole number of at least 1. */
  constructor(sampler: Sampler, batchSize: number, { dropLast = false }: { readonly dropLast?: boolean } = {}) {
    if (!Number.isInteger(batchSize) || batchSize < 1) {
      throw new RangeError(`BatchSampler: expected a batch size of at least 1, got ${batchSize}`);
    }
    this.#sampler = sampler;
    this.batchSize = batchSize;
    this.dropLast = dropLast;
  }

  get length(): number {
    const batches = this.#sampler.length / this.batchSize;
    return this.dropLast ? Math.floor(batches) : Math.ceil(batches);
  }

  *[Symbol.iterator](): IterableIterator<readonly number[]> {
    let batch: number[] = [];
    for (const index of this.#sampler) {
      batch.push(index);
      if (batch.length === this.batchSize) {
        yield batch;
        batch = [];
      }
    }
    if (batch.length > 0 && !this.dropLast) {
      yield batch;
    }
  }
}

/**
 * A random part of the numbers below n for validation, and the rest for training.
 *
 * @param fraction of n for validation, 0 to 1; rounded to a whole number of samples.
 * @returns the training indices, then the validation indices, both in random order.
 * @throws RangeError if n is not a whole number of at least 0, or `fraction` is outside [0, 1].
 * @example
 * const [trainIndices, validIndices] = splitIndices(dataset.length, 0.2);
 */
export function splitIndices(
  n: number,
  fraction: number,
  { generator = defaultGenerator }: SamplingOptions = {},
): [train: number[], valid: number[]] {
  if (!Number.isInteger(n) || n < 0) {
    throw new RangeError(`splitIndices: expected a number of samples, got ${n}`);
  }
  if (!(fraction >= 0 && fraction <= 1)) {
    throw new RangeError(`splitIndices: expected a fraction from 0 to 1, got ${fraction}`);
  }
  const order = generator.permutation(n);
  const held = Math.round(n * fraction);
  return [order.slice(held), order.slice(0, held)];
}

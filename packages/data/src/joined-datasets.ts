/** Datasets made of datasets: one behind the other, and random parts of one. What a dataset is, is in `dataset.ts`. */
import { defaultGenerator } from '@torchlet/tensor';
import type { Collated } from './collate.js';
import { checkIndex, type Dataset, Subset } from './dataset.js';
import type { SamplingOptions } from './samplers.js';

/**
 * Datasets one behind the other.
 *
 * @see torch.utils.data.ConcatDataset
 */
export class ConcatDataset<Sample> implements Dataset<Sample> {
  readonly datasets: readonly Dataset<Sample, unknown>[];
  readonly length: number;

  /** @throws RangeError where none is given. */
  constructor(datasets: Iterable<Dataset<Sample, unknown>>) {
    this.datasets = [...datasets];
    if (this.datasets.length === 0) throw new RangeError('ConcatDataset: expected at least one dataset, got none');
    this.length = this.datasets.reduce((sum, { length }) => sum + length, 0);
  }

  get(index: number): Sample | Promise<Sample> {
    checkIndex('ConcatDataset', index, this.length);
    let within = index;
    for (const dataset of this.datasets) {
      if (within < dataset.length) return dataset.get(within);
      within -= dataset.length;
    }
    throw new RangeError(`ConcatDataset: a dataset became shorter than it was; no sample ${index}`);
  }
}

/**
 * The dataset in random parts that share no sample.
 *
 * @param lengths how many samples each part has, or which share of them; shares sum to 1, and what rounding leaves goes to the first parts.
 * @throws RangeError where they do not add up to the dataset.
 * @see torch.utils.data.random_split
 * @example
 * const [train, valid] = randomSplit(dataset, [0.8, 0.2]);
 */
export function randomSplit<Sample, Batch = Collated<Sample>>(
  dataset: Dataset<Sample, Batch>,
  lengths: readonly number[],
  { generator = defaultGenerator }: SamplingOptions = {},
): Subset<Sample, Batch>[] {
  const counts = countsOf(dataset.length, lengths);
  const order = generator.permutation(dataset.length);
  let first = 0;
  return counts.map((count) => {
    const part = new Subset(dataset, order.slice(first, first + count));
    first += count;
    return part;
  });
}

function countsOf(size: number, lengths: readonly number[]): number[] {
  const sum = lengths.reduce((total, length) => total + length, 0);
  if (lengths.every((length) => Number.isInteger(length) && length >= 0) && sum === size) return [...lengths];
  const areShares = lengths.every((share) => share >= 0 && share <= 1) && Math.abs(sum - 1) < 1e-6;
  if (!areShares) {
    throw new RangeError(
      `randomSplit: expected lengths that sum to ${size}, or shares that sum to 1, got [${lengths.join(', ')}]`,
    );
  }
  const counts = lengths.map((share) => Math.floor(share * size));
  let left = size - counts.reduce((total, count) => total + count, 0);
  for (let i = 0; left > 0; i = (i + 1) % counts.length, left--) counts[i] = (counts[i] as number) + 1;
  return counts;
}

/**
 * Draws from distributions: categories, coins, normals, and tensors drawn in another's likeness. Owns the distributions; the bits are `random.ts`, drawn on the
 * device, so that equal seeds draw the same everywhere.
 */
import { isFloat } from '@torchlet/device';
import { printShape, type Shape } from '@torchlet/graph';
import { full, type RandomOptions, rand, randint, randn, type TensorOptions, zeros } from '../factories.js';
import { composed } from '../modules.js';
import type { Generator } from '../random.js';
import type { Tensor } from '../tensor.js';
import { cumsum } from './reduction.js';
import { searchsorted, topk } from './sorting.js';

const likeIt = (x: Tensor, options: RandomOptions): RandomOptions => ({
  ...options,
  dtype: options.dtype ?? x.dtype,
  device: options.device ?? x.runtime?.device,
});

/** Uniform in [0, 1), in the shape and dtype of `x`. */
export const randLike = (x: Tensor, options: RandomOptions = {}): Tensor => rand(x.shape, likeIt(x, options));

/** Standard normal, in the shape and dtype of `x`. */
export const randnLike = (x: Tensor, options: RandomOptions = {}): Tensor => randn(x.shape, likeIt(x, options));

/** Whole numbers in [low, high), in the shape and dtype of `x`. */
export const randintLike = (x: Tensor, low: number, high: number, options: RandomOptions = {}): Tensor =>
  randint(low, high, x.shape, likeIt(x, options));

/** Memory for values to come. They are 0 until then: reading what nobody wrote is no error here. */
export const empty = (shape: Shape, options: TensorOptions = {}): Tensor => zeros(shape, options);

/** As `empty`, in the shape and dtype of `x`. */
export const emptyLike = (x: Tensor, options: TensorOptions = {}): Tensor => empty(x.shape, likeIt(x, options));

/** 1 with the probability that each element of `probabilities` says, else 0 (https://pytorch.org/docs/stable/generated/torch.bernoulli.html). */
export function bernoulli(probabilities: Tensor, { generator }: { readonly generator?: Generator } = {}): Tensor {
  if (!isFloat(probabilities.dtype)) throw new TypeError(`bernoulli: expected floats, got ${probabilities.dtype}`);
  return composed(() =>
    randLike(probabilities, { generator, dtype: 'float32' }).lt(probabilities).to(probabilities.dtype),
  );
}

/**
 * Normal numbers with a mean and a standard deviation, each a number or a tensor; `size` says how many where both are numbers
 * (https://pytorch.org/docs/stable/generated/torch.normal.html).
 *
 * @example normal(0, 0.02, [4, 4])
 */
export function normal(mean: number | Tensor, std: number | Tensor, size?: Shape, options: RandomOptions = {}): Tensor {
  if (typeof mean === 'number' && typeof std === 'number') {
    if (size === undefined) throw new TypeError('normal: expected a size where mean and std are numbers');
    return composed(() => randn(size, options).mul(std).add(mean));
  }
  return composed(() => {
    const scale = typeof std === 'number' ? full([], std) : std;
    const shift = typeof mean === 'number' ? full([], mean) : mean;
    const spread = scale.add(shift.mul(0));
    return randnLike(spread, options).mul(scale).add(shift);
  });
}

export interface MultinomialOptions {
  /** Whether a category may be drawn again. Default false. */
  readonly replacement?: boolean;
  readonly generator?: Generator;
}

/**
 * Draws `numSamples` positions from each row of weights, which need not sum to 1 (https://pytorch.org/docs/stable/generated/torch.multinomial.html). Without
 * replacement by exponential races (Efraimidis and Spirakis 2006), with it by the inverse of the sums.
 *
 * @param weights [categories] or [rows, categories], not below 0, one of each row above. @returns int64 [numSamples] or [rows, numSamples].
 * @throws RangeError for other shapes, or more samples than categories without replacement.
 */
export function multinomial(
  weights: Tensor,
  numSamples: number,
  { replacement = false, generator }: MultinomialOptions = {},
): Tensor {
  const categories = weights.shape[weights.ndim - 1] ?? 0;
  if (!isFloat(weights.dtype) || weights.ndim < 1 || weights.ndim > 2 || categories === 0) {
    throw new RangeError(
      `multinomial: expected float weights of [categories] or [rows, categories], got ${weights.dtype} ${printShape(weights.shape)}`,
    );
  }
  if (!Number.isInteger(numSamples) || numSamples < 1 || (!replacement && numSamples > categories)) {
    throw new RangeError(
      `multinomial: expected 1 to ${categories} samples of ${categories} categories, got ${numSamples}; more need { replacement: true }`,
    );
  }
  return composed(() => {
    const exact = weights.detach().to(weights.dtype === 'float64' ? 'float64' : 'float32');
    if (replacement) {
      const sums = cumsum(exact, -1);
      const draws = rand([...weights.shape.slice(0, -1), numSamples], { generator, device: weights.runtime?.device });
      const thresholds = draws.to(exact.dtype).mul(sums.narrow(-1, categories - 1, 1));
      return searchsorted(sums, thresholds, { right: true }).clamp(0, categories - 1);
    }
    // Who arrives first: the time to the next event of a rate is exponential. u < 1, so the time is finite; a time of 0 is made the least.
    const times = randLike(exact, { generator, dtype: 'float32' }).neg().log1p().neg().clamp(1e-38).to(exact.dtype);
    return topk(exact.div(times), numSamples, -1).indices;
  });
}

/** Dropout as a function. */
import { type Generator, rand, type Tensor, zerosLike } from '@torchlet/tensor';

export interface DropoutOptions {
  /** Probability that an element is zeroed. Default 0.5. */
  readonly p?: number;
  /** False gives the input back. Default true. */
  readonly training?: boolean;
  readonly generator?: Generator | undefined;
}

/**
 * Zeroes each element with probability p and scales the others by 1 / (1 - p) (Srivastava et al. 2014, https://jmlr.org/papers/v15/srivastava14a.html).
 * The same seed drops the same elements on every device.
 *
 * @throws RangeError unless p is in [0, 1].
 */
export function dropout(input: Tensor, { p = 0.5, training = true, generator }: DropoutOptions = {}): Tensor {
  checkProbability('dropout', p);
  if (!training || p === 0) return input;
  if (p === 1) return input.mul(zerosLike(input));
  const kept = rand(input.shape, { generator, device: input.runtime?.device }).ge(p);
  return input.mul(kept.to(input.dtype).mul(1 / (1 - p)));
}

export function checkProbability(op: string, p: number): number {
  if (p >= 0 && p <= 1) return p;
  throw new RangeError(`${op}: expected a probability in [0, 1], got ${p}`);
}

/** Samples of categories that gradients pass through. */
import { composed, type Generator, rand, scatter, type Tensor, zerosLike } from '@torchlet/tensor';

export interface GumbelSoftmaxOptions {
  /** Temperature: towards 0 the samples become one-hot. Default 1. */
  readonly tau?: number;
  /** Whether the value is one-hot; the gradient is that of the soft sample. Default false. */
  readonly hard?: boolean;
  readonly dim?: number;
  readonly generator?: Generator | undefined;
}

/**
 * softmax((logits + Gumbel noise) / tau) along `dim` (Jang et al. 2017, https://arxiv.org/abs/1611.01144).
 *
 * @throws RangeError unless tau is above 0.
 */
export function gumbelSoftmax(
  logits: Tensor,
  { tau = 1, hard = false, dim = -1, generator }: GumbelSoftmaxOptions = {},
): Tensor {
  if (!(tau > 0)) throw new RangeError(`gumbelSoftmax: expected a tau above 0, got ${tau}`);
  return composed(() => {
    // Draws are multiples of 2^-24 below 1: half of one more keeps both logarithms finite.
    const draws = rand(logits.shape, { generator, device: logits.runtime?.device }).add(2 ** -25);
    const noise = draws.log().neg().log().neg().to(logits.dtype);
    const soft = logits.add(noise).div(tau).softmax(dim);
    if (!hard) return soft;
    const winners = soft.detach().argmax(dim, { keepdim: true });
    const oneHot = scatter(zerosLike(soft), dim, winners, 1);
    return oneHot.sub(soft.detach()).add(soft);
  });
}

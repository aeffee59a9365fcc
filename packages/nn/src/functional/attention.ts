/** Attention: weights by the likeness of queries and keys, means of values (Vaswani et al. 2017, https://arxiv.org/abs/1706.03762). */
import { composed, full, type Generator, ones, type Tensor, tril } from '@torchlet/tensor';
import { dropout } from './dropout.js';

export interface AttentionOptions {
  /** Added to the scores; or bool, true where a query may see a key. Broadcast. */
  readonly attnMask?: Tensor | null;
  /** Probability that a weight is dropped. Default 0. */
  readonly dropoutP?: number;
  /** Whether a query sees only keys at its own place and before. Default false. */
  readonly isCausal?: boolean;
  /** Factor of the scores. Default 1 / sqrt(features). */
  readonly scale?: number | null;
  readonly generator?: Generator | undefined;
}

/**
 * softmax(query @ key^T * scale + mask) @ value, over the last two dims: [..., queries, features], [..., keys, features], [..., keys, d].
 *
 * @throws TypeError for a mask beside `isCausal`.
 */
export function scaledDotProductAttention(
  query: Tensor,
  key: Tensor,
  value: Tensor,
  { attnMask = null, dropoutP = 0, isCausal = false, scale = null, generator }: AttentionOptions = {},
): Tensor {
  if (isCausal && attnMask !== null)
    throw new TypeError('scaledDotProductAttention: expected a mask or isCausal, got both');
  return composed(() => {
    const scores = query.mul(scale ?? 1 / Math.sqrt(query.size(-1))).matmul(key.transpose(-2, -1));
    const mask = isCausal ? causal(scores) : attnMask;
    const weights = masked(scores, mask).softmax(-1);
    return dropout(weights, { p: dropoutP, training: dropoutP > 0, generator }).matmul(value);
  });
}

/** True at and below the diagonal. */
function causal(scores: Tensor): Tensor {
  return tril(ones([scores.size(-2), scores.size(-1)], { dtype: 'bool', device: scores.runtime?.device }));
}

/** Scores with -infinity where a bool mask is false, or with a float mask added. */
export function masked(scores: Tensor, mask: Tensor | null): Tensor {
  if (mask === null) return scores;
  if (mask.dtype !== 'bool') return scores.add(mask);
  return scores.maskedFill(mask.logicalNot(), -Infinity);
}

/** A mask of PyTorch's layers, where true means that a key is not seen, as one that is added. */
export function additive(mask: Tensor | null, like: Tensor): Tensor | null {
  if (mask === null || mask.dtype !== 'bool') return mask;
  return full(mask.shape, 0, { dtype: like.dtype, device: like.runtime?.device }).maskedFill(mask, -Infinity);
}

/** Lengths and angles between vectors, and products of two inputs with a weight. */
import { composed, einsum, inFullPrecision, type Tensor, vectorNorm } from '@torchlet/tensor';
import { printShape } from './shapes.js';

export interface NormalizeOptions {
  /** Which norm. Default 2. */
  readonly p?: number;
  /** Default 1. */
  readonly dim?: number;
  /** The least that is divided by. Default 1e-12. */
  readonly eps?: number;
}

/** x / max(norm of x, eps) along `dim`. */
export function normalize(input: Tensor, { p = 2, dim = 1, eps = 1e-12 }: NormalizeOptions = {}): Tensor {
  return composed(() => input.div(vectorNorm(input, p, dim, { keepdim: true }).clamp(eps).expand(input.shape)));
}

/** The cosine of the angle between vectors along `dim`; each norm is at least `eps`. */
export function cosineSimilarity(
  x1: Tensor,
  x2: Tensor,
  { dim = 1, eps = 1e-8 }: { readonly dim?: number; readonly eps?: number } = {},
): Tensor {
  const unit = (x: Tensor): Tensor => x.div(vectorNorm(x, 2, dim, { keepdim: true }).clamp(eps));
  return composed(() =>
    unit(inFullPrecision(x1))
      .mul(unit(inFullPrecision(x2)))
      .sum(dim),
  );
}

export interface PairwiseDistanceOptions {
  readonly p?: number;
  /** Added to each difference. Default 1e-6. */
  readonly eps?: number;
  readonly keepdim?: boolean;
}

/** The norm of x1 - x2 + eps over the last dim. */
export function pairwiseDistance(
  x1: Tensor,
  x2: Tensor,
  { p = 2, eps = 1e-6, keepdim = false }: PairwiseDistanceOptions = {},
): Tensor {
  return composed(() => vectorNorm(x1.sub(x2).add(eps), p, -1, { keepdim }));
}

/** x1^T @ weight[k] @ x2 for each output k, plus bias: a weight of [out, in1, in2]. */
export function bilinear(input1: Tensor, input2: Tensor, weight: Tensor, bias: Tensor | null = null): Tensor {
  if (weight.ndim !== 3 || input1.size(-1) !== weight.size(1) || input2.size(-1) !== weight.size(2)) {
    throw new RangeError(
      `bilinear: expected inputs of ${weight.size(1)} and ${weight.size(2)} features, got ${printShape(input1.shape)} and ${printShape(input2.shape)}`,
    );
  }
  return composed(() => {
    const product = einsum('...i,oij,...j->...o', input1, weight, input2);
    return bias === null ? product : product.add(bias);
  });
}

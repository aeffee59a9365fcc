/** Normalisation as functions. */
import { composed, inFullPrecision, type Shape, type Tensor } from '@torchlet/tensor';
import { printShape } from './shapes.js';

export interface LayerNormFunctionOptions {
  readonly weight?: Tensor | null;
  readonly bias?: Tensor | null;
  readonly eps?: number;
}

/**
 * (x - mean) / sqrt(variance + eps) over the last dims, times weight plus bias (Ba et al. 2016, https://arxiv.org/abs/1607.06450).
 *
 * @param normalizedShape the lengths of the last dims.
 * @throws RangeError if the input's shape does not end in `normalizedShape`.
 */
export function layerNorm(
  input: Tensor,
  normalizedShape: Shape,
  { weight = null, bias = null, eps = 1e-5 }: LayerNormFunctionOptions = {},
): Tensor {
  const rank = normalizedShape.length;
  const last = input.shape.slice(-rank);
  if (rank === 0 || last.length !== rank || last.some((length, axis) => length !== normalizedShape[axis])) {
    throw new RangeError(
      `layerNorm: expected an input of shape [..., ${normalizedShape.join(', ')}], got ${printShape(input.shape)}`,
    );
  }
  const dims = normalizedShape.map((_, axis) => axis - rank);
  return composed(() => normalized(inFullPrecision(input), dims, weight, bias, eps));
}

function normalized(
  input: Tensor,
  dims: readonly number[],
  weight: Tensor | null,
  bias: Tensor | null,
  eps: number,
): Tensor {
  const centered = input.sub(input.mean(dims, { keepdim: true }));
  const variance = centered.square().mean(dims, { keepdim: true });
  let output = centered.mul(variance.add(eps).rsqrt());
  if (weight !== null) output = output.mul(weight);
  if (bias !== null) output = output.add(bias);
  return output;
}

/** Gradients kept in bounds before a step. Nothing is read: the clipping is part of the step's program. */
import { composed, noGrad, stack, type Tensor } from '@torchlet/tensor';

export interface ClipNormOptions {
  /** 2 by default; `Infinity` for the largest magnitude. */
  readonly normType?: number;
}

/**
 * Scales all gradients together so that their norm, as of one vector, is at most `maxNorm`
 * (https://pytorch.org/docs/stable/generated/torch.nn.utils.clip_grad_norm_.html).
 *
 * @returns the norm before, a 0-d tensor
 * @example
 * loss.backward();
 * const norm = clipGradNorm_(model.parameters(), 1);
 * optimizer.step();
 */
export function clipGradNorm_(
  params: Iterable<Tensor>,
  maxNorm: number,
  { normType = 2 }: ClipNormOptions = {},
): Tensor {
  const clipped = (): Tensor => {
    const grads = gradientsOf(params);
    const norms = stack(grads.map((grad) => norm(grad, normType)));
    const total = norm(norms, normType);
    // The small number keeps a gradient of 0 from becoming NaN.
    const factor = total.add(1e-6).reciprocal().mul(maxNorm).clamp(null, 1);
    for (const grad of grads) grad.mul_(factor);
    return total;
  };
  return composed(() => noGrad(clipped));
}

/** Cuts every element of every gradient to [-clipValue, clipValue]. */
export function clipGradValue_(params: Iterable<Tensor>, clipValue: number): void {
  noGrad(() => {
    for (const { grad } of params) grad?.clamp_(-clipValue, clipValue);
  });
}

function gradientsOf(params: Iterable<Tensor>): Tensor[] {
  const grads = [...params].map((param) => param.grad).filter((grad) => grad !== null);
  if (grads.length === 0)
    throw new RangeError('clipGradNorm_: expected a parameter with a gradient; call it after backward()');
  return grads;
}

function norm(x: Tensor, order: number): Tensor {
  if (order === Infinity) return x.abs().amax();
  if (order === 2) return x.square().sum().sqrt();
  if (order === 1) return x.abs().sum();
  return x
    .abs()
    .pow(order)
    .sum()
    .pow(1 / order);
}

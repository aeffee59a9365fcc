/** Mixed precision: `autocast`, and what operations made of others ask of it. The mode itself is `ops/autocasting.ts`. */
import type { Device } from '@torchlet/device';
import type { Node } from '@torchlet/graph';
import { recordOperation } from '../functions.js';
import { autocastDType, narrowed, wideDType, withAutocast } from '../ops/autocasting.js';
import { scoped } from '../scoped.js';
import type { Tensor } from '../tensor.js';

export interface AutocastOptions {
  /** False computes in the operands' own dtypes: for a part of a larger `autocast`. Default true. */
  readonly enabled?: boolean;
}

/**
 * Runs the synchronous `fn` with products in `dtype` and what needs its digits in float32, by PyTorch's lists
 * (https://pytorch.org/docs/stable/amp.html#cuda-op-specific-behavior). Parameters stay float32, and so do their gradients; a gradient passes through
 * each operation in the dtype that it was computed in. float64 is left alone. Calls may be nested.
 *
 * In `dtype`: matmul and its kin, linear, convolutions, recurrent cells, attention, prelu.
 * In float32: exp, expm1, log, log1p, log2, log10, pow, reciprocal, rsqrt, acos, asin, cosh, sinh, tan, sum, prod, cumsum, cumprod, norms and distances,
 * softmax and its kin, softplus, layer and group normalisation, losses. Others compute in the widest dtype of their operands.
 *
 * @param device where `fn` computes. @param dtype 'bfloat16', or 'float16' with a `GradScaler`.
 * @throws TypeError for a device without the dtype, and for an async function.
 * @example
 * const loss = autocast(device, 'bfloat16', () => crossEntropy(model.forward(images), labels));
 * loss.backward();
 */
export function autocast<T>(
  device: Device,
  dtype: 'bfloat16' | 'float16',
  fn: () => T,
  { enabled = true }: AutocastOptions = {},
): T {
  if (enabled && device.capabilities.storedBytes[dtype] === 0) {
    throw new TypeError(`autocast: ${device.name} does not compute in ${dtype}`);
  }
  return scoped('autocast', () => withAutocast(enabled ? dtype : null, fn));
}

export function isAutocastEnabled(): boolean {
  return autocastDType() !== null;
}

/** Within `autocast` x in float32 where it is narrower; else x. For operations beside this package that need their digits. */
export function inFullPrecision(x: Tensor): Tensor {
  return x.to(wideDType(x.dtype));
}

/** Within `autocast` x in its dtype; else x. For operands of operations beside this package that gain from it. */
export function inAutocast(x: Tensor): Tensor {
  return autocastDType() === null ? x : recordOperation([x], (node) => narrowed(node as Node));
}

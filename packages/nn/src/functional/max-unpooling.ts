/** The way back from the largest of windows: each to the place it came from, zeros elsewhere. */
import { composed, scatter, type Tensor, zeros } from '@torchlet/tensor';
import { printShape } from './shapes.js';
import { batched, dropBatch, type PerDim, perDim, product } from './spatial.js';

export interface MaxUnpoolOptions {
  /** Default: the size of a window. */
  readonly stride?: PerDim | null;
  readonly padding?: PerDim;
  /** The lengths that were pooled, where several give the same. */
  readonly outputSize?: readonly number[] | null;
}

function maxUnpool(
  op: string,
  rank: number,
  input: Tensor,
  indices: Tensor,
  kernelSize: PerDim,
  { stride, padding = 0, outputSize = null }: MaxUnpoolOptions,
): Tensor {
  if (input.shape.some((length, axis) => length !== indices.shape[axis])) {
    throw new RangeError(
      `${op}: expected indices of the input's shape, got ${printShape(input.shape)} and ${printShape(indices.shape)}`,
    );
  }
  const size = perDim(op, 'kernelSize', kernelSize, rank, 1);
  const steps = perDim(op, 'stride', stride ?? kernelSize, rank, 1);
  const sides = perDim(op, 'padding', padding, rank, 0);
  const spread = (x: Tensor, places: Tensor): Tensor => {
    const counts = x.shape.slice(2);
    const lengths =
      outputSize?.slice(-rank) ??
      counts.map((n, i) => (n - 1) * (steps[i] as number) - 2 * (sides[i] as number) + (size[i] as number));
    const flat = zeros([...x.shape.slice(0, 2), product(lengths)], { dtype: x.dtype, device: x.runtime?.device });
    return scatter(flat, 2, places.flatten(2), x.flatten(2)).reshape([...x.shape.slice(0, 2), ...lengths]);
  };
  return composed(() =>
    batched(op, input, rank, (x) => spread(x, input.ndim === rank + 2 ? indices : indices.unsqueeze(0)), dropBatch),
  );
}

/** Back from `maxPool1d` with its indices. */
export const maxUnpool1d = (
  input: Tensor,
  indices: Tensor,
  kernelSize: PerDim,
  options: MaxUnpoolOptions = {},
): Tensor => maxUnpool('maxUnpool1d', 1, input, indices, kernelSize, options);
/** Back from `maxPool2d` with its indices. */
export const maxUnpool2d = (
  input: Tensor,
  indices: Tensor,
  kernelSize: PerDim,
  options: MaxUnpoolOptions = {},
): Tensor => maxUnpool('maxUnpool2d', 2, input, indices, kernelSize, options);
/** Back from `maxPool3d` with its indices. */
export const maxUnpool3d = (
  input: Tensor,
  indices: Tensor,
  kernelSize: PerDim,
  options: MaxUnpoolOptions = {},
): Tensor => maxUnpool('maxUnpool3d', 3, input, indices, kernelSize, options);

/** Convolutions and their adjoints: options, checks and the bias. The products, and their derivatives, are `convolution-products.ts`. */
import { composed, inAutocast, type Tensor } from '@torchlet/tensor';
import { convolved, convolvedBack } from './convolution-products.js';
import { printShape } from './shapes.js';
import { batched, dropBatch, type PerDim, type Placed, perDim, placed, windowCounts } from './spatial.js';

export interface ConvOptions {
  readonly stride?: PerDim;
  /** Zeros on both sides, or `same` for an output as long as the input (with stride 1), or `valid` for none. Default 0. */
  readonly padding?: PerDim | 'same' | 'valid';
  readonly dilation?: PerDim;
  /** Groups of channels that do not see each other. Default 1. */
  readonly groups?: number;
}

export interface ConvTransposeOptions {
  readonly stride?: PerDim;
  readonly padding?: PerDim;
  /** Length that is added at the end of each dim, of several that would give the same input. Default 0. */
  readonly outputPadding?: PerDim;
  readonly groups?: number;
  readonly dilation?: PerDim;
}

/** [n, channels, length] by a weight of [out, channels / groups, size]. The batch may be missing. */
export const conv1d = (
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  ...given: Placed<ConvOptions>
): Tensor => convolution('conv1d', 1, input, weight, bias, placed(given));

/**
 * [n, channels, height, width] by a weight of [out, channels / groups, ...size].
 *
 * @throws RangeError for channels, groups or windows that do not fit.
 */
export const conv2d = (
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  ...given: Placed<ConvOptions>
): Tensor => convolution('conv2d', 2, input, weight, bias, placed(given));

/** [n, channels, depth, height, width] by a weight of [out, channels / groups, ...size]. */
export const conv3d = (
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  ...given: Placed<ConvOptions>
): Tensor => convolution('conv3d', 3, input, weight, bias, placed(given));

/** The adjoint of `conv1d`: a weight of [channels, out / groups, size]. */
export const convTranspose1d = (
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  ...given: Placed<ConvTransposeOptions>
): Tensor => transposed('convTranspose1d', 1, input, weight, bias, placed(given));

/** The adjoint of `conv2d`: a weight of [channels, out / groups, ...size]. */
export const convTranspose2d = (
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  ...given: Placed<ConvTransposeOptions>
): Tensor => transposed('convTranspose2d', 2, input, weight, bias, placed(given));

/** The adjoint of `conv3d`: a weight of [channels, out / groups, ...size]. */
export const convTranspose3d = (
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null = null,
  ...given: Placed<ConvTransposeOptions>
): Tensor => transposed('convTranspose3d', 3, input, weight, bias, placed(given));

function convolution(
  op: string,
  rank: number,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { stride = 1, padding = 0, dilation = 1, groups = 1 }: ConvOptions,
): Tensor {
  const strides = perDim(op, 'stride', stride, rank, 1);
  const dilations = perDim(op, 'dilation', dilation, rank, 1);
  checkWeight(op, rank, weight);
  const channels = input.size(-rank - 1);
  if (channels !== weight.size(1) * groups || weight.size(0) % groups !== 0) {
    throw new RangeError(
      `${op}: expected ${weight.size(1) * groups} channels for a weight of ${printShape(weight.shape)} and ${groups} groups, got ${printShape(input.shape)}`,
    );
  }
  const size = weight.shape.slice(2);
  const sides = paddingOf(op, rank, padding, strides, dilations, size);
  const windows = { size, stride: strides, dilation: dilations };
  return composed(() =>
    batched(
      op,
      input,
      rank,
      (x) => {
        const lengths = x.shape.slice(2);
        const padded = sides.map(([first, last], i) => first + (lengths[i] as number) + last);
        const counts = windowCounts(op, [...x.shape.slice(0, 2), ...padded], windows);
        const geometry = { ...windows, groups, before: sides.map(([first]) => first), lengths, counts };
        return withBias(convolved(inAutocast(x), inAutocast(weight), geometry), bias);
      },
      dropBatch,
    ),
  );
}

function checkWeight(op: string, rank: number, weight: Tensor): void {
  if (weight.ndim === rank + 2) return;
  throw new RangeError(`${op}: expected a weight of ${rank + 2} dims, got ${printShape(weight.shape)}`);
}

function paddingOf(
  op: string,
  rank: number,
  padding: PerDim | 'same' | 'valid',
  strides: readonly number[],
  dilations: readonly number[],
  size: readonly number[],
): [number, number][] {
  if (padding === 'valid') return size.map(() => [0, 0]);
  if (padding === 'same') {
    if (strides.some((step) => step !== 1))
      throw new RangeError(`${op}: padding 'same' needs a stride of 1, got [${strides}]`);
    return size.map((length, i) => {
      const total = (dilations[i] as number) * (length - 1);
      return [Math.floor(total / 2), Math.ceil(total / 2)];
    });
  }
  return perDim(op, 'padding', padding, rank, 0).map((count) => [count, count]);
}

/** A bias for each channel. */
function withBias(x: Tensor, bias: Tensor | null): Tensor {
  return bias === null ? x : x.add(inAutocast(bias).reshape([-1, ...new Array<number>(x.ndim - 2).fill(1)]));
}

function transposed(
  op: string,
  rank: number,
  input: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  { stride = 1, padding = 0, outputPadding = 0, groups = 1, dilation = 1 }: ConvTransposeOptions,
): Tensor {
  const strides = perDim(op, 'stride', stride, rank, 1);
  const dilations = perDim(op, 'dilation', dilation, rank, 1);
  const paddings = perDim(op, 'padding', padding, rank, 0);
  const extra = perDim(op, 'outputPadding', outputPadding, rank, 0);
  checkWeight(op, rank, weight);
  extra.forEach((count, i) => {
    if (count >= Math.max(strides[i] as number, dilations[i] as number)) {
      throw new RangeError(`${op}: expected an outputPadding below the stride or the dilation, got [${extra}]`);
    }
  });
  const channels = weight.size(0);
  if (input.size(-rank - 1) !== channels || channels % groups !== 0) {
    throw new RangeError(
      `${op}: expected ${channels} channels in ${groups} groups for a weight of ${printShape(weight.shape)}, got ${printShape(input.shape)}`,
    );
  }
  const size = weight.shape.slice(2);
  return composed(() =>
    batched(
      op,
      input,
      rank,
      (x) => {
        const counts = x.shape.slice(2);
        const lengths = counts.map((count, i) => {
          const reach = (dilations[i] as number) * ((size[i] as number) - 1) + 1;
          return (count - 1) * (strides[i] as number) + reach + (extra[i] as number) - 2 * (paddings[i] as number);
        });
        if (lengths.some((length) => length < 1)) {
          throw new RangeError(`${op}: expected outputs of at least one element, got ${printShape(lengths)}`);
        }
        const geometry = { groups, size, stride: strides, dilation: dilations, before: paddings, lengths, counts };
        return withBias(convolvedBack(inAutocast(x), inAutocast(weight), geometry), bias);
      },
      dropBatch,
    ),
  );
}

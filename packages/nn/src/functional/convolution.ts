/**
 * Convolutions: windows of the input, which no one copies, times the weight, as one matrix product for each group. Transposed ones are convolutions of an input
 * with zeros between its elements.
 */
import { composed, inAutocast, pad, type Tensor } from '@torchlet/tensor';
import { printShape } from './shapes.js';
import {
  batched,
  dropBatch,
  padSpatial,
  type PerDim,
  type Placed,
  perDim,
  placed,
  product,
  range,
  spatialWindows,
} from './spatial.js';

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
  const sides = paddingOf(op, rank, padding, strides, dilations, weight.shape.slice(2));
  return composed(() =>
    batched(
      op,
      input,
      rank,
      (x) => grouped(op, padSpatial(x, sides), weight, bias, strides, dilations, groups),
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

/** The product of every window with the weight, group by group. */
function grouped(
  op: string,
  x: Tensor,
  weight: Tensor,
  bias: Tensor | null,
  stride: readonly number[],
  dilation: readonly number[],
  groups: number,
): Tensor {
  const size = weight.shape.slice(2);
  const rank = size.length;
  const cut = spatialWindows(op, x, { size, stride, dilation });
  const [batch, channels, ...rest] = cut.shape as [number, number, ...number[]];
  const counts = rest.slice(0, rank);
  const places = range(rank, 3);
  const within = range(rank, 3 + rank);
  const depth = (channels / groups) * product(size);
  const each = weight.size(0) / groups;
  const rows = cut
    .reshape([batch, groups, channels / groups, ...rest])
    .permute([1, 0, ...places, 2, ...within])
    .reshape([groups, batch * product(counts), depth]);
  const columns = weight.reshape([groups, each, depth]).transpose(1, 2);
  const result = (groups === 1 ? rows.squeeze(0).matmul(columns.squeeze(0)) : rows.matmul(columns))
    .reshape([groups, batch, ...counts, each])
    .permute([1, 0, rank + 2, ...range(rank, 2)])
    .reshape([batch, groups * each, ...counts]);
  return bias === null ? result : result.add(inAutocast(bias).reshape([-1, ...counts.map(() => 1)]));
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
  const [channels, each] = weight.shape as [number, number];
  if (input.size(-rank - 1) !== channels || channels % groups !== 0) {
    throw new RangeError(
      `${op}: expected ${channels} channels in ${groups} groups for a weight of ${printShape(weight.shape)}, got ${printShape(input.shape)}`,
    );
  }
  const size = weight.shape.slice(2);
  const sides = size.map((length, i): [number, number] => {
    const reach = (dilations[i] as number) * (length - 1) - (paddings[i] as number);
    return [reach, reach + (extra[i] as number)];
  });
  return composed(() => {
    const turned = weight
      .flip(range(rank, 2))
      .reshape([groups, channels / groups, each, ...size])
      .transpose(1, 2)
      .reshape([groups * each, channels / groups, ...size]);
    const ones = strides.map(() => 1);
    return batched(
      op,
      input,
      rank,
      (x) => grouped(op, padSpatial(apart(x, strides), sides), turned, bias, ones, dilations, groups),
      dropBatch,
    );
  });
}

/** The spatial dims with stride - 1 zeros between two elements. */
function apart(x: Tensor, strides: readonly number[]): Tensor {
  return strides.reduce((spread, step, i) => {
    const dim = i + 2;
    const length = spread.size(dim);
    if (step === 1 || length === 0) return spread;
    const after = spread.ndim - dim - 1;
    const column = pad(spread.unsqueeze(dim + 1), [...new Array<number>(2 * after).fill(0), 0, step - 1]);
    return column.flatten(dim, dim + 1).narrow(dim, 0, (length - 1) * step + 1);
  }, x);
}

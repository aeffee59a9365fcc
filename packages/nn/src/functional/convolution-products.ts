/**
 * The three products of a convolution: outputs of inputs and a weight, gradients of inputs of those of outputs and the weight, the gradient of the weight of
 * inputs and gradients of outputs. What differentiates one is made of the other two, to any order. Each is one matrix product for each group, with windows
 * that no one stores. Owns that; options, checks and the bias are `convolution.ts`.
 */
import { customFunction, pad, type Tensor } from '@torchlet/tensor';
import { padSpatial, product, range, fittingWindows, type WindowOptions } from './spatial.js';

/** How outputs lie over an input, dim by dim: output p reads, at place t of the window, element stride * p + dilation * t - before; zero outside. */
export interface Geometry extends WindowOptions {
  readonly groups: number;
  readonly before: readonly number[];
  /** Of the input. */
  readonly lengths: readonly number[];
  /** Of the output. */
  readonly counts: readonly number[];
}

/** [n, channels, ...lengths] by a weight of [out, channels / groups, ...size]: [n, out, ...counts]. */
export function convolved(x: Tensor, weight: Tensor, geometry: Geometry): Tensor {
  return customFunction<[Tensor, Tensor]>({
    forward: (x, weight) => outputOf(x, weight, geometry),
    backward: (grad, x, weight) => [
      x.requiresGrad ? convolvedBack(grad, weight, geometry) : null,
      weight.requiresGrad ? weightGradient(x, grad, geometry) : null,
    ],
  })(x, weight);
}

/** The adjoint of `convolved`, of [n, out, ...counts]: [n, channels, ...lengths]. */
export function convolvedBack(y: Tensor, weight: Tensor, geometry: Geometry): Tensor {
  return customFunction<[Tensor, Tensor]>({
    forward: (y, weight) => inputOf(y, weight, geometry),
    backward: (grad, y, weight) => [
      y.requiresGrad ? convolved(grad, weight, geometry) : null,
      weight.requiresGrad ? weightGradient(grad, y, geometry) : null,
    ],
  })(y, weight);
}

/** From an input and an output's gradient: [out, channels / groups, ...size]. */
function weightGradient(x: Tensor, y: Tensor, geometry: Geometry): Tensor {
  return customFunction<[Tensor, Tensor]>({
    forward: (x, y) => weightOf(x, y, geometry),
    backward: (grad, x, y) => [
      x.requiresGrad ? convolvedBack(y, grad, geometry) : null,
      y.requiresGrad ? convolved(x, grad, geometry) : null,
    ],
  })(x, y);
}

function outputOf(x: Tensor, weight: Tensor, geometry: Geometry): Tensor {
  const { groups, counts } = geometry;
  const rows = inputWindows(x, geometry);
  const [batch, out] = [x.size(0), weight.size(0)];
  return grouped(weight.reshape([groups, out / groups, rows.size(2)]), rows.transpose(1, 2))
    .reshape([out, batch, ...counts])
    .transpose(0, 1);
}

function weightOf(x: Tensor, y: Tensor, geometry: Geometry): Tensor {
  const { groups, counts, size } = geometry;
  const [batch, out] = y.shape as [number, number];
  const rows = y
    .reshape([batch, groups, out / groups, product(counts)])
    .permute([1, 2, 0, 3])
    .reshape([groups, out / groups, batch * product(counts)]);
  return grouped(rows, inputWindows(x, geometry)).reshape([out, x.size(1) / groups, ...size]);
}

/** Every window of the input as a row: [groups, n * counts, channels of a group * size]. */
function inputWindows(x: Tensor, geometry: Geometry): Tensor {
  const { stride, dilation, before, lengths, size, counts } = geometry;
  const sides = size.map((length, i): [number, number] => {
    const step = stride[i] as number;
    const end = ((counts[i] as number) - 1) * step + (dilation[i] as number) * (length - 1) + 1;
    const missing = end - (before[i] as number) - (lengths[i] as number);
    // Elements at the end that are too few for another window need no cut.
    return [before[i] as number, missing > -step ? Math.max(0, missing) : missing];
  });
  return windowRows(padSpatial(x, sides), geometry);
}

function windowRows(x: Tensor, { groups, ...options }: WindowOptions & { readonly groups: number }): Tensor {
  const cut = fittingWindows(x, options);
  const rank = options.size.length;
  const [batch, channels, ...rest] = cut.shape as [number, number, ...number[]];
  return cut
    .reshape([batch, groups, channels / groups, ...rest])
    .permute([1, 0, ...range(rank, 3), 2, ...range(rank, 3 + rank)])
    .reshape([groups, batch * product(rest.slice(0, rank)), (channels / groups) * product(options.size)]);
}

/** The product of each group. */
function grouped(rows: Tensor, columns: Tensor): Tensor {
  return rows.size(0) === 1 ? rows.squeeze(0).matmul(columns.squeeze(0)).unsqueeze(0) : rows.matmul(columns);
}

/**
 * One dim of an input's gradient, seen from the outputs: element stride * q + r of the input, moved by `cut`, gets from outputs q, q + gap, ... of those with
 * `sides` what the window has for phase r: a convolution with stride 1 to `phases` times the channels, and no zeros between outputs.
 */
interface PhasedDim {
  /** Places of a window of outputs. */
  readonly taps: number;
  readonly gap: number;
  readonly phases: number;
  readonly stride: number;
  /** Windows of outputs. */
  readonly count: number;
  /** Zeros before and after the outputs. */
  readonly sides: readonly [number, number];
  /** Zeros before the weight, so that a window begins with phase 0. */
  readonly front: number;
  /** Elements of the first phases that lie before the input. */
  readonly cut: number;
}

/** @param gap 1 unless the stride is: then it is the dilation. @param size of the window. */
function phasedDim(
  stride: number,
  gap: number,
  size: number,
  before: number,
  length: number,
  outputs: number,
): PhasedDim {
  const taps = Math.ceil(size / stride);
  const ahead = before % stride;
  const shift = (stride - ahead) % stride;
  // Phases that begin where the input does leave nothing to cut, if that takes no more taps.
  const begins = size >= stride && Math.ceil((size + shift) / stride) === taps;
  const [cut, front] = begins ? [0, shift] : [ahead, 0];
  const count = Math.ceil((length + cut) / stride);
  const reach = gap * (taps - 1);
  const left = reach - Math.ceil((before - cut) / stride);
  const sides = [left, count + reach - outputs - left] as const;
  return { taps, gap, phases: Math.min(stride, size), stride, count, sides, front, cut };
}

function inputOf(y: Tensor, weight: Tensor, geometry: Geometry): Tensor {
  const { groups, stride, dilation, before, lengths, size, counts } = geometry;
  // With a stride, a window's gaps are part of it, as zeros.
  const isStrided = stride.map((step) => step > 1);
  const full = apart(
    weight,
    dilation.map((gap, i) => (isStrided[i] ? gap : 1)),
  );
  const dims = size.map((_, i) =>
    phasedDim(
      stride[i] as number,
      isStrided[i] ? 1 : (dilation[i] as number),
      full.size(i + 2),
      before[i] as number,
      lengths[i] as number,
      counts[i] as number,
    ),
  );
  const outputs = padSpatial(
    y,
    dims.map(({ sides }) => sides),
  );
  const rows = windowRows(outputs, {
    groups,
    size: dims.map(({ taps }) => taps),
    stride: dims.map(() => 1),
    dilation: dims.map(({ gap }) => gap),
  });
  return joinedPhases(grouped(weightOfPhases(full, groups, dims), rows.transpose(1, 2)), y.size(0), geometry, dims);
}

/** [groups, channels of a group * phases, outputs of a group * taps], the last tap first. */
function weightOfPhases(weight: Tensor, groups: number, dims: readonly PhasedDim[]): Tensor {
  const [out, each] = weight.shape as [number, number];
  const taps = dims.map((_, i) => 3 + 2 * i);
  const phases = dims.map((_, i) => 4 + 2 * i);
  const whole = padSpatial(
    weight,
    dims.map((dim, i) => [dim.front, dim.taps * dim.phases - dim.front - weight.size(i + 2)]),
  );
  return whole
    .reshape([groups, out / groups, each, ...dims.flatMap((dim) => [dim.taps, dim.phases])])
    .flip(taps)
    .permute([0, 2, ...phases, 1, ...taps])
    .reshape([
      groups,
      each * product(dims.map((dim) => dim.phases)),
      (out / groups) * product(dims.map((dim) => dim.taps)),
    ]);
}

/** [groups, channels of a group * phases, n * counts of windows] as [n, channels, ...lengths]. */
function joinedPhases(x: Tensor, batch: number, { groups, lengths }: Geometry, dims: readonly PhasedDim[]): Tensor {
  const rank = dims.length;
  const phases = dims.map((dim) => dim.phases);
  const each = x.size(1) / product(phases);
  const interleaved = x
    .reshape([groups, each, ...phases, batch, ...dims.map((dim) => dim.count)])
    .permute([2 + rank, 0, 1, ...dims.flatMap((_, i) => [3 + rank + i, 2 + i])]);
  // Between windows that are smaller than the stride nothing gets anything.
  const between = dims.toReversed().flatMap((dim) => [0, dim.stride - dim.phases, 0, 0]);
  const joined = pad(interleaved, between).reshape([
    batch,
    groups * each,
    ...dims.map((dim) => dim.count * dim.stride),
  ]);
  return padSpatial(
    joined,
    dims.map(({ cut, count, stride }, i) => [-cut, cut + (lengths[i] as number) - count * stride]),
  );
}

/** The spatial dims with step - 1 zeros between two elements. */
function apart(x: Tensor, steps: readonly number[]): Tensor {
  return steps.reduce((spread, step, i) => {
    const dim = i + 2;
    const length = spread.size(dim);
    if (step === 1) return spread;
    const after = spread.ndim - dim - 1;
    const column = pad(spread.unsqueeze(dim + 1), [...new Array<number>(2 * after).fill(0), 0, step - 1]);
    return column.flatten(dim, dim + 1).narrow(dim, 0, (length - 1) * step + 1);
  }, x);
}

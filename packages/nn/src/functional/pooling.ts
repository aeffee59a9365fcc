/** Pools: the largest, the mean or the norm of windows. Adaptive pools are `adaptive-pooling.ts`. */
import {
  arange,
  composed,
  type DType,
  dtypes,
  type Ordered,
  ordered,
  relu,
  type Tensor,
  tensor,
} from '@torchlet/tensor';
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

export interface MaxPoolOptions {
  /** Default: the size of a window, so that windows do not overlap. */
  readonly stride?: PerDim | null;
  /** Places beside the input, which never win. Default 0. */
  readonly padding?: PerDim;
  readonly dilation?: PerDim;
  /** Whether a last window may reach beyond the end. Default false. */
  readonly ceilMode?: boolean;
}

/** The largest elements, and where in the flat spatial dims they are (int64). */
export type Pooled = Ordered;

interface WithIndices extends MaxPoolOptions {
  readonly returnIndices: true;
}

interface WithoutIndices extends MaxPoolOptions {
  readonly returnIndices?: false;
}

type AnyIndices = MaxPoolOptions & { readonly returnIndices?: boolean };

/** How the windows of a pool lie: padding and size along each dim, and how many there are. */
interface Grid {
  readonly size: number[];
  readonly stride: number[];
  readonly padding: number[];
  readonly dilation: number[];
  readonly counts: number[];
  /** What the last windows need beyond the input's end. */
  readonly after: number[];
}

function gridOf(op: string, x: Tensor, rank: number, kernelSize: PerDim, options: AnyIndices): Grid {
  const { padding: pads = 0, dilation: gaps = 1, ceilMode = false } = options;
  const size = perDim(op, 'kernelSize', kernelSize, rank, 1);
  const stride = perDim(op, 'stride', options.stride ?? kernelSize, rank, 1);
  const padding = perDim(op, 'padding', pads, rank, 0);
  const dilation = perDim(op, 'dilation', gaps, rank, 1);
  const counts: number[] = [];
  const after: number[] = [];
  size.forEach((length, i) => {
    const [step, side, gap] = [stride[i] as number, padding[i] as number, dilation[i] as number];
    if (side > length / 2)
      throw new RangeError(`${op}: expected a padding of at most half of kernelSize ${length}, got ${side}`);
    const whole = x.size(i + 2) + 2 * side;
    const reach = gap * (length - 1) + 1;
    const free = (whole - reach) / step;
    let count = (ceilMode ? Math.ceil(free) : Math.floor(free)) + 1;
    // A window that would begin in the padding after the input is not one.
    if (ceilMode && (count - 1) * step >= x.size(i + 2) + side) count--;
    counts.push(count);
    after.push(Math.max(side, (count - 1) * step + reach - x.size(i + 2) - side));
  });
  return { size, stride, padding, dilation, counts, after };
}

/** The windows, flat in a last dim, with `value` beside the input. */
function windowsOf(op: string, x: Tensor, grid: Grid, value: number): Tensor {
  const sides = grid.padding.map((before, i): [number, number] => [before, grid.after[i] as number]);
  const cut = spatialWindows(op, padSpatial(x, sides, value), grid);
  return cut.flatten(2 + grid.size.length);
}

/** Numbers that are smaller than any other, by dtype. */
function leastOf(dtype: DType): number {
  const { kind, bytes } = dtypes[dtype];
  if (kind === 'float') return -Infinity;
  return dtype === 'uint8' || dtype === 'bool' ? 0 : -(2 ** (8 * bytes - 1));
}

function maxPool(op: string, rank: number, input: Tensor, kernelSize: PerDim, options: AnyIndices): Tensor | Pooled {
  const { returnIndices = false } = options;
  const pooled = batched<Pooled>(
    op,
    input,
    rank,
    (x) => {
      const grid = gridOf(op, x, rank, kernelSize, options);
      const { values, indices } = windowsOf(op, x, grid, leastOf(x.dtype)).max(-1);
      if (!returnIndices) return ordered(values, indices);
      const spatial = x.shape.slice(2);
      const places = arange(product(spatial), { device: x.runtime?.device }).reshape([1, 1, ...spatial]);
      const inWindows = windowsOf(op, places, grid, -1);
      const chosen = inWindows.expand([...values.shape, inWindows.size(-1)]).gather(-1, indices.unsqueeze(-1));
      return ordered(values, chosen.squeeze(-1));
    },
    ({ values, indices }) => ordered(dropBatch(values), dropBatch(indices)),
  );
  return returnIndices ? pooled : pooled.values;
}

/** The largest of each window over [n, channels, length]; the first of equals gets the gradient. */
export function maxPool1d(input: Tensor, kernelSize: PerDim, ...given: Placed<WithoutIndices>): Tensor;
export function maxPool1d(input: Tensor, kernelSize: PerDim, options: WithIndices): Pooled;
export function maxPool1d(input: Tensor, kernelSize: PerDim, ...given: Placed<AnyIndices>): Tensor | Pooled {
  return maxPool('maxPool1d', 1, input, kernelSize, placed(given));
}

/** The largest of each window over [n, channels, height, width]; the first of equals gets the gradient. */
export function maxPool2d(input: Tensor, kernelSize: PerDim, ...given: Placed<WithoutIndices>): Tensor;
export function maxPool2d(input: Tensor, kernelSize: PerDim, options: WithIndices): Pooled;
export function maxPool2d(input: Tensor, kernelSize: PerDim, ...given: Placed<AnyIndices>): Tensor | Pooled {
  return maxPool('maxPool2d', 2, input, kernelSize, placed(given));
}

/** The largest of each window over [n, channels, depth, height, width]. */
export function maxPool3d(input: Tensor, kernelSize: PerDim, ...given: Placed<WithoutIndices>): Tensor;
export function maxPool3d(input: Tensor, kernelSize: PerDim, options: WithIndices): Pooled;
export function maxPool3d(input: Tensor, kernelSize: PerDim, ...given: Placed<AnyIndices>): Tensor | Pooled {
  return maxPool('maxPool3d', 3, input, kernelSize, placed(given));
}

export interface AvgPoolOptions {
  readonly stride?: PerDim | null;
  /** Zeros beside the input. Default 0. */
  readonly padding?: PerDim;
  readonly ceilMode?: boolean;
  /** Whether the zeros count as elements. Default true. */
  readonly countIncludePad?: boolean;
  /** Divides the sum instead of the number of elements. */
  readonly divisorOverride?: number | null;
}

function avgPool(op: string, rank: number, input: Tensor, kernelSize: PerDim, options: AvgPoolOptions): Tensor {
  return composed(() =>
    batched(
      op,
      input,
      rank,
      (x) => {
        const grid = gridOf(op, x, rank, kernelSize, options);
        const sums = windowsOf(op, x, grid, 0).sum(-1, { dtype: x.dtype });
        return sums.div(divisorOf(x, grid, options));
      },
      dropBatch,
    ),
  );
}

/** How many elements each window counts: a number where all count as many. */
function divisorOf(
  x: Tensor,
  grid: Grid,
  { countIncludePad = true, divisorOverride = null }: AvgPoolOptions,
): number | Tensor {
  if (divisorOverride !== null) return divisorOverride;
  const { size, stride, padding, counts } = grid;
  const lengths = counts.map((count, i) => {
    const side = padding[i] as number;
    const length = x.size(i + 2);
    return range(count).map((place) => {
      const start = place * (stride[i] as number) - side;
      const end = Math.min(start + (size[i] as number), length + side);
      return countIncludePad ? end - start : Math.min(end, length) - Math.max(start, 0);
    });
  });
  const all = lengths.reduce((products, along) => products.flatMap((total) => along.map((n) => total * n)), [1]);
  const [first = 1] = all;
  if (all.every((n) => n === first)) return first;
  return tensor(all, { shape: counts, dtype: x.dtype, device: x.runtime?.device });
}

/** The mean of each window over [n, channels, length]. */
export const avgPool1d = (input: Tensor, kernelSize: PerDim, ...given: Placed<AvgPoolOptions>): Tensor =>
  avgPool('avgPool1d', 1, input, kernelSize, placed(given));
/** The mean of each window over [n, channels, height, width]. */
export const avgPool2d = (input: Tensor, kernelSize: PerDim, ...given: Placed<AvgPoolOptions>): Tensor =>
  avgPool('avgPool2d', 2, input, kernelSize, placed(given));
/** The mean of each window over [n, channels, depth, height, width]. */
export const avgPool3d = (input: Tensor, kernelSize: PerDim, ...given: Placed<AvgPoolOptions>): Tensor =>
  avgPool('avgPool3d', 3, input, kernelSize, placed(given));

export interface LpPoolOptions {
  readonly stride?: PerDim | null;
  readonly ceilMode?: boolean;
}

function lpPool(
  op: string,
  rank: number,
  input: Tensor,
  p: number,
  kernelSize: PerDim,
  options: LpPoolOptions,
): Tensor {
  const count = product(perDim(op, 'kernelSize', kernelSize, rank, 1));
  return composed(() => {
    const mean = avgPool(op, rank, input.pow(p), kernelSize, options);
    return mean
      .sign()
      .mul(relu(mean.abs()))
      .mul(count)
      .pow(1 / p);
  });
}

/** (sum x^p)^(1/p) of each window over [n, channels, length]. */
export const lpPool1d = (input: Tensor, p: number, kernelSize: PerDim, options: LpPoolOptions = {}): Tensor =>
  lpPool('lpPool1d', 1, input, p, kernelSize, options);
/** (sum x^p)^(1/p) of each window over [n, channels, height, width]. */
export const lpPool2d = (input: Tensor, p: number, kernelSize: PerDim, options: LpPoolOptions = {}): Tensor =>
  lpPool('lpPool2d', 2, input, p, kernelSize, options);

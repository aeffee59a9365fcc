/** Reductions beside the methods: running sums and extremes, norms, NaN passed over, histograms. The scans are `ops/scan.ts`. */
import { type DType, dtypes, isFloat } from '@torchlet/device';
import { axisOf, cast, type Node, ShapeError } from '@torchlet/graph';
import { arange, tensor } from '../factories.js';
import { cat, recordOperation, where } from '../functions.js';
import { composed } from '../modules.js';
import type { Dims } from '../ops/operands.js';
import { norm as normNode } from '../ops/norm.js';
import * as scans from '../ops/scan.js';
import { type Ordered, ordered, type Tensor } from '../tensor.js';

const on = (x: Tensor, build: (node: Node) => Node): Tensor => recordOperation([x], (node) => build(node as Node));

interface Keepdim {
  readonly keepdim?: boolean;
}

interface WithDType {
  readonly dtype?: DType | undefined;
}

/** The sum of each element and all before it along `dim`; integers in int64. */
export const cumsum = (x: Tensor, dim: number, options: WithDType = {}): Tensor => x.cumsum(dim, options);
/** The product of each element and all before it along `dim`; integers in int64. */
export const cumprod = (x: Tensor, dim: number, { dtype }: WithDType = {}): Tensor =>
  on(x, (node) => scans.cumulative('cumprod', node, dim, dtype));
/** log of the sum of e^x up to each element along `dim`. */
export function logcumsumexp(x: Tensor, dim: number): Tensor {
  const axis = axisOf('logcumsumexp', dim, x.ndim);
  return on(x, (node) => {
    const exact = cast(node, isFloat(x.dtype) ? x.dtype : 'float32');
    return x.ndim === 0 ? exact : scans.logcumsumexp(exact, axis);
  });
}

/** The largest element up to each along `dim`, and where it is: of equals the last. */
export const cummax = (x: Tensor, dim: number): Ordered => cumulativeExtreme('cummax', x, dim);
/** The smallest element up to each along `dim`, and where it is: of equals the last. */
export const cummin = (x: Tensor, dim: number): Ordered => cumulativeExtreme('cummin', x, dim);

function cumulativeExtreme(op: 'cummax' | 'cummin', x: Tensor, dim: number): Ordered {
  const axis = axisOf(op, dim, x.ndim);
  if (x.ndim === 0) return ordered(x.clone(), tensor(0));
  const indices = composed(() => {
    const detached = x.detach();
    const bound = detached.dtype === 'bool' ? detached.to('int8') : detached;
    const extreme = on(bound, (node) => {
      const scan = op === 'cummax' ? scans.runningMax : scans.runningMin;
      const [least, most] = scans.rangeOf(bound.dtype);
      return scan(node, axis, op === 'cummax' ? least : most);
    });
    const line = arange(x.size(axis), { device: x.runtime?.device }).reshape(
      x.shape.map((_, a) => (a === axis ? -1 : 1)),
    );
    const isNew = bound.eq(extreme).logicalOr(bound.isnan());
    return on(where(isNew, line.expand(x.shape), -1), (node) => scans.runningMax(node, axis, -1));
  });
  return ordered(x.gather(axis, indices), indices);
}

export interface DiffOptions {
  readonly prepend?: Tensor | null;
  readonly append?: Tensor | null;
}

/** Differences of neighbours along `dim`, `n` times over. */
export function diff(x: Tensor, n = 1, dim = -1, { prepend = null, append = null }: DiffOptions = {}): Tensor {
  if (x.ndim === 0) throw new ShapeError('diff: expected at least 1 dim, got a 0-d tensor');
  if (!(n >= 0)) throw new RangeError(`diff: expected an n of at least 0, got ${n}`);
  const axis = axisOf('diff', dim, x.ndim);
  return composed(() => {
    const whole =
      prepend === null && append === null
        ? x
        : cat(
            [prepend, x, append].filter((part) => part !== null),
            axis,
          );
    return on(whole, (node) => scans.diff(node, n, axis));
  });
}

/** The p-norm over `dim`, or over all: (sum |x|^p)^(1/p); infinite p are the extremes, 0 counts what is not 0. */
export function norm(
  x: Tensor,
  p: number | 'fro' | 'nuc' | null = 'fro',
  dim: Dims = null,
  { keepdim = false, dtype }: Keepdim & WithDType = {},
): Tensor {
  if (p === 'nuc') throw new RangeError("norm: expected a number or 'fro', got 'nuc', which needs singular values");
  const order = p === 'fro' || p === null ? 2 : p;
  return on(dtype === undefined ? x : x.to(dtype), (node) => normNode('norm', node, order, dim, keepdim));
}

/** The p-norm of vectors: over `dim`, or over all elements (torch.linalg.vector_norm). */
export const vectorNorm = (
  x: Tensor,
  ord = 2,
  dim: Dims = null,
  { keepdim = false, dtype }: Keepdim & WithDType = {},
): Tensor => on(dtype === undefined ? x : x.to(dtype), (node) => normNode('vectorNorm', node, ord, dim, keepdim));

/** The norm of x - y. */
export const dist = (x: Tensor, y: Tensor, p = 2): Tensor => composed(() => norm(x.sub(y), p));

/** The least and the largest, over all or along `dim`. */
export function aminmax(
  x: Tensor,
  { dim, keepdim = false }: Keepdim & { readonly dim?: number } = {},
): { min: Tensor; max: Tensor } {
  return { min: x.amin(dim, { keepdim }), max: x.amax(dim, { keepdim }) };
}

interface MomentOptions extends Keepdim {
  readonly correction?: number;
}

/** Standard deviation and mean. */
export const stdMean = (
  x: Tensor,
  dim?: Dims,
  { correction = 1, keepdim = false }: MomentOptions = {},
): [Tensor, Tensor] => [x.std(dim, { correction, keepdim }), x.mean(dim, { keepdim })];
/** Variance and mean. */
export const varMean = (
  x: Tensor,
  dim?: Dims,
  { correction = 1, keepdim = false }: MomentOptions = {},
): [Tensor, Tensor] => [x.var(dim, { correction, keepdim }), x.mean(dim, { keepdim })];

/** The sum of what is no NaN. */
export const nansum = (x: Tensor, dim?: Dims, options: Keepdim & WithDType = {}): Tensor =>
  composed(() => x.maskedFill(x.isnan(), 0).sum(dim, options));
/** The mean of what is no NaN. */
export const nanmean = (x: Tensor, dim?: Dims, options: Keepdim & WithDType = {}): Tensor =>
  composed(() =>
    nansum(x, dim, options).div(
      x
        .isnan()
        .logicalNot()
        .sum(dim, { keepdim: options.keepdim ?? false }),
    ),
  );

/**
 * How many elements lie in each of `bins` equal parts of [min, max]; with min = max, of the range of the elements. What is outside counts nothing.
 */
export function histc(x: Tensor, bins = 100, min = 0, max = 0): Tensor {
  if (dtypes[x.dtype].kind !== 'float')
    throw new TypeError(`histc: expected floats, got ${x.dtype}; convert with x.float()`);
  if (!(bins > 0)) throw new RangeError(`histc: expected at least one bin, got ${bins}`);
  if (min > max) throw new RangeError(`histc: expected min <= max, got ${min} and ${max}`);
  return composed(() => {
    const flat = x.detach().reshape(-1);
    const low = min === max ? flat.amin() : tensor(min, { dtype: x.dtype });
    const high = min === max ? flat.amax() : tensor(max, { dtype: x.dtype });
    // Elements that are all equal lie in the middle of a range of 2.
    const none = high.eq(low);
    const [start, end] = [where(none, low.sub(1), low), where(none, high.add(1), high)];
    const place = flat
      .sub(start)
      .div(end.sub(start))
      .mul(bins)
      .floor()
      .clamp(null, bins - 1);
    const inside = flat.ge(start).logicalAnd(flat.le(end));
    const numbers = arange(bins, { dtype: x.dtype, device: x.runtime?.device }).unsqueeze(1);
    return numbers.eq(place).logicalAnd(inside).sum(1).to(x.dtype);
  });
}

export interface UniqueOptions {
  /** In ascending order here, always. */
  readonly sorted?: boolean;
  readonly returnInverse?: boolean;
  readonly returnCounts?: boolean;
}

/** The different elements in ascending order, and on demand which of them each element is and how often each occurs. Reads the tensor. */
export async function unique(
  x: Tensor,
  { returnInverse = false, returnCounts = false }: UniqueOptions = {},
): Promise<Tensor | Tensor[]> {
  const data = Array.from((await x.data()) as ArrayLike<number | bigint>);
  const sorted = [...new Set(data)].sort((a, b) =>
    a < b ? -1 : a > b ? 1 : Number(Number.isNaN(a)) - Number(Number.isNaN(b)),
  );
  const places = new Map(sorted.map((value, i) => [value, i]));
  return listed(
    x,
    sorted,
    data.map((value) => places.get(value) as number),
    x.shape,
    returnInverse,
    returnCounts,
  );
}

/** As `unique`, of neighbours only: runs of equal elements become one. */
export async function uniqueConsecutive(
  x: Tensor,
  { returnInverse = false, returnCounts = false }: UniqueOptions = {},
): Promise<Tensor | Tensor[]> {
  const data = Array.from((await x.data()) as ArrayLike<number | bigint>);
  const runs: (number | bigint)[] = [];
  const places = data.map((value, i) => {
    if (i === 0 || value !== data[i - 1]) runs.push(value);
    return runs.length - 1;
  });
  return listed(x, runs, places, x.shape, returnInverse, returnCounts);
}

function listed(
  x: Tensor,
  values: readonly (number | bigint)[],
  places: readonly number[],
  shape: readonly number[],
  returnInverse: boolean,
  returnCounts: boolean,
): Tensor | Tensor[] {
  const numbers = x.dtype === 'int64' ? BigInt64Array.from(values as bigint[]) : Float64Array.from(values as number[]);
  const result = [tensor(numbers, { shape: [values.length], dtype: x.dtype })];
  if (returnInverse) result.push(tensor(Float64Array.from(places), { shape, dtype: 'int64' }));
  if (returnCounts) {
    const counts = new Float64Array(values.length);
    for (const place of places) counts[place] = (counts[place] as number) + 1;
    result.push(tensor(counts, { shape: [values.length], dtype: 'int64' }));
  }
  return result.length === 1 ? (result[0] as Tensor) : result;
}

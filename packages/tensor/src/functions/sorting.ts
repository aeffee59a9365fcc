/** Sorting and what is read off a sorted line: top k, medians, quantiles, places among boundaries. The order itself is `ops/sorting.ts`. */
import { isFloat } from '@torchlet/device';
import { axisOf, printShape, ShapeError } from '@torchlet/graph';
import { arange, tensor } from '../factories.js';
import { where } from '../functions.js';
import { composed } from '../modules.js';
import { type OfLastDim, type Ordered, ordered, type SortOptions, type Tensor, type TopkOptions } from '../tensor.js';

/** The elements along `dim` in ascending order, equal ones in theirs, NaN last; and where they were. */
export const sort = (x: Tensor, ...given: OfLastDim<SortOptions>): Ordered => x.sort(...given);

/** Where the elements of the sorted `dim` are: int64. */
export const argsort = (x: Tensor, ...given: OfLastDim<SortOptions>): Tensor => x.argsort(...given);

/** Sorted along the first dim. */
export const msort = (x: Tensor): Tensor => sort(x, 0).values;

/** The k largest elements along `dim`, or the smallest, in order. @throws RangeError for a k beyond the dim. */
export const topk = (x: Tensor, k: number, ...given: OfLastDim<TopkOptions>): Ordered => x.topk(k, ...given);

/** The k-th smallest element along `dim`, counted from 1. */
export function kthvalue(x: Tensor, k: number, dim = -1, { keepdim = false }: { keepdim?: boolean } = {}): Ordered {
  const length = x.ndim === 0 ? 1 : x.size(axisOf('kthvalue', dim, x.ndim));
  if (!(k >= 1 && k <= length)) throw new RangeError(`kthvalue: expected a k in [1, ${length}], got ${k}`);
  return picked(x, argsort(x, dim), dim, k - 1, keepdim);
}

/** Element number `place` of the sorted line. */
function picked(x: Tensor, order: Tensor, dim: number, place: number, keepdim: boolean): Ordered {
  if (x.ndim === 0) return ordered(x.clone(), order);
  const indices = order.narrow(dim, place, 1);
  const values = x.gather(dim, indices);
  return keepdim ? ordered(values, indices) : ordered(values.squeeze(dim), indices.squeeze(dim));
}

/** The lower of the middle elements; with `dim`, along it, with its position. NaN if there is one. */
export function median(x: Tensor): Tensor;
export function median(x: Tensor, dim: number, options?: { keepdim?: boolean }): Ordered;
export function median(x: Tensor, dim?: number, { keepdim = false }: { keepdim?: boolean } = {}): Tensor | Ordered {
  if (dim === undefined) return composed(() => median(x.reshape(-1), 0).values);
  const length = x.ndim === 0 ? 1 : x.size(axisOf('median', dim, x.ndim));
  if (length === 0) throw new ShapeError(`median: expected at least one element, got shape ${printShape(x.shape)}`);
  const order = argsort(x, dim);
  const middle = Math.floor((length - 1) / 2);
  if (!isFloat(x.dtype) || x.ndim === 0) return picked(x, order, dim, middle, keepdim);
  // A NaN sorts last: where there is one, the last element is the median.
  const places = where(x.isnan().any(dim, { keepdim: true }), length - 1, middle);
  const indices = order.gather(dim, places.to('int64'));
  const values = x.gather(dim, indices);
  return keepdim ? ordered(values, indices) : ordered(values.squeeze(dim), indices.squeeze(dim));
}

/** As `median`, of what is not NaN; NaN where nothing else is. */
export function nanmedian(x: Tensor): Tensor;
export function nanmedian(x: Tensor, dim: number, options?: { keepdim?: boolean }): Ordered;
export function nanmedian(x: Tensor, dim?: number, { keepdim = false }: { keepdim?: boolean } = {}): Tensor | Ordered {
  if (dim === undefined) return composed(() => nanmedian(x.reshape(-1), 0).values);
  if (!isFloat(x.dtype) || x.ndim === 0) return median(x, dim, { keepdim });
  // NaNs sort last: the middle is that of what comes before them.
  const numbers = x.isnan().logicalNot().sum(dim, { keepdim: true });
  const places = numbers.sub(1).clamp(0).floorDivide(2);
  const indices = argsort(x, dim).gather(dim, places);
  const values = x.gather(dim, indices);
  return keepdim ? ordered(values, indices) : ordered(values.squeeze(dim), indices.squeeze(dim));
}

/** The most frequent element along `dim`, of several the smallest, and where it is last. */
export function mode(x: Tensor, dim = -1, { keepdim = false }: { keepdim?: boolean } = {}): Ordered {
  if (x.ndim === 0) return ordered(x.clone(), tensor(0));
  const axis = axisOf('mode', dim, x.ndim);
  const indices = composed(() => {
    const line = x.detach().movedim(axis, -1);
    const counts = line.unsqueeze(-1).eq(line.unsqueeze(-2)).sum(-1);
    const most = counts.eq(counts.amax(-1, { keepdim: true }));
    const largest = line.amax(-1, { keepdim: true });
    const smallest = where(most, line, largest).amin(-1, { keepdim: true });
    const numbers = arange(line.size(-1), { device: x.runtime?.device });
    return where(most.logicalAnd(line.eq(smallest)), numbers, -1)
      .amax(-1, { keepdim: true })
      .movedim(-1, axis);
  });
  const values = x.gather(axis, indices);
  return keepdim ? ordered(values, indices) : ordered(values.squeeze(axis), indices.squeeze(axis));
}

export interface QuantileOptions {
  readonly keepdim?: boolean;
  /** Between two elements: the line through them (default), one of them, or their mean. */
  readonly interpolation?: 'linear' | 'lower' | 'higher' | 'nearest' | 'midpoint';
}

/** The elements that a share `q` of a line lies below; several shares give a first dim. */
export function quantile(
  x: Tensor,
  q: number | readonly number[] | Tensor,
  dim: number | null = null,
  { keepdim = false, interpolation = 'linear' }: QuantileOptions = {},
): Tensor {
  if (!isFloat(x.dtype)) throw new TypeError(`quantile: expected floats, got ${x.dtype}; convert with x.float()`);
  const line = dim === null ? x.reshape(-1) : x;
  const along = dim === null ? 0 : dim;
  const length = line.size(along);
  return composed(() => {
    const shares = typeof q === 'object' && 'node' in q ? q.to(x.dtype) : tensor(q, { dtype: x.dtype });
    const several = shares.ndim > 0;
    const order = line.isnan().any(along, { keepdim: true });
    const sorted = where(order, Number.NaN, sort(line, along).values).movedim(along, -1);
    const places = shares.reshape(-1).mul(length - 1);
    const [below, above] = [places.floor(), places.ceil()];
    const low = sorted.indexSelect(-1, below.to('int64'));
    const high = sorted.indexSelect(-1, above.to('int64'));
    const between = interpolated(low, high, places, below, interpolation).movedim(-1, 0);
    const spread = keepdim
      ? between.reshape([-1, ...x.shape.map((n, a) => (dim === null || a === axisOf('quantile', dim, x.ndim) ? 1 : n))])
      : between;
    return several ? spread : spread.squeeze(0);
  });
}

function interpolated(
  low: Tensor,
  high: Tensor,
  places: Tensor,
  below: Tensor,
  interpolation: NonNullable<QuantileOptions['interpolation']>,
): Tensor {
  switch (interpolation) {
    case 'linear':
      return low.lerp(high, places.sub(below));
    case 'lower':
      return low;
    case 'higher':
      return high;
    case 'midpoint':
      return low.lerp(high, 0.5);
    case 'nearest':
      return where(places.round().eq(below), low, high);
    default: {
      const never: never = interpolation;
      throw new RangeError(`quantile: expected an interpolation by name, got ${never}`);
    }
  }
}

export interface SearchOptions {
  /** The place after equal elements instead of before. Default false. */
  readonly right?: boolean;
  readonly side?: 'left' | 'right';
  readonly outInt32?: boolean;
}

/** For each value, how many elements of the sorted last dim go before it: where it would be inserted. */
export function searchsorted(sequence: Tensor, values: Tensor, options: SearchOptions = {}): Tensor {
  const { right = options.side === 'right', outInt32 = false } = options;
  return composed(() => {
    const line = sequence.unsqueeze(-2);
    const each = values.unsqueeze(-1);
    const before = right ? line.le(each) : line.lt(each);
    return before.sum(-1, { dtype: outInt32 ? 'int32' : 'int64' });
  });
}

/** The bucket of each value between ascending boundaries. */
export function bucketize(values: Tensor, boundaries: Tensor, options: SearchOptions = {}): Tensor {
  return composed(() => searchsorted(boundaries, values.reshape(-1), options).reshape(values.shape));
}

/** Reductions: sums, extremes, means and variances, norms, softmax and its kin, arg-extremes. */
import { type DType, isFloat } from '@torchlet/device';
import {
  div,
  xor,
  eq,
  or,
  sub,
  add,
  axisOf,
  cast,
  expand,
  iota,
  mul,
  neg,
  marker,
  type Node,
  printShape,
  reduce,
  reshape,
  ShapeError,
  sizeOf,
  unary,
  where,
} from '@torchlet/graph';
import { sumDType } from './arithmetic.js';
import { wideDType } from './autocasting.js';
import { not } from './comparison.js';
import { inTermsOfResult } from './piecewise.js';
import { axesOf, type Dims, floatOf, like, squeezeAxes, toFloat } from './operands.js';

export interface ReduceOptions {
  readonly keepdim?: boolean | undefined;
  readonly dtype?: DType | undefined;
}

function finish(x: Node, axes: readonly number[], keepdim: boolean | undefined): Node {
  return keepdim ? x : squeezeAxes(x, axes);
}

/** Integers and bools are summed in int64. */
export function sum(x: Node, dims: Dims, { keepdim, dtype }: ReduceOptions = {}): Node {
  const axes = axesOf('sum', dims, x.shape.length);
  return finish(reduce('reduceSum', cast(x, dtype ?? wideDType(sumDType(x.dtype))), axes), axes, keepdim);
}

export function prod(x: Node, dims: Dims, { keepdim, dtype }: ReduceOptions = {}): Node {
  const axes = axesOf('prod', dims, x.shape.length);
  return finish(reduce('reduceProd', cast(x, dtype ?? wideDType(sumDType(x.dtype))), axes), axes, keepdim);
}

function countOf(x: Node, axes: readonly number[]): number {
  let count = 1;
  for (const axis of axes) count *= x.shape[axis] as number;
  return count;
}

export function mean(x: Node, dims: Dims, { keepdim, dtype }: ReduceOptions = {}): Node {
  const wanted = dtype ?? x.dtype;
  if (!isFloat(wanted)) {
    throw new TypeError(
      `mean: expected a float dtype, got ${wanted}; convert with x.float() or pass { dtype: 'float32' }`,
    );
  }
  const axes = axesOf('mean', dims, x.shape.length);
  const total = reduce('reduceSum', cast(x, wanted), axes);
  return finish(div(total, countOf(x, axes)), axes, keepdim);
}

function checkNotEmpty(op: string, x: Node, axes: readonly number[]): void {
  if (countOf(x, axes) > 0) return;
  throw new ShapeError(`${op}: expected at least one element to choose from, got shape ${printShape(x.shape)}`);
}

/** The largest over `dims`; its gradient is shared evenly among ties. */
export function amax(x: Node, dims: Dims, { keepdim }: ReduceOptions = {}): Node {
  const axes = axesOf('amax', dims, x.shape.length);
  checkNotEmpty('amax', x, axes);
  return finish(reduce('reduceMax', x, axes), axes, keepdim);
}

export function amin(x: Node, dims: Dims, { keepdim }: ReduceOptions = {}): Node {
  const axes = axesOf('amin', dims, x.shape.length);
  checkNotEmpty('amin', x, axes);
  return finish(least(x, axes), axes, keepdim);
}

/** Negation has no room for the least integer, complement has. */
function least(x: Node, axes: readonly number[]): Node {
  if (isFloat(x.dtype)) return neg(reduce('reduceMax', neg(x), axes));
  const flip = (n: Node): Node => xor(n, n.dtype === 'bool' ? 1 : n.dtype === 'uint8' ? 255 : -1);
  return flip(reduce('reduceMax', flip(x), axes));
}

/** Where the extreme lies along `dim`: the first of equals, the first NaN if there is one. Int64; over all elements if `dim` is null. */
export function argExtreme(x: Node, op: 'argmax' | 'argmin', dim: number | null, keepdim: boolean): Node {
  const flat = dim === null ? reshape(x, [sizeOf(x.shape)]) : x;
  const axis = dim === null ? 0 : axisOf(op, dim, x.shape.length);
  if (flat.shape.length === 0) return like({ shape: [], dtype: 'int64' }, 0);
  checkNotEmpty(op, flat, [axis]);
  const index = positionsOfExtreme(op, flat, axis);
  if (dim === null)
    return keepdim
      ? reshape(
          index,
          x.shape.map(() => 1),
        )
      : reshape(index, []);
  return finish(index, [axis], keepdim);
}

function positionsOfExtreme(op: 'argmax' | 'argmin', x: Node, axis: number): Node {
  const length = x.shape[axis] as number;
  const extreme = op === 'argmax' ? reduce('reduceMax', x, [axis]) : least(x, [axis]);
  const spread = expand(extreme, x.shape);
  const isIt = isFloat(x.dtype) ? or(eq(x, spread), not(eq(x, x))) : eq(x, spread);
  const places = alongAxis(length, axis, x, 'int32');
  const candidates = where(isIt, places, length);
  return cast(least(candidates, [axis]), 'int64');
}

/** 0, 1, 2, ... along `axis`, in x's shape. */
export function alongAxis(length: number, axis: number, x: Node, dtype: DType): Node {
  const line = reshape(
    iota(length, dtype),
    x.shape.map((_, a) => (a === axis ? length : 1)),
  );
  return expand(
    line,
    x.shape.map((n, a) => (a === axis ? length : n)),
  );
}

/** Values and positions of the extreme along `dim`; the gradient of a value goes to the element chosen. */
export function extremeWithIndices(
  op: 'max' | 'min',
  x: Node,
  dim: number,
  keepdim: boolean,
): { values: Node; indices: Node } {
  const axis = axisOf(op, dim, x.shape.length);
  if (x.shape.length === 0) return { values: x, indices: like({ shape: [], dtype: 'int64' }, 0) };
  checkNotEmpty(op, x, [axis]);
  const index = positionsOfExtreme(op === 'max' ? 'argmax' : 'argmin', x, axis);
  const length = x.shape[axis] as number;
  const chosen = eq(alongAxis(length, axis, x, 'int64'), expand(index, x.shape));
  const values = isFloat(x.dtype)
    ? reduce('reduceSum', where(chosen, x, 0), [axis])
    : op === 'max'
      ? reduce('reduceMax', x, [axis])
      : least(x, [axis]);
  return { values: finish(values, [axis], keepdim), indices: finish(index, [axis], keepdim) };
}

export function all(x: Node, dims: Dims, { keepdim }: ReduceOptions = {}): Node {
  const axes = axesOf('all', dims, x.shape.length);
  const truth = cast(x, 'bool');
  const some = reduce('reduceMax', not(truth), axes);
  return finish(cast(not(some), truthDType(x.dtype)), axes, keepdim);
}

/** `all` and `any` give bool, but for uint8, which PyTorch once used for it. */
function truthDType(dtype: DType): DType {
  return dtype === 'uint8' ? 'uint8' : 'bool';
}

export function any(x: Node, dims: Dims, { keepdim }: ReduceOptions = {}): Node {
  const axes = axesOf('any', dims, x.shape.length);
  const some = reduce('reduceMax', cast(x, 'bool'), axes);
  return finish(cast(some, truthDType(x.dtype)), axes, keepdim);
}

export function countNonzero(x: Node, dims: Dims): Node {
  return sum(cast(x, 'bool'), dims);
}

/** Mean of the squared distance from the mean, divided by count - correction. In two passes, so that nothing cancels. */
export function variance(x: Node, dims: Dims, correction: number, keepdim: boolean): Node {
  const axes = axesOf('var', dims, x.shape.length);
  const f = toFloat(x);
  const count = countOf(x, axes);
  const total = reduce('reduceSum', f, axes);
  const center = div(total, count);
  const deviation = sub(f, expand(center, f.shape));
  const squares = reduce('reduceSum', mul(deviation, deviation), axes);
  return finish(div(squares, Math.max(0, count - correction)), axes, keepdim);
}

export function std(x: Node, dims: Dims, correction: number, keepdim: boolean): Node {
  return rootOrZero(variance(x, dims, correction, keepdim));
}

/** The square root whose gradient at 0 is 0 instead of infinite, as PyTorch has it for deviations and norms. */
export function rootOrZero(x: Node): Node {
  return inTermsOfResult(x, unary('sqrt', x), (grad, root) => where(eq(root, 0), 0, div(grad, add(root, root))));
}

/** The shift that keeps exp in range: a maximum that no gradient passes, infinities replaced by 0. */
function shiftOf(x: Node, axes: readonly number[]): Node {
  const largest = marker('detach', reduce('reduceMax', x, axes));
  const infinite = or(eq(largest, Infinity), eq(largest, -Infinity));
  return where(infinite, 0, largest);
}

/** log(sum(exp(x))) without overflow. */
export function logsumexp(x: Node, dims: Dims, keepdim: boolean): Node {
  const axes = axesOf('logsumexp', dims, x.shape.length);
  const f = toFloat(x);
  if (countOf(x, axes) === 0) return finish(unary('log', reduce('reduceSum', f, axes)), axes, keepdim);
  const shift = shiftOf(f, axes);
  const total = reduce('reduceSum', unary('exp', sub(f, expand(shift, f.shape))), axes);
  return finish(add(unary('log', total), shift), axes, keepdim);
}

function shifted(op: string, x: Node, dim: number, dtype: DType | undefined): { axis: number; centered: Node } {
  const axis = axisOf(op, dim, x.shape.length);
  const f = cast(x, dtype ?? wideDType(floatOf(x.dtype)));
  if (f.shape.length === 0) return { axis: 0, centered: sub(f, marker('detach', f)) };
  const largest = marker('detach', reduce('reduceMax', f, [axis]));
  return { axis, centered: sub(f, expand(largest, f.shape)) };
}

export function softmax(x: Node, dim: number, dtype?: DType): Node {
  const { axis, centered } = shifted('softmax', x, dim, dtype);
  const e = unary('exp', centered);
  if (e.shape.length === 0) return div(e, e);
  const sum = reduce('reduceSum', e, [axis]);
  // The sum lies between 1 and the length, so its reciprocal is exact enough, and one division a row takes the place of one an element.
  return mul(e, expand(div(1, sum), e.shape));
}

export function logSoftmax(x: Node, dim: number, dtype?: DType): Node {
  const { axis, centered } = shifted('logSoftmax', x, dim, dtype);
  const e = unary('exp', centered);
  if (e.shape.length === 0) return sub(centered, unary('log', e));
  const normalizer = unary('log', reduce('reduceSum', e, [axis]));
  return sub(centered, expand(normalizer, e.shape));
}

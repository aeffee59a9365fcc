/**
 * Order along a dim: the positions that sort it. Short lines count for each element how many go before it; long ones go through a bitonic network
 * (Batcher 1968). Both are stable, since equal elements are ordered by position, and NaN is larger than any number. No gradient passes a position.
 */
import { isFloat } from '@torchlet/device';
import {
  and,
  or,
  cast,
  cat,
  eq,
  expand,
  iota,
  lt,
  marker,
  type Node,
  pad,
  permute,
  reduce,
  reshape,
  scatterAdd,
  shrink,
  sizeOf,
  where,
  axisOf,
} from '@torchlet/graph';
import { isNaN, not } from './comparison.js';
import { gather } from './indexing.js';
import { narrow, zerosOf } from './movement.js';
import { like } from './operands.js';
import { rangeOf } from './scan.js';

/** Up to this length every element is compared with every other. */
const countUpTo = 512;

/** Elements with their positions along a dim. */
export interface OrderedNodes {
  readonly values: Node;
  readonly indices: Node;
}

/** Where the elements of the sorted `dim` are: int64. */
export function argsort(x: Node, dim: number, descending: boolean): Node {
  const axis = axisOf('sort', dim, x.shape.length);
  return x.shape.length === 0 ? like({ shape: [], dtype: 'int64' }, 0) : sortedPositions(x, axis, descending);
}

/** The elements along `dim` in order, equal ones in theirs, NaN last; and where they were. */
export function sort(x: Node, dim: number, descending: boolean): OrderedNodes {
  return at(x, dim, argsort(x, dim, descending));
}

/** The first k of the sorted elements along `dim`. @throws RangeError for a k beyond the dim. */
export function topk(x: Node, k: number, dim: number, largest: boolean): OrderedNodes {
  const length = x.shape.length === 0 ? 1 : (x.shape[axisOf('topk', dim, x.shape.length)] as number);
  if (!(k >= 0 && k <= length)) throw new RangeError(`topk: expected a k in [0, ${length}], got ${k}`);
  const all = argsort(x, dim, largest);
  return at(x, dim, x.shape.length === 0 ? all : narrow(all, dim, 0, k));
}

function at(x: Node, dim: number, indices: Node): OrderedNodes {
  return { values: x.shape.length === 0 ? marker('copy', x) : gather(x, dim, indices), indices };
}

/** Int64 positions along `axis`, of x's shape, in the order of the elements. */
function sortedPositions(x: Node, axis: number, descending: boolean): Node {
  const order = [...x.shape.map((_, a) => a).filter((a) => a !== axis), axis];
  const last = permute(marker('detach', x), order);
  const length = x.shape[axis] as number;
  const rows = reshape(last, [sizeOf(x.shape) / Math.max(1, length), length]);
  const positions = length <= countUpTo ? byCounting(rows, descending) : byNetwork(rows, descending);
  const inverse = order.map((_, a) => order.indexOf(a));
  return permute(reshape(cast(positions, 'int64'), last.shape), inverse);
}

/** Whether element a at position i goes before element b at position j. */
function goesBefore(a: Node, i: Node, b: Node, j: Node, descending: boolean): Node {
  const [less, more] = descending ? [b, a] : [a, b];
  const tie = lt(i, j);
  if (!isFloat(a.dtype)) return or(lt(less, more), and(eq(a, b), tie));
  const lessIsNaN = isNaN(less);
  const moreIsNaN = isNaN(more);
  const ahead = or(lt(less, more), and(moreIsNaN, not(lessIsNaN)));
  const equal = or(eq(a, b), and(lessIsNaN, moreIsNaN));
  return or(ahead, and(equal, tie));
}

/** The number of elements before each is its place; the places, turned round, are the positions. */
function byCounting(x: Node, descending: boolean): Node {
  const [rows, length] = x.shape as [number, number];
  if (rows === 0 || length === 0) return zerosOf([rows, length], 'int32');
  const square = [rows, length, length];
  const line = iota(length, 'int32');
  const here = expand(reshape(x, [rows, length, 1]), square);
  const other = expand(reshape(x, [rows, 1, length]), square);
  const i = expand(reshape(line, [1, length, 1]), square);
  const j = expand(reshape(line, [1, 1, length]), square);
  const earlier = cast(goesBefore(other, j, here, i, descending), 'int32');
  const places = reshape(reduce('reduceSum', earlier, [2]), [rows, length]);
  const numbers = expand(reshape(line, [1, length]), [rows, length]);
  return scatterAdd(zerosOf([rows, length], 'int32'), places, numbers, 1);
}

/** Compare and exchange at distances that halve, for blocks that double. Values travel with their positions. */
function byNetwork(x: Node, descending: boolean): Node {
  const [rows, length] = x.shape as [number, number];
  const size = 2 ** Math.ceil(Math.log2(length));
  const [least, most] = rangeOf(x.dtype);
  const fill = descending ? least : isFloat(x.dtype) ? Number.NaN : most;
  let values = pad(x, [0, 0, 0, size - length], fill);
  let positions = expand(reshape(iota(size, 'int32'), [1, size]), [rows, size]);
  for (let blockSize = 2; blockSize <= size; blockSize *= 2) {
    for (let distance = blockSize / 2; distance >= 1; distance /= 2) {
      const shape = [rows, size / (2 * distance), 2, distance];
      const half = [rows, size / (2 * distance), 1, distance];
      const start = [0, 0, 0, 0];
      const [v, p] = [reshape(values, shape), reshape(positions, shape)];
      const [a, b] = [shrink(v, start, half), shrink(v, [0, 0, 1, 0], half)];
      const [i, j] = [shrink(p, start, half), shrink(p, [0, 0, 1, 0], half)];
      // Every second block runs the other way, so that two of them make a sequence with one peak.
      const group = reshape(iota(size / (2 * distance), 'int32'), [1, size / (2 * distance), 1, 1]);
      const turned = eq(and(group, blockSize / (2 * distance)), 0);
      const inOrder = eq(goesBefore(a, i, b, j, descending), expand(turned, half));
      const swap = (first: Node, second: Node): Node =>
        marker('contiguous', cat([where(inOrder, first, second), where(inOrder, second, first)], 2));
      values = reshape(swap(a, b), [rows, size]);
      positions = reshape(swap(i, j), [rows, size]);
    }
  }
  return shrink(positions, [0, 0], [rows, length]);
}

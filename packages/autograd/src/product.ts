/**
 * The derivative of a product: for each element, the product of all the others. Dividing the whole product by the element fails at 0, and so
 * does counting zeros from the second derivative on; here nothing but products is used, so every order is exact. Owns nothing else.
 */
import {
  eq,
  expand,
  iota,
  mul,
  type Node,
  pad,
  permute,
  reduce,
  reshape,
  shrink,
  sizeOf,
  where,
} from '@torchlet/graph';
import { inverse } from './order.js';

/** Groups of this size are multiplied pair by pair, groups of groups likewise: n * radix products in log(n) / log(radix) levels. */
const radix = 16;

/** At each place of x, the product over `axes` without that place. */
export function productOfOthers(x: Node, axes: readonly number[]): Node {
  const kept = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...kept, ...axes];
  const front = permute(x, order);
  const rows = sizeOf(kept.map((axis) => x.shape[axis] as number));
  const length = sizeOf(axes.map((axis) => x.shape[axis] as number));
  if (rows === 0 || length === 0) return x;
  const others = reshape(others2d(reshape(front, [rows, length])), front.shape);
  return permute(others, inverse(order));
}

function others2d(x: Node): Node {
  const [rows, length] = x.shape as [number, number];
  const size = Math.min(radix, length);
  const groups = Math.ceil(length / size);
  const grouped = reshape(pad(x, [0, 0, 0, groups * size - length], 1), [rows, groups, size]);
  const within = othersOfGroup(grouped);
  if (groups === 1) return reshape(within, [rows, length]);
  const products = reshape(reduce('reduceProd', grouped, [2]), [rows, groups]);
  const outside = expand(reshape(others2d(products), [rows, groups, 1]), [rows, groups, size]);
  return shrink(reshape(mul(within, outside), [rows, groups * size]), [0, 0], [rows, length]);
}

/** Along the last axis of a 3-d x, by a square of x with ones on its diagonal. */
function othersOfGroup(x: Node): Node {
  const [rows, groups, size] = x.shape as [number, number, number];
  const square = [rows, groups, size, size];
  const row = iota(size, 'int32');
  const diagonal = eq(expand(reshape(row, [1, 1, size, 1]), square), expand(reshape(row, [1, 1, 1, size]), square));
  const repeated = expand(reshape(x, [rows, groups, 1, size]), square);
  const product = reduce('reduceProd', where(diagonal, 1, repeated), [3]);
  return reshape(product, [rows, groups, size]);
}

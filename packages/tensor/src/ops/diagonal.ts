/** Diagonals and triangles of matrices: the last two dims, or the two that are named. Made of movements and masks, so that no index is read. */
import {
  add,
  axisOf,
  lt,
  type Node,
  pad,
  permute,
  printShape,
  reshape,
  type Shape,
  ShapeError,
  shrink,
  where,
} from '@torchlet/graph';
import { box, strided } from './movement.js';
import { like } from './operands.js';
import { alongAxis } from './reduction.js';

/** x with zeros above (`tril`) or below (`triu`) the diagonal that lies `offset` above the main one. */
export function triangle(op: 'tril' | 'triu', x: Node, offset: number): Node {
  const rank = x.shape.length;
  if (rank < 2) throw new ShapeError(`${op}: expected at least 2 dims, got ${printShape(x.shape)}`);
  const row = alongAxis(x.shape[rank - 2] as number, rank - 2, x, 'int32');
  const column = alongAxis(x.shape[rank - 1] as number, rank - 1, x, 'int32');
  const edge = add(row, op === 'tril' ? offset + 1 : offset);
  const below = lt(column, edge);
  const zero = like(x, 0);
  return op === 'tril' ? where(below, x, zero) : where(below, zero, x);
}

/** The two axes a diagonal runs over, and the others. */
function axesFor(op: string, rank: number, dim1: number, dim2: number): { a: number; b: number; rest: number[] } {
  const a = axisOf(op, dim1, rank);
  const b = axisOf(op, dim2, rank);
  if (rank < 2 || a === b)
    throw new ShapeError(`${op}: expected two different dims, got ${dim1} and ${dim2} of ${rank}`);
  const rest = Array.from({ length: rank }, (_, axis) => axis).filter((axis) => axis !== a && axis !== b);
  return { a, b, rest };
}

/** The diagonal `offset` above the main one, as a last dim. */
export function diagonal(x: Node, offset: number, dim1: number, dim2: number): Node {
  const { a, b, rest } = axesFor('diagonal', x.shape.length, dim1, dim2);
  const last = permute(x, [...rest, a, b]);
  const batch = last.shape.slice(0, -2);
  const [rows, columns] = last.shape.slice(-2) as [number, number];
  const length = Math.max(0, Math.min(rows - Math.max(0, -offset), columns - Math.max(0, offset)));
  const axis = batch.length;
  if (length === 0) return reshape(box(last, axis, 0, 0), [...batch, 0]);
  const square = box(box(last, axis, Math.max(0, -offset), length), axis + 1, Math.max(0, offset), length);
  return strided(reshape(square, [...batch, length * length]), axis, 0, length, length + 1);
}

/** Matrices with the last dim of x on the diagonal `offset` above the main one, over the new dims `dim1` and `dim2`. */
export function diagEmbed(x: Node, offset: number, dim1: number, dim2: number): Node {
  const rank = x.shape.length + 1;
  const { a, b, rest } = axesFor('diagEmbed', rank, dim1, dim2);
  const square = diagonalMatrix(x);
  const padding = square.shape.flatMap(() => [0, 0]);
  if (offset > 0) [padding[2 * rank - 3], padding[2 * rank - 2]] = [offset, offset];
  if (offset < 0) [padding[2 * rank - 4], padding[2 * rank - 1]] = [-offset, -offset];
  const order = new Array<number>(rank);
  rest.forEach((axis, i) => {
    order[axis] = i;
  });
  [order[a], order[b]] = [rank - 2, rank - 1];
  return permute(pad(square, padding), order);
}

/** [..., n] as [..., n, n]: with n zeros after each element and the last of them cut, the flat rows are those of the matrix. */
function diagonalMatrix(x: Node): Node {
  const batch: Shape = x.shape.slice(0, -1);
  const length = x.shape[x.shape.length - 1] as number;
  const column = reshape(x, [...batch, length, 1]);
  const spread = pad(column, [...batch.flatMap(() => [0, 0]), 0, 0, 0, length]);
  const flat = reshape(spread, [...batch, length * (length + 1)]);
  const cut = shrink(
    flat,
    flat.shape.map(() => 0),
    [...batch, length * length],
  );
  return reshape(cut, [...batch, length, length]);
}

/** Positions of a triangle in row-major order, as [2, n] numbers. */
export function triangleIndices(op: 'tril' | 'triu', rows: number, columns: number, offset: number): Float64Array {
  const found: [number, number][] = [];
  for (let i = 0; i < rows; i++) {
    for (let j = 0; j < columns; j++) if (op === 'tril' ? j <= i + offset : j >= i + offset) found.push([i, j]);
  }
  return Float64Array.from([...found.map(([i]) => i), ...found.map(([, j]) => j)]);
}

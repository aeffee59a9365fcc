/**
 * What every family of operations does first: numbers become nodes, dtypes are promoted, shapes are broadcast, dims become axes. The only place
 * where shapes are not yet exact.
 */
import { type DType, dtypes, isFloat } from '@torchlet/device';
import {
  axisOf,
  broadcast,
  cast,
  constant,
  expand,
  Node,
  printShape,
  reshape,
  type Shape,
  ShapeError,
  sameShape,
  scalar,
} from '@torchlet/graph';
import { type PlainNumber, resultType } from '../promotion.js';

/** A node, or a number that will be given at run time. */
export type NodeOperand = Node | PlainNumber;

/** A number in `dtype`, as its dtype would hold it. */
export function numberIn(value: PlainNumber, dtype: DType): number | bigint {
  const { kind } = dtypes[dtype];
  if (kind === 'bool') return value ? 1 : 0;
  if (kind === 'float') return Number(value);
  if (typeof value === 'bigint') return value;
  return Math.trunc(Number(value));
}

/** The operand as a node of `dtype`: a number becomes a runtime scalar, so that its value never causes a new plan. */
export function nodeOf(operand: NodeOperand, dtype: DType): Node {
  return operand instanceof Node ? cast(operand, dtype) : scalar(numberIn(operand, dtype), dtype);
}

/** `x` repeated along axes of length 1 and new leading axes, to `shape`. */
export function broadcastTo(op: string, x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const missing = shape.length - x.shape.length;
  const padded = [...new Array<number>(Math.max(missing, 0)).fill(1), ...x.shape];
  if (missing < 0 || !padded.every((length, axis) => length === 1 || length === shape[axis])) {
    throw new ShapeError(`${op}: ${printShape(x.shape)} cannot be broadcast to ${printShape(shape)}`);
  }
  if (x.op === 'scalar' && x.source === null) return scalar(x.value, x.dtype, shape);
  return expand(reshape(x, padded), shape);
}

/** The common shape of all, or an error that names the two that do not fit. */
export function broadcastShapes(op: string, shapes: readonly Shape[]): Shape {
  let common: Shape = [];
  for (const shape of shapes) {
    const next = broadcast(common, shape);
    if (next === null) {
      throw new ShapeError(
        `${op}: shapes ${printShape(common)} and ${printShape(shape)} cannot be broadcast together: counted from the right, lengths must be equal or 1`,
      );
    }
    common = next;
  }
  return common;
}

/** Operands of an element-wise operation, promoted to one dtype and broadcast to one shape. */
export function align(op: string, operands: readonly NodeOperand[], dtype: DType = resultType(operands)): Node[] {
  const nodes = operands.map((operand) => nodeOf(operand, dtype));
  const shape = broadcastShapes(
    op,
    nodes.map((node) => node.shape),
  );
  return nodes.map((node) => broadcastTo(op, node, shape));
}

/** As `align`, computed in a float dtype: integers become float32. */
export function alignFloat(op: string, operands: readonly NodeOperand[]): Node[] {
  return align(op, operands, floatOf(resultType(operands)));
}

/** The dtype that a function of floats computes in. */
export function floatOf(dtype: DType): DType {
  return isFloat(dtype) ? dtype : 'float32';
}

export function toFloat(x: Node): Node {
  return cast(x, floatOf(x.dtype));
}

/** A number of the structure at every place of x's shape and of its dtype: for constants of a formula. */
export function like(x: { readonly shape: Shape; readonly dtype: DType }, value: number | bigint): Node {
  return constant(value, x.dtype, x.shape);
}

/** One dim, several, or none for all. */
export type Dims = number | readonly number[] | null | undefined;

/** The axes that `dims` means, ascending; all where none is named. @throws ShapeError for a dim outside or twice. */
export function axesOf(op: string, dims: Dims, rank: number): number[] {
  if (dims === null || dims === undefined) return Array.from({ length: rank }, (_, axis) => axis);
  const list = typeof dims === 'number' ? [dims] : dims;
  if (list.length === 0) return Array.from({ length: rank }, (_, axis) => axis);
  const axes = list.map((dim) => axisOf(op, dim, rank)).filter((axis) => axis < rank);
  if (new Set(axes).size !== axes.length) throw new ShapeError(`${op}: a dim appears twice in [${list.join(', ')}]`);
  return axes.sort((a, b) => a - b);
}

/** The shape without `axes`, each of length 1. */
export function squeezeAxes(x: Node, axes: readonly number[]): Node {
  return reshape(
    x,
    x.shape.filter((_, axis) => !axes.includes(axis)),
  );
}

/**
 * Shapes: lists of lengths, outermost first. Owns the arithmetic of shapes and the error that says two do not fit; broadcasting is decided here
 * once, before nodes are made. Read `primitives.ts` next.
 */

export type Shape = readonly number[];

/** Shapes, dims or indices that do not fit an operation. The message names the operation, what it expected and what it got. */
export class ShapeError extends Error {
  override readonly name: string = 'ShapeError';
}

/** Number of elements; 1 for a 0-d shape. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (let axis = 0; axis < shape.length; axis++) size *= shape[axis] as number;
  return size;
}

export function sameShape(a: Shape, b: Shape): boolean {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < a.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
}

/** As PyTorch prints a shape: `[2, 3]`. */
export function printShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** Elements to skip for one step along each axis of a contiguous array. */
export function contiguousStrides(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    strides[axis] = stride;
    stride *= shape[axis] as number;
  }
  return strides;
}

/** The shape that both broadcast to by PyTorch's rule (https://pytorch.org/docs/stable/notes/broadcasting.html), or null. */
export function broadcast(a: Shape, b: Shape): Shape | null {
  if (sameShape(a, b)) return a;
  const rank = Math.max(a.length, b.length);
  const shape = new Array<number>(rank);
  for (let i = 1; i <= rank; i++) {
    const left = i <= a.length ? (a[a.length - i] as number) : 1;
    const right = i <= b.length ? (b[b.length - i] as number) : 1;
    if (left !== right && left !== 1 && right !== 1) return null;
    shape[rank - i] = left === 1 ? right : left;
  }
  return shape;
}

/**
 * The axis that `dim` means: negative dims count from the end.
 *
 * @throws ShapeError outside [-rank, rank - 1]; for rank 0, -1 and 0 are allowed, as in PyTorch.
 */
export function axisOf(op: string, dim: number, rank: number): number {
  const bound = Math.max(rank, 1);
  if (!Number.isInteger(dim) || dim < -bound || dim >= bound) {
    throw new ShapeError(`${op}: expected a dim in [${-bound}, ${bound - 1}], got ${dim}`);
  }
  return dim < 0 ? dim + bound : dim;
}

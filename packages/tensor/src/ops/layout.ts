/**
 * Strides and offsets as PyTorch would report them for a view of a contiguous tensor. Values here need not lie in memory like this (a compiler decides
 * that); code written for PyTorch asks, and gets the same answers for the same views.
 */
import { contiguousStrides, type Node, type Shape, sameShape, sizeOf } from '@torchlet/graph';

export interface Layout {
  readonly strides: readonly number[];
  readonly offset: number;
}

/** Follows movements back to what PyTorch would have stored. */
export function layoutOf(node: Node): Layout {
  const [x] = node.inputs;
  const plain = { strides: contiguousStrides(node.shape), offset: 0 };
  if (x === undefined) return plain;
  switch (node.op) {
    case 'detach':
      return layoutOf(x);
    case 'permute': {
      const { strides, offset } = layoutOf(x);
      return { strides: node.attrs.map((axis) => strides[axis] as number), offset };
    }
    case 'expand': {
      const { strides, offset } = layoutOf(x);
      return { strides: strides.map((stride, axis) => (x.shape[axis] === node.shape[axis] ? stride : 0)), offset };
    }
    case 'shrink': {
      const { strides, offset } = layoutOf(x);
      const dynamic = node.attrs[x.shape.length] as number;
      const moved = Number(node.inputs[1]?.value ?? 0);
      const starts = strides.map((_, axis) => (node.attrs[axis] as number) + (axis === dynamic ? moved : 0));
      return {
        strides,
        offset: strides.reduce((sum, stride, axis) => sum + stride * (starts[axis] as number), offset),
      };
    }
    case 'window': {
      const { strides, offset } = layoutOf(x);
      const [axis, , stride, dilation] = node.attrs as [number, number, number, number];
      const along = strides[axis] as number;
      return { strides: [...strides.with(axis, along * stride), along * dilation], offset };
    }
    case 'reshape': {
      const { strides, offset } = layoutOf(x);
      const viewed = viewStrides(x.shape, strides, node.shape);
      return viewed === null ? plain : { strides: viewed, offset };
    }
    default:
      return plain;
  }
}

/** Strides of `shape` over the same memory; null where PyTorch's reshape would copy. */
function viewStrides(from: Shape, strides: readonly number[], shape: Shape): number[] | null {
  if (sizeOf(from) === 0) return contiguousStrides(shape);
  const result = new Array<number>(shape.length);
  let axis = shape.length - 1;
  let last = from.length - 1;
  while (last >= 0 || axis >= 0) {
    // A run of dims that lie one within the other is one chunk of memory.
    let size = last >= 0 ? (from[last] as number) : 1;
    const step = last >= 0 ? (strides[last] as number) : 1;
    while (last > 0 && ((strides[last - 1] as number) === size * step || from[last - 1] === 1))
      size *= from[--last] as number;
    last--;
    let inner = 1;
    while (axis >= 0 && (inner < size || shape[axis] === 1)) {
      result[axis] = inner * step;
      inner *= shape[axis--] as number;
    }
    if (inner !== size) return null;
  }
  return result;
}

/** Whether elements lie one after the other in row-major order; dims of length 1 do not matter. */
export function isContiguous(shape: Shape, strides: readonly number[]): boolean {
  const expected = contiguousStrides(shape);
  return (
    sizeOf(shape) === 0 ||
    sameShape(
      strides.filter((_, axis) => shape[axis] !== 1),
      expected.filter((_, axis) => shape[axis] !== 1),
    )
  );
}

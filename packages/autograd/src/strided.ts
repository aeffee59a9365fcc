/**
 * The adjoints of boxes, padding, windows and writes to a slice: index arithmetic in reverse. They are made of movements and at most one sum,
 * so that a compiler sees index maps and never a scatter, but where the place is known only at run time. Owns nothing else.
 */
import {
  add,
  expand,
  full,
  fullLike,
  iota,
  type Node,
  pad,
  permute,
  reduce,
  reshape,
  type Shape,
  scatterAdd,
  shrink,
  sizeOf,
  where,
  window,
} from '@torchlet/graph';
import type { DerivativeRule } from './derivatives.js';
import { inverse } from './order.js';

export const shrinkAdjoint: DerivativeRule = (node, grad) => {
  const [x, start] = node.inputs as [Node, Node | undefined];
  const dynamic = node.attrs[x.shape.length] as number;
  const padding = x.shape.flatMap((length, axis) => {
    if (axis === dynamic) return [0, 0];
    const before = node.attrs[axis] as number;
    return [before, length - before - (node.shape[axis] as number)];
  });
  const inPlace = pad(grad, padding);
  if (start === undefined) return [inPlace];
  const length = node.shape[dynamic] as number;
  const first = add(full([length], node.attrs[dynamic] as number, 'int32'), expand(reshape(start, [1]), [length]));
  const along = inPlace.shape.map((_, axis) => (axis === dynamic ? length : 1));
  const index = expand(reshape(add(first, iota(length, 'int32')), along), inPlace.shape);
  return [scatterAdd(fullLike(x, 0), index, inPlace, dynamic), null];
};

export const padAdjoint: DerivativeRule = (node, grad) => {
  const { shape } = node.inputs[0] as Node;
  const starts = shape.map((_, axis) => node.attrs[2 * axis] as number);
  return [shrink(grad, starts, shape)];
};

/** Element i gets the sum over k of the gradients of window (i - k * dilation) / stride, place k, where there is such a window. */
export const windowAdjoint: DerivativeRule = (node, grad) => {
  const x = node.inputs[0] as Node;
  const [axis, size, stride, dilation] = node.attrs as [number, number, number, number];
  const length = x.shape[axis] as number;
  const rank = x.shape.length;
  const last = x.shape.map((_, a) => a);
  last.splice(axis, 1);
  last.push(axis);
  // The windows and the places within one become the last two axes; what is left is a list of rows.
  const front = permute(grad, [...last, rank]);
  const batch = front.shape.slice(0, -2);
  const rows = reshape(front, [sizeOf(batch), node.shape[axis] as number, size]);
  const summed =
    size === 1 || (dilation === 1 && size <= stride)
      ? disjoint(rows, stride)
      : overlapping(spread(rows, 1, stride), dilation);
  const fitted = reshape(fit(summed, 1, length), [...batch, length]);
  return [permute(fitted, inverse(last))];
};

/** Windows that do not touch: each is a piece of the row. */
function disjoint(rows: Node, stride: number): Node {
  const [batch, count, size] = rows.shape as [number, number, number];
  const pieces = pad(rows, [0, 0, 0, 0, 0, stride - size]);
  return reshape(pieces, [batch, count * stride]);
}

/**
 * Windows with stride 1: g[i - k * dilation, k] summed over k is a sum along diagonals. With the row of all (window, place) pairs written out
 * flat, place size - 1 - k of diagonal i lies at i * size + size - 1 + k * (dilation * size - 1), which is again a window.
 */
function overlapping(rows: Node, dilation: number): Node {
  const [batch, count, size] = rows.shape as [number, number, number];
  const margin = dilation * (size - 1);
  const wide = pad(rows, [0, 0, margin, margin, 0, 0]);
  const flatLength = (count + 2 * margin) * size;
  const flat = shrink(reshape(wide, [batch, flatLength]), [0, size - 1], [batch, flatLength - (size - 1)]);
  const diagonals = window(flat, 1, size, size, dilation * size - 1);
  return reshape(reduce('reduceSum', diagonals, [2]), [batch, count + margin]);
}

/** The elements along `axis` with stride - 1 zeros between two. */
function spread(x: Node, axis: number, stride: number): Node {
  const length = x.shape[axis] as number;
  if (stride === 1 || length === 0) return x;
  const padding = [...x.shape, 1].map(() => [0, 0]);
  padding[axis + 1] = [0, stride - 1];
  const apart = pad(reshape(x, x.shape.toSpliced(axis + 1, 0, 1)), padding.flat());
  const joined = reshape(apart, x.shape.with(axis, length * stride));
  return fit(joined, axis, (length - 1) * stride + 1);
}

/** x cut, or extended by zeros, to `length` along `axis`. */
function fit(x: Node, axis: number, length: number): Node {
  const shape = x.shape.with(axis, length);
  const missing = length - (x.shape[axis] as number);
  if (missing <= 0)
    return shrink(
      x,
      x.shape.map(() => 0),
      shape,
    );
  return pad(
    x,
    x.shape.flatMap((_, a) => [0, a === axis ? missing : 0]),
  );
}

export const assignAdjoint: DerivativeRule = (node, grad, wants) => {
  const value = node.inputs[1] as Node;
  if (sizeOf(value.shape) === 0) return [grad, fullLike(value, 0)];
  const starts = value.shape.map((_, axis) => node.attrs[2 * axis] as number);
  const steps = value.shape.map((_, axis) => node.attrs[2 * axis + 1] as number);
  return [
    wants[0] ? where(written(node.shape, value.shape, starts, steps), 0, grad) : null,
    wants[1] ? slice(grad, value.shape, starts, steps) : null,
  ];
};

/** True where a slice of `of` at starts and steps lies in `shape`. */
function written(shape: Shape, of: Shape, starts: readonly number[], steps: readonly number[]): Node {
  let mask = full(of, 1, 'bool');
  for (let axis = 0; axis < of.length; axis++) mask = spread(mask, axis, steps[axis] as number);
  return pad(
    mask,
    mask.shape.flatMap((length, axis) => {
      const before = starts[axis] as number;
      return [before, (shape[axis] as number) - before - length];
    }),
  );
}

function slice(x: Node, shape: Shape, starts: readonly number[], steps: readonly number[]): Node {
  const box = shape.map((length, axis) => (length - 1) * (steps[axis] as number) + 1);
  let taken = shrink(x, starts, box);
  for (let axis = 0; axis < shape.length; axis++) {
    const step = steps[axis] as number;
    if (step > 1) taken = reshape(window(taken, axis, 1, step, 1), taken.shape.with(axis, shape[axis] as number));
  }
  return taken;
}

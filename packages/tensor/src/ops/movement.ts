/** Movement: shapes, orders and parts of a tensor. Nothing is computed; dims become axes here and lengths are checked. */
import {
  axisOf,
  cat as catExact,
  constant,
  expand as expandExact,
  flip as flipExact,
  type Node,
  pad as padExact,
  permute as permuteExact,
  printShape,
  reshape as reshapeExact,
  scalar,
  type Shape,
  ShapeError,
  shrink,
  sizeOf,
  window,
} from '@torchlet/graph';
import { promoteTypes } from '../promotion.js';
import { nodeOf } from './operands.js';

/** The shape with its -1, if any, worked out. */
export function reshape(x: Node, lengths: readonly number[]): Node {
  const open = lengths.indexOf(-1);
  if (lengths.some((n, i) => (n < 0 && n !== -1) || (n === -1 && i !== open) || !Number.isInteger(n))) {
    throw new ShapeError(
      `reshape: expected whole lengths of at least 0 and at most one -1, got ${printShape(lengths)}`,
    );
  }
  if (open < 0) return reshapeExact(x, [...lengths]);
  const known = lengths.reduce((product, n) => (n === -1 ? product : product * n), 1);
  const size = sizeOf(x.shape);
  if (known === 0 || size % known !== 0) {
    throw new ShapeError(
      `reshape: ${printShape(x.shape)} has ${size} elements and cannot become ${printShape(lengths)}`,
    );
  }
  return reshapeExact(
    x,
    lengths.map((n) => (n === -1 ? size / known : n)),
  );
}

export function permute(x: Node, dims: readonly number[]): Node {
  return permuteExact(
    x,
    dims.map((dim) => axisOf('permute', dim, x.shape.length)),
  );
}

export function transpose(x: Node, dim0: number, dim1: number): Node {
  const order = x.shape.map((_, axis) => axis);
  const a = axisOf('transpose', dim0, x.shape.length);
  const b = axisOf('transpose', dim1, x.shape.length);
  if (order.length === 0) return x;
  [order[a], order[b]] = [b, a];
  return permuteExact(x, order);
}

export function movedim(x: Node, source: readonly number[], destination: readonly number[]): Node {
  const rank = x.shape.length;
  const from = source.map((dim) => axisOf('movedim', dim, rank));
  const to = destination.map((dim) => axisOf('movedim', dim, rank));
  if (from.length !== to.length || new Set(from).size !== from.length || new Set(to).size !== to.length) {
    throw new ShapeError(
      `movedim: expected as many different destinations as sources, got [${source}] and [${destination}]`,
    );
  }
  const order = new Array<number>(rank).fill(-1);
  to.forEach((axis, i) => {
    order[axis] = from[i] as number;
  });
  const rest = x.shape.map((_, axis) => axis).filter((axis) => !from.includes(axis));
  for (let axis = 0; axis < rank; axis++) if (order[axis] === -1) order[axis] = rest.shift() as number;
  return permuteExact(x, order);
}

/** -1 keeps a length; new dims may be added in front. */
export function expand(x: Node, lengths: readonly number[]): Node {
  const missing = lengths.length - x.shape.length;
  if (missing < 0)
    throw new ShapeError(`expand: expected at least ${x.shape.length} lengths, got ${printShape(lengths)}`);
  const padded = [...new Array<number>(missing).fill(1), ...x.shape];
  const shape = lengths.map((n, axis) => {
    if (n !== -1) return n;
    if (axis < missing) throw new ShapeError(`expand: -1 is not allowed for the new dim ${axis}`);
    return padded[axis] as number;
  });
  return expandExact(reshapeExact(x, padded), shape);
}

export function squeeze(x: Node, dims: readonly number[] | null): Node {
  const rank = x.shape.length;
  const axes = dims === null ? x.shape.map((_, axis) => axis) : dims.map((dim) => axisOf('squeeze', dim, rank));
  return reshapeExact(
    x,
    x.shape.filter((n, axis) => n !== 1 || !axes.includes(axis)),
  );
}

export function unsqueeze(x: Node, dim: number): Node {
  const axis = axisOf('unsqueeze', dim, x.shape.length + 1);
  return reshapeExact(x, [...x.shape.slice(0, axis), 1, ...x.shape.slice(axis)]);
}

export function flatten(x: Node, startDim: number, endDim: number): Node {
  const rank = x.shape.length;
  if (rank === 0) return reshapeExact(x, [1]);
  const start = axisOf('flatten', startDim, rank);
  const end = axisOf('flatten', endDim, rank);
  if (start > end) throw new ShapeError(`flatten: expected startDim <= endDim, got ${startDim} and ${endDim}`);
  const merged = sizeOf(x.shape.slice(start, end + 1));
  return reshapeExact(x, [...x.shape.slice(0, start), merged, ...x.shape.slice(end + 1)]);
}

export function flip(x: Node, dims: readonly number[]): Node {
  return flipExact(
    x,
    dims.map((dim) => axisOf('flip', dim, x.shape.length)).sort((a, b) => a - b),
  );
}

/** `length` elements along `dim` from `start`. The start of a slice of a stored tensor is a runtime number: a slice that moves keeps its plan. */
export function narrow(x: Node, dim: number, start: number, length: number): Node {
  const axis = axisOf('narrow', dim, x.shape.length);
  const size = x.shape[axis] ?? 0;
  const from = start < 0 ? start + size : start;
  if (length < 0 || from < 0 || from + length > size) {
    throw new ShapeError(`narrow: start ${start} and length ${length} are outside dim ${dim} of length ${size}`);
  }
  return box(x, axis, from, length);
}

/** `length` elements along `axis` from `start`: the start of a slice of a stored tensor is a runtime number. */
export function box(x: Node, axis: number, start: number, length: number): Node {
  const size = x.shape[axis] as number;
  if (length === size) return x;
  const shape = x.shape.map((n, a) => (a === axis ? length : n));
  const starts = x.shape.map((_, a) => (a === axis ? start : 0));
  if (x.source === null || length === 0) return shrink(x, starts, shape);
  starts[axis] = 0;
  return shrink(x, starts, shape, { axis, start: scalar(start, 'int32') });
}

/** Every `step`-th element along an axis, from `start` on. */
export function strided(x: Node, axis: number, start: number, length: number, step: number): Node {
  if (step === 1) return box(x, axis, start, length);
  if (length === 0) return box(x, axis, 0, 0);
  const span = box(x, axis, start, (length - 1) * step + 1);
  const windows = window(span, axis, 1, step, 1);
  return reshapeExact(windows, windows.shape.slice(0, -1));
}

export function select(x: Node, dim: number, index: number): Node {
  const axis = axisOf('select', dim, x.shape.length);
  const size = x.shape[axis];
  if (size === undefined) throw new ShapeError('select: a 0-d tensor has no dim to select from');
  if (!Number.isInteger(index) || index < -size || index >= size) {
    throw new ShapeError(`select: index ${index} is outside dim ${dim} of length ${size}`);
  }
  const part = box(x, axis, index < 0 ? index + size : index, 1);
  return reshapeExact(
    part,
    x.shape.filter((_, a) => a !== axis),
  );
}

/** Parts of length `size` along `dim` (the last may be shorter), or of the sizes given. */
export function split(x: Node, size: number | readonly number[], dim: number): Node[] {
  const axis = axisOf('split', dim, x.shape.length);
  const total = x.shape[axis] as number;
  const sizes: number[] = [];
  if (typeof size === 'number') {
    if (size <= 0 && total > 0) throw new ShapeError(`split: expected a size above 0, got ${size}`);
    for (let left = total; left > 0; left -= size) sizes.push(Math.min(left, size));
    if (total === 0) sizes.push(0);
  } else {
    sizes.push(...size);
    const named = sizes.reduce((a, b) => a + b, 0);
    if (named !== total) throw new ShapeError(`split: sizes [${sizes}] add up to ${named}, not to ${total}`);
  }
  let start = 0;
  return sizes.map((length) => {
    const part = box(x, axis, start, length);
    start += length;
    return part;
  });
}

export function cat(parts: readonly Node[], dim: number): Node {
  const first = parts[0];
  if (first === undefined) throw new ShapeError('cat: expected at least one tensor, got an empty list');
  // As in PyTorch, a tensor of shape [0] joins anything; where it fits anyway, it stays, so that it has a gradient.
  const isEmpty = ({ shape }: Node): boolean => shape.length === 1 && shape[0] === 0;
  const real = parts.every(({ shape }) => shape.length === 1) ? parts : parts.filter((part) => !isEmpty(part));
  const dtype = parts.map((part) => part.dtype).reduce(promoteTypes);
  if (real.length === 0) return nodeOf(first, dtype);
  const axis = axisOf('cat', dim, (real[0] as Node).shape.length);
  if ((real[0] as Node).shape.length === 0) throw new ShapeError('cat: 0-d tensors cannot be joined; use stack');
  return catExact(
    real.map((part) => nodeOf(part, dtype)),
    axis,
  );
}

export function stack(parts: readonly Node[], dim: number): Node {
  const first = parts[0];
  if (first === undefined) throw new ShapeError('stack: expected at least one tensor, got an empty list');
  const axis = axisOf('stack', dim, first.shape.length + 1);
  for (const part of parts) {
    if (printShape(part.shape) !== printShape(first.shape)) {
      throw new ShapeError(
        `stack: expected equal shapes, got ${printShape(first.shape)} and ${printShape(part.shape)}`,
      );
    }
  }
  return cat(
    parts.map((part) => unsqueeze(part, axis)),
    axis,
  );
}

/** What padding is filled with: a value, the mirrored inside, the nearest element, or the other end. */
export type PadMode = 'constant' | 'reflect' | 'replicate' | 'circular';

/** Padding counts from the last dim backwards, (before, after) each, as in torch.nn.functional.pad; negative counts cut. */
export function pad(x: Node, counts: readonly number[], value: number, mode: PadMode = 'constant'): Node {
  const rank = x.shape.length;
  if (counts.length % 2 !== 0 || counts.length > 2 * rank) {
    throw new ShapeError(`pad: expected up to ${rank} pairs of counts, got [${counts}]`);
  }
  const padding = new Array<number>(2 * rank).fill(0);
  for (let i = 0; i < counts.length / 2; i++) {
    padding[2 * (rank - 1 - i)] = counts[2 * i] as number;
    padding[2 * (rank - 1 - i) + 1] = counts[2 * i + 1] as number;
  }
  let cut = x;
  for (let axis = 0; axis < rank; axis++) {
    const before = Math.min(0, padding[2 * axis] as number);
    const after = Math.min(0, padding[2 * axis + 1] as number);
    if (before === 0 && after === 0) continue;
    const length = (x.shape[axis] as number) + before + after;
    if (length < 0) throw new ShapeError(`pad: counts [${counts}] cut more than ${printShape(x.shape)} has`);
    cut = box(cut, axis, -before, length);
  }
  const added = padding.map((count) => Math.max(0, count));
  if (mode === 'constant') return padExact(cut, added, value);
  return cut.shape.reduce(
    (padded: Node, _, axis) => padAxis(padded, axis, added[2 * axis] as number, added[2 * axis + 1] as number, mode),
    cut,
  );
}

function padAxis(x: Node, axis: number, before: number, after: number, mode: Exclude<PadMode, 'constant'>): Node {
  if (before === 0 && after === 0) return x;
  const length = x.shape[axis] as number;
  const longest = mode === 'replicate' ? (length === 0 ? -1 : Infinity) : mode === 'reflect' ? length - 1 : length;
  if (Math.max(before, after) > longest) {
    throw new ShapeError(`pad: ${mode} by (${before}, ${after}) does not fit dim ${axis} of ${printShape(x.shape)}`);
  }
  return catExact([...edge(x, axis, 'before', before, mode), x, ...edge(x, axis, 'after', after, mode)], axis);
}

/** What is put before or after x along `axis`; nothing for no elements. */
function edge(
  x: Node,
  axis: number,
  side: 'before' | 'after',
  count: number,
  mode: Exclude<PadMode, 'constant'>,
): Node[] {
  if (count === 0) return [];
  const length = x.shape[axis] as number;
  switch (mode) {
    case 'reflect':
      return [flipExact(box(x, axis, side === 'before' ? 1 : length - 1 - count, count), [axis])];
    case 'replicate':
      return [expandExact(box(x, axis, side === 'before' ? 0 : length - 1, 1), x.shape.with(axis, count))];
    case 'circular':
      return [box(x, axis, side === 'before' ? length - count : 0, count)];
    default: {
      const never: never = mode;
      return never;
    }
  }
}

/** Zeros: the base of what is filled later. */
export function zerosOf(shape: Shape, dtype: Node['dtype']): Node {
  return constant(0, dtype, shape);
}

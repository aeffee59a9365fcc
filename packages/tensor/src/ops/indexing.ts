/** Reading and writing parts of a tensor by index: numbers, slices, new axes, ellipsis and integer tensors, as PyTorch's x[...]. */
import {
  and,
  attach,
  add,
  assignSlice,
  axisOf,
  cast,
  expand,
  gather as gatherExact,
  iota,
  lt,
  marker,
  max,
  mul,
  Node,
  permute as permuteOf,
  printShape,
  reshape,
  scatterAdd as scatterAddExact,
  type Shape,
  ShapeError,
  sizeOf,
  where,
} from '@torchlet/graph';
import { select, strided, unsqueeze, zerosOf } from './movement.js';
import { broadcastShapes, broadcastTo, like, type NodeOperand, nodeOf } from './operands.js';
import { cumulative } from './scan.js';

/** A range along one dim, as Python's start:stop:step; a negative step is refused, as in PyTorch. */
export interface Slice {
  readonly start: number | null;
  readonly stop: number | null;
  readonly step: number;
}

/** `slice(stop)`, `slice(start, stop)` or `slice(start, stop, step)`; null leaves an end open. */
export function slice(...bounds: readonly (number | null)[]): Slice {
  if (bounds.length === 0) return { start: null, stop: null, step: 1 };
  if (bounds.length === 1) return { start: null, stop: bounds[0] ?? null, step: 1 };
  return { start: bounds[0] ?? null, stop: bounds[1] ?? null, step: bounds[2] ?? 1 };
}

/** A new dim of length 1 in an index. */
export const newaxis: unique symbol = Symbol('newaxis');

/** As many full slices as the index needs. */
export const ellipsis: unique symbol = Symbol('ellipsis');

export type IndexItem<T> = number | Slice | typeof newaxis | typeof ellipsis | null | T;

/** One step of a resolved index, on an axis of the source. */
type Resolved =
  | { readonly kind: 'select'; readonly index: number }
  | { readonly kind: 'slice'; readonly start: number; readonly length: number; readonly step: number }
  | { readonly kind: 'new' }
  | { readonly kind: 'tensor'; readonly index: Node };

/** The index with ellipsis and negative numbers worked out, one entry per axis of the source plus new ones. */
function resolve(shape: Shape, items: readonly IndexItem<Node>[]): Resolved[] {
  const named = items.filter((item) => item !== newaxis && item !== null && item !== ellipsis).length;
  if (named > shape.length) {
    throw new ShapeError(`index: ${named} indices for a tensor of ${shape.length} dims, ${printShape(shape)}`);
  }
  const resolved: Resolved[] = [];
  let axis = 0;
  const full = (): void => {
    resolved.push({ kind: 'slice', start: 0, length: shape[axis++] as number, step: 1 });
  };
  let sawEllipsis = false;
  for (const item of items) {
    if (item === ellipsis) {
      if (sawEllipsis) throw new ShapeError('index: expected at most one ellipsis');
      sawEllipsis = true;
      for (let i = named; i < shape.length; i++) full();
      continue;
    }
    if (item === newaxis || item === null) {
      resolved.push({ kind: 'new' });
      continue;
    }
    const length = shape[axis] as number;
    if (item instanceof Node && item.dtype === 'bool') {
      throw new TypeError(
        'index: a bool mask gives a shape that depends on values: await atMask(x, [mask]) to read; to write, setAt takes a mask alone',
      );
    }
    if (item instanceof Node) resolved.push({ kind: 'tensor', index: wrapped(item, length) });
    else if (typeof item === 'number') resolved.push({ kind: 'select', index: boundIndex(item, length, axis) });
    else if (!Array.isArray(item)) resolved.push(boundSlice(item, length));
    else
      throw new TypeError(
        'index: expected a number, a slice or a tensor, got an array: say slice(start, stop), or tensor([...]) for a list',
      );
    axis++;
  }
  while (axis < shape.length) full();
  return resolved;
}

function boundIndex(index: number, length: number, axis: number): number {
  if (!Number.isInteger(index) || index < -length || index >= length) {
    throw new ShapeError(`index: ${index} is outside dim ${axis} of length ${length}`);
  }
  return index < 0 ? index + length : index;
}

function boundSlice({ start, stop, step }: Slice, length: number): Resolved {
  if (!Number.isInteger(step) || step < 1) throw new ShapeError(`slice: expected a step of at least 1, got ${step}`);
  const bound = (value: number | null, open: number): number => {
    if (value === null) return open;
    return Math.min(Math.max(value < 0 ? value + length : value, 0), length);
  };
  const from = bound(start, 0);
  const to = bound(stop, length);
  return { kind: 'slice', start: from, length: Math.max(0, Math.ceil((to - from) / step)), step };
}

/** Negative positions count from the end. */
function wrapped(index: Node, length: number): Node {
  const i = index.dtype === 'int64' || index.dtype === 'int32' ? index : cast(index, 'int64');
  const negative = lt(i, 0);
  return where(negative, add(i, length), i);
}

/** The part of x that `items` name. */
export function at(x: Node, items: readonly IndexItem<Node>[]): Node {
  let result = x;
  let axis = 0;
  const tensors: { axis: number; index: Node }[] = [];
  for (const step of resolve(x.shape, items)) {
    switch (step.kind) {
      case 'select':
        result = select(result, axis, step.index);
        break;
      case 'slice':
        result = strided(result, axis, step.start, step.length, step.step);
        axis++;
        break;
      case 'new':
        result = unsqueeze(result, axis++);
        break;
      case 'tensor':
        tensors.push({ axis, index: step.index });
        axis++;
        break;
      default: {
        const never: never = step;
        return never;
      }
    }
  }
  return tensors.length === 0 ? result : atTensors(result, tensors);
}

/** Integer tensors index together: broadcast to one shape, which takes the place of their dims (in front, where they are not neighbours). */
function atTensors(x: Node, tensors: readonly { axis: number; index: Node }[]): Node {
  const shape = broadcastShapes(
    'index',
    tensors.map(({ index }) => index.shape),
  );
  const axes = tensors.map(({ axis }) => axis);
  const neighbours = axes.every((axis, i) => i === 0 || axis === (axes[i - 1] as number) + 1);
  const position = neighbours ? (axes[0] as number) : 0;
  const rest = x.shape.map((_, axis) => axis).filter((axis) => !axes.includes(axis));
  const order = [...rest.slice(0, position), ...axes, ...rest.slice(position)];
  const lengths = axes.map((axis) => x.shape[axis] as number);
  const before = rest.slice(0, position).map((axis) => x.shape[axis] as number);
  const after = rest.slice(position).map((axis) => x.shape[axis] as number);
  const merged = reshape(permuted(x, order), [...before, sizeOf(lengths), ...after]);
  const linear = reshape(
    linearIndex(
      tensors.map(({ index }) => index),
      lengths,
      shape,
    ),
    [sizeOf(shape)],
  );
  const picked = indexSelectExact(merged, before.length, linear);
  return reshape(picked, [...before, ...shape, ...after]);
}

function permuted(x: Node, order: readonly number[]): Node {
  return order.every((axis, i) => axis === i) ? x : permuteOf(x, order);
}

function linearIndex(indices: readonly Node[], lengths: readonly number[], shape: Shape): Node {
  let linear: Node | null = null;
  indices.forEach((index, i) => {
    const spread = broadcastTo('index', cast(index, 'int64'), shape);
    linear = linear === null ? spread : add(mul(linear, lengths[i] as number), spread);
  });
  return linear as unknown as Node;
}

function indexSelectExact(x: Node, axis: number, index: Node): Node {
  const count = index.shape[0] as number;
  const shape = x.shape.map((n, a) => (a === axis ? count : n));
  const line = reshape(
    index,
    x.shape.map((_, a) => (a === axis ? count : 1)),
  );
  return gatherExact(x, expand(line, shape), axis);
}

/** Rows (or what `dim` counts) of x in the order of the 1-d `index`. */
export function indexSelect(x: Node, dim: number, index: Node): Node {
  if (index.shape.length > 1) throw new ShapeError(`indexSelect: expected a 1-d index, got ${printShape(index.shape)}`);
  const axis = axisOf('indexSelect', dim, x.shape.length);
  return indexSelectExact(x, axis, wrapped(reshape(index, [sizeOf(index.shape)]), x.shape[axis] as number));
}

export function gather(x: Node, dim: number, index: Node): Node {
  const axis = axisOf('gather', dim, x.shape.length);
  return gatherExact(x, index, axis);
}

export function scatterAdd(x: Node, dim: number, index: Node, src: Node): Node {
  const axis = axisOf('scatterAdd', dim, x.shape.length);
  const part = src.shape.every((n, a) => n === index.shape[a])
    ? src
    : index.shape.reduce((cut, n, a) => strided(cut, a, 0, n, 1), src);
  return scatterAddExact(x, index, part, axis);
}

/** x with `value` (broadcast, converted) written where `items` point: numbers, slices and integer tensors, or a mask alone. */
export function setAt(x: Node, items: readonly IndexItem<Node>[], value: NodeOperand): Node {
  const [mask] = items;
  if (items.length === 1 && mask instanceof Node && mask.dtype === 'bool') return setWhere(x, mask, value);
  const steps = resolve(x.shape, items);
  if (steps.some((step) => step.kind === 'tensor')) return setThrough(x, (n) => at(n, items), value, true);
  const starts: number[] = [];
  const strides: number[] = [];
  const lengths: number[] = [];
  const visible: number[] = [];
  for (const step of steps) {
    if (step.kind === 'new') visible.push(1);
    if (step.kind === 'select') {
      starts.push(step.index);
      strides.push(1);
      lengths.push(1);
    }
    if (step.kind === 'slice') {
      starts.push(step.start);
      strides.push(step.step);
      lengths.push(step.length);
      visible.push(step.length);
    }
  }
  const spread = broadcastTo('setAt', nodeOf(value, x.dtype), visible);
  return assignSlice(x, reshape(spread, lengths), starts, strides);
}

/** x with `value` where the mask, over x's first dims, holds: broadcast, or a row for each place that holds, in order. */
function setWhere(x: Node, mask: Node, value: NodeOperand): Node {
  const rank = mask.shape.length;
  const inner = x.shape.slice(rank);
  if (mask.shape.some((n, axis) => n !== x.shape[axis])) {
    throw new ShapeError(
      `setAt: expected a mask over the first dims of ${printShape(x.shape)}, got ${printShape(mask.shape)}`,
    );
  }
  const whole = expand(reshape(mask, [...mask.shape, ...inner.map(() => 1)]), x.shape);
  const written = nodeOf(value, x.dtype);
  if (written.shape.length <= inner.length || written.shape[0] === 1) {
    const row = written.shape.length > inner.length ? reshape(written, written.shape.slice(1)) : written;
    return where(whole, broadcastTo('setAt', row, x.shape), x);
  }
  const count = sizeOf(mask.shape);
  const before = cumulative('cumsum', reshape(mask, [count]), 0, 'int32');
  const rows = indexSelectExact(written, 0, max(add(before, -1), like(before, 0)));
  return where(whole, broadcastTo('setAt', reshape(rows, [...mask.shape, ...rows.shape.slice(1)]), x.shape), x);
}

/**
 * x with `value` written to the elements that `view` shows: for any view. Where an integer tensor names a position more than once the last value stays,
 * and, as in PyTorch, each of them gets the gradient.
 */
export function setThrough(x: Node, view: (node: Node) => Node, value: NodeOperand, mayRepeat = false): Node {
  const size = sizeOf(x.shape);
  const positions = view(reshape(iota(size, 'int32'), x.shape));
  const count = sizeOf(positions.shape);
  if (count === 0) return x;
  const given = nodeOf(value, x.dtype);
  const values = reshape(broadcastTo('setAt', given, positions.shape), [count]);
  const index = reshape(positions, [count]);
  const zeros = zerosOf([size], 'int32');
  // Which of equal values is written does not matter.
  const last = mayRepeat && sizeOf(given.shape) > 1 ? lastOfEach(index, size) : like(index, 1);
  const hit = lt(zeros, scatterAddExact(zeros, index, last, 0));
  const source = scatterAddExact(zeros, index, mul(iota(count, 'int32'), last), 0);
  const flat = reshape(x, [size]);
  const bounded = where(lt(source, count), source, like(source, 0));
  const written = where(hit, gatherExact(values, bounded, 0), flat);
  return reshape(mayRepeat ? passedToAll(written, flat, values, index, hit) : written, x.shape);
}

/** 1 at the last of each run of equal positions, in order, 0 elsewhere: the largest number of each is found bit by bit. */
function lastOfEach(index: Node, size: number): Node {
  const count = index.shape[0] as number;
  const numbers = iota(count, 'int32');
  let kept = like(index, 1);
  for (let bit = 2 ** Math.floor(Math.log2(Math.max(1, count - 1))); bit >= 1; bit /= 2) {
    const isSet = cast(lt(0, and(numbers, bit)), 'int32');
    const found = lt(0, gatherExact(scatterAddExact(zerosOf([size], 'int32'), index, mul(kept, isSet), 0), index, 0));
    kept = mul(kept, where(found, isSet, like(isSet, 1)));
  }
  return kept;
}

/** `written` with the gradients of what is written and of what it is written to. */
function passedToAll(written: Node, x: Node, values: Node, index: Node, hit: Node): Node {
  if (!written.requiresGrad) return written;
  return attach(marker('detach', written), [x, values], (grad: Node) => [
    where(hit, 0, grad),
    gatherExact(grad, index, 0),
  ]);
}

/** x with `value` (of the index's shape, or a number) written where the index points along `dim`. */
export function scatter(x: Node, dim: number, index: Node, value: NodeOperand): Node {
  const axis = axisOf('scatter', dim, x.shape.length);
  const whole = typeof value === 'object' ? index.shape.reduce((cut, n, a) => strided(cut, a, 0, n, 1), value) : value;
  return setThrough(x, (n) => gatherExact(n, index, axis), whole, true);
}

/** The index of a 1-d list of places along `axis`, spread over the shape of `source`. */
export function alongSource(op: string, x: Node, axis: number, index: Node, source: Node): Node {
  const count = sizeOf(index.shape);
  const fits = source.shape.length === x.shape.length && source.shape[axis] === count && index.shape.length < 2;
  if (!fits) {
    throw new ShapeError(
      `${op}: expected a source with ${count} of dim ${axis}, got ${printShape(source.shape)} for ${printShape(x.shape)}`,
    );
  }
  const line = reshape(
    wrapped(index, x.shape[axis] as number),
    x.shape.map((_, a) => (a === axis ? count : 1)),
  );
  return expand(line, source.shape);
}

/** x with alpha * source added at the places `index` along `dim`. */
export function indexAdd(x: Node, dim: number, index: Node, source: Node, alpha: number): Node {
  const axis = axisOf('indexAdd', dim, x.shape.length);
  const scaled = alpha === 1 ? source : mul(source, broadcastTo('indexAdd', nodeOf(alpha, source.dtype), source.shape));
  return scatterAddExact(x, alongSource('indexAdd', x, axis, index, source), scaled, axis);
}

/** The positions in the flat x that `indices` (integers, one for each of the first dims) name, and the shape of what they name. */
export function flatPositions(x: Node, indices: readonly Node[]): Node {
  return at(reshape(iota(sizeOf(x.shape), 'int64'), x.shape), indices);
}

/** x with `values` added where `indices` point, however often. */
export function accumulateAt(x: Node, indices: readonly Node[], values: NodeOperand): Node {
  const positions = flatPositions(x, indices);
  const size = sizeOf(x.shape);
  const count = sizeOf(positions.shape);
  const source = broadcastTo('indexPut', nodeOf(values, x.dtype), positions.shape);
  const sum = scatterAddExact(reshape(x, [size]), reshape(positions, [count]), reshape(source, [count]), 0);
  return reshape(sum, x.shape);
}

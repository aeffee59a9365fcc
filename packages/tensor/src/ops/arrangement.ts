/** Repeating, rolling, turning and regrouping: movements made of movements. */
import {
  axisOf,
  cat,
  expand,
  flip,
  type Node,
  permute,
  printShape,
  reshape,
  type Shape,
  ShapeError,
  sizeOf,
  window,
} from '@torchlet/graph';
import { box } from './movement.js';
import { broadcastTo } from './operands.js';

/** Elements moved by `shifts` along `dims`, round the end; without dims, of the flat tensor. */
export function roll(x: Node, shifts: readonly number[], dims: readonly number[]): Node {
  if (dims.length === 0) {
    if (shifts.length !== 1) throw new ShapeError(`roll: expected one shift without dims, got [${shifts}]`);
    return reshape(rollAxis(reshape(x, [sizeOf(x.shape)]), shifts[0] as number, 0), x.shape);
  }
  if (dims.length !== shifts.length) {
    throw new ShapeError(`roll: expected one shift for each dim, got shifts [${shifts}] and dims [${dims}]`);
  }
  return dims.reduce((rolled, dim, i) => rollAxis(rolled, shifts[i] as number, axisOf('roll', dim, x.shape.length)), x);
}

function rollAxis(x: Node, shift: number, axis: number): Node {
  const length = x.shape[axis] as number;
  if (length === 0) return x;
  const moved = ((shift % length) + length) % length;
  if (moved === 0) return x;
  return cat([box(x, axis, length - moved, moved), box(x, axis, 0, length - moved)], axis);
}

/** x as often as `times` says along each dim; new dims in front. */
export function repeat(op: string, x: Node, times: readonly number[]): Node {
  const missing = times.length - x.shape.length;
  if (missing < 0 || times.some((n) => n < 0 || !Number.isInteger(n))) {
    throw new ShapeError(`${op}: expected at least ${x.shape.length} whole counts, got [${times}]`);
  }
  const shape: Shape = [...new Array<number>(missing).fill(1), ...x.shape];
  const apart = reshape(
    x,
    shape.flatMap((n) => [1, n]),
  );
  const repeated = expand(
    apart,
    shape.flatMap((n, axis) => [times[axis] as number, n]),
  );
  return reshape(
    repeated,
    shape.map((n, axis) => n * (times[axis] as number)),
  );
}

/** Each element `count` times, one after the other. */
export function repeatEach(x: Node, count: number, axis: number): Node {
  const apart = reshape(x, x.shape.toSpliced(axis + 1, 0, 1));
  const repeated = expand(apart, x.shape.toSpliced(axis + 1, 0, count));
  return reshape(repeated, x.shape.with(axis, (x.shape[axis] as number) * count));
}

/** Turned by 90 degrees `k` times, from the first dim towards the second. */
export function rot90(x: Node, k: number, dims: readonly number[]): Node {
  const [a, b] = dims.map((dim) => axisOf('rot90', dim, x.shape.length));
  if (a === undefined || b === undefined || dims.length !== 2 || a === b) {
    throw new ShapeError(`rot90: expected two different dims, got [${dims}]`);
  }
  const order = x.shape.map((_, axis) => (axis === a ? b : axis === b ? a : axis));
  switch (((k % 4) + 4) % 4) {
    case 1:
      return permute(flip(x, [b]), order);
    case 2:
      return flip(
        x,
        [a, b].sort((p, q) => p - q),
      );
    case 3:
      return flip(permute(x, order), [b]);
    default:
      return x;
  }
}

/** The windows of `size` elements every `step` along `dim`: `dim` counts them, a last dim walks within. */
export function unfold(x: Node, dim: number, size: number, step: number): Node {
  if (x.shape.length === 0) {
    if (size > 1) throw new ShapeError(`unfold: a window of ${size} does not fit a 0-d tensor`);
    return reshape(x, [size]);
  }
  const axis = axisOf('unfold', dim, x.shape.length);
  if (size > (x.shape[axis] as number)) {
    throw new ShapeError(`unfold: a window of ${size} does not fit dim ${dim} of ${printShape(x.shape)}`);
  }
  return window(x, axis, size, step, 1);
}

/** Each tensor along a dim of its own of the common grid. `xy` swaps the first two. */
export function meshgrid(parts: readonly Node[], indexing: 'ij' | 'xy'): Node[] {
  const swapped = indexing === 'xy' && parts.length > 1;
  const given = swapped ? [parts[1] as Node, parts[0] as Node, ...parts.slice(2)] : parts;
  for (const { shape } of given) {
    if (shape.length > 1) throw new ShapeError(`meshgrid: expected tensors of at most 1 dim, got ${printShape(shape)}`);
  }
  const lengths = given.map(({ shape }) => shape[0] ?? 1);
  const grids = given.map((part, i) =>
    broadcastTo(
      'meshgrid',
      reshape(
        part,
        lengths.map((n, axis) => (axis === i ? n : 1)),
      ),
      lengths,
    ),
  );
  return swapped ? [grids[1] as Node, grids[0] as Node, ...grids.slice(2)] : grids;
}

/** The element at offset + sum(i * stride) of the flat x, at each place of `shape`. */
export function stridedPositions(shape: Shape, strides: readonly number[], offset: number): Int32Array {
  let positions = [offset];
  shape.forEach((length, axis) => {
    const stride = strides[axis] as number;
    positions = positions.flatMap((start) => Array.from({ length }, (_, i) => start + i * stride));
  });
  return Int32Array.from(positions);
}

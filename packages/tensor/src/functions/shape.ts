/** Shapes and places as functions: diagonals and triangles, repeating and rolling, grids, stacking. The movements are `ops/`. */
import { axisOf, type Node, printShape, type Shape, ShapeError, sizeOf, window } from '@torchlet/graph';
import { type TensorOptions, tensor } from '../factories.js';
import { cat, recordOperation, stack } from '../functions.js';
import * as arrangement from '../ops/arrangement.js';
import * as diagonals from '../ops/diagonal.js';
import { broadcastShapes, broadcastTo as broadcastNode } from '../ops/operands.js';
import type { Tensor } from '../tensor.js';
import { composed } from '../modules.js';

const on = (x: Tensor, build: (node: Node) => Node): Tensor => recordOperation([x], (node) => build(node as Node));

/** The lower triangle of matrices (the last two dims), zeros above; `diagonal` moves the edge up. */
export const tril = (x: Tensor, diagonal = 0): Tensor => on(x, (node) => diagonals.triangle('tril', node, diagonal));
/** The upper triangle of matrices, zeros below. */
export const triu = (x: Tensor, diagonal = 0): Tensor => on(x, (node) => diagonals.triangle('triu', node, diagonal));

/** A copy of the diagonal `offset` above the main one, as the last dim. */
export const diagonal = (x: Tensor, offset = 0, dim1 = 0, dim2 = 1): Tensor =>
  on(x, (node) => diagonals.diagonal(node, offset, dim1, dim2));
/** Matrices with x's last dim on the diagonal. */
export const diagEmbed = (x: Tensor, offset = 0, dim1 = -2, dim2 = -1): Tensor =>
  on(x, (node) => diagonals.diagEmbed(node, offset, dim1, dim2));
/** Of a vector, the matrix with it as diagonal; of a matrix, its diagonal. @throws ShapeError for other dims. */
export function diag(x: Tensor, offset = 0): Tensor {
  if (x.ndim === 1) return diagEmbed(x, offset);
  if (x.ndim === 2) return diagonal(x, offset);
  throw new ShapeError(`diag: expected 1 or 2 dims, got ${printShape(x.shape)}`);
}
/** The matrix with all of x, flat, as its diagonal. */
export const diagflat = (x: Tensor, offset = 0): Tensor => diagEmbed(x.reshape(-1), offset);
/** The sum of a matrix's diagonal. @throws ShapeError for other than 2 dims. */
export function trace(x: Tensor): Tensor {
  if (x.ndim !== 2) throw new ShapeError(`trace: expected 2 dims, got ${printShape(x.shape)}`);
  return composed(() => diagonal(x).sum());
}
/** Row and column numbers of a lower triangle: [2, n], int64. */
export const trilIndices = (rows: number, columns: number, offset = 0, options: TensorOptions = {}): Tensor =>
  triangleIndices('tril', rows, columns, offset, options);
/** Row and column numbers of an upper triangle: [2, n], int64. */
export const triuIndices = (rows: number, columns: number, offset = 0, options: TensorOptions = {}): Tensor =>
  triangleIndices('triu', rows, columns, offset, options);

function triangleIndices(
  op: 'tril' | 'triu',
  rows: number,
  columns: number,
  offset: number,
  options: TensorOptions,
): Tensor {
  const values = diagonals.triangleIndices(op, rows, columns, offset);
  return tensor(values, { ...options, shape: [2, values.length / 2], dtype: options.dtype ?? 'int64' });
}

/** Elements moved round the end by `shifts` along `dims`; without dims, of the flat tensor. */
export const roll = (x: Tensor, shifts: number | readonly number[], dims: number | readonly number[] = []): Tensor =>
  on(x, (node) => arrangement.roll(node, [shifts].flat() as number[], [dims].flat() as number[]));
/** x as often as `times` says along each dim; more counts than dims add dims in front. */
export const repeat = (x: Tensor, ...times: readonly (number | readonly number[])[]): Tensor =>
  on(x, (node) => arrangement.repeat('repeat', node, times.flat() as number[]));
/** As `repeat`, where missing counts are 1. */
export function tile(x: Tensor, ...times: readonly (number | readonly number[])[]): Tensor {
  const given = times.flat() as number[];
  const missing = new Array<number>(Math.max(0, x.ndim - given.length)).fill(1);
  return on(x, (node) => arrangement.repeat('tile', node, [...missing, ...given]));
}

/**
 * Each element `repeats` times, along `dim` or of the flat tensor. A tensor of counts, one for each, gives a shape that depends on values: a promise.
 */
export function repeatInterleave(x: Tensor, repeats: number, dim?: number | null): Tensor;
export function repeatInterleave(x: Tensor, repeats: Tensor, dim?: number | null): Promise<Tensor>;
export function repeatInterleave(
  x: Tensor,
  repeats: number | Tensor,
  dim: number | null = null,
): Tensor | Promise<Tensor> {
  const source = dim === null ? x.reshape(-1) : x;
  const axis = dim === null ? 0 : dim < 0 ? dim + x.ndim : dim;
  if (typeof repeats !== 'number') return interleaved(source, repeats, axis);
  source.size(axis);
  return on(source, (node) => arrangement.repeatEach(node, repeats, axis));
}

async function interleaved(x: Tensor, repeats: Tensor, axis: number): Promise<Tensor> {
  const counts = Array.from(await repeats.data(), Number);
  const length = x.size(axis);
  if (counts.length !== length && counts.length !== 1) {
    throw new ShapeError(`repeatInterleave: expected 1 or ${length} counts, got ${counts.length}`);
  }
  const positions = Array.from({ length }, (_, i) =>
    new Array<number>(counts[counts.length === 1 ? 0 : i] as number).fill(i),
  ).flat();
  return x.indexSelect(axis, tensor(Int32Array.from(positions), { shape: [positions.length] }));
}

/** Columns in reverse order: dim 1. */
export const fliplr = (x: Tensor): Tensor => x.flip(1);
/** Rows in reverse order: dim 0. */
export const flipud = (x: Tensor): Tensor => x.flip(0);
/** Turned by 90 degrees `k` times, from the first of `dims` towards the second. */
export const rot90 = (x: Tensor, k = 1, dims: readonly [number, number] = [0, 1]): Tensor =>
  on(x, (node) => arrangement.rot90(node, k, dims));
/** All elements in one dim. */
export const ravel = (x: Tensor): Tensor => x.reshape(-1);
/** `dim` split into the lengths `sizes`, of which one may be -1. */
export function unflatten(x: Tensor, dim: number, sizes: readonly number[]): Tensor {
  const axis = dim < 0 ? dim + x.ndim : dim;
  const length = x.size(dim);
  const known = sizes.reduce((product, n) => (n === -1 ? product : product * n), 1);
  const lengths = sizes.map((n) => (n === -1 ? length / known : n));
  if (sizeOf(lengths) !== length || !lengths.every(Number.isInteger)) {
    throw new ShapeError(`unflatten: [${sizes}] does not make up dim ${dim} of length ${length}`);
  }
  return x.reshape(x.shape.toSpliced(axis, 1, ...lengths));
}
export const broadcastTo = (x: Tensor, shape: Shape): Tensor => x.expand(shape);
/** Every tensor in the common shape of all. */
export function broadcastTensors(...tensors: readonly Tensor[]): Tensor[] {
  const shape = broadcastShapes(
    'broadcastTensors',
    tensors.map((x) => x.shape),
  );
  return tensors.map((x) => on(x, (node) => broadcastNode('broadcastTensors', node, shape)));
}
/** A tensor, or a list of them, with at least one dim. */
export const atleast1d = (x: Tensor): Tensor => (x.ndim > 0 ? x : x.reshape(1));
/** With at least two dims: a new first one. */
export const atleast2d = (x: Tensor): Tensor => (x.ndim > 1 ? x : x.reshape(1, -1));
/** With at least three dims: a matrix gets a new last one. */
export const atleast3d = (x: Tensor): Tensor => (x.ndim > 2 ? x : atleast2d(x).unsqueeze(-1));
/** Joined along the columns: dim 1, or dim 0 of vectors. */
export function hstack(tensors: readonly Tensor[]): Tensor {
  const parts = tensors.map(atleast1d);
  return cat(parts, (parts[0]?.ndim ?? 1) === 1 ? 0 : 1);
}
/** Joined along the rows; vectors are rows. */
export const vstack = (tensors: readonly Tensor[]): Tensor => cat(tensors.map(atleast2d), 0);
/** Joined along the third dim. */
export const dstack = (tensors: readonly Tensor[]): Tensor => cat(tensors.map(atleast3d), 2);
/** Vectors side by side as columns, matrices joined along dim 1. */
export const columnStack = (tensors: readonly Tensor[]): Tensor =>
  cat(
    tensors.map((x) => (x.ndim > 1 ? x : x.reshape(-1, 1))),
    1,
  );
export { cat as concat };

/**
 * Windows of `size` elements, `dilation` apart, every `step` along `dim`, which counts them; a last dim walks within one. Nothing is copied: what convolutions and
 * pools are made of.
 */
export const windows = (x: Tensor, dim: number, size: number, step: number, dilation = 1): Tensor =>
  on(x, (node) => window(node, axisOf('windows', dim, x.ndim), size, step, dilation));

/** Parts at the given indices, or `sections` of nearly equal length along `dim`. */
export function tensorSplit(x: Tensor, sections: number | readonly number[], dim = 0): Tensor[] {
  const length = x.size(dim);
  if (typeof sections === 'number') {
    const [each, longer] = [Math.floor(length / sections), length % sections];
    return x.split(
      Array.from({ length: sections }, (_, i) => each + (i < longer ? 1 : 0)),
      dim,
    );
  }
  const ends = [...sections.map((i) => Math.min(i < 0 ? i + length : i, length)), length];
  return ends.map((end, i) => {
    const start = i === 0 ? 0 : (ends[i - 1] as number);
    return x.narrow(dim, start, Math.max(0, end - start));
  });
}

/** As `tensorSplit` along the rows. */
export const vsplit = (x: Tensor, sections: number | readonly number[]): Tensor[] => tensorSplit(x, sections, 0);
/** As `tensorSplit` along the columns: dim 1, or dim 0 of a vector. */
export const hsplit = (x: Tensor, sections: number | readonly number[]): Tensor[] =>
  tensorSplit(x, sections, x.ndim === 1 ? 0 : 1);

export interface MeshgridOptions {
  /** `xy` swaps the first two dims of the grids. Default `ij`. */
  readonly indexing?: 'ij' | 'xy';
}

/** Vectors as the coordinates of a grid: a tensor of the grid's shape for each. */
export function meshgrid(...args: readonly (Tensor | readonly Tensor[] | MeshgridOptions)[]): Tensor[] {
  const last = args[args.length - 1];
  const options = isOptions(last) ? last : {};
  const tensors = args.flatMap((arg) => (isOptions(arg) ? [] : arg)) as Tensor[];
  return tensors.map((_, i) =>
    recordOperation(tensors, (...nodes) => {
      const grids = arrangement.meshgrid(nodes as Node[], options.indexing ?? 'ij');
      return grids[i] as Node;
    }),
  );
}

function isOptions(arg: unknown): arg is MeshgridOptions {
  return Object.getPrototypeOf(arg ?? 0) === Object.prototype;
}

/** Every combination of the elements of vectors, one a row. */
export function cartesianProd(...tensors: readonly Tensor[]): Tensor {
  const [first] = tensors;
  if (first !== undefined && tensors.length === 1) return first;
  return composed(() => stack(meshgrid(...tensors).map(ravel), 1));
}

/** A copy of the elements at offset + sum(i * stride) of the flat tensor, in the shape `size`. @throws RangeError beyond its end. */
export function asStrided(x: Tensor, size: Shape, stride: readonly number[], storageOffset = 0): Tensor {
  if (size.length !== stride.length) {
    throw new ShapeError(`asStrided: expected a stride for each of ${printShape(size)}, got [${stride}]`);
  }
  const positions = arrangement.stridedPositions(size, stride, storageOffset);
  const count = x.numel();
  for (const position of positions) {
    if (position < 0 || position >= count)
      throw new RangeError(`asStrided: element ${position} is outside of ${count}`);
  }
  return composed(() =>
    x
      .reshape(-1)
      .indexSelect(0, tensor(positions, { shape: [positions.length] }))
      .reshape([...size]),
  );
}

/** `steps` numbers whose logarithms to `base` are evenly spaced from `start` to `end`. */
export function logspace(
  start: number,
  end: number,
  steps: number,
  { base = 10, ...options }: TensorOptions & { readonly base?: number } = {},
): Tensor {
  const step = (end - start) / Math.max(1, steps - 1);
  const values = Float64Array.from({ length: steps }, (_, i) => base ** (start + i * step));
  return tensor(values, { ...options, shape: [steps], dtype: options.dtype ?? 'float32' });
}

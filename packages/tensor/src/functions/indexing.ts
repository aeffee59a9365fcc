/** Reading and writing by index or mask, as functions. Those whose result's shape depends on values read them and return a promise. */
import { dtypes } from '@torchlet/device';
import { axisOf, type Node, printShape, ShapeError } from '@torchlet/graph';
import { arange, full, tensor, zeros } from '../factories.js';
import { recordOperation, where } from '../functions.js';
import { composed } from '../modules.js';
import * as indexing from '../ops/indexing.js';
import { broadcastShapes } from '../ops/operands.js';
import { type Index, type Operand, Tensor } from '../tensor.js';
import { cumsum } from './reduction.js';

type Indices = readonly Tensor[];

const nodes = (list: readonly unknown[]): Node[] => list as Node[];

/** Elements of the flat x at `index`, in the index's shape; negative ones count from the end. */
export const take = (x: Tensor, index: Tensor): Tensor =>
  composed(() => x.reshape(-1).indexSelect(0, index.reshape(-1)).reshape(index.shape));

/** As `gather`, with index and x broadcast against each other but for `dim`; without `dim`, of the flat tensor. */
export function takeAlongDim(x: Tensor, indices: Tensor, dim: number | null = null): Tensor {
  if (dim === null) return x.reshape(-1).gather(0, indices.reshape(-1));
  const axis = axisOf('takeAlongDim', dim, x.ndim);
  const common = x.shape.map((n, a) => Math.max(n, indices.shape[a] as number));
  return composed(() =>
    x.expand(common.with(axis, x.size(axis))).gather(axis, indices.expand(common.with(axis, indices.size(axis)))),
  );
}

/** x with `src`, a tensor or a number, written where `index` points along `dim` (torch.scatter). */
export function scatter(
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Operand,
  { reduce }: { readonly reduce?: 'add' | 'multiply' } = {},
): Tensor {
  if (reduce === undefined) {
    return recordOperation([x, index, src], (base, places, value) =>
      indexing.scatter(base as Node, dim, places as Node, value as Node),
    );
  }
  const source = src instanceof Tensor ? src : full(index.shape, src, { dtype: x.dtype, device: x.runtime?.device });
  return scatterReduce(x, dim, index, source, { reduce: reduce === 'add' ? 'sum' : 'prod' });
}

export interface ScatterReduceOptions {
  readonly reduce: 'sum' | 'prod' | 'mean' | 'amax' | 'amin';
  /** Whether x itself is one of the values. Default true. */
  readonly includeSelf?: boolean;
}

/** What the values of `src` that `index` sends to each place of x along `dim` combine to. Places that get none keep x. */
export function scatterReduce(
  x: Tensor,
  dim: number,
  index: Tensor,
  src: Tensor,
  { reduce, includeSelf = true }: ScatterReduceOptions,
): Tensor {
  const axis = axisOf('scatterReduce', dim, x.ndim);
  return composed(() => {
    // Every place against every index: no write depends on another, and ties share as in a reduction.
    const cut = index.shape.reduce((part, n, a) => part.narrow(a, 0, n), src);
    const outer = x.shape.map((n, a) => (a === axis ? n : (index.shape[a] as number)));
    const part = outer.reduce((base, n, a) => base.narrow(a, 0, n), x);
    const places = arange(x.size(axis), { device: x.runtime?.device });
    const line = places.reshape([...outer.map((_, a) => (a === axis ? -1 : 1)), 1]);
    const spread = (y: Tensor): Tensor => y.movedim(axis, -1).unsqueeze(axis);
    const hits = spread(index).eq(line);
    const values = spread(cut);
    const touched = hits.any(-1);
    const self = includeSelf ? part : null;
    const result = where(touched, combined(reduce, hits, values, self), part);
    if (outer.every((n, a) => n === x.size(a))) return result;
    const copy = x.clone();
    copy.at(...outer.map((n) => indexing.slice(0, n))).copy_(result);
    return copy;
  });
}

function combined(reduce: ScatterReduceOptions['reduce'], hits: Tensor, values: Tensor, self: Tensor | null): Tensor {
  const { dtype } = values;
  switch (reduce) {
    case 'sum': {
      const sum = where(hits, values, 0).sum(-1, { dtype });
      return self === null ? sum : sum.add(self);
    }
    case 'mean': {
      const sum = combined('sum', hits, values, self);
      const count = hits.sum(-1).add(self === null ? 0 : 1);
      return dtypes[dtype].kind === 'float'
        ? sum.div(count.to(dtype))
        : sum.div(count, { roundingMode: 'floor' }).to(dtype);
    }
    case 'prod': {
      const product = where(hits, values, 1).prod(-1, { dtype });
      return self === null ? product : product.mul(self);
    }
    case 'amax':
    case 'amin': {
      const least = reduce === 'amax' ? values.amin() : values.amax();
      const chosen = where(hits, values, least.detach());
      const extreme = reduce === 'amax' ? chosen.amax(-1) : chosen.amin(-1);
      if (self === null) return extreme;
      return reduce === 'amax' ? extreme.maximum(self) : extreme.minimum(self);
    }
    default: {
      const never: never = reduce;
      throw new RangeError(`scatterReduce: expected a reduction by name, got ${never}`);
    }
  }
}

/** x with alpha * source added to the places `index` (1-d) along `dim`. */
export const indexAdd = (
  x: Tensor,
  dim: number,
  index: Tensor,
  source: Tensor,
  { alpha = 1 }: { readonly alpha?: number } = {},
): Tensor =>
  recordOperation([x, index, source], (...given) => {
    const [base, places, values] = nodes(given) as [Node, Node, Node];
    return indexing.indexAdd(base, dim, places, values, alpha);
  });

/** x with the slices of `source` written to the places `index` (1-d) along `dim`. */
export const indexCopy = (x: Tensor, dim: number, index: Tensor, source: Tensor): Tensor =>
  recordOperation([x, index, source], (...given) => {
    const [base, places, values] = nodes(given) as [Node, Node, Node];
    const axis = axisOf('indexCopy', dim, base.shape.length);
    return indexing.scatter(base, axis, indexing.alongSource('indexCopy', base, axis, places, values), values);
  });

/** x with `value` at the places `index` (1-d) along `dim`. */
export function indexFill(x: Tensor, dim: number, index: Tensor, value: Operand): Tensor {
  const axis = axisOf('indexFill', dim, x.ndim);
  return recordOperation([x, index, value], (base, places, filled) =>
    indexing.setAt(
      base as Node,
      [...x.shape.slice(0, axis).map(() => indexing.slice()), places as Node],
      filled as Node,
    ),
  );
}

/** x with `values` (broadcast) where the integer tensors `indices` point together; `accumulate` adds, however often a place is named. */
export function indexPut(
  x: Tensor,
  indices: Indices,
  values: Operand,
  { accumulate = false }: { readonly accumulate?: boolean } = {},
): Tensor {
  return recordOperation([x, values, ...indices], (base, value, ...places) =>
    accumulate
      ? indexing.accumulateAt(base as Node, nodes(places), value as Node)
      : indexing.setAt(base as Node, nodes(places), value as Node),
  );
}

/** The positions of what is not 0, one a row: [n, ndim], int64. */
export async function nonzero(x: Tensor): Promise<Tensor> {
  const flat = positionsOfTruth(await x.data());
  const columns = coordinates(flat, x.shape);
  const rows = new Float64Array(flat.length * x.ndim);
  columns.forEach((column, axis) => {
    for (let i = 0; i < flat.length; i++) rows[i * x.ndim + axis] = column[i] as number;
  });
  return tensor(rows, { shape: [flat.length, x.ndim], dtype: 'int64', device: x.runtime?.device });
}

/** As `nonzero`. */
export const argwhere = nonzero;

function positionsOfTruth(data: ArrayLike<number | bigint>): number[] {
  const found: number[] = [];
  for (let i = 0; i < data.length; i++) if (Number(data[i]) !== 0) found.push(i);
  return found;
}

/** Flat positions as one list of coordinates for each axis. */
function coordinates(flat: readonly number[], shape: readonly number[]): number[][] {
  let rest = flat;
  return shape
    .toReversed()
    .map((length) => {
      const column = rest.map((position) => position % length);
      rest = rest.map((position) => Math.floor(position / length));
      return column;
    })
    .toReversed();
}

/** The elements of x (broadcast against the mask) where the mask holds: [n]. Gradients go back to their places. */
export async function maskedSelect(x: Tensor, mask: Tensor): Promise<Tensor> {
  const shape = broadcastShapes('maskedSelect', [x.shape, mask.shape]);
  const flat = positionsOfTruth(await mask.expand(shape).data());
  const index = tensor(Float64Array.from(flat), { shape: [flat.length], dtype: 'int64' });
  return composed(() => x.expand(shape).reshape(-1).indexSelect(0, index));
}

/** x with the elements of `source`, in order, where the mask holds. */
export function maskedScatter(x: Tensor, mask: Tensor, source: Tensor): Tensor {
  return composed(() => {
    const shape = broadcastShapes('maskedScatter', [x.shape, mask.shape]);
    const chosen = mask.expand(shape).reshape(-1);
    const places = cumsum(chosen.to('int64'), 0).sub(1).clamp(0);
    return where(chosen, source.reshape(-1).indexSelect(0, places), x.expand(shape).reshape(-1)).reshape(shape);
  });
}

/** `x.at(...index)` with bool masks among the indices: each is read, and stands for the positions where it holds. */
export async function atMask(x: Tensor, index: readonly Index[]): Promise<Tensor> {
  const items: Index[] = [];
  for (const item of index) {
    if (item instanceof Tensor && item.dtype === 'bool') {
      const flat = positionsOfTruth(await item.data());
      for (const column of coordinates(flat, item.shape))
        items.push(tensor(Float64Array.from(column), { dtype: 'int64' }));
    } else items.push(item);
  }
  return x.at(...items);
}

/** 1 at each class number, 0 elsewhere, in a new last dim: int64. Without a number of classes they are counted, which reads the tensor. */
export function oneHot(classes: Tensor, numClasses: number): Tensor;
export function oneHot(classes: Tensor): Promise<Tensor>;
export function oneHot(classes: Tensor, numClasses = -1): Tensor | Promise<Tensor> {
  if (numClasses < 0) return counted(classes);
  return composed(() =>
    classes
      .unsqueeze(-1)
      .eq(arange(numClasses, { dtype: classes.dtype, device: classes.runtime?.device }))
      .to('int64'),
  );
}

async function counted(classes: Tensor): Promise<Tensor> {
  const largest = classes.numel() === 0 ? -1 : await classes.max().item();
  return oneHot(classes, largest + 1);
}

/** How often each number from 0 on occurs, or the sum of its weights. Reads the tensor: the largest decides the length. */
export async function bincount(
  x: Tensor,
  weights: Tensor | null = null,
  { minlength = 0 }: { readonly minlength?: number } = {},
): Promise<Tensor> {
  if (x.ndim !== 1) throw new ShapeError(`bincount: expected 1 dim, got ${printShape(x.shape)}`);
  const values = Array.from(await x.data(), Number);
  const low = values.find((value) => value < 0);
  if (low !== undefined) throw new RangeError(`bincount: expected numbers of at least 0, got ${low}`);
  const length = values.reduce((most, value) => Math.max(most, value + 1), minlength);
  const dtype = weights === null ? 'int64' : weights.dtype === 'float32' ? 'float32' : 'float64';
  const source = weights === null ? full(x.shape, 1, { dtype }) : weights.to(dtype);
  return composed(() => zeros([length], { dtype, device: x.runtime?.device }).scatterAdd(0, x.to('int64'), source));
}

/**
 * Products of vectors and matrices by name (https://pytorch.org/docs/stable/torch.html#blas-and-lapack-operations). All are matmuls of reshaped operands;
 * sums over named dims are `einsum.ts`.
 */
import { axisOf, printShape, type Shape, ShapeError } from '@torchlet/graph';
import { eye } from '../factories.js';
import { composed } from '../modules.js';
import type { Tensor } from '../tensor.js';
import { inAutocast } from './autocast.js';
import { roll } from './shape.js';

/** @throws ShapeError unless the operands have these numbers of dims. */
function checkDims(op: string, operands: readonly Tensor[], dims: readonly number[]): void {
  if (operands.every(({ ndim }, i) => ndim === dims[i])) return;
  const given = operands.map(({ shape }) => printShape(shape)).join(' and ');
  throw new ShapeError(`${op}: expected tensors of ${dims.join(' and ')} dims, got ${given}`);
}

/** The product of two matrices. @throws ShapeError for other than 2 dims. */
export const mm = (x: Tensor, y: Tensor): Tensor => x.mm(y);

/** A matrix times a vector. */
export function mv(x: Tensor, vector: Tensor): Tensor {
  checkDims('mv', [x, vector], [2, 1]);
  return x.matmul(vector);
}

/** Products of two batches of matrices. @throws ShapeError for other than 3 dims, or batches that differ. */
export const bmm = (x: Tensor, y: Tensor): Tensor => x.bmm(y);

/** The sum of the products of two vectors' elements. @throws ShapeError for other than 1 dim. */
export const dot = (x: Tensor, y: Tensor): Tensor => x.dot(y);

/** As `dot`. */
export const vdot = dot;

/** Every element of one vector times every element of the other. */
export function outer(x: Tensor, y: Tensor): Tensor {
  checkDims('outer', [x, y], [1, 1]);
  return composed(() => x.unsqueeze(1).mul(y));
}

/** Sums of products over the last dims of both. */
export function inner(x: Tensor, y: Tensor): Tensor {
  if (x.ndim === 0 || y.ndim === 0) return x.mul(y);
  return tensordot(x, y, { dims: [[-1], [-1]] });
}

export interface AddmmOptions {
  /** Factor of the input; 0 leaves it out, NaN and all. Default 1. */
  readonly beta?: number;
  /** Factor of the product. Default 1. */
  readonly alpha?: number;
}

function added(input: Tensor, product: Tensor, { beta = 1, alpha = 1 }: AddmmOptions): Tensor {
  const scaled = alpha === 1 ? product : product.mul(alpha);
  if (beta === 0) return scaled;
  const base = inAutocast(input);
  return (beta === 1 ? base : base.mul(beta)).expand(scaled.shape).add(scaled);
}

/** beta * input + alpha * x @ y, of matrices. */
export const addmm = (input: Tensor, x: Tensor, y: Tensor, options: AddmmOptions = {}): Tensor =>
  composed(() => added(input, mm(x, y), options));
/** beta * input + alpha * x @ vector. */
export const addmv = (input: Tensor, x: Tensor, vector: Tensor, options: AddmmOptions = {}): Tensor =>
  composed(() => added(input, mv(x, vector), options));
/** beta * input + alpha * the outer product. */
export const addr = (input: Tensor, x: Tensor, y: Tensor, options: AddmmOptions = {}): Tensor =>
  composed(() => added(input, outer(x, y), options));
/** beta * input + alpha * x @ y, of batches of matrices. */
export const baddbmm = (input: Tensor, x: Tensor, y: Tensor, options: AddmmOptions = {}): Tensor =>
  composed(() => added(input, bmm(x, y), options));
/** beta * input + alpha * the sum over the batch of x @ y. */
export const addbmm = (input: Tensor, x: Tensor, y: Tensor, options: AddmmOptions = {}): Tensor =>
  composed(() => added(input, bmm(x, y).sum(0), options));

/**
 * Sums of products over dims of both: the last `dims` of x with the first of y, or those that are listed.
 *
 * @throws ShapeError where their lengths differ.
 */
export function tensordot(
  x: Tensor,
  y: Tensor,
  { dims = 2 }: { readonly dims?: number | readonly [readonly number[], readonly number[]] } = {},
): Tensor {
  const count = typeof dims === 'number' ? dims : dims[0].length;
  const range = Array.from({ length: count }, (_, i) => i);
  const [left, right] = typeof dims === 'number' ? [range.map((i) => x.ndim - count + i), range] : dims;
  const a = left.map((dim) => axisOf('tensordot', dim, x.ndim));
  const b = right.map((dim) => axisOf('tensordot', dim, y.ndim));
  if (a.length !== b.length || a.some((axis, i) => x.size(axis) !== y.size(b[i] as number))) {
    throw new ShapeError(
      `tensordot: dims [${left}] of ${printShape(x.shape)} do not match dims [${right}] of ${printShape(y.shape)}`,
    );
  }
  const freeX = x.shape.map((_, axis) => axis).filter((axis) => !a.includes(axis));
  const freeY = y.shape.map((_, axis) => axis).filter((axis) => !b.includes(axis));
  const length = a.reduce((product, axis) => product * x.size(axis), 1);
  const of = (source: Tensor, axes: readonly number[]): Shape => axes.map((axis) => source.size(axis));
  return composed(() =>
    flat(x.permute(...freeX, ...a), [size(of(x, freeX)), length])
      .matmul(flat(y.permute(...b, ...freeY), [length, size(of(y, freeY))]))
      .reshape([...of(x, freeX), ...of(y, freeY)]),
  );
}

const size = (shape: Shape): number => shape.reduce((product, n) => product * n, 1);
const flat = (x: Tensor, shape: Shape): Tensor => x.reshape(shape);

/** Every element of x times all of y, in its place (Kronecker). */
export function kron(x: Tensor, y: Tensor): Tensor {
  const rank = Math.max(x.ndim, y.ndim);
  const a = [...new Array<number>(rank - x.ndim).fill(1), ...x.shape];
  const b = [...new Array<number>(rank - y.ndim).fill(1), ...y.shape];
  return composed(() =>
    x
      .reshape(a.flatMap((n) => [n, 1]))
      .mul(y.reshape(b.flatMap((n) => [1, n])))
      .reshape(a.map((n, axis) => n * (b[axis] as number))),
  );
}

/** The vector product over a dim of length 3: `dim`, or the first of that length. */
export function cross(x: Tensor, y: Tensor, { dim }: { readonly dim?: number } = {}): Tensor {
  const axis = dim === undefined ? x.shape.indexOf(3) : axisOf('cross', dim, x.ndim);
  if (axis < 0 || x.size(axis) !== 3) {
    throw new ShapeError(`cross: expected a dim of length 3, got ${printShape(x.shape)}`);
  }
  return composed(() => {
    const next = (v: Tensor): Tensor => roll(v, -1, axis);
    const afterNext = (v: Tensor): Tensor => roll(v, -2, axis);
    return next(x)
      .mul(afterNext(y))
      .sub(afterNext(x).mul(next(y)));
  });
}

/** The product of matrices in a row, in the order of fewest multiplications. */
export function chainMatmul(...matrices: readonly Tensor[]): Tensor {
  if (matrices.length === 0) throw new ShapeError('chainMatmul: expected at least one matrix, got none');
  checkDims(
    'chainMatmul',
    matrices,
    matrices.map(() => 2),
  );
  const lengths = [(matrices[0] as Tensor).size(0), ...matrices.map((x) => x.size(1))];
  const count = matrices.length;
  const cost = Array.from({ length: count }, () => new Array<number>(count).fill(0));
  const split = cost.map((row) => [...row]);
  for (let span = 1; span < count; span++) {
    for (let i = 0; i + span < count; i++) {
      const j = i + span;
      let least = Infinity;
      for (let k = i; k < j; k++) {
        const here = (lengths[i] as number) * (lengths[k + 1] as number) * (lengths[j + 1] as number);
        const total = (cost[i]?.[k] as number) + (cost[k + 1]?.[j] as number) + here;
        if (total < least) {
          least = total;
          (split[i] as number[])[j] = k;
        }
      }
      (cost[i] as number[])[j] = least;
    }
  }
  const product = (i: number, j: number): Tensor => {
    if (i === j) return matrices[i] as Tensor;
    const k = split[i]?.[j] as number;
    return product(i, k).matmul(product(k + 1, j));
  };
  return composed(() => product(0, count - 1));
}

/** Square matrices times themselves, `n` factors. @throws RangeError for a negative n: it needs an inverse. */
export function matrixPower(x: Tensor, n: number): Tensor {
  const length = x.ndim < 2 ? -1 : x.size(-1);
  if (length !== (x.ndim < 2 ? 0 : x.size(-2))) {
    throw new ShapeError(`matrixPower: expected square matrices, got ${printShape(x.shape)}`);
  }
  if (!(Number.isInteger(n) && n >= 0))
    throw new RangeError(`matrixPower: expected a whole power of at least 0, got ${n}`);
  if (n === 0) return eye(length, { dtype: x.dtype, device: x.runtime?.device }).expand(x.shape);
  return composed(() => {
    let result: Tensor | null = null;
    let square = x;
    for (let left = n; left > 0; left = Math.floor(left / 2)) {
      if (left % 2 === 1) result = result === null ? square : result.matmul(square);
      if (left > 1) square = square.matmul(square);
    }
    return (result as Tensor).clone();
  });
}

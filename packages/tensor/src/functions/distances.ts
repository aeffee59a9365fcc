/** Distances between the rows of matrices. Distances of pairs are `pairwiseDistance` of `@torchlet/nn`. */
import { printShape, ShapeError } from '@torchlet/graph';
import { where } from '../functions.js';
import { composed } from '../modules.js';
import type { Tensor } from '../tensor.js';
import { triuIndices } from './shape.js';

/** From so many rows on, Euclidean distances are made of one matrix product: |x|^2 + |y|^2 - 2 x.y, which costs digits where they are small. */
const rowsForProduct = 26;

/**
 * The p-norm distance of every row of x to every row of y (torch.cdist).
 *
 * @param x [..., n, features]. @param y [..., m, features]. @returns [..., n, m].
 * @throws ShapeError for fewer dims, or other features.
 * @example const nearest = cdist(queries, points).topk(3, -1, { largest: false }).indices;
 */
export function cdist(x: Tensor, y: Tensor, p = 2): Tensor {
  if (x.ndim < 2 || y.ndim < 2 || x.size(-1) !== y.size(-1)) {
    throw new ShapeError(`cdist: expected rows of equal length, got ${printShape(x.shape)} and ${printShape(y.shape)}`);
  }
  return composed(() =>
    p === 2 && Math.max(x.size(-2), y.size(-2)) >= rowsForProduct
      ? byProduct(x, y)
      : x.unsqueeze(-2).sub(y.unsqueeze(-3)).norm(p, -1),
  );
}

function byProduct(x: Tensor, y: Tensor): Tensor {
  const own = x.square().sum(-1, { keepdim: true });
  const other = y.square().sum(-1).unsqueeze(-2);
  const square = own.add(other).sub(x.matmul(y.mT).mul(2));
  const apart = square.gt(0);
  // The root has no slope at 0: what is no distance apart passes no gradient.
  return where(apart, where(apart, square, 1).sqrt(), 0);
}

/** The distances of `cdist` of x with itself above the diagonal, row by row: [n (n - 1) / 2]. */
export function pdist(x: Tensor, p = 2): Tensor {
  if (x.ndim !== 2) throw new ShapeError(`pdist: expected 2 dims, got ${printShape(x.shape)}`);
  return composed(() => {
    const [rows, columns] = triuIndices(x.size(0), x.size(0), 1, { device: x.runtime?.device }).unbind(0);
    return x
      .indexSelect(0, rows as Tensor)
      .sub(x.indexSelect(0, columns as Tensor))
      .norm(p, -1);
  });
}

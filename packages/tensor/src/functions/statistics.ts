/** Statistics of samples: covariance, correlation, integrals of lines, membership. */
import { printShape, ShapeError } from '@torchlet/graph';
import { composed } from '../modules.js';
import { Tensor } from '../tensor.js';
import { diagonal } from './shape.js';

/** The covariance of variables, one a row, over their observations, one a column (torch.cov). @throws ShapeError for more than 2 dims. */
export function cov(x: Tensor, { correction = 1 }: { readonly correction?: number } = {}): Tensor {
  if (x.ndim > 2) throw new ShapeError(`cov: expected at most 2 dims, got ${printShape(x.shape)}`);
  return composed(() => {
    const rows = x.ndim < 2 ? x.reshape(1, -1) : x;
    const centred = rows.sub(rows.mean(1, { keepdim: true }));
    const products = centred.matmul(centred.mT).div(Math.max(0, rows.size(1) - correction));
    return x.ndim < 2 ? products.reshape([]) : products;
  });
}

/** Pearson's correlation of variables, one a row (torch.corrcoef). @throws ShapeError for more than 2 dims. */
export function corrcoef(x: Tensor): Tensor {
  return composed(() => {
    const c = cov(x);
    if (c.ndim === 0) return c.div(c);
    const std = diagonal(c).sqrt();
    return c.div(std.unsqueeze(1)).div(std).clamp(-1, 1);
  });
}

/** The integral of the line through y over `dim`: the points x, or points `dx` apart (torch.trapezoid). */
export function trapezoid(
  y: Tensor,
  x: Tensor | null = null,
  { dx = 1, dim = -1 }: { readonly dx?: number; readonly dim?: number } = {},
): Tensor {
  return composed(() => {
    const line = y.movedim(dim, -1);
    const heights = line.narrow(-1, 1, line.size(-1) - 1).add(line.narrow(-1, 0, line.size(-1) - 1));
    if (x === null) return heights.sum(-1).mul(dx / 2);
    const points = x.ndim === 1 ? x : x.movedim(dim, -1);
    const widths = points.narrow(-1, 1, points.size(-1) - 1).sub(points.narrow(-1, 0, points.size(-1) - 1));
    return heights.mul(widths).sum(-1).mul(0.5);
  });
}

/** Whether each element is one of `members` (torch.isin). */
export function isin(x: Tensor, members: Tensor | number): Tensor {
  if (!(members instanceof Tensor)) return x.eq(members);
  return composed(() => x.unsqueeze(-1).eq(members.reshape(-1)).any(-1));
}

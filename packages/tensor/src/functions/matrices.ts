/**
 * Factorisations and what follows from them, of small matrices: eliminations written out step by step, one column at a time, and differentiated as such. Owns
 * `linalg`'s functions; products are `linalg.ts`.
 */
import { printShape, ShapeError } from '@torchlet/graph';
import { arange, eye } from '../factories.js';
import { cat, where } from '../functions.js';
import { composed } from '../modules.js';
import type { Tensor } from '../tensor.js';
import { diagonal } from './shape.js';

export { cross } from './linalg.js';
export { dist, norm, vectorNorm } from './reduction.js';

function sideOf(op: string, x: Tensor): number {
  if (x.ndim < 2 || x.size(-1) !== x.size(-2))
    throw new ShapeError(`${op}: expected square matrices, got ${printShape(x.shape)}`);
  return x.size(-1);
}

/**
 * The norm of matrices (torch.linalg.matrix_norm): of Frobenius, or the largest (1) or least (-1) sum of a column's magnitudes, or of a row's (Infinity, -Infinity).
 *
 * @throws RangeError for norms that need singular values.
 */
export function matrixNorm(
  x: Tensor,
  ord: 'fro' | number = 'fro',
  dim: readonly [number, number] = [-2, -1],
  { keepdim = false }: { readonly keepdim?: boolean } = {},
): Tensor {
  if (ord === 'fro') return x.norm(2, dim, { keepdim });
  if (Math.abs(ord) !== 1 && Math.abs(ord) !== Infinity) {
    throw new RangeError(
      `matrixNorm: expected 'fro', 1, -1, Infinity or -Infinity, got ${ord}, which needs singular values`,
    );
  }
  return composed(() => {
    const [along, over] = Math.abs(ord) === 1 ? dim : [dim[1], dim[0]];
    const sums = x.abs().sum(along, { keepdim: true });
    const most = ord > 0 ? sums.amax(over, { keepdim: true }) : sums.amin(over, { keepdim: true });
    return keepdim ? most : most.squeeze(dim);
  });
}

/** Upper triangular rows of x beside what was joined to it, by elimination with the largest pivot; and the sign of the exchanges. */
function eliminated(x: Tensor, side: number): { rows: Tensor; sign: Tensor } {
  let rows = x;
  let sign = x.select(-1, 0).select(-1, 0).detach().mul(0).add(1);
  const numbers = arange(side, { device: x.runtime?.device });
  for (let column = 0; column + 1 < side; column++) {
    const candidates = rows.select(-1, column).detach().abs().maskedFill(numbers.lt(column), -1);
    const pivot = candidates.argmax(-1, { keepdim: true });
    const order = where(numbers.eq(column), pivot, where(numbers.eq(pivot), column, numbers));
    rows = rows.gather(-2, order.unsqueeze(-1).expand(rows.shape));
    sign = where(pivot.squeeze(-1).eq(column), sign, sign.neg());
    const top = rows.narrow(-2, column, 1);
    const factors = rows.narrow(-1, column, 1).div(top.narrow(-1, column, 1));
    const below = where(numbers.gt(column).unsqueeze(-1), factors, 0);
    rows = rows.sub(below.mul(top));
  }
  return { rows, sign };
}

/** The determinant of each matrix. */
export function det(x: Tensor): Tensor {
  const side = sideOf('det', x);
  return composed(() => {
    const { rows, sign } = eliminated(x, side);
    return diagonal(rows, 0, -2, -1).prod(-1).mul(sign);
  });
}

/** The sign of each determinant and the logarithm of its magnitude, which does not overflow. */
export function slogdet(x: Tensor): [sign: Tensor, logabsdet: Tensor] {
  const side = sideOf('slogdet', x);
  const { rows, sign } = eliminated(x, side);
  const pivots = diagonal(rows, 0, -2, -1);
  return [composed(() => pivots.sign().prod(-1).mul(sign).detach()), composed(() => pivots.abs().log().sum(-1))];
}

/** The logarithm of each determinant: NaN where it is below 0. */
export function logdet(x: Tensor): Tensor {
  return composed(() => {
    const [sign, magnitude] = slogdet(x);
    return where(sign.lt(0), Number.NaN, magnitude);
  });
}

/** x^-1 @ b, without the inverse. @param b matrices [..., n, k], or one vector [n]. */
export function solve(x: Tensor, b: Tensor): Tensor {
  const side = sideOf('solve', x);
  return composed(() => {
    const right = b.ndim === 1 ? b.unsqueeze(-1) : b;
    const batch = x.shape.slice(0, -2);
    const { rows } = eliminated(cat([x, right.expand([...batch, side, right.size(-1)])], -1), side);
    let solved: Tensor | null = null;
    for (let row = side - 1; row >= 0; row--) {
      const line = rows.narrow(-2, row, 1);
      const known = line.narrow(-1, side, right.size(-1));
      const used: Tensor = solved === null ? known : known.sub(line.narrow(-1, row + 1, side - row - 1).matmul(solved));
      const value: Tensor = used.div(line.narrow(-1, row, 1));
      solved = solved === null ? value : cat([value, solved], -2);
    }
    const result = solved ?? right;
    return b.ndim === 1 ? result.squeeze(-1) : result;
  });
}

/** The inverse of each matrix. */
export function inv(x: Tensor): Tensor {
  return composed(() => solve(x, eye(sideOf('inv', x), { dtype: x.dtype, device: x.runtime?.device })));
}

/** The lower triangular L with L @ L^T = x, of symmetric positive definite matrices; others give NaN. */
export function cholesky(x: Tensor): Tensor {
  const side = sideOf('cholesky', x);
  const numbers = arange(side, { device: x.runtime?.device });
  return composed(() => {
    const columns: Tensor[] = [];
    for (let j = 0; j < side; j++) {
      let column = x.narrow(-1, j, 1);
      if (columns.length > 0) {
        const before = cat(columns, -1);
        column = column.sub(before.matmul(before.narrow(-2, j, 1).transpose(-1, -2)));
      }
      const root = column.narrow(-2, j, 1).sqrt();
      columns.push(where(numbers.ge(j).unsqueeze(-1), column.div(root), 0));
    }
    return columns.length === 0 ? x.clone() : cat(columns, -1);
  });
}

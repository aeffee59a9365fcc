/** Matrix products of every rank, by PyTorch's matmul rule (https://pytorch.org/docs/stable/generated/torch.matmul.html). */
import {
  add as binaryAdd,
  cast,
  matmul as matmulExact,
  type Node,
  permute,
  printShape,
  reshape,
  type Shape,
  ShapeError,
  sizeOf,
} from '@torchlet/graph';
import { narrowed } from './autocasting.js';
import { broadcastShapes, broadcastTo } from './operands.js';

/**
 * 1-d operands are rows on the left and columns on the right, and lose that dim again; batch dims are broadcast.
 * A batch on the left only is one tall product.
 */
export function matmul(left: Node, right: Node): Node {
  const [a, b] = [narrowed(left), narrowed(right)];
  if (a.dtype !== b.dtype) throw new TypeError(`matmul: expected equal dtypes, got ${a.dtype} and ${b.dtype}`);
  if (a.shape.length === 0 || b.shape.length === 0) {
    throw new ShapeError(`matmul: expected at least 1-d operands: ${printShape(a.shape)} @ ${printShape(b.shape)}`);
  }
  if (a.shape.length === 1) {
    const row = matmul(reshape(a, [1, ...a.shape]), b);
    const drop = b.shape.length === 1 ? 0 : row.shape.length - 2;
    return reshape(
      row,
      row.shape.filter((_, axis) => axis !== drop),
    );
  }
  if (b.shape.length === 1) {
    const column = matmul(a, reshape(b, [...b.shape, 1]));
    return reshape(column, column.shape.slice(0, -1));
  }
  const k = a.shape[a.shape.length - 1] as number;
  const rowsOfB = b.shape[b.shape.length - 2] as number;
  if (k !== rowsOfB) {
    throw new ShapeError(
      `matmul: inner dimensions differ: ${printShape(a.shape)} @ ${printShape(b.shape)} (${k} and ${rowsOfB})`,
    );
  }
  const batchA = a.shape.slice(0, -2);
  const batchB = b.shape.slice(0, -2);
  if (sizeOf(batchB) === 1 && batchB.length <= batchA.length && a.dtype !== 'bool') {
    const rows = sizeOf(a.shape.slice(0, -1));
    const product = matmulExact(reshape(a, [rows, k]), reshape(b, b.shape.slice(-2)));
    return reshape(product, [...a.shape.slice(0, -1), b.shape[b.shape.length - 1] as number]);
  }
  const batch = broadcastShapes('matmul', [batchA, batchB]);
  return batched(a, b, batch);
}

function batched(a: Node, b: Node, batch: Shape): Node {
  return matmulExact(
    broadcastTo('matmul', a, [...batch, ...a.shape.slice(-2)]),
    broadcastTo('matmul', b, [...batch, ...b.shape.slice(-2)]),
  );
}

/** x @ weight^T + bias, for a weight of [out, in]: PyTorch's linear. */
export function linear(x: Node, weight: Node, bias: Node | null): Node {
  const transposed = weight.shape.length === 1 ? weight : permute(weight, [1, 0]);
  const k = x.shape[x.shape.length - 1];
  const inner = weight.shape[weight.shape.length - 1];
  if (k !== inner) {
    throw new ShapeError(
      `linear: expected inputs of ${inner} features for a weight of ${printShape(weight.shape)}, got ${printShape(x.shape)}`,
    );
  }
  const product = matmul(cast(x, weight.dtype), transposed);
  return bias === null ? product : addBias(product, narrowed(bias));
}

function addBias(product: Node, bias: Node): Node {
  return binaryAdd(product, broadcastTo('linear', bias, product.shape));
}

/** The product of operands that both have `rank` dims; of 3, batches of one length. @throws ShapeError for others. */
export function mm(op: string, left: Node, right: Node, rank: number): Node {
  const [a, b] = [left.shape, right.shape];
  if (a.length !== rank || b.length !== rank || (rank === 3 && a[0] !== b[0])) {
    const batches = rank === 3 ? ' and one batch length' : '';
    throw new ShapeError(
      `${op}: expected tensors of ${rank} dims${batches}, got ${printShape(a)} and ${printShape(b)}`,
    );
  }
  return matmul(left, right);
}

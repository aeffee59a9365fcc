/** Reading rows of a table. */
import { arange, type Tensor, where } from '@torchlet/tensor';
import { checkHostIndices } from './host-indices.js';
import { printShape } from './shapes.js';

export interface EmbeddingFunctionOptions {
  /** The row of this index gets no gradient; negative counts from the end. */
  readonly paddingIdx?: number | null;
}

/**
 * Rows of `weight` [n, dim] by integer `indices` [...]: [..., dim].
 *
 * @throws RangeError for an index outside, where the indices are on the host; elsewhere the nearest row is read.
 */
export function embedding(
  indices: Tensor,
  weight: Tensor,
  { paddingIdx = null }: EmbeddingFunctionOptions = {},
): Tensor {
  const [rows, dim] = weight.shape;
  if (weight.ndim !== 2 || rows === undefined || dim === undefined) {
    throw new RangeError(`embedding: expected a weight of [n, dim], got ${printShape(weight.shape)}`);
  }
  checkHostIndices('embedding', indices, rows, null);
  const flat = indices.reshape(-1);
  const table = paddingIdx === null ? weight : withoutGradient(weight, paddingIdx < 0 ? paddingIdx + rows : paddingIdx);
  return table.indexSelect(0, flat).reshape([...indices.shape, dim]);
}

/** The table, with one row cut off from differentiation. */
function withoutGradient(weight: Tensor, row: number): Tensor {
  const isRow = arange(weight.size(0), { device: weight.runtime?.device }).eq(row).unsqueeze(1);
  return where(isRow, weight.detach(), weight);
}

/** Reading rows of a table. */
import { arange, composed, type Tensor, where } from '@torchlet/tensor';
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

export interface EmbeddingBagFunctionOptions extends EmbeddingFunctionOptions {
  /** How the rows of a bag are combined. Default `mean`. */
  readonly mode?: 'sum' | 'mean' | 'max';
  /** A factor for each index, for mode `sum`. */
  readonly perSampleWeights?: Tensor | null;
  /** Whether the last offset is the end of the last bag. Default false. */
  readonly includeLastOffset?: boolean;
}

/**
 * Rows of `weight` by integer indices, combined bag by bag, without the rows themselves being kept. Bags are the rows of 2-d `indices`, or begin in 1-d ones at
 * `offsets`. Indices equal to `paddingIdx` count nothing; an empty bag gives 0.
 */
export function embeddingBag(
  indices: Tensor,
  weight: Tensor,
  offsets: Tensor | null = null,
  {
    mode = 'mean',
    perSampleWeights = null,
    includeLastOffset = false,
    paddingIdx = null,
  }: EmbeddingBagFunctionOptions = {},
): Tensor {
  if ((indices.ndim === 2) !== (offsets === null)) {
    throw new RangeError('embeddingBag: expected 2-d indices, or 1-d indices with offsets');
  }
  const [rows, dim] = weight.shape as [number, number];
  checkHostIndices('embeddingBag', indices, rows, null);
  return composed(() => {
    const flat = indices.reshape(-1);
    const count = flat.numel();
    const places = arange(count, { device: weight.runtime?.device });
    const bags = offsets === null ? indices.size(0) : offsets.size(0) - (includeLastOffset ? 1 : 0);
    const width = offsets === null ? indices.size(1) : 0;
    const starts =
      offsets === null ? arange(bags, { device: weight.runtime?.device }).mul(width) : offsets.narrow(0, 0, bags);
    // The bag of a place: the number of bags that begin at or before it.
    const bagOf = starts.unsqueeze(0).le(places.unsqueeze(1)).sum(1).sub(1);
    const inBag = arange(bags, { device: weight.runtime?.device }).unsqueeze(1).eq(bagOf);
    const padding = paddingIdx === null ? null : paddingIdx < 0 ? paddingIdx + rows : paddingIdx;
    const counts = padding === null ? inBag : inBag.logicalAnd(flat.ne(padding));
    const taken = weight.indexSelect(0, flat);
    const scaled = perSampleWeights === null ? taken : taken.mul(perSampleWeights.reshape([-1, 1]));
    if (mode === 'max') {
      const member = counts.unsqueeze(2).expand([bags, count, dim]);
      const largest = where(member, scaled, -Infinity).max(1).values;
      return where(counts.any(1, { keepdim: true }), largest, 0);
    }
    const sums = counts.to(weight.dtype).matmul(scaled);
    return mode === 'sum' ? sums : sums.div(counts.sum(1, { keepdim: true }).clamp(1).to(weight.dtype));
  });
}

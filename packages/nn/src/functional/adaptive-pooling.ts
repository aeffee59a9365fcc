/** Pools to an output of given lengths: window i goes from floor(i n / m) to ceil((i + 1) n / m). */
import { composed, ordered, type Tensor, tensor, where, windows } from '@torchlet/tensor';
import type { Pooled } from './pooling.js';
import { batched, dropBatch, range } from './spatial.js';

/** Output lengths: one for all spatial dims, or one each; null keeps a length. */
export type OutputSize = number | readonly (number | null)[];

function lengthsOf(op: string, x: Tensor, rank: number, outputSize: OutputSize): number[] {
  const list = typeof outputSize === 'number' ? new Array<number>(rank).fill(outputSize) : outputSize;
  if (list.length !== rank) throw new RangeError(`${op}: expected ${rank} output lengths, got ${list.length}`);
  return list.map((length, i) => length ?? x.size(i + 2));
}

interface Bins {
  /** [.., m, widest, ..] with the window in a last dim. */
  readonly values: Tensor;
  /** Where an element of a window is one; null where all are. */
  readonly mask: Tensor | null;
  readonly widths: readonly number[];
  readonly places: readonly number[];
}

/** The windows along `dim`, in a last dim. */
function binsOf(x: Tensor, dim: number, count: number): Bins {
  const length = x.size(dim);
  const starts = range(count).map((i) => Math.floor((i * length) / count));
  const widths = range(count).map((i) => Math.ceil(((i + 1) * length) / count) - (starts[i] as number));
  const widest = Math.max(...widths);
  const places = starts.flatMap((start) => range(widest).map((j) => Math.min(start + j, length - 1)));
  if (length % count === 0)
    return { values: windows(x, dim, length / count, length / count), mask: null, widths, places };
  const index = tensor(Int32Array.from(places), { shape: [places.length] });
  const values = x
    .indexSelect(dim, index)
    .reshape(x.shape.toSpliced(dim, 1, count, widest))
    .movedim(dim + 1, -1);
  const inside = Uint8Array.from(widths.flatMap((width) => range(widest).map((j) => (j < width ? 1 : 0))));
  const shape = [...values.shape.slice(0, -1).map((_, axis) => (axis === dim ? count : 1)), widest];
  return { values, mask: tensor(inside, { shape, dtype: 'bool' }), widths, places };
}

function adaptiveAvgPool(op: string, rank: number, input: Tensor, outputSize: OutputSize): Tensor {
  return composed(() =>
    batched(
      op,
      input,
      rank,
      (x) =>
        lengthsOf(op, x, rank, outputSize).reduce((pooled, count, i) => {
          const { values, mask, widths } = binsOf(pooled, i + 2, count);
          if (mask === null) return values.mean(-1);
          const divisors = tensor(widths, {
            shape: [count, ...new Array<number>(rank - i - 1).fill(1)],
            dtype: x.dtype,
          });
          return where(mask, values, 0).sum(-1).div(divisors);
        }, x),
      dropBatch,
    ),
  );
}

/** The means of `outputSize` windows over [n, channels, length]. */
export const adaptiveAvgPool1d = (input: Tensor, outputSize: OutputSize): Tensor =>
  adaptiveAvgPool('adaptiveAvgPool1d', 1, input, outputSize);
/** The means of windows over [n, channels, height, width]. */
export const adaptiveAvgPool2d = (input: Tensor, outputSize: OutputSize): Tensor =>
  adaptiveAvgPool('adaptiveAvgPool2d', 2, input, outputSize);
/** The means of windows over [n, channels, depth, height, width]. */
export const adaptiveAvgPool3d = (input: Tensor, outputSize: OutputSize): Tensor =>
  adaptiveAvgPool('adaptiveAvgPool3d', 3, input, outputSize);

/** From the last dim to the first, so that of equals the first in row-major order is chosen. */
function adaptiveMaxPool(op: string, rank: number, input: Tensor, outputSize: OutputSize): Pooled {
  return batched<Pooled>(
    op,
    input,
    rank,
    (x) => {
      const lengths = lengthsOf(op, x, rank, outputSize);
      let values = x;
      let indices: Tensor | null = null;
      for (let i = rank - 1; i >= 0; i--) {
        const dim = i + 2;
        const bins = binsOf(values, dim, lengths[i] as number);
        const chosen = (bins.mask === null ? bins.values : where(bins.mask, bins.values, -Infinity)).max(-1);
        const shape = [lengths[i] as number, ...new Array<number>(rank - i - 1).fill(1)];
        const widest = bins.places.length / (lengths[i] as number);
        const firsts = tensor(
          Int32Array.from(range(lengths[i] as number), (bin) => bins.places[bin * widest] as number),
          { shape },
        );
        const along: Tensor = chosen.indices.add(firsts);
        const inner = x.shape.slice(dim + 1).reduce((total, length) => total * length, 1);
        const scaled: Tensor = along.mul(inner);
        indices = indices === null ? scaled : scaled.add(indices.gather(dim, along));
        values = chosen.values;
      }
      return ordered(values, indices as Tensor);
    },
    ({ values, indices }) => ordered(dropBatch(values), dropBatch(indices)),
  );
}

interface AdaptiveMaxOptions {
  readonly returnIndices?: boolean;
}

function chosenOf(pooled: Pooled, { returnIndices = false }: AdaptiveMaxOptions): Tensor | Pooled {
  return returnIndices ? pooled : pooled.values;
}

/** The largest of `outputSize` windows over [n, channels, length]. */
export function adaptiveMaxPool1d(
  input: Tensor,
  outputSize: OutputSize,
  options?: { readonly returnIndices?: false },
): Tensor;
export function adaptiveMaxPool1d(
  input: Tensor,
  outputSize: OutputSize,
  options: { readonly returnIndices: true },
): Pooled;
export function adaptiveMaxPool1d(
  input: Tensor,
  outputSize: OutputSize,
  options: AdaptiveMaxOptions = {},
): Tensor | Pooled {
  return chosenOf(adaptiveMaxPool('adaptiveMaxPool1d', 1, input, outputSize), options);
}

/** The largest of windows over [n, channels, height, width]. */
export function adaptiveMaxPool2d(
  input: Tensor,
  outputSize: OutputSize,
  options?: { readonly returnIndices?: false },
): Tensor;
export function adaptiveMaxPool2d(
  input: Tensor,
  outputSize: OutputSize,
  options: { readonly returnIndices: true },
): Pooled;
export function adaptiveMaxPool2d(
  input: Tensor,
  outputSize: OutputSize,
  options: AdaptiveMaxOptions = {},
): Tensor | Pooled {
  return chosenOf(adaptiveMaxPool('adaptiveMaxPool2d', 2, input, outputSize), options);
}

/** The largest of windows over [n, channels, depth, height, width]. */
export function adaptiveMaxPool3d(
  input: Tensor,
  outputSize: OutputSize,
  options?: { readonly returnIndices?: false },
): Tensor;
export function adaptiveMaxPool3d(
  input: Tensor,
  outputSize: OutputSize,
  options: { readonly returnIndices: true },
): Pooled;
export function adaptiveMaxPool3d(
  input: Tensor,
  outputSize: OutputSize,
  options: AdaptiveMaxOptions = {},
): Tensor | Pooled {
  return chosenOf(adaptiveMaxPool('adaptiveMaxPool3d', 3, input, outputSize), options);
}

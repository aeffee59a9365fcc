/**
 * Which dtype an operation computes in within `autocast`. Owns the mode and what it does to a node; the operations that ask are PyTorch's lists
 * (https://pytorch.org/docs/stable/amp.html#op-specific-behavior), told in `functions/autocast.ts`.
 */
import { type DType, dtypes } from '@torchlet/device';
import { cast, type Node } from '@torchlet/graph';

let narrow: DType | null = null;

/** The dtype that products are computed in now; null outside of `autocast`. */
export function autocastDType(): DType | null {
  return narrow;
}

/** Runs the synchronous `fn` with products computed in `dtype`, or as they come; restores the mode whatever happens. */
export function withAutocast<T>(dtype: DType | null, fn: () => T): T {
  const before = narrow;
  narrow = dtype;
  try {
    return fn();
  } finally {
    narrow = before;
  }
}

const isHalf = (dtype: DType): boolean => dtypes[dtype].kind === 'float' && dtypes[dtype].bytes === 2;

/** What an operation that needs its digits computes in: float32 within `autocast` where `dtype` is narrower. */
export function wideDType(dtype: DType): DType {
  return narrow !== null && isHalf(dtype) ? 'float32' : dtype;
}

/** x as an operation reads it that needs its digits. */
export function wide(x: Node): Node {
  return cast(x, wideDType(x.dtype));
}

/** x as a product reads it: narrower within `autocast`, but for float64. */
export function narrowed(x: Node): Node {
  const casts = narrow !== null && (x.dtype === 'float32' || isHalf(x.dtype));
  return casts ? cast(x, narrow as DType) : x;
}

/**
 * What a library computes behind a product in the same pass, and gives the very value that we mean: a value of memory added, or a constant factor. Owns that
 * recognition. cuBLASLt's ReLU is not said to keep NaN, its GELU is an approximation, and halves are rounded once where we round after each operation: none is taken.
 */
import type { DType, Expression, Load } from '@torchlet/device';

/** alpha * product + addend. */
export interface Epilogue {
  readonly alpha: number;
  readonly addend: Load | null;
}

/** A product's value as an epilogue of result `result`; null where the library has none that gives the same value. */
export function epilogueOf(value: Expression, result: number, dtype: DType): Epilogue | null {
  if (isResult(value, result)) return { alpha: 1, addend: null };
  // A half would be rounded after the product and again after the sum.
  if (dtype !== 'float32' && dtype !== 'float64') return null;
  if (value.kind !== 'apply' || value.dtype !== dtype || value.args.length !== 2) return null;
  const [x, y] = value.args as [Expression, Expression];
  const other = isResult(x, result) ? y : isResult(y, result) ? x : null;
  if (other === null) return null;
  if (value.fn === 'add' && other.kind === 'load' && other.mask === null && other.dtype === dtype)
    return { alpha: 1, addend: other };
  if (value.fn === 'mul' && other.kind === 'constant' && isExact(Number(other.value), dtype))
    return { alpha: Number(other.value), addend: null };
  return null;
}

function isResult(value: Expression, result: number): boolean {
  return value.kind === 'result' && value.id === result;
}

/** A factor that is not finite would make NaN of nothing where an algorithm leaves a zero out. */
function isExact(factor: number, dtype: DType): boolean {
  return Number.isFinite(factor) && (dtype === 'float64' || Number.isFinite(Math.fround(factor)));
}

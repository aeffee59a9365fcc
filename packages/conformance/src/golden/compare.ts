/**
 * Whether what a device gave is what PyTorch gave: dtype, shape, then every element. Owns the rule of equality of the golden format; which
 * things are compared is `checks.ts`.
 */
import { bfloat16ToNumber, type DType, float16ToNumber } from '@torchlet/device';
import type { HostTensor } from '@torchlet/data';
import type { Tolerance } from './cases.js';

export interface Comparison {
  /** Why they differ, or null where they do not. */
  readonly reason: string | null;
  /** The largest absolute difference of finite elements. */
  readonly maxError: number;
}

const exact: Tolerance = { rtol: 0, atol: 0 };

/**
 * Compares by `abs(actual - expected) <= atol + rtol * abs(expected)`; NaN equals NaN, infinities must be the same, integers and booleans
 * must be equal.
 */
export function compareTensors(expected: HostTensor, actual: HostTensor, tolerance: Tolerance): Comparison {
  if (expected.dtype !== actual.dtype) return differs(`expected dtype ${expected.dtype}, got ${actual.dtype}`);
  if (expected.shape.join() !== actual.shape.join()) {
    return differs(`expected shape [${expected.shape.join(', ')}], got [${actual.shape.join(', ')}]`);
  }
  const expectedAt = reader(expected);
  const actualAt = reader(actual);
  const { rtol, atol } = isFloatDtype(expected.dtype) ? tolerance : exact;
  let maxError = 0;
  let worst = -1;
  let worstExcess = 0;
  for (let i = 0; i < expected.data.length; i++) {
    const b = expectedAt(i);
    const a = actualAt(i);
    if (a === b || (a !== a && b !== b)) continue;
    const error = Math.abs(Number(a) - Number(b));
    const excess = error - (atol + rtol * Math.abs(Number(b)));
    if (Number.isFinite(error)) maxError = Math.max(maxError, error);
    if (excess <= 0) continue;
    // A NaN on one side only has no error to rank by, and is as wrong as can be.
    const rank = Number.isNaN(excess) ? Infinity : excess;
    if (worst >= 0 && rank <= worstExcess) continue;
    worst = i;
    worstExcess = rank;
  }
  if (worst < 0) return { reason: null, maxError };
  const place = positionOf(worst, expected.shape);
  return {
    reason: `at [${place.join(', ')}] expected ${expectedAt(worst)}, got ${actualAt(worst)}`,
    maxError,
  };
}

function differs(reason: string): Comparison {
  return { reason, maxError: 0 };
}

function isFloatDtype(dtype: DType): boolean {
  return dtype === 'float32' || dtype === 'float64' || dtype === 'float16' || dtype === 'bfloat16';
}

/** How an element is read as a number. Files hold the bits of halves, a tensor's `data()` their numbers. */
export function reader({ dtype, data }: HostTensor): (i: number) => number | bigint {
  if (!(data instanceof Uint16Array)) return (i) => data[i] as number | bigint;
  const number = dtype === 'float16' ? float16ToNumber : bfloat16ToNumber;
  return (i) => number(data[i] as number);
}

function positionOf(index: number, shape: readonly number[]): number[] {
  const place: number[] = [];
  let rest = index;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const length = shape[axis] as number;
    place.unshift(rest % length);
    rest = Math.floor(rest / length);
  }
  return place;
}

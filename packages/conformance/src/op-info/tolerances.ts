/**
 * Tolerances by cause. Owns every number that says how far a device may be from float64, and why; a test names one and never writes one.
 */
import type { DType } from '@torchlet/device';

export interface Closeness {
  readonly rtol: number;
  readonly atol: number;
}

export const tolerances = {
  /** Movement, comparison, selection: nothing is computed. */
  exact: { rtol: 0, atol: 0 },
  /** A few correctly rounded float32 operations. */
  arithmetic: { rtol: 1e-6, atol: 1e-7 },
  /** exp, log, sin, tanh and what is made of them. */
  transcendental: { rtol: 1e-5, atol: 1e-6 },
  /** Sums of up to some hundred float32 terms, products of matrices. */
  accumulated: { rtol: 1e-5, atol: 1e-5 },
  /** Sums that cancel: variance, norms, losses, softmax of large numbers. */
  cancelling: { rtol: 1e-4, atol: 1e-5 },
  /** A gradient in float32 against finite differences in float64. */
  gradient: { rtol: 2e-3, atol: 2e-4 },
} as const satisfies Record<string, Closeness>;

export type ToleranceName = keyof typeof tolerances;

/** What storing in a dtype alone loses, relative to the value. */
const storage: Readonly<Partial<Record<DType, number>>> = { float16: 2e-3, bfloat16: 1.6e-2 };

/** The tolerance `name` for results stored in `dtype`. */
export function closeness(name: ToleranceName, dtype: DType = 'float32'): Closeness {
  const { rtol, atol } = tolerances[name];
  const lost = storage[dtype] ?? 0;
  return { rtol: rtol + lost, atol: atol + lost };
}

/**
 * Devices, by name, that may take subnormal float32 for 0, as arguments and as results: WGSL lets adapters choose. A result is right there if it is right for the
 * arguments as they are, or with 0 in place of subnormal ones.
 */
export const flushing: ReadonlySet<string> = new Set(['webgpu']);

/** The least normal float32. */
export const leastNormal = 2 ** -126;

/** Whether `actual` is `expected`: NaN is NaN, infinities are the same, the rest is close. */
export function isClose(actual: number, expected: number, { rtol, atol }: Closeness): boolean {
  if (Number.isNaN(expected)) return Number.isNaN(actual);
  if (actual === expected) return true;
  return Math.abs(actual - expected) <= atol + rtol * Math.abs(expected);
}

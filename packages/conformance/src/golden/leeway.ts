/**
 * How much further than others a kind of device may be from PyTorch, and why. Owns every such number: one row a device, by its name; a device without a row is
 * held to what each case says. Which functions a case's programs hold is counted as they run (`counting-device.ts`).
 */
import { type DType, isFloat, type ScalarFunction } from '@torchlet/device';
import type { Features } from '../counting-device.js';
import type { Tolerance } from './cases.js';
import type { Check } from './checks.js';

interface Leeway {
  /** By what the tolerances of a case are multiplied. */
  readonly factor: number;
  /** That holds for cases whose programs compute one of these; sigmoid and the softmax family are made of exp. */
  readonly functions: readonly ScalarFunction[];
  /** And for those with a float sum of more terms than this. */
  readonly terms: number;
  /** Results below this may be 0. */
  readonly flushed: number;
}

/** WGSL bounds the error of its functions loosely, lets sums be reordered, and lets adapters take subnormal numbers for 0. */
const leeways: Readonly<Record<string, Leeway>> = {
  webgpu: {
    factor: 10,
    functions: ['exp', 'expm1', 'log', 'log1p', 'pow', 'sin', 'cos', 'tanh', 'erf'],
    terms: 1000,
    flushed: 2 ** -126,
  },
};

/** The checks of a case as `device` is held to them, given what its programs hold. */
export function withLeeway(checks: readonly Check[], device: string, features: Features): readonly Check[] {
  const leeway = Object.hasOwn(leeways, device) ? leeways[device] : undefined;
  if (leeway === undefined) return checks;
  const isWide = features.longestSum > leeway.terms || leeway.functions.some((fn) => features.functions.has(fn));
  return checks.map((check) =>
    check.kind === 'tensor'
      ? { ...check, tolerance: widened(check.tolerance, leeway, isWide, check.value.dtype) }
      : check,
  );
}

function widened({ rtol, atol }: Tolerance, { factor, flushed }: Leeway, isWide: boolean, dtype: string): Tolerance {
  if (!isFloat(dtype as DType)) return { rtol, atol };
  const by = isWide ? factor : 1;
  return { rtol: rtol * by, atol: Math.max(atol * by, flushed) };
}

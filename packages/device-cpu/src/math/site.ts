/**
 * Where a formula is written: the function it goes into, and whether multiply-add may be fused. Owns the idioms that every formula of float32 uses, and
 * the ways between four lanes of float32 and two pairs of float64; the formulas are in the other files.
 */
import {
  type FunctionBuilder,
  f32x4,
  f64x2,
  i32x4,
  type Local,
  type ModuleBuilder,
  type Operand,
  shuffleLanes,
  type Value,
  v128,
} from '../wasm/index.js';

/** Below this, sin x, expm1 x and log1p x are x to the last bit or nearly so. */
export const tiny = 2 ** -25;

/** Bits of the stored significand of a float32, and the bias of its exponent. */
export const mantissa = 23;
export const bias = 127;

/** Adding this rounds to a whole number, which then stands in the low bits. */
export const magic = 1.5 * 2 ** mantissa;

/** ln 2 in two parts; the first so short that whole multiples of it are exact. */
export const ln2 = [0.6933594, -0.00021219444] as const;

export class Site {
  readonly module: ModuleBuilder;
  readonly f: FunctionBuilder;
  readonly fused: boolean;

  constructor(module: ModuleBuilder, f: FunctionBuilder, fused: boolean) {
    this.module = module;
    this.f = f;
    this.fused = fused;
  }

  let(name: string, value: Value): Local {
    return this.f.let(name, value);
  }

  /** a * b + c, rounded once where the engine can. `F` says how wide the lanes are. */
  madd(a: Operand, b: Operand, c: Operand, F: typeof f32x4 | typeof f64x2 = f32x4): Value {
    return this.fused ? F.relaxedMadd(a, b, c) : F.add(F.mul(a, b), c);
  }

  /** The polynomial with these coefficients, lowest first. */
  polynomial(x: Local, coefficients: readonly number[], F: typeof f32x4 | typeof f64x2 = f32x4): Value {
    return coefficients.reduceRight<Value | null>(
      (sum, coefficient) => (sum === null ? F.const(coefficient) : this.madd(sum, x, coefficient, F)),
      null,
    ) as Value;
  }
}

/** The size of one with the sign of the other. */
export function withSign(size: Value, sign: Local): Value {
  return v128.bitselect(size, sign, i32x4.const(0x7fffffff));
}

/** Four float32 lanes as two pairs of float64. */
export function widened(x: Value): readonly [Value, Value] {
  return [f64x2.promoteLowF32x4(x), f64x2.promoteLowF32x4(shuffleLanes(x, x, [2, 3, 2, 3]))];
}

/** Two pairs of float64 as four float32 lanes. */
export function narrowed(low: Value, high: Value): Value {
  return shuffleLanes(f32x4.demoteF64x2Zero(low), f32x4.demoteF64x2Zero(high), [0, 1, 4, 5]);
}

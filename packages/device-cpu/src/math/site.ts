/**
 * Where a mathematical function is written: the function it goes into, its lanes, and whether multiply-add may be fused. Owns the
 * constants that depend on the width of the float and the three idioms every formula uses; the formulas are in the other files.
 */
import {
  type FunctionBuilder,
  f32x4,
  f64x2,
  i32x4,
  i64x2,
  type Local,
  type ModuleBuilder,
  type Operand,
  shuffleLanes,
  type Value,
  v128,
} from '../wasm/index.js';

export type FloatName = 'float32' | 'float64';

/** One width of float: its instructions and the layout of its bits. */
export interface Floats {
  readonly name: FloatName;
  readonly F: typeof f32x4 | typeof f64x2;
  readonly I: typeof i32x4 | typeof i64x2;
  /** Bits of the stored significand. */
  readonly mantissa: number;
  readonly bias: number;
  /** Adding this rounds to a whole number, which then stands in the low bits. */
  readonly magic: number;
  readonly magicBits: bigint;
  readonly signBit: Value;
  readonly allButSign: Value;
  /** Below this, sin x, expm1 x and log1p x are x to the last bit or nearly so. */
  readonly tiny: number;
}

export const floats: Readonly<Record<FloatName, Floats>> = {
  float32: {
    name: 'float32',
    F: f32x4,
    I: i32x4,
    mantissa: 23,
    bias: 127,
    magic: 1.5 * 2 ** 23,
    magicBits: 0x4b400000n,
    signBit: i32x4.const(-0x80000000),
    allButSign: i32x4.const(0x7fffffff),
    tiny: 2 ** -25,
  },
  float64: {
    name: 'float64',
    F: f64x2,
    I: i64x2,
    mantissa: 52,
    bias: 1023,
    magic: 1.5 * 2 ** 52,
    magicBits: 0x4338000000000000n,
    signBit: i64x2.const(-0x8000000000000000n),
    allButSign: i64x2.const(0x7fffffffffffffffn),
    tiny: 2 ** -54,
  },
};

export class Site {
  readonly module: ModuleBuilder;
  readonly f: FunctionBuilder;
  readonly fused: boolean;
  readonly lanes: Floats;

  constructor(module: ModuleBuilder, f: FunctionBuilder, name: FloatName, fused: boolean) {
    this.module = module;
    this.f = f;
    this.fused = fused;
    this.lanes = floats[name];
  }

  /** The same place with lanes of another width. */
  as(name: FloatName): Site {
    return new Site(this.module, this.f, name, this.fused);
  }

  let(name: string, value: Value): Local {
    return this.f.let(name, value);
  }

  /** a * b + c, rounded once where the engine can. */
  madd(a: Operand, b: Operand, c: Operand): Value {
    const { F } = this.lanes;
    return this.fused ? F.relaxedMadd(a, b, c) : F.add(F.mul(a, b), c);
  }

  /** The polynomial with these coefficients, lowest first. */
  polynomial(x: Local, coefficients: readonly number[]): Value {
    const { F } = this.lanes;
    const [last = 0, ...rest] = [...coefficients].reverse();
    return rest.reduce<Value>((sum, coefficient) => this.madd(sum, x, coefficient), F.const(last));
  }

  /** The size of one with the sign of the other. */
  withSign(size: Value, sign: Local): Value {
    return v128.bitselect(size, sign, this.lanes.allButSign);
  }
}

/** Four float32 lanes as two pairs of float64. */
export function widen(site: Site, x: Local): readonly [Local, Local] {
  return [
    site.let('wide', f64x2.promoteLowF32x4(x)),
    site.let('wide', f64x2.promoteLowF32x4(shuffleLanes(x, x, [2, 3, 2, 3]))),
  ];
}

/** Two pairs of float64 as four float32 lanes. */
export function narrow(low: Value, high: Value): Value {
  return shuffleLanes(f32x4.demoteF64x2Zero(low), f32x4.demoteF64x2Zero(high), [0, 1, 4, 5]);
}

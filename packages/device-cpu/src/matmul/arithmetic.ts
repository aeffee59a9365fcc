/**
 * Products and sums of the lanes of one class: what a tile accumulates with. A group is four columns next to each other: one vector, or two
 * where lanes have 64 bits. Owns multiply-add, in its two forms, and sums across lanes; the loops are `tile.ts`.
 */
import type { DType } from '@torchlet/device';
import type { Pieces } from '../kernel-function.js';
import { LaneMemory } from '../loop/lane-memory.js';
import { type LaneClass, laneClasses } from '../loop/lanes.js';
import {
  f32x4,
  f64x2,
  type FunctionBuilder,
  i32x4,
  i64x2,
  type Local,
  shuffleLanes,
  type Value,
  v128,
} from '../wasm/index.js';

interface ClassRow {
  /** What the lanes are as elements of memory. */
  readonly stored: DType;
  readonly width: 4 | 8;
  readonly add: (a: Value, b: Value) => Value;
  readonly multiply: (a: Value, b: Value) => Value;
  /** a * b + c in one instruction. */
  readonly fused: ((a: Value, b: Value, c: Value) => Value) | null;
}

/** The products of bool are `and`, their sums `or`. */
const classes: Readonly<Record<LaneClass, ClassRow>> = {
  f32: { stored: 'float32', width: 4, add: f32x4.add, multiply: f32x4.mul, fused: f32x4.relaxedMadd },
  f64: { stored: 'float64', width: 8, add: f64x2.add, multiply: f64x2.mul, fused: f64x2.relaxedMadd },
  i32: { stored: 'int32', width: 4, add: i32x4.add, multiply: i32x4.mul, fused: null },
  i64: { stored: 'int64', width: 8, add: i64x2.add, multiply: i64x2.mul, fused: null },
  bool: { stored: 'int32', width: 4, add: v128.or, multiply: v128.and, fused: null },
};

/** What a product of `dtype` is accumulated in. */
export class Arithmetic {
  /** dtype whose elements in memory are the lanes as they are. */
  readonly stored: DType;
  /** Bytes of a lane. */
  readonly width: 4 | 8;
  /** Vectors of a group of four. */
  readonly pieces: 1 | 2;
  /** Lanes of a vector. */
  readonly lanes: 2 | 4;
  readonly #row: ClassRow;
  readonly #fma: boolean;

  constructor(dtype: DType, fma: boolean) {
    this.#row = classes[laneClasses[dtype]];
    this.#fma = fma;
    this.stored = this.#row.stored;
    this.width = this.#row.width;
    this.pieces = this.width === 4 ? 1 : 2;
    this.lanes = this.width === 4 ? 4 : 2;
  }

  /** Loads and stores of lanes. */
  memory(f: FunctionBuilder): LaneMemory {
    return new LaneMemory(f, this.stored, this.width);
  }

  zero(): Value {
    return i32x4.const(0);
  }

  add(a: Value, b: Value): Value {
    return this.#row.add(a, b);
  }

  /** a * b + sum. */
  multiplyAdd(a: Value, b: Value, sum: Value): Value {
    if (this.#fma && this.#row.fused !== null) return this.#row.fused(a, b, sum);
    return this.#row.add(sum, this.#row.multiply(a, b));
  }

  /** The group whose lanes are the sums over the lanes of each of up to four vectors. */
  sumsAcross(f: FunctionBuilder, vectors: readonly Local[]): Pieces {
    const at = (i: number) => vectors[Math.min(i, vectors.length - 1)] as Local;
    const pair = (a: Local, b: Local): Local => {
      if (this.lanes === 2) return f.let('sums', this.add(shuffleLanes(a, b, [0, 2]), shuffleLanes(a, b, [1, 3])));
      return f.let('halves', this.add(shuffleLanes(a, b, [0, 1, 4, 5]), shuffleLanes(a, b, [2, 3, 6, 7])));
    };
    const low = pair(at(0), at(1));
    const high = vectors.length > 2 ? pair(at(2), at(3)) : low;
    if (this.lanes === 2) return [low, high];
    return [f.let('sums', this.add(shuffleLanes(low, high, [0, 2, 4, 6]), shuffleLanes(low, high, [1, 3, 5, 7])))];
  }
}

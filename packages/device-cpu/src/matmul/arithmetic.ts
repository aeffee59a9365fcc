/**
 * Products and sums of the lanes of one class: what a tile accumulates with. A group is four columns next to each other: one vector, or two
 * where lanes have 64 bits. Owns multiply-add, in its two forms, and sums across lanes; the loops are `tile.ts`.
 */
import type { DType } from '@torchlet/device';
import { LaneMemory } from '../loop/lane-memory.js';
import { floatsFor, isWide, type LaneClass, laneClasses, piecesOf, vectorsFor } from '../loop/lanes.js';
import { type FunctionBuilder, i32x4, type Local, shuffleLanes, type Value, v128 } from '../wasm/index.js';

/** What the lanes of each class are as elements of memory. */
const storedAs: Readonly<Record<LaneClass, DType>> = {
  f32: 'float32',
  f64: 'float64',
  i32: 'int32',
  i64: 'int64',
  bool: 'int32',
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
  readonly #dtype: DType;
  readonly #fma: boolean;

  constructor(dtype: DType, fma: boolean) {
    this.#dtype = dtype;
    this.#fma = fma;
    this.stored = storedAs[laneClasses[dtype]];
    this.pieces = piecesOf(dtype);
    this.width = isWide(dtype) ? 8 : 4;
    this.lanes = isWide(dtype) ? 2 : 4;
  }

  /** Loads and stores of lanes. */
  memory(f: FunctionBuilder): LaneMemory {
    return new LaneMemory(f, this.stored, this.width);
  }

  zero(): Value {
    return i32x4.const(0);
  }

  /** Sums of bool are `or`, products `and`. */
  add(a: Value, b: Value): Value {
    return this.#dtype === 'bool' ? v128.or(a, b) : vectorsFor(this.#dtype).add(a, b);
  }

  /** a * b + sum. */
  multiplyAdd(a: Value, b: Value, sum: Value): Value {
    const F = floatsFor(this.#dtype);
    if (this.#fma && F !== null) return F.relaxedMadd(a, b, sum);
    return this.add(sum, this.#dtype === 'bool' ? v128.and(a, b) : vectorsFor(this.#dtype).mul(a, b));
  }

  /** The group whose lanes are the sums over the lanes of each of up to four vectors: locals, each its own. */
  sumsAcross(f: FunctionBuilder, vectors: readonly Local[]): readonly Local[] {
    const at = (i: number) => vectors[Math.min(i, vectors.length - 1)] as Local;
    const pair = (a: Local, b: Local): Local => {
      if (this.lanes === 2) return f.let('sums', this.add(shuffleLanes(a, b, [0, 2]), shuffleLanes(a, b, [1, 3])));
      return f.let('halves', this.add(shuffleLanes(a, b, [0, 1, 4, 5]), shuffleLanes(a, b, [2, 3, 6, 7])));
    };
    const low = pair(at(0), at(1));
    const high = vectors.length > 2 ? pair(at(2), at(3)) : f.let('none', low);
    if (this.lanes === 2) return [low, high];
    return [f.let('sums', this.add(shuffleLanes(low, high, [0, 2, 4, 6]), shuffleLanes(low, high, [1, 3, 5, 7])))];
  }
}

/**
 * Lanes from memory and to it: elements of 1, 2, 4 or 8 bytes, next to each other, one for all lanes, or one by one. In a vector they first stand packed
 * as they lie in memory, then as the lanes that are computed with. Owns both forms and the instructions for one to four elements; where
 * they lie is `elements.ts`.
 */
import type { DType } from '@torchlet/device';
import type { Features, Pieces } from '../kernel-function.js';
import {
  type FunctionBuilder,
  i16x8,
  i32,
  i32x4,
  i8x16,
  type Local,
  type Operand,
  shuffleLanes,
  type Value,
  v128,
} from '../wasm/index.js';
import { bfloat16ToLanes, float16ToLanes, halfBits } from './half-lanes.js';
import { type Count, lowHalves, signExtended } from './lanes.js';

/** Element widths that memory is read in. */
export type Width = 1 | 2 | 4 | 8;

/** Bytes of an element of `dtype` in this device's memory. */
export function storedWidth(features: Features, dtype: DType): Width {
  return features.storedBytes[dtype] as Width;
}

/** Where one lane lies. */
type SetLane = (lane: number, pointer: Operand, offset: number) => void;

const zero = (): Value => i32x4.const(0);

/** Parts of a vector that instructions move, in bits. */
const parts = [64, 32, 16, 8] as const;

/** The first `bytes` bytes of a vector; those after them are not touched. */
function loadBytes(pointer: Operand, offset: number, bytes: number): Value {
  if (bytes === 16) return v128.load(pointer, offset);
  let value: Value | null = null;
  let at = 0;
  for (const bits of parts) {
    const size = bits / 8;
    if (bytes - at < size) continue;
    value =
      value === null && (bits === 64 || bits === 32)
        ? v128[`load${bits}Zero`](pointer, offset + at)
        : v128[`load${bits}Lane`](pointer, value ?? zero(), at / size, offset + at);
    at += size;
  }
  return value ?? zero();
}

function storeBytes(f: FunctionBuilder, pointer: Operand, offset: number, value: Value, bytes: number): void {
  if (bytes === 16) return f.do(v128.store(pointer, value, offset));
  const stored = f.held('partial', value);
  let at = 0;
  for (const bits of parts) {
    const size = bits / 8;
    if (bytes - at < size) continue;
    f.do(v128[`store${bits}Lane`](pointer, stored, at / size, offset + at));
    at += size;
  }
}

const signedDtypes: ReadonlySet<DType> = new Set(['int8', 'int16']);

/** Loads and stores of one dtype at one width. */
export class LaneMemory {
  readonly #f: FunctionBuilder;
  readonly #dtype: DType;
  readonly width: Width;
  /** Elements of one packed vector. */
  readonly #perVector: 2 | 4;
  readonly #bits: 8 | 16 | 32 | 64;

  constructor(f: FunctionBuilder, dtype: DType, width: Width) {
    this.#f = f;
    this.#dtype = dtype;
    this.width = width;
    this.#perVector = width === 8 ? 2 : 4;
    this.#bits = (8 * width) as 8 | 16 | 32 | 64;
  }

  load(pointer: Operand, offset: number, count: Count): Pieces {
    return this.#unpacked(this.#vectors((first) => this.#loadPart(pointer, offset, count, first)));
  }

  #loadPart(pointer: Operand, offset: number, count: Count, first: number): Value {
    const size = Math.min(count - first, this.#perVector);
    return size > 0 ? loadBytes(pointer, offset + first * this.width, size * this.width) : zero();
  }

  /** One element in every lane. */
  loadSplat(pointer: Operand, offset: number): Pieces {
    const all = this.#f.let('splat', v128[`load${this.#bits}Splat`](pointer, offset));
    return this.#unpacked(this.#vectors(() => all));
  }

  /** Four elements of 4 bytes, two apart; nothing past the last is read. */
  loadEverySecond(pointer: Operand, offset: number): Pieces {
    const [low, high] = [v128.load(pointer, offset), v128.load(pointer, offset + 12)];
    return this.#unpacked([shuffleLanes(low, high, [0, 2, 5, 7])]);
  }

  /** Four elements of 4 bytes, each before the last. */
  loadBackwards(pointer: Operand, offset: number): Pieces {
    const line = this.#f.let('line', v128.load(i32.add(pointer, offset - 12)));
    return this.#unpacked([shuffleLanes(line, line, [3, 2, 1, 0])]);
  }

  /** Lanes that `fill` sets one by one from pointers, the others 0. */
  gather(fill: (setLane: SetLane) => void): Pieces {
    const packed = this.#vectors(() => this.#f.let('gathered', zero())) as readonly Local[];
    fill((lane, pointer, offset) => {
      const into = packed[Math.floor(lane / this.#perVector)] as Local;
      this.#f.set(into, v128[`load${this.#bits}Lane`](pointer, into, lane % this.#perVector, offset));
    });
    return this.#unpacked(packed);
  }

  store(pointer: Operand, offset: number, pieces: Pieces, count: Count): void {
    this.#packed(pieces).forEach((packed, i) => {
      const first = i * this.#perVector;
      const size = Math.min(count - first, this.#perVector);
      if (size > 0) storeBytes(this.#f, pointer, offset + first * this.width, packed, size * this.width);
    });
  }

  /** Stores of single lanes of `pieces`. */
  scatter(pieces: Pieces, emit: (storeLane: SetLane) => void): void {
    const packed = this.#packed(pieces).map((piece) => this.#f.let('scattered', piece));
    emit((lane, pointer, offset) => {
      const from = packed[Math.floor(lane / this.#perVector)] as Local;
      this.#f.do(v128[`store${this.#bits}Lane`](pointer, from, lane % this.#perVector, offset));
    });
  }

  #vectors(make: (first: number) => Value): Pieces {
    return this.width === 8 ? [make(0), make(2)] : [make(0)];
  }

  /** Elements as they lie in memory to lanes as they are computed with. */
  #unpacked(packed: Pieces): Pieces {
    const lanes = this.width < 4 ? extended(packed[0] as Value, this.width, signedDtypes.has(this.#dtype)) : packed[0];
    const low = lanes as Value;
    switch (this.#dtype) {
      case 'float16':
        return [float16ToLanes(this.#f, low)];
      case 'bfloat16':
        return [bfloat16ToLanes(low)];
      case 'bool':
        return [i32x4.ne(low, 0)];
      case 'int64':
        return this.width === 8 ? packed : signExtended(this.#f.let('narrow', low));
      default:
        return this.width === 8 ? packed : [low];
    }
  }

  /** The reverse. Rounds to the dtype. */
  #packed(pieces: Pieces): Pieces {
    if (this.width === 8) return pieces;
    const lanes = lowHalves(pieces);
    const bits = this.#dtype === 'bool' ? v128.and(lanes, i32x4.const(1)) : halfBits(this.#f, this.#dtype, lanes);
    if (this.width === 4) return [bits];
    return [i8x16.swizzle(bits, this.width === 2 ? i8x16.const(0, 1, 4, 5, 8, 9, 12, 13) : i8x16.const(0, 4, 8, 12))];
  }
}

function extended(packed: Value, width: 1 | 2 | 4 | 8, signed: boolean): Value {
  const narrow = width === 2 ? packed : signed ? i16x8.extendLowI8x16S(packed) : i16x8.extendLowI8x16U(packed);
  return signed ? i32x4.extendLowI16x8S(narrow) : i32x4.extendLowI16x8U(narrow);
}

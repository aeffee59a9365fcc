/**
 * How the elements of each dtype stand in vectors: four points at a time, in one vector of 32-bit lanes or two of 64-bit lanes, and how
 * they come from memory and go there. Owns the meaning of lanes, splats and constants; the bare loads and stores are `raw-lanes.ts`, what is
 * computed with lanes `vector-functions.ts`, where they lie `elements.ts`.
 */
import type { DType } from '@torchlet/device';
import type { Features, Pieces } from '../kernel-function.js';
import {
  f32,
  f32x4,
  f64,
  f64x2,
  type FunctionBuilder,
  i32,
  i32x4,
  i64,
  i64x2,
  type Operand,
  shuffleLanes,
  type Value,
  v128,
} from '../wasm/index.js';
import { bfloat16ToLanes, float16ToLanes, lanesToBfloat16, lanesToFloat16 } from './half-lanes.js';
import {
  type Count,
  loadRaw,
  loadRawLane,
  loadRawSplat,
  storeRaw,
  storeRawLane,
  type Width,
  zero,
} from './raw-lanes.js';

/** What lanes of a dtype are computed as. */
export type LaneClass = 'f32' | 'f64' | 'i32' | 'i64' | 'bool';

export const laneClasses: Readonly<Record<DType, LaneClass>> = {
  float32: 'f32',
  float64: 'f64',
  float16: 'f32',
  bfloat16: 'f32',
  int64: 'i64',
  int32: 'i32',
  int16: 'i32',
  int8: 'i32',
  uint8: 'i32',
  bool: 'bool',
};

export type { Count } from './raw-lanes.js';

export function isWide(dtype: DType): boolean {
  return laneClasses[dtype] === 'f64' || laneClasses[dtype] === 'i64';
}

/** Bytes of an element of `dtype` in this device's memory. */
export function storedWidth(features: Features, dtype: DType): Width {
  return features.storedBytes[dtype] as Width;
}

/** Lanes as they lie in memory to lanes as they are computed with. */
function decode(f: FunctionBuilder, dtype: DType, width: Width, raw: Pieces): Pieces {
  const [low] = raw as [Value];
  switch (dtype) {
    case 'float16':
      return [float16ToLanes(f, low)];
    case 'bfloat16':
      return [bfloat16ToLanes(low)];
    case 'bool':
      return [i32x4.ne(low, 0)];
    case 'int64': {
      if (width === 8) return raw;
      const narrow = f.let('narrow', low);
      return [i64x2.extendLowI32x4S(narrow), i64x2.extendHighI32x4S(narrow)];
    }
    default:
      return raw;
  }
}

/** The reverse. Rounds to the dtype. */
function encode(f: FunctionBuilder, dtype: DType, width: Width, pieces: Pieces): Pieces {
  const [low, high] = pieces as [Value, Value];
  switch (dtype) {
    case 'float16':
      return [lanesToFloat16(f, low)];
    case 'bfloat16':
      return [lanesToBfloat16(f, low)];
    case 'bool':
      return [v128.and(low, i32x4.const(1))];
    case 'int64':
      return width === 8 ? pieces : [shuffleLanes(low, high, [0, 2, 4, 6])];
    default:
      return pieces;
  }
}

const signedDtypes: ReadonlySet<DType> = new Set(['int8', 'int16']);

/** Loads and stores of one dtype at one width. */
export class LaneMemory {
  readonly #f: FunctionBuilder;
  readonly #dtype: DType;
  readonly width: Width;
  readonly #signed: boolean;

  constructor(f: FunctionBuilder, dtype: DType, width: Width) {
    this.#f = f;
    this.#dtype = dtype;
    this.width = width;
    this.#signed = signedDtypes.has(dtype);
  }

  load(pointer: Operand, offset: number, count: Count): Pieces {
    return decode(this.#f, this.#dtype, this.width, loadRaw(this.width, this.#signed, pointer, offset, count));
  }

  loadSplat(pointer: Operand, offset: number): Pieces {
    const raw = loadRawSplat(this.width, this.#signed, pointer, offset).map((piece) => this.#f.let('splat', piece));
    return decode(this.#f, this.#dtype, this.width, raw);
  }

  /** One integer or bool as a scalar. */
  loadScalar(pointer: Operand, offset: number): Value {
    switch (this.width) {
      case 8:
        return i64.load(pointer, offset);
      case 4:
        return this.#dtype === 'int64' ? i64.load32S(pointer, offset) : i32.load(pointer, offset);
      case 2:
        return i32.load16S(pointer, offset);
      case 1:
        return this.#signed ? i32.load8S(pointer, offset) : i32.load8U(pointer, offset);
      default: {
        const never: never = this.width;
        return never;
      }
    }
  }

  /** Four elements of 4 bytes, two apart; nothing past the last is read. */
  loadEverySecond(pointer: Operand, offset: number): Pieces {
    const [low, high] = [v128.load(pointer, offset), v128.load(pointer, offset + 12)];
    return decode(this.#f, this.#dtype, this.width, [shuffleLanes(low, high, [0, 2, 5, 7])]);
  }

  /** Four elements of 4 bytes, each before the last. */
  loadBackwards(pointer: Operand, offset: number): Pieces {
    const first = this.#f.let('first', i32.add(pointer, offset - 12));
    const line = this.#f.let('line', v128.load(first));
    return decode(this.#f, this.#dtype, this.width, [shuffleLanes(line, line, [3, 2, 1, 0])]);
  }

  /** Lanes that `fill` sets one by one from pointers, the others 0. */
  gather(fill: (setLane: (lane: number, pointer: Operand, offset: number) => void) => void): Pieces {
    const raw = Array.from({ length: this.width === 8 ? 2 : 1 }, () => this.#f.let('gathered', zero()));
    fill((lane, pointer, offset) => {
      loadRawLane(this.width, this.#signed, pointer, offset, raw, lane).forEach((piece, i) => {
        const into = raw[i];
        if (into !== undefined && piece !== into) this.#f.set(into, piece);
      });
    });
    return decode(this.#f, this.#dtype, this.width, raw);
  }

  store(pointer: Operand, offset: number, pieces: Pieces, count: Count): void {
    storeRaw(this.#f, this.width, pointer, offset, encode(this.#f, this.#dtype, this.width, pieces), count);
  }

  /** Stores of single lanes of `pieces`. */
  scatter(pieces: Pieces, emit: (storeLane: (lane: number, pointer: Operand, offset: number) => void) => void): void {
    const raw = encode(this.#f, this.#dtype, this.width, pieces).map((piece) => this.#f.let('scattered', piece));
    emit((lane, pointer, offset) => storeRawLane(this.#f, this.width, pointer, offset, raw, lane));
  }
}

/** `value` of `dtype` in all lanes. */
export function splatConstant(dtype: DType, value: number | bigint): Pieces {
  switch (laneClasses[dtype]) {
    case 'f32':
      return [f32x4.const(Number(value))];
    case 'i32':
      return [i32x4.const(Number(value))];
    case 'bool':
      return [i32x4.const(value ? -1 : 0)];
    case 'f64':
      return [f64x2.const(Number(value)), f64x2.const(Number(value))];
    case 'i64':
      return [i64x2.const(BigInt(value)), i64x2.const(BigInt(value))];
    default: {
      const never: never = laneClasses[dtype] as never;
      return never;
    }
  }
}

/** A scalar, bool as 0 or 1, in all lanes. */
export function splat(f: FunctionBuilder, dtype: DType, value: Value): Pieces {
  switch (laneClasses[dtype]) {
    case 'f32':
      return [f32x4.splat(value)];
    case 'i32':
      return [i32x4.splat(value)];
    case 'bool':
      return [i32x4.splat(i32.sub(0, value))];
    case 'f64':
    case 'i64': {
      const both = f.let('splat', laneClasses[dtype] === 'f64' ? f64x2.splat(value) : i64x2.splat(value));
      return [both, both];
    }
    default: {
      const never: never = laneClasses[dtype] as never;
      return never;
    }
  }
}

/** Lane `lane` as a scalar, bool as 0 or 1. */
export function extract(dtype: DType, pieces: Pieces, lane: number): Value {
  const [low, high] = pieces as [Value, Value];
  const half = lane < 2 ? low : high;
  switch (laneClasses[dtype]) {
    case 'f32':
      return f32x4.extractLane(low, lane);
    case 'i32':
      return i32x4.extractLane(low, lane);
    case 'bool':
      return i32.sub(0, i32x4.extractLane(low, lane));
    case 'f64':
      return f64x2.extractLane(half, lane % 2);
    case 'i64':
      return i64x2.extractLane(half, lane % 2);
    default: {
      const never: never = laneClasses[dtype] as never;
      return never;
    }
  }
}

/** A runtime scalar from the program's scalars, at 8 bytes each. */
export function loadScalar(dtype: DType, scalars: Operand, slot: number): Value {
  switch (laneClasses[dtype]) {
    case 'f32':
      return f32.load(scalars, 8 * slot);
    case 'f64':
      return f64.load(scalars, 8 * slot);
    case 'i64':
      return i64.load(scalars, 8 * slot);
    case 'i32':
    case 'bool':
      return i32.load(scalars, 8 * slot);
    default: {
      const never: never = laneClasses[dtype] as never;
      return never;
    }
  }
}

/**
 * How the elements of each dtype stand in vectors: four points at a time, in one vector of 32-bit lanes or two of 64-bit lanes. Owns the meaning of
 * lanes, constants, splats and single lanes; how they come from memory is `lane-memory.ts`, what is computed with them
 * `vector-functions.ts`.
 */
import type { DType } from '@torchlet/device';
import type { Pieces } from '../kernel-function.js';
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

/** The instructions of each class, on vectors and on scalars. The lanes of bool are 0 and -1, its scalars 0 and 1. */
const vectorsOf = { f32: f32x4, f64: f64x2, i32: i32x4, i64: i64x2, bool: i32x4 } as const;
const scalarsOf = { f32, f64, i32, i64, bool: i32 } as const;

/** Numbers of lanes: 1 to 4. */
export type Count = 1 | 2 | 3 | 4;

export function isWide(dtype: DType): boolean {
  return laneClasses[dtype] === 'f64' || laneClasses[dtype] === 'i64';
}

/** Vectors of four points. */
export function piecesOf(dtype: DType): 1 | 2 {
  return isWide(dtype) ? 2 : 1;
}

/** The instructions on vectors of a dtype. */
export function vectorsFor(dtype: DType) {
  return vectorsOf[laneClasses[dtype]];
}

/** The float instructions of a dtype, or null if it is no float. */
export function floatsFor(dtype: DType): typeof f32x4 | typeof f64x2 | null {
  const vectors = vectorsFor(dtype);
  return vectors === f32x4 || vectors === f64x2 ? vectors : null;
}

/** The integer instructions of a dtype that is no float. */
export function integersFor(dtype: DType): typeof i32x4 | typeof i64x2 {
  return isWide(dtype) ? i64x2 : i32x4;
}

/** `value` of `dtype` in all lanes. */
export function splatConstant(dtype: DType, value: number | bigint): Pieces {
  const lane = dtype === 'bool' ? -Number(Boolean(value)) : value;
  return Array.from({ length: piecesOf(dtype) }, () => vectorsFor(dtype).const(lane));
}

/** A scalar, bool as 0 or 1, in all lanes. */
export function splat(f: FunctionBuilder, dtype: DType, value: Value): Pieces {
  const all = vectorsFor(dtype).splat(dtype === 'bool' ? i32.sub(0, value) : value);
  if (!isWide(dtype)) return [all];
  const both = f.let('splat', all);
  return [both, both];
}

/** Lane `lane` as a scalar, bool as 0 or 1. */
export function extract(dtype: DType, pieces: Pieces, lane: number): Value {
  const lanes = 4 / piecesOf(dtype);
  const value = vectorsFor(dtype).extractLane(pieces[Math.floor(lane / lanes)] as Value, lane % lanes);
  return dtype === 'bool' ? i32.sub(0, value) : value;
}

/** Four scalars side by side. */
export function joinLanes(dtype: DType, scalars: readonly Value[]): Pieces {
  const vectors = vectorsFor(dtype);
  const lanes = 4 / piecesOf(dtype);
  return splatConstant(dtype, 0).map((_, piece) => {
    const [first, ...rest] = scalars.slice(piece * lanes, (piece + 1) * lanes) as [Value, ...Value[]];
    const joined = rest.reduce((all, one, i) => vectors.replaceLane(all, one, i + 1), vectors.splat(first));
    return dtype === 'bool' ? i32x4.neg(joined) : joined;
  });
}

/** What `compute` makes of each lane of `from`, as lanes of `to`. */
export function laneByLane(
  f: FunctionBuilder,
  from: DType,
  to: DType,
  x: Pieces,
  compute: (scalar: Value, lane: number) => Value,
): Pieces {
  const scalars = [0, 1, 2, 3].map((lane) => f.let('lane', compute(f.let('lane', extract(from, x, lane)), lane)));
  return joinLanes(to, scalars);
}

/** A runtime scalar from its address. */
export function loadScalar(dtype: DType, address: Operand): Value {
  return scalarsOf[laneClasses[dtype]].load(address, 0);
}

/** The low halves of two vectors of 64-bit lanes, as 32-bit lanes: whole numbers, masks. */
export function lowHalves([low, high]: Pieces): Value {
  return high === undefined ? (low as Value) : shuffleLanes(low as Value, high, [0, 2, 4, 6]);
}

/** 32-bit lanes, whole numbers or masks, as 64-bit ones. */
export function signExtended(lanes: Value): Pieces {
  return [i64x2.extendLowI32x4S(lanes), i64x2.extendHighI32x4S(lanes)];
}

/** Bits that an integer of the dtype has in its lane above its own. */
const spareBits: Readonly<Partial<Record<DType, number>>> = { int16: 16, int8: 24, uint8: 24 };

/** Lanes of a narrow integer dtype brought back to its width. */
export function wrapped(dtype: DType, pieces: Pieces): Pieces {
  const spare = spareBits[dtype];
  if (spare === undefined) return pieces;
  return pieces.map((piece) =>
    dtype === 'uint8' ? v128.and(piece, i32x4.const(0xff)) : i32x4.shrS(i32x4.shl(piece, spare), spare),
  );
}

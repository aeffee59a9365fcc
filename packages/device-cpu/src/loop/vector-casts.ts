/** Casts of four points between dtypes, as `scalarFunctions.cast` of the contract means them: saturating, wrapping, rounding to even. */
import type { DType } from '@torchlet/device';
import type { Pieces } from '../kernel-function.js';
import { narrowed, widened } from '../math/index.js';
import {
  f32,
  f32x4,
  f64,
  f64x2,
  type FunctionBuilder,
  i32x4,
  i64,
  shuffleLanes,
  type Value,
  v128,
} from '../wasm/index.js';
import { roundedToHalf } from './half-lanes.js';
import {
  floatsFor,
  type LaneClass,
  laneByLane,
  laneClasses,
  lowHalves,
  piecesOf,
  signExtended,
  splatConstant,
  vectorsFor,
  wrapped,
} from './lanes.js';

/** Least and greatest value of the integer dtypes that have less than their lane's width. */
const narrowRanges: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  int16: [-32768, 32767],
  int8: [-128, 127],
  uint8: [0, 255],
};

type Cast = (f: FunctionBuilder, x: Pieces, from: DType, to: DType) => Pieces;

const one =
  (convert: (lanes: Value) => Value): Cast =>
  (_, x) => [convert(x[0] as Value)];

const each =
  (convert: (scalar: Value) => Value): Cast =>
  (f, x, from, to) =>
    laneByLane(f, from, to, x, convert);

/** From one class of lanes to another; the same class needs none, bool is told apart before. */
const casts: Readonly<Partial<Record<`${LaneClass} to ${LaneClass}`, Cast>>> = {
  'f32 to f64': (_, [low]) => widened(low as Value),
  'f64 to f32': narrowedFloat,
  'f32 to i32': one(i32x4.truncSatF32x4S),
  'f64 to i32': (_, [low, high]) => [
    shuffleLanes(i32x4.truncSatF64x2SZero(low as Value), i32x4.truncSatF64x2SZero(high as Value), [0, 1, 4, 5]),
  ],
  'f32 to i64': each(i64.truncSatF32S),
  'f64 to i64': each(i64.truncSatF64S),
  'i32 to f32': one(f32x4.convertI32x4S),
  'i32 to f64': (_, [low]) => [
    f64x2.convertLowI32x4S(low as Value),
    f64x2.convertLowI32x4S(shuffleLanes(low as Value, low as Value, [2, 3, 2, 3])),
  ],
  'i32 to i64': (_, [low]) => signExtended(low as Value),
  'i64 to f32': each(f32.convertI64S),
  'i64 to f64': each(f64.convertI64S),
  'i64 to i32': (_, x) => [lowHalves(x)],
};

/** Lanes of `from` as lanes of `to`; `x` are locals or constants. */
export function castPieces(f: FunctionBuilder, from: DType, to: DType, x: Pieces): Pieces {
  if (from === to) return x;
  if (to === 'bool') return [lowHalves(x.map((piece) => vectorsFor(from).ne(piece, 0)))];
  if (from === 'bool') {
    const masks = masksFor(x, piecesOf(to));
    return splatConstant(to, 1).map((ones, i) => v128.and(ones, masks[i] as Value));
  }
  const lanes = casts[`${laneClasses[from]} to ${laneClasses[to]}`]?.(f, x, from, to) ?? x;
  const range = narrowRanges[to];
  if (range !== undefined && floatsFor(from) !== null)
    return lanes.map((piece) => i32x4.minS(i32x4.maxS(piece, range[0]), range[1]));
  const [low] = lanes as [Value];
  return to === 'float16' || to === 'bfloat16' ? [roundedToHalf(f, to, low)] : wrapped(to, lanes);
}

/** A mask of 32-bit lanes for each piece of a value. */
export function masksFor(mask: Pieces, pieces: number): Pieces {
  return pieces === 1 ? mask : signExtended(mask[0] as Value);
}

/** On the way to a half the float32 keeps a sticky bit, as rounding twice would move ties. */
function narrowedFloat(f: FunctionBuilder, x: Pieces, _: DType, to: DType): Pieces {
  const [low, high] = x as [Value, Value];
  const nearest = f.let('nearest', narrowed(low, high));
  if (to === 'float32') return [nearest];
  const back = widened(nearest).map((piece) => f.let('back', piece));
  const compare = (test: (exact: Value, rounded: Value) => Value) =>
    lowHalves(back.map((rounded, i) => test(x[i] as Value, rounded)));
  const inexact = f.let('inexact', compare(f64x2.ne));
  const above = compare((exact, rounded) => f64x2.gt(f64x2.abs(rounded), f64x2.abs(exact)));
  const even = i32x4.eq(v128.and(nearest, i32x4.const(1)), 0);
  const finite = f32x4.lt(f32x4.abs(nearest), Infinity);
  const moves = v128.and(v128.and(inexact, even), finite);
  return [i32x4.add(nearest, v128.and(moves, v128.or(above, i32x4.const(1))))];
}

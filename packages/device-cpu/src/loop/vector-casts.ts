/** Casts of four points between dtypes, as `scalarFunctions.cast` of the contract means them: saturating, wrapping, rounding to even. */
import type { DType } from '@torchlet/device';
import type { Pieces } from '../kernel-function.js';
import {
  f32,
  f32x4,
  f64,
  f64x2,
  type FunctionBuilder,
  i32x4,
  i64,
  i64x2,
  shuffleLanes,
  type Value,
  v128,
} from '../wasm/index.js';
import { bfloat16ToLanes, float16ToLanes, lanesToBfloat16, lanesToFloat16 } from './half-lanes.js';
import { laneClasses, splatConstant } from './lanes.js';
import { joinLanes, wrapped } from './lane-pieces.js';

/** Least and greatest value of the integer dtypes that have less than their lane's width. */
const narrowRanges: Readonly<Partial<Record<DType, readonly [number, number]>>> = {
  int16: [-32768, 32767],
  int8: [-128, 127],
  uint8: [0, 255],
};

/** Lanes of `from` as lanes of `to`; `x` are locals or constants. */
export function castPieces(f: FunctionBuilder, from: DType, to: DType, x: Pieces): Pieces {
  if (from === to) return x;
  if (to === 'bool') return toBool(from, x);
  if (from === 'bool') return fromBool(to, x);
  const fromFloat = laneClasses[from] === 'f32' || laneClasses[from] === 'f64';
  switch (laneClasses[to]) {
    case 'f32':
      return toHalf(f, to, fromFloat ? narrowedFloat(f, from, to, x) : integerToFloat32(f, from, x));
    case 'f64':
      return fromFloat ? promoted(x) : integerToFloat64(f, from, x);
    case 'i32':
      return fromFloat
        ? floatToInt32(from, to, x)
        : wrapped(to, laneClasses[from] === 'i64' ? [shuffleLanes(x[0] as Value, x[1] as Value, [0, 2, 4, 6])] : x);
    case 'i64':
      return fromFloat
        ? floatToInt64(f, from, x)
        : [i64x2.extendLowI32x4S(x[0] as Value), i64x2.extendHighI32x4S(x[0] as Value)];
    default:
      throw new TypeError(`cpu: no cast from ${from} to ${to}`);
  }
}

function toBool(from: DType, x: Pieces): Pieces {
  const [low, high] = x as [Value, Value];
  switch (laneClasses[from]) {
    case 'f32':
      return [f32x4.ne(low, 0)];
    case 'i32':
      return [i32x4.ne(low, 0)];
    case 'f64':
      return [shuffleLanes(f64x2.ne(low, 0), f64x2.ne(high, 0), [0, 2, 4, 6])];
    case 'i64':
      return [shuffleLanes(i64x2.ne(low, 0), i64x2.ne(high, 0), [0, 2, 4, 6])];
    case 'bool':
      return x;
    default: {
      const never: never = laneClasses[from] as never;
      return never;
    }
  }
}

/** Ones where the mask is set. */
function fromBool(to: DType, x: Pieces): Pieces {
  const [mask] = x as [Value];
  const ones = splatConstant(to, 1);
  const masks = ones.length === 1 ? [mask] : [i64x2.extendLowI32x4S(mask), i64x2.extendHighI32x4S(mask)];
  return ones.map((one, i) => v128.and(one, masks[i] as Value));
}

function promoted(x: Pieces): Pieces {
  const [low] = x as [Value];
  return [f64x2.promoteLowF32x4(low), f64x2.promoteLowF32x4(shuffleLanes(low, low, [2, 3, 2, 3]))];
}

/** float64 or a 32-bit float to 32-bit lanes. On the way to a half the float32 keeps a sticky bit, as rounding twice would move ties. */
function narrowedFloat(f: FunctionBuilder, from: DType, to: DType, x: Pieces): Pieces {
  if (laneClasses[from] !== 'f64') return x;
  const [low, high] = x as [Value, Value];
  const nearest = f.let('nearest', shuffleLanes(f32x4.demoteF64x2Zero(low), f32x4.demoteF64x2Zero(high), [0, 1, 4, 5]));
  if (to === 'float32') return [nearest];
  const back = promoted([nearest]).map((piece) => f.let('back', piece)) as [Value, Value];
  const inexact = f.let('inexact', shuffleLanes(f64x2.ne(back[0], low), f64x2.ne(back[1], high), [0, 2, 4, 6]));
  const above = shuffleLanes(
    f64x2.gt(f64x2.abs(back[0]), f64x2.abs(low)),
    f64x2.gt(f64x2.abs(back[1]), f64x2.abs(high)),
    [0, 2, 4, 6],
  );
  const even = i32x4.eq(v128.and(nearest, i32x4.const(1)), 0);
  const finite = f32x4.lt(f32x4.abs(nearest), Infinity);
  const moves = v128.and(v128.and(inexact, even), finite);
  return [i32x4.add(nearest, v128.and(moves, v128.or(above, i32x4.const(1))))];
}

function toHalf(f: FunctionBuilder, to: DType, x: Pieces): Pieces {
  const [low] = x as [Value];
  if (to === 'float16') return [float16ToLanes(f, lanesToFloat16(f, low))];
  if (to === 'bfloat16') return [bfloat16ToLanes(lanesToBfloat16(f, low))];
  return x;
}

/** The four lanes of int64 pieces through a scalar conversion. */
function eachInt64(f: FunctionBuilder, to: DType, x: Pieces, convert: (lane: Value) => Value): Pieces {
  const lane = (i: number) => f.let('lane', convert(i64x2.extractLane(x[i >> 1] as Value, i % 2)));
  return joinLanes(to, [lane(0), lane(1), lane(2), lane(3)]);
}

function integerToFloat32(f: FunctionBuilder, from: DType, x: Pieces): Pieces {
  return laneClasses[from] === 'i64'
    ? eachInt64(f, 'float32', x, (lane) => f32.convertI64S(lane))
    : [f32x4.convertI32x4S(x[0] as Value)];
}

function integerToFloat64(f: FunctionBuilder, from: DType, x: Pieces): Pieces {
  if (laneClasses[from] === 'i64') return eachInt64(f, 'float64', x, (lane) => f64.convertI64S(lane));
  const [low] = x as [Value];
  return [f64x2.convertLowI32x4S(low), f64x2.convertLowI32x4S(shuffleLanes(low, low, [2, 3, 2, 3]))];
}

function floatToInt32(from: DType, to: DType, x: Pieces): Pieces {
  const [low, high] = x as [Value, Value];
  const whole =
    laneClasses[from] === 'f64'
      ? shuffleLanes(i32x4.truncSatF64x2SZero(low), i32x4.truncSatF64x2SZero(high), [0, 1, 4, 5])
      : i32x4.truncSatF32x4S(low);
  const range = narrowRanges[to];
  return [range === undefined ? whole : i32x4.minS(i32x4.maxS(whole, range[0]), range[1])];
}

function floatToInt64(f: FunctionBuilder, from: DType, x: Pieces): Pieces {
  const wide = laneClasses[from] === 'f64';
  const lane = (i: number): Value => {
    if (wide) return f.let('lane', i64.truncSatF64S(f64x2.extractLane(x[i >> 1] as Value, i % 2)));
    return f.let('lane', i64.truncSatF32S(f32x4.extractLane(x[0] as Value, i)));
  };
  return joinLanes('int64', [lane(0), lane(1), lane(2), lane(3)]);
}

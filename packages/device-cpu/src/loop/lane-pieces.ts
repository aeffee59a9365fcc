/** Pieces of vectors put together from lanes, and narrow integers brought back to their width. Owns what casts and functions both need. */
import type { DType } from '@torchlet/device';
import type { Pieces } from '../kernel-function.js';
import { f32x4, f64x2, i32x4, i64x2, type Value, v128 } from '../wasm/index.js';
import { laneClasses } from './lanes.js';

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

/** Four scalars side by side. */
export function joinLanes(dtype: DType, [a, b, c, d]: readonly [Value, Value, Value, Value]): Pieces {
  switch (laneClasses[dtype]) {
    case 'i64':
      return [i64x2.replaceLane(i64x2.splat(a), b, 1), i64x2.replaceLane(i64x2.splat(c), d, 1)];
    case 'f64':
      return [f64x2.replaceLane(f64x2.splat(a), b, 1), f64x2.replaceLane(f64x2.splat(c), d, 1)];
    case 'f32':
      return [f32x4.replaceLane(f32x4.replaceLane(f32x4.replaceLane(f32x4.splat(a), b, 1), c, 2), d, 3)];
    case 'i32':
      return [i32x4.replaceLane(i32x4.replaceLane(i32x4.replaceLane(i32x4.splat(a), b, 1), c, 2), d, 3)];
    case 'bool': {
      const ones = i32x4.replaceLane(i32x4.replaceLane(i32x4.replaceLane(i32x4.splat(a), b, 1), c, 2), d, 3);
      return [i32x4.neg(ones)];
    }
    default: {
      const never: never = laneClasses[dtype] as never;
      return never;
    }
  }
}

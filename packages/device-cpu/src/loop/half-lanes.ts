/** float16 and bfloat16 in lanes of 32 bits: their bits to f32 and back, to nearest even. The integer formulas of Fabian Giesen's float-to-half notes. */
import type { DType } from '@torchlet/device';
import { f32x4, type FunctionBuilder, i32x4, type Value, v128 } from '../wasm/index.js';

/** f32 lanes of the float16 whose bits stand in the low half of each lane, the high half 0. */
export function float16ToLanes(f: FunctionBuilder, bits: Value): Value {
  const half = f.let('half', bits);
  const magnitude = f.let('magnitude', i32x4.shl(v128.and(half, i32x4.const(0x7fff)), 13));
  // The exponent is rebiased by a product, which makes subnormals normal; infinities and NaN get all exponent bits.
  const scaled = f32x4.mul(magnitude, f32x4.const(2 ** 112));
  const special = i32x4.geS(magnitude, i32x4.const(0x0f800000));
  const finite = f.let('finite', v128.or(scaled, v128.and(special, i32x4.const(0x7f800000))));
  return v128.or(finite, i32x4.shl(v128.and(half, i32x4.const(0x8000)), 16));
}

/** The bits of the nearest float16 in the low half of each lane, the high half 0. */
function lanesToFloat16(f: FunctionBuilder, value: Value): Value {
  const bits = f.let('bits', value);
  const magnitude = f.let('magnitude', v128.and(bits, i32x4.const(0x7fffffff)));
  const notANumber = i32x4.gtS(magnitude, i32x4.const(0x7f800000));
  const special = v128.bitselect(i32x4.const(0x7e00), i32x4.const(0x7c00), notANumber);
  // Adding 0.5 shifts a subnormal's bits to the bottom and rounds them.
  const subnormal = i32x4.sub(f32x4.add(magnitude, 0.5), f32x4.const(0.5));
  const odd = v128.and(i32x4.shrU(magnitude, 13), i32x4.const(1));
  const rebias = i32x4.const(((15 - 127) << 23) + 0xfff);
  const normal = i32x4.shrU(i32x4.add(i32x4.add(magnitude, rebias), odd), 13);
  const small = i32x4.ltS(magnitude, i32x4.const(0x38800000));
  const large = i32x4.geS(magnitude, i32x4.const(0x47800000));
  const rounded = v128.bitselect(special, v128.bitselect(subnormal, normal, small), large);
  return v128.or(rounded, v128.and(i32x4.shrU(bits, 16), i32x4.const(0x8000)));
}

/** f32 lanes of the bfloat16 whose bits stand in the low half of each lane. */
export function bfloat16ToLanes(bits: Value): Value {
  return i32x4.shl(bits, 16);
}

/** The bits of the nearest bfloat16 in the low half of each lane, the high half 0. */
function lanesToBfloat16(f: FunctionBuilder, value: Value): Value {
  const bits = f.let('bits', value);
  const odd = v128.and(i32x4.shrU(bits, 16), i32x4.const(1));
  const rounded = i32x4.shrU(i32x4.add(i32x4.add(bits, i32x4.const(0x7fff)), odd), 16);
  return v128.bitselect(rounded, i32x4.const(0x7fc0), f32x4.eq(bits, bits));
}

/** Lanes of float32 as the bits of a half dtype in the low half of each lane; of other dtypes as they are. */
export function halfBits(f: FunctionBuilder, dtype: DType, lanes: Value): Value {
  if (dtype === 'float16') return lanesToFloat16(f, lanes);
  return dtype === 'bfloat16' ? lanesToBfloat16(f, lanes) : lanes;
}

/** Lanes of float32 rounded to a half dtype; for other dtypes as they are. */
export function roundedToHalf(f: FunctionBuilder, dtype: DType, lanes: Value): Value {
  if (dtype === 'float16') return float16ToLanes(f, lanesToFloat16(f, lanes));
  return dtype === 'bfloat16' ? bfloat16ToLanes(lanesToBfloat16(f, lanes)) : lanes;
}

/**
 * Casts between dtypes: floats to integers truncate and saturate with NaN as 0, integers wrap, halves round once to nearest even. Owns conversions in
 * registers only.
 */
import { type DType, isFloat } from '@torchlet/device';
import type { Body } from './body.js';
import { dtypeRows, integerRange, kindOf, wrapped } from './dtypes.js';
import { halfOf, valueOfHalf } from './elements.js';
import { float32, float64, int32, int64, type Operand } from './register.js';

export function cast(body: Body, value: Operand, from: DType, to: DType): Operand {
  if (from === to) return value;
  if (to === 'bool') return toBool(body, value);
  if (from === 'bool') return rounded(body, ofBool(body, value, to), to);
  if (isFloat(to)) return isFloat(from) ? floatToFloat(body, value, to) : integerToFloat(body, value, to);
  if (isFloat(from)) return floatToInteger(body, value, to);
  return integerToInteger(body, value, to);
}

/** NaN is true, as is everything but 0 and -0. */
function toBool(body: Body, value: Operand): Operand {
  switch (value.kind) {
    case 'f32':
      return body.compare('neu.f32', value, float32(0));
    case 'f64':
      return body.compare('neu.f64', value, float64(0));
    case 's64':
      return body.compare('ne.s64', value, int64(0));
    default:
      return body.compare('ne.s32', value, int32(0));
  }
}

const ones = { f32: float32(1), f64: float64(1), s32: int32(1), s64: int64(1) } as const;
const zeros = { f32: float32(0), f64: float64(0), s32: int32(0), s64: int64(0) } as const;

function ofBool(body: Body, value: Operand, to: DType): Operand {
  const kind = kindOf(to) as keyof typeof ones;
  return body.choose(value, ones[kind], zeros[kind]);
}

/** A float32 register rounded to the half that `to` is. */
function rounded(body: Body, value: Operand, to: DType): Operand {
  if (to !== 'float16' && to !== 'bfloat16') return value;
  return valueOfHalf(body, to, halfOf(body, to, value));
}

function floatToFloat(body: Body, value: Operand, to: DType): Operand {
  if (to === 'float64') return value.kind === 'f64' ? value : body.op('f64', 'cvt.f64.f32', [body.inRegister(value)]);
  if (value.kind === 'f32') return rounded(body, value, to);
  return float64To(body, body.inRegister(value), to);
}

function float64To(body: Body, value: Operand, to: DType): Operand {
  if (to === 'float32') return body.op('f32', 'cvt.rn.f32.f64', [value]);
  if (to === 'float16') return valueOfHalf(body, to, body.op('b16', 'cvt.rn.f16.f64', [value], 'half'));
  return rounded(body, roundedToOdd(body, value), to);
}

/** The float32 towards 0 of `value`, its last bit set where it is not exact: rounding it again then rounds `value` itself. */
function roundedToOdd(body: Body, value: Operand): Operand {
  const towardsZero = body.op('f32', 'cvt.rz.f32.f64', [value], 'towards_zero');
  const back = body.op('f64', 'cvt.f64.f32', [towardsZero], 'back');
  const isInexact = body.compare('ne.f64', back, value, 'is_inexact');
  const bits = body.op('b32', 'mov.b32', [towardsZero], 'bits');
  const odd = body.op('b32', 'or.b32', [bits, int32(1)], 'odd');
  const kept = body.op('b32', 'selp.b32', [odd, bits, isInexact], 'kept');
  return body.op('f32', 'mov.b32', [kept], 'to_odd');
}

function integerToFloat(body: Body, value: Operand, to: DType): Operand {
  const source = body.inRegister(value);
  const type = source.kind;
  switch (to) {
    case 'float32':
      return body.op('f32', `cvt.rn.f32.${type}`, [source]);
    case 'float64':
      return body.op('f64', `cvt.rn.f64.${type}`, [source]);
    default:
      return float64To(body, body.op('f64', `cvt.rn.f64.${type}`, [source]), to);
  }
}

function floatToInteger(body: Body, value: Operand, to: DType): Operand {
  const source = body.inRegister(value);
  const type = source.kind;
  const kind = kindOf(to) as 's32' | 's64';
  const whole = body.op(kind, `cvt.rzi.${kind}.${type}`, [source], 'whole');
  // The instruction saturates. It makes NaN 0 only from float32 to 32 bits, else the least integer.
  const isNumber = type === 'f32' && kind === 's32' ? null : body.compare(`num.${type}`, source, source, 'is_number');
  const known = isNumber === null ? whole : body.choose(isNumber, whole, zeros[kind]);
  if (dtypeRows[to].wrap === null) return known;
  const [least, greatest] = integerRange(to).map(int32) as [Operand, Operand];
  const atLeast = body.op('s32', 'max.s32', [known, least], 'clamped');
  return body.op('s32', 'min.s32', [atLeast, greatest], 'clamped');
}

function integerToInteger(body: Body, value: Operand, to: DType): Operand {
  const source = body.inRegister(value);
  if (kindOf(to) === 's64') return source.kind === 's64' ? source : body.op('s64', 'cvt.s64.s32', [source]);
  const word = source.kind === 's64' ? body.op('s32', 'cvt.u32.u64', [source]) : source;
  return wrapped(body, to, word);
}

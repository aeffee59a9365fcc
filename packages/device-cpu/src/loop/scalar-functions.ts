/**
 * The functions of the kernel language on single integers and bools: for indices, masks, and lanes that SIMD cannot do. An integer of up
 * to 32 bits is an i32 kept wrapped to its width, int64 an i64, bool an i32 of 0 or 1. Arguments are locals or constants. Floats never
 * come here: they are always vectors.
 */
import type { DType, ScalarFunction } from '@torchlet/device';
import { constant, type FunctionBuilder, i32, i64, select, type Value } from '../wasm/index.js';
import { laneClasses } from './lanes.js';

type IntegerFamily = typeof i32 | typeof i64;

function familyOf(dtype: DType): IntegerFamily {
  return laneClasses[dtype] === 'i64' ? i64 : i32;
}

/** Whether `scalarFunction` can compute with values of this dtype. */
export function isScalarDtype(dtype: DType): boolean {
  return laneClasses[dtype] === 'i32' || laneClasses[dtype] === 'i64' || laneClasses[dtype] === 'bool';
}

function wrappedScalar(dtype: DType, value: Value): Value {
  switch (dtype) {
    case 'int8':
      return i32.extend8S(value);
    case 'int16':
      return i32.extend16S(value);
    case 'uint8':
      return i32.and(value, 0xff);
    default:
      return value;
  }
}

/** As a number: only 0 and -1 matter, and those are exact. */
function constantOf(value: Value): number | null {
  const known = value.kind === 'instruction' ? value.value : undefined;
  return known === undefined || typeof known === 'object' ? null : Number(known);
}

/** Towards 0; by 0 gives 0; by -1 wraps, where Wasm would trap. */
function quotient(f: FunctionBuilder, dtype: DType, x: Value, y: Value): Value {
  const I = familyOf(dtype);
  const divisor = constantOf(y);
  if (divisor !== null && divisor !== 0 && divisor !== -1) return I.divS(x, y);
  const safe = f.let('safe', select(constant(y.type ?? 'i32', 1), y, i32.or(I.eqz(y), I.eq(y, -1))));
  const exact = select(I.sub(0, x), I.divS(x, safe), I.eq(y, -1));
  return wrappedScalar(dtype, select(constant(y.type ?? 'i32', 0), exact, I.eqz(y)));
}

/** With the sign of x; by 0 gives x. */
function remainder(f: FunctionBuilder, dtype: DType, x: Value, y: Value): Value {
  const I = familyOf(dtype);
  const divisor = constantOf(y);
  if (divisor !== null && divisor !== 0) return I.remS(x, y);
  const safe = f.let('safe', select(constant(y.type ?? 'i32', 1), y, I.eqz(y)));
  return select(x, I.remS(x, safe), I.eqz(y));
}

function cast(from: DType, to: DType, x: Value): Value {
  if (from === to) return x;
  if (to === 'bool') return familyOf(from).ne(x, 0);
  const narrow = laneClasses[from] === 'i64';
  if (laneClasses[to] === 'i64') return narrow ? x : i64.extendI32S(x);
  return wrappedScalar(to, narrow ? i32.wrapI64(x) : x);
}

/** Code for `fn`, whose result has `dtype` and whose (last) argument has `operand`. Both are integers or bool. */
export function scalarFunction(
  f: FunctionBuilder,
  fn: ScalarFunction,
  dtype: DType,
  operand: DType,
  args: readonly Value[],
): Value {
  const [x, y, z] = args as [Value, Value, Value];
  const I = familyOf(operand);
  const isBool = operand === 'bool';
  switch (fn) {
    case 'neg':
      return wrappedScalar(dtype, I.sub(0, x));
    case 'floor':
      return x;
    case 'cast':
      return cast(operand, dtype, x);
    case 'add':
      return isBool ? i32.or(x, y) : wrappedScalar(dtype, I.add(x, y));
    case 'sub':
      return isBool ? i32.xor(x, y) : wrappedScalar(dtype, I.sub(x, y));
    case 'mul':
      return wrappedScalar(dtype, I.mul(x, y));
    case 'idiv':
      return quotient(f, dtype, x, y);
    case 'mod':
      return remainder(f, dtype, x, y);
    case 'max':
      return select(x, y, I.gtS(x, y));
    case 'lt':
      return I.ltS(x, y);
    case 'eq':
      return I.eq(x, y);
    case 'and':
      return I.and(x, y);
    case 'or':
      return I.or(x, y);
    case 'xor':
      return I.xor(x, y);
    case 'shl':
      return wrappedScalar(dtype, I.shl(x, y));
    case 'shr':
      return I.shrS(x, y);
    case 'where':
      return select(y, z, x);
    case 'sqrt':
    case 'exp':
    case 'expm1':
    case 'log':
    case 'log1p':
    case 'sin':
    case 'cos':
    case 'atan':
    case 'tanh':
    case 'erf':
    case 'div':
    case 'pow':
      throw new TypeError(`cpu: ${fn} is a function of floats, got ${operand}`);
    default: {
      const never: never = fn;
      return never;
    }
  }
}

/**
 * How dtypes are computed and stored: in registers halves are float32, narrow integers are 32 bits wrapped to their width and bool is a predicate; in memory
 * every dtype has its own width. Owns the table, constants and ranges; loads and stores are `elements.ts`, functions `scalar-functions.ts`.
 */
import { type DType, dtypes, isFloat } from '@torchlet/device';
import type { Body } from './body.js';
import { float32, float64, int32, int64, type Operand, type RegisterKind } from './register.js';

/** Kinds that values of dtypes have. */
export type ValueKind = Exclude<RegisterKind, 'b16' | 'b32'>;

interface DTypeRow {
  readonly kind: ValueKind;
  /** The type by which one element is loaded and stored. */
  readonly memory: string;
  /** The instruction that wraps a 32-bit register to the dtype; null where every value of the register is one. */
  readonly wrap: string | null;
}

export const dtypeRows: Readonly<Record<DType, DTypeRow>> = {
  float32: { kind: 'f32', memory: 'f32', wrap: null },
  float64: { kind: 'f64', memory: 'f64', wrap: null },
  float16: { kind: 'f32', memory: 'b16', wrap: null },
  bfloat16: { kind: 'f32', memory: 'b16', wrap: null },
  int64: { kind: 's64', memory: 's64', wrap: null },
  int32: { kind: 's32', memory: 's32', wrap: null },
  int16: { kind: 's32', memory: 's16', wrap: 'cvt.s32.s16' },
  int8: { kind: 's32', memory: 's8', wrap: 'cvt.s32.s8' },
  uint8: { kind: 's32', memory: 'u8', wrap: 'cvt.u32.u8' },
  bool: { kind: 'pred', memory: 'u8', wrap: null },
};

export function kindOf(dtype: DType): ValueKind {
  return dtypeRows[dtype].kind;
}

/** Bytes of one stored element. */
export function storedBytes(dtype: DType): number {
  return dtypes[dtype].bytes;
}

/** The least and greatest value of a dtype of at most 32 bits that is computed in integers. */
export function integerRange(dtype: DType): readonly [least: number, greatest: number] {
  if (dtype === 'uint8') return [0, 255];
  const half = 2 ** (8 * storedBytes(dtype) - 1);
  return [-half, half - 1];
}

/** The least value of a dtype: where a maximum starts. */
export function leastOf(dtype: DType): number | bigint {
  if (isFloat(dtype)) return -Infinity;
  if (dtype === 'int64') return -(2n ** 63n);
  return dtype === 'bool' ? 0 : integerRange(dtype)[0];
}

/** A constant as an operand; bool as a predicate that is set where it is first used. */
export function constantOperand(body: Body, value: number | bigint, dtype: DType): Operand {
  const kind = kindOf(dtype);
  switch (kind) {
    case 'f32':
      return float32(Number(value));
    case 'f64':
      return float64(Number(value));
    case 's32':
      return int32(Number(value));
    case 's64':
      return int64(typeof value === 'bigint' ? value : Math.trunc(value));
    case 'pred':
      return body.op('pred', 'setp.ne.s32', [int32(Number(value) === 0 ? 0 : 1), int32(0)], 'constant');
    default: {
      const never: never = kind;
      return never;
    }
  }
}

/** The value of a 32-bit register modulo the width of a narrow integer dtype. */
export function wrapped(body: Body, dtype: DType, value: Operand): Operand {
  const { wrap } = dtypeRows[dtype];
  return wrap === null ? value : body.op('s32', wrap, [value], 'wrapped');
}

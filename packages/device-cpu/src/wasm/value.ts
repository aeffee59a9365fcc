/**
 * Values: the expression trees that Wasm code is written in. `i32.add(p, 16)` is a value; nothing is emitted until a statement of
 * `FunctionBuilder` takes it. A value used in two places is computed in two places, and a local is read where the value stands: put what is
 * shared into a local with `f.let`. Owns the node types and how plain numbers become constants; the instructions are in `instructions.ts`.
 */
import type { Callable } from './function-builder.js';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** How the bytes after an opcode are made. */
export type Immediate =
  | { readonly kind: 'number'; readonly type: ValueType; readonly value: number | bigint | Uint8Array }
  | { readonly kind: 'memory'; readonly align: number; readonly offset: number; readonly lane: number | null }
  | { readonly kind: 'bytes'; readonly bytes: readonly number[] }
  | { readonly kind: 'function'; readonly callee: Callable };

/** One instruction over its arguments. `type` is null where it leaves nothing on the stack. */
export interface Instruction {
  readonly kind: 'instruction';
  readonly name: string;
  /** Prefix byte << 16 | opcode; without prefix, the opcode. */
  readonly opcode: number;
  readonly type: ValueType | null;
  readonly args: readonly Value[];
  readonly immediate: Immediate | null;
}

/** A local variable or parameter; as a value, what it holds then. */
export interface Local {
  readonly kind: 'local';
  readonly name: string;
  readonly type: ValueType;
}

/** Sets a local and gives the value. */
export interface Tee {
  readonly kind: 'tee';
  readonly local: Local;
  readonly type: ValueType;
  readonly args: readonly [Value];
}

export type Value = Instruction | Local | Tee;

/** A value, or a number that becomes a constant of the type that is wanted; for vectors, of every lane. */
export type Operand = Value | number | bigint;

/** How the lanes of a vector constant are laid out. */
export type Lanes = 'i8x16' | 'i16x8' | 'i32x4' | 'i64x2' | 'f32x4' | 'f64x2';

const constants: Readonly<Record<ValueType, number>> = {
  i32: 0x41,
  i64: 0x42,
  f32: 0x43,
  f64: 0x44,
  v128: 0xfd000c,
};

/** The constant instruction of `type`. A v128 takes its 16 bytes. */
export function constant(type: ValueType, value: number | bigint | Uint8Array): Instruction {
  return {
    kind: 'instruction',
    name: `${type}.const`,
    opcode: constants[type],
    type,
    args: [],
    immediate: { kind: 'number', type, value },
  };
}

/** A vector constant from its lanes; fewer values than lanes are repeated. */
export function vector(lanes: Lanes, ...values: readonly (number | bigint)[]): Instruction {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  const count = Number(lanes.slice(lanes.indexOf('x') + 1));
  const width = 16 / count;
  for (let lane = 0; lane < count; lane++) {
    const value = values[lane % values.length] ?? 0;
    const at = lane * width;
    switch (lanes) {
      case 'i8x16':
        view.setInt8(at, Number(value));
        break;
      case 'i16x8':
        view.setInt16(at, Number(value), true);
        break;
      case 'i32x4':
        view.setInt32(at, Number(value), true);
        break;
      case 'i64x2':
        view.setBigInt64(at, BigInt(value), true);
        break;
      case 'f32x4':
        view.setFloat32(at, Number(value), true);
        break;
      case 'f64x2':
        view.setFloat64(at, Number(value), true);
        break;
      default: {
        const never: never = lanes;
        return never;
      }
    }
  }
  return constant('v128', bytes);
}

/** Gives `value` the type that `where` wants, or throws: a mistake in an emitter is found where it was made. */
export function asValue(operand: Operand, wanted: ValueType, lanes: Lanes | null, where: string): Value {
  if (typeof operand === 'object') {
    if (operand.type !== wanted) {
      throw new TypeError(
        `wasm: ${where} wants ${wanted}, got ${operand.kind === 'local' ? operand.name : operand.kind}: ${operand.type}`,
      );
    }
    return operand;
  }
  if (wanted !== 'v128') return constant(wanted, operand);
  if (lanes === null)
    throw new TypeError(`wasm: ${where} wants v128, got the number ${operand}, whose lanes are not known`);
  return vector(lanes, operand);
}

export function tee(local: Local, value: Operand): Tee {
  return { kind: 'tee', local, type: local.type, args: [asValue(value, local.type, null, `tee ${local.name}`)] };
}

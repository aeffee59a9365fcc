/**
 * Values: the expression trees that Wasm code is written in. `i32.add(p, 16)` is a value; nothing is emitted until a statement of
 * `FunctionBuilder` takes it. A value used in two places is computed in two places, and a local is read where the value stands: put what is
 * shared into a local with `f.let`. Owns the node types and how plain numbers become constants; the instructions are in `instructions.ts`.
 */
import type { Callable } from './function-builder.js';
import { signed, signedWide } from './leb128.js';

export type ValueType = 'i32' | 'i64' | 'f32' | 'f64' | 'v128';

/** What a constant is: a number, or the bytes of a vector. */
export type ConstantValue = number | bigint | Uint8Array;

/** One instruction over its arguments. `type` is null where it leaves nothing on the stack. */
export interface Instruction {
  readonly kind: 'instruction';
  /** As the specification says it, in camelCase. */
  readonly name: string;
  readonly type: ValueType | null;
  readonly args: readonly Value[];
  /** The bytes of the opcode, and those after it. */
  readonly code: readonly number[];
  readonly immediate: readonly number[];
  /** Of a constant. */
  readonly value?: ConstantValue;
  /** Of a call: its number comes after the opcode. */
  readonly callee?: Callable;
}

/** A local variable or parameter; as a value, what it holds then. */
export interface Local {
  readonly kind: 'local';
  readonly name: string;
  readonly type: ValueType;
}

export type Value = Instruction | Local;

/** A value, or a number that becomes a constant of the type that is wanted; for vectors, of every lane. */
export type Operand = Value | number | bigint;

/** How the lanes of a vector constant are laid out: the arrays that hold such lanes. */
const laneArrays = {
  i8x16: Int8Array,
  i32x4: Int32Array,
  i64x2: BigInt64Array,
  f32x4: Float32Array,
  f64x2: Float64Array,
} as const;

export type Lanes = keyof typeof laneArrays;

export function isLanes(name: string): name is Lanes {
  return name in laneArrays;
}

const constants: Readonly<Record<ValueType, readonly number[]>> = {
  i32: [0x41],
  i64: [0x42],
  f32: [0x43],
  f64: [0x44],
  v128: [0xfd, 0x0c],
};

/** Numbers in the bytes of their lanes. */
function laneBytes(lanes: Lanes, values: readonly (number | bigint)[]): Uint8Array {
  const { buffer } =
    lanes === 'i64x2' ? BigInt64Array.from(values, BigInt) : laneArrays[lanes].from(values.map(Number));
  return new Uint8Array(buffer);
}

function constantBytes(type: ValueType, value: ConstantValue): Iterable<number> {
  if (typeof value === 'object') return value;
  if (type === 'f32' || type === 'f64') return laneBytes(type === 'f32' ? 'f32x4' : 'f64x2', [value]);
  return type === 'i32' ? signed(Number(value)) : signedWide(BigInt.asIntN(64, BigInt(value)));
}

/** The constant instruction of `type`. A v128 takes its 16 bytes. */
export function constant(type: ValueType, value: ConstantValue): Instruction {
  const immediate = [...constantBytes(type, value)];
  return { kind: 'instruction', name: `${type}.const`, type, args: [], code: constants[type], immediate, value };
}

/** A vector constant from its lanes; fewer values than lanes are repeated. */
export function vector(lanes: Lanes, ...values: readonly (number | bigint)[]): Instruction {
  const count = 16 / laneArrays[lanes].BYTES_PER_ELEMENT;
  const all = Array.from({ length: count }, (_, lane) => values[lane % values.length] ?? 0);
  return constant('v128', laneBytes(lanes, all));
}

export function isConstant(value: Value): boolean {
  return value.kind === 'instruction' && value.value !== undefined;
}

/** Gives `value` the type that `where` wants, or throws: a mistake in an emitter is found where it was made. */
export function asValue(operand: Operand, wanted: ValueType, lanes: Lanes | null, where: string): Value {
  if (typeof operand === 'object') {
    if (operand.type === wanted) return operand;
    const { kind, name, type } = operand;
    throw new TypeError(`wasm: ${where} wants ${wanted}, got ${kind === 'local' ? name : kind}: ${type}`);
  }
  if (wanted !== 'v128') return constant(wanted, operand);
  if (lanes === null)
    throw new TypeError(`wasm: ${where} wants v128, got the number ${operand}, whose lanes are not known`);
  return vector(lanes, operand);
}

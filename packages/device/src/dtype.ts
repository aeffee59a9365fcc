/**
 * The element types, one row each. Owns their width, kind and host representation; not promotion (that is `@torchlet/tensor`) and not
 * how a device stores them (that is a device's capability). Read `expression.ts` next.
 */

/** A host array that can hold the elements of some dtype. */
export type HostArray =
  | Float32Array
  | Float64Array
  | Uint16Array
  | BigInt64Array
  | Int32Array
  | Int16Array
  | Int8Array
  | Uint8Array;

interface DTypeRow {
  /** Bytes of one element in host memory. */
  readonly bytes: 1 | 2 | 4 | 8;
  readonly kind: 'float' | 'int' | 'bool';
  /** As it is spelled in printouts. */
  readonly short: string;
  readonly array: (buffer: ArrayBufferLike, byteOffset?: number, length?: number) => HostArray;
  /** An array of `length` zeros in fresh memory. */
  readonly zeros: (length: number) => HostArray;
}

/** float16 and bfloat16 hold their bits in a Uint16Array; bool holds 0 or 1 in a Uint8Array. */
export const dtypes = {
  float32: {
    bytes: 4,
    kind: 'float',
    short: 'f32',
    array: (b, o, n) => new Float32Array(b, o, n),
    zeros: (n) => new Float32Array(n),
  },
  float64: {
    bytes: 8,
    kind: 'float',
    short: 'f64',
    array: (b, o, n) => new Float64Array(b, o, n),
    zeros: (n) => new Float64Array(n),
  },
  float16: {
    bytes: 2,
    kind: 'float',
    short: 'f16',
    array: (b, o, n) => new Uint16Array(b, o, n),
    zeros: (n) => new Uint16Array(n),
  },
  bfloat16: {
    bytes: 2,
    kind: 'float',
    short: 'bf16',
    array: (b, o, n) => new Uint16Array(b, o, n),
    zeros: (n) => new Uint16Array(n),
  },
  int64: {
    bytes: 8,
    kind: 'int',
    short: 'i64',
    array: (b, o, n) => new BigInt64Array(b, o, n),
    zeros: (n) => new BigInt64Array(n),
  },
  int32: {
    bytes: 4,
    kind: 'int',
    short: 'i32',
    array: (b, o, n) => new Int32Array(b, o, n),
    zeros: (n) => new Int32Array(n),
  },
  int16: {
    bytes: 2,
    kind: 'int',
    short: 'i16',
    array: (b, o, n) => new Int16Array(b, o, n),
    zeros: (n) => new Int16Array(n),
  },
  int8: {
    bytes: 1,
    kind: 'int',
    short: 'i8',
    array: (b, o, n) => new Int8Array(b, o, n),
    zeros: (n) => new Int8Array(n),
  },
  uint8: {
    bytes: 1,
    kind: 'int',
    short: 'u8',
    array: (b, o, n) => new Uint8Array(b, o, n),
    zeros: (n) => new Uint8Array(n),
  },
  bool: {
    bytes: 1,
    kind: 'bool',
    short: 'bool',
    array: (b, o, n) => new Uint8Array(b, o, n),
    zeros: (n) => new Uint8Array(n),
  },
} as const satisfies Record<string, DTypeRow>;

export type DType = keyof typeof dtypes;

/** Every dtype, in the table's order; the position is the dtype's stable code in structural keys. */
export const dtypeNames = Object.keys(dtypes) as readonly DType[];

export const dtypeCodes = Object.fromEntries(dtypeNames.map((name, code) => [name, code])) as Readonly<
  Record<DType, number>
>;

export function isFloat(dtype: DType): boolean {
  return dtypes[dtype].kind === 'float';
}

/** True for the integer dtypes; bool is not one. */
export function isInteger(dtype: DType): boolean {
  return dtypes[dtype].kind === 'int';
}

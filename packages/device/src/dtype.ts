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

interface ArrayClass {
  new (length: number): HostArray;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): HostArray;
}

function row<const Kind extends DTypeRow['kind']>(
  bytes: DTypeRow['bytes'],
  kind: Kind,
  short: string,
  Elements: ArrayClass,
): DTypeRow & { readonly kind: Kind } {
  return {
    bytes,
    kind,
    short,
    array: (buffer, byteOffset, length) => new Elements(buffer, byteOffset, length),
    zeros: (length) => new Elements(length),
  };
}

/** float16 and bfloat16 hold their bits in a Uint16Array; bool holds 0 or 1 in a Uint8Array. */
export const dtypes = {
  float32: row(4, 'float', 'f32', Float32Array),
  float64: row(8, 'float', 'f64', Float64Array),
  float16: row(2, 'float', 'f16', Uint16Array),
  bfloat16: row(2, 'float', 'bf16', Uint16Array),
  int64: row(8, 'int', 'i64', BigInt64Array),
  int32: row(4, 'int', 'i32', Int32Array),
  int16: row(2, 'int', 'i16', Int16Array),
  int8: row(1, 'int', 'i8', Int8Array),
  uint8: row(1, 'int', 'u8', Uint8Array),
  bool: row(1, 'bool', 'bool', Uint8Array),
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

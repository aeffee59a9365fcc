/**
 * How dtypes are computed and stored. In registers every dtype is one of three WGSL kinds; in memory it is whole words, or halves packed in words.
 * Owns both tables and the spelling of types and constants; what is done with values is `functions.ts`.
 */
import type { DType } from '@torchlet/device';

/** What a value is in registers. Narrow integers are i32 wrapped to their width, halves are f32, int64 is its low 32 bits. */
export type Kind = 'f32' | 'i32' | 'bool';

/** How many points a value stands for: one, or four next to each other. */
export type Width = 1 | 4;

interface DTypeRow {
  readonly kind: Kind;
  /** Bytes of an element in a buffer; 0 where the device does not have the dtype. */
  readonly storedBytes: 0 | 2 | 4;
  /** Bits that integers wrap to; null where i32 arithmetic is the dtype's own. */
  readonly bits: 8 | 16 | null;
}

export const dtypeRows: Readonly<Record<DType, DTypeRow>> = {
  float32: { kind: 'f32', storedBytes: 4, bits: null },
  float64: { kind: 'f32', storedBytes: 0, bits: null },
  float16: { kind: 'f32', storedBytes: 2, bits: null },
  bfloat16: { kind: 'f32', storedBytes: 2, bits: null },
  int64: { kind: 'i32', storedBytes: 4, bits: null },
  int32: { kind: 'i32', storedBytes: 4, bits: null },
  int16: { kind: 'i32', storedBytes: 4, bits: 16 },
  int8: { kind: 'i32', storedBytes: 4, bits: 8 },
  uint8: { kind: 'i32', storedBytes: 4, bits: 8 },
  bool: { kind: 'bool', storedBytes: 4, bits: null },
};

export function kindOf(dtype: DType): Kind {
  return dtypeRows[dtype].kind;
}

export function typeName(kind: Kind | 'u32', width: Width): string {
  return width === 1 ? kind : `vec4<${kind}>`;
}

/** The least and greatest value of an integer dtype, as far as this device stores it. */
export function integerRange(dtype: DType): readonly [least: number, greatest: number] {
  const { bits } = dtypeRows[dtype];
  if (dtype === 'uint8') return [0, 255];
  const half = 2 ** ((bits ?? 32) - 1);
  return [-half, half - 1];
}

/**
 * A constant as a WGSL expression. WGSL has no literals for NaN and infinities and refuses constant expressions that give them, so those are calls
 * of helpers that read a variable.
 *
 * @throws RangeError for an int64 beyond 32 bits.
 */
export function constantText(
  value: number | bigint,
  dtype: DType,
  helper: (name: 'infinity' | 'not_a_number' | 'negative_zero') => string,
): string {
  const kind = kindOf(dtype);
  switch (kind) {
    case 'bool':
      return Number(value) === 0 ? 'false' : 'true';
    case 'i32': {
      const whole = Number(value);
      const [least, greatest] = integerRange(dtype);
      if (whole < least || whole > greatest) {
        throw new RangeError(
          `${dtype} constant ${value} does not fit: this device stores ${dtype} in ${dtypeRows[dtype].bits ?? 32} bits`,
        );
      }
      return whole === -(2 ** 31) ? `i32(${whole})` : String(whole);
    }
    case 'f32':
      return floatText(Number(value), helper);
    default: {
      const never: never = kind;
      return never;
    }
  }
}

function floatText(value: number, helper: (name: 'infinity' | 'not_a_number' | 'negative_zero') => string): string {
  if (Number.isNaN(value)) return `${helper('not_a_number')}()`;
  if (!Number.isFinite(Math.fround(value))) return `${value < 0 ? '-' : ''}${helper('infinity')}()`;
  if (Object.is(value, -0)) return `${helper('negative_zero')}()`;
  const text = String(value);
  return /[.e]/.test(text) ? text : `${text}.0`;
}

/**
 * Registers and literals of PTX. Registers are typed by what they hold, so that `ptxas` refuses a float where an integer belongs. Owns kinds and the
 * spelling of literals; instructions are written by `body.ts`.
 */

/** What a register holds. `b32` is a word that is no number: packed halves, factors of tensor cores. Integers are signed; instructions may take them as unsigned. */
export type RegisterKind = 'pred' | 'b16' | 'b32' | 's32' | 's64' | 'f32' | 'f64';

/** A register, or a literal where `literal` is its number. */
export interface Operand {
  readonly kind: RegisterKind;
  readonly text: string;
  /** null for registers. */
  readonly literal: number | bigint | null;
}

const word = new DataView(new ArrayBuffer(8));

/** The bits of a float32 as PTX spells them. */
export function float32Text(value: number): string {
  word.setFloat32(0, value);
  return `0f${word.getUint32(0).toString(16).toUpperCase().padStart(8, '0')}`;
}

/** The bits of a float64 as PTX spells them. */
export function float64Text(value: number): string {
  word.setFloat64(0, value);
  return `0d${word.getBigUint64(0).toString(16).toUpperCase().padStart(16, '0')}`;
}

export function float32(value: number): Operand {
  return { kind: 'f32', text: float32Text(value), literal: value };
}

export function float64(value: number): Operand {
  return { kind: 'f64', text: float64Text(value), literal: value };
}

/** A whole number, taken modulo 2^32. */
export function int32(value: number): Operand {
  const whole = value | 0;
  return { kind: 's32', text: String(whole), literal: whole };
}

/** A whole number, taken modulo 2^64. */
export function int64(value: number | bigint): Operand {
  const whole = BigInt.asIntN(64, BigInt(value));
  return { kind: 's64', text: String(whole), literal: whole };
}

/** A special register of 32 bits: `%tid.x`, `%laneid`. */
export function special(name: string): Operand {
  return { kind: 's32', text: name, literal: null };
}

/**
 * Elements in memory: loads and stores of one, or of several next to each other in accesses of up to 16 bytes. Halves and narrow integers travel as words
 * and are unpacked in registers. Owns representation in memory; which elements, and where they lie, is the emitter's.
 */
import type { DType } from '@torchlet/device';
import type { Body } from './body.js';
import { constantOperand, dtypeRows, storedBytes } from './dtypes.js';
import { int32, type Operand, type RegisterKind } from './register.js';

/** Elements from `offset` bytes past `address` on. */
export interface Place {
  readonly dtype: DType;
  readonly address: Operand;
  readonly offset: number;
  /** Whether the kernel writes nothing there, so that the read-only path may serve it. */
  readonly constant: boolean;
}

/** Most bytes of one access. */
const accessBytes = 16;

function at({ address, offset }: Place, further: number): string {
  const bytes = offset + further;
  return `[${address.text}${bytes === 0 ? '' : `+${bytes}`}]`;
}

function vectorText(registers: readonly Operand[]): string {
  return registers.length === 1 ? (registers[0] as Operand).text : `{${registers.map(({ text }) => text).join(', ')}}`;
}

/** Registers of `kind` read from memory as `type`; zero where `guard` does not hold. */
function read(
  body: Body,
  place: Place,
  { kind, type, bytes, count }: { kind: RegisterKind; type: string; bytes: number; count: number },
  guard: Operand | null,
): Operand[] {
  const registers = Array.from({ length: count }, () => body.register(kind, 'x'));
  const perAccess = Math.min(count, accessBytes / bytes);
  if (guard !== null) for (const register of registers) body.line(`mov.${kind} ${register.text}, ${zero(kind)}`);
  const space = place.constant ? 'ld.global.nc' : 'ld.global';
  for (let i = 0; i < count; i += perAccess) {
    const part = registers.slice(i, i + perAccess);
    const vector = part.length === 1 ? '' : `.v${part.length}`;
    const predicate = guard === null ? '' : `@${guard.text} `;
    body.line(`${predicate}${space}${vector}.${type} ${vectorText(part)}, ${at(place, i * bytes)}`);
  }
  return registers;
}

function zero(kind: RegisterKind): string {
  if (kind === 'f32') return '0f00000000';
  return kind === 'f64' ? '0d0000000000000000' : '0';
}

/**
 * The `count` elements at `place`. Where `guard` does not hold memory is not touched and they are `otherwise`.
 *
 * @param count 1, or a power of two so that the place is aligned to all of them (to 16 bytes where they are more).
 */
export function loadElements(
  body: Body,
  place: Place,
  count: number,
  guard: Operand | null = null,
  otherwise = 0,
): Operand[] {
  const { dtype } = place;
  const values = loadedValues(body, place, count, guard);
  if (guard === null || Object.is(otherwise, 0)) return values;
  const instead = constantOperand(body, otherwise, dtype);
  return values.map((value) => body.choose(guard, value, instead));
}

function loadedValues(body: Body, place: Place, count: number, guard: Operand | null): Operand[] {
  const { dtype } = place;
  const { kind, memory } = dtypeRows[dtype];
  const bytes = storedBytes(dtype);
  if (bytes >= 4) return read(body, place, { kind, type: memory, bytes, count }, guard);
  if (bytes === 2 && kind === 'f32') {
    if (count === 1) {
      const halves = read(body, place, { kind: 'b16', type: 'b16', bytes, count }, guard);
      return halves.map((half) => valueOfHalf(body, dtype, half));
    }
    const words = read(body, place, { kind: 'b32', type: 'b32', bytes: 4, count: count / 2 }, guard);
    return words.flatMap((word) => valuesOfPair(body, dtype, word));
  }
  if (count === 1) {
    const integers = read(body, place, { kind: 's32', type: memory, bytes, count }, guard);
    return kind === 'pred' ? integers.map((integer) => isNotZero(body, integer)) : integers;
  }
  // Two bytes are half a word.
  const perWord = Math.min(count, 4 / bytes);
  const access =
    perWord * bytes === 4
      ? ({ kind: 'b32', type: 'b32', bytes: 4 } as const)
      : ({ kind: 's32', type: 'u16', bytes: 2 } as const);
  const words = read(body, place, { ...access, count: count / perWord }, guard);
  const signed = memory.startsWith('s');
  return words.flatMap((word) =>
    Array.from({ length: perWord }, (_, i) => {
      const position = int32(8 * bytes * i);
      const integer = body.op('s32', signed ? 'bfe.s32' : 'bfe.u32', [word, position, int32(8 * bytes)], 'x');
      return kind === 'pred' ? isNotZero(body, integer) : integer;
    }),
  );
}

function isNotZero(body: Body, integer: Operand): Operand {
  return body.compare('ne.s32', integer, int32(0), 'x_is');
}

/** The float32 that the bits of a half stand for. */
export function valueOfHalf(body: Body, dtype: DType, half: Operand): Operand {
  if (dtype === 'float16') return body.op('f32', 'cvt.f32.f16', [half], 'x');
  const empty = body.op('b16', 'mov.b16', [{ kind: 'b16', text: '0', literal: 0 }], 'empty');
  const value = body.register('f32', 'x');
  body.line(`mov.b32 ${value.text}, {${empty.text}, ${half.text}}`);
  return value;
}

/** The two float32 that a word of halves holds, the lower half first. */
function valuesOfPair(body: Body, dtype: DType, word: Operand): Operand[] {
  if (dtype === 'float16') {
    const halves = [body.register('b16', 'half'), body.register('b16', 'half')] as const;
    body.line(`mov.b32 {${halves[0].text}, ${halves[1].text}}, ${word.text}`);
    return halves.map((half) => valueOfHalf(body, dtype, half));
  }
  const low = body.op('b32', 'shl.b32', [word, int32(16)], 'low');
  const high = body.op('b32', 'and.b32', [word, { kind: 'b32', text: '0xffff0000', literal: 0xffff0000 }], 'high');
  return [low, high].map((bits) => body.op('f32', 'mov.b32', [bits], 'x'));
}

/** Writes `values` from `place` on, where `guard` (if any) holds. */
export function storeElements(
  body: Body,
  place: Place,
  values: readonly Operand[],
  guard: Operand | null = null,
): void {
  const { dtype } = place;
  const { kind, memory } = dtypeRows[dtype];
  const bytes = storedBytes(dtype);
  const count = values.length;
  const write = (registers: readonly Operand[], type: string, width: number): void => {
    const perAccess = Math.min(registers.length, accessBytes / width);
    const predicate = guard === null ? '' : `@${guard.text} `;
    for (let i = 0; i < registers.length; i += perAccess) {
      const part = registers.slice(i, i + perAccess);
      const vector = part.length === 1 ? '' : `.v${part.length}`;
      body.line(`${predicate}st.global${vector}.${type} ${at(place, i * width)}, ${vectorText(part)}`);
    }
  };
  if (bytes >= 4) {
    write(
      values.map((value) => body.inRegister(value)),
      memory,
      bytes,
    );
    return;
  }
  if (bytes === 2 && kind === 'f32') {
    if (count === 1) write([halfOf(body, dtype, values[0] as Operand)], 'b16', bytes);
    else
      write(
        pairs(values).map(([low, high]) => pairOf(body, dtype, low, high)),
        'b32',
        4,
      );
    return;
  }
  const integers = values.map((value) =>
    kind === 'pred' ? body.choose(value, int32(1), int32(0)) : body.inRegister(value),
  );
  if (count === 1) {
    write(integers, memory, bytes);
    return;
  }
  // Two bytes are half a word.
  const perWord = Math.min(count, 4 / bytes);
  const words = Array.from({ length: count / perWord }, (_, w) => {
    const parts = integers.slice(w * perWord, (w + 1) * perWord);
    return parts.slice(1).reduce((word, part, i) => {
      return body.op('b32', 'bfi.b32', [part, word, int32(8 * bytes * (i + 1)), int32(8 * bytes)], 'word');
    }, parts[0] as Operand);
  });
  if (perWord * bytes === 4) write(words, 'b32', 4);
  else write(words, 'u16', 2);
}

/** Values two by two. */
export function pairs(values: readonly Operand[]): [Operand, Operand][] {
  return Array.from({ length: values.length / 2 }, (_, i) => [values[2 * i] as Operand, values[2 * i + 1] as Operand]);
}

const halfTypes: Readonly<Partial<Record<DType, string>>> = { float16: 'f16', bfloat16: 'bf16' };

/** The bits of the half nearest to a float32. */
export function halfOf(body: Body, dtype: DType, value: Operand): Operand {
  return body.op('b16', `cvt.rn.${halfTypes[dtype]}.f32`, [body.inRegister(value)], 'half');
}

/** The word of the two halves nearest to float32s. */
export function pairOf(body: Body, dtype: DType, low: Operand, high: Operand): Operand {
  return body.op('b32', `cvt.rn.${halfTypes[dtype]}x2.f32`, [body.inRegister(high), body.inRegister(low)], 'pair');
}

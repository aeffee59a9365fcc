/**
 * The instructions of WebAssembly that emitters use: `i32.add(a, b)`, `f32x4.mul(x, 2)`; a number may stand for a constant, of every lane where it is a
 * vector's. The names are those of the specification, in camelCase. Owns the tables and how their rows become functions; control and
 * locals are `function-builder.ts`.
 */
import { unsigned } from './leb128.js';
import {
  asValue,
  constant,
  type Instruction,
  isLanes,
  type Operand,
  type Value,
  type ValueType,
  vector,
} from './value.js';

/**
 * Instructions that follow each other, in one text: the opcode of the first in hexadecimal digits, its prefix in front; their signature; their names,
 * `-` for one that nobody needs. Letters i, l, f, d, v of a signature are i32, i64, f32, f64, v128, arguments before the colon, the
 * result after it; `#` ends one that takes a lane, `@` one that accesses memory (it takes an offset).
 */
type Row = `${string} ${string}:${string} ${string}`;

type Names<Text extends string> = Text extends `${infer First} ${infer Rest}` ? First | Names<Rest> : Text;

type Parameters<Signature extends string> = Signature extends `:${infer Rest}`
  ? Rest extends `${string}@#`
    ? [lane: number, offset?: number]
    : Rest extends `${string}@`
      ? [offset?: number]
      : Rest extends `${string}#`
        ? [lane: number]
        : []
  : Signature extends `${string}${infer Rest}`
    ? [operand: Operand, ...Parameters<Rest>]
    : [];

type Parsed<R> = R extends `${string} ${infer Signature} ${infer Rest}`
  ? { readonly names: Names<Rest>; readonly parameters: Parameters<Signature> }
  : never;

type Family<Rows extends readonly Row[]> = {
  readonly [R in Parsed<Rows[number]> as Exclude<R['names'], '-'>]: (...args: R['parameters']) => Instruction;
};

const letters: Readonly<Record<string, ValueType>> = { i: 'i32', l: 'i64', f: 'f32', d: 'f64', v: 'v128' };

/** How many bits an access moves stands in the name, else in that of the family. */
function alignment(name: string, family: string): number {
  const [bits = '32'] = /\d+/.exec(name) ?? /\d+/.exec(family) ?? [];
  return Math.log2(Number(bits) / 8);
}

function operator(family: string, key: string, signature: string, code: readonly number[]) {
  const name = `${family}.${key}`;
  const lanes = isLanes(family) ? family : null;
  const [before = '', after = ''] = signature.split(':');
  const types = [...before].map((letter) => letters[letter] as ValueType);
  const type = letters[after.charAt(0)] ?? null;
  return (...given: readonly Operand[]): Instruction => {
    const args = types.map((wanted, i) => asValue(given[i] as Operand, wanted, lanes, name));
    const numbers = given.slice(types.length) as number[];
    const lane = after.endsWith('#') ? [numbers.shift() ?? 0] : [];
    const access = after.includes('@') ? [alignment(key, family), ...unsigned(numbers[0] ?? 0)] : [];
    return { kind: 'instruction', name, type, args, code, immediate: [...access, ...lane] };
  };
}

/** A table of instructions whose names begin with `name`. */
export function family<const Rows extends readonly Row[]>(name: string, rows: Rows): Family<Rows> {
  const made: Record<string, (...given: readonly Operand[]) => Instruction> = {};
  for (const row of rows) {
    const [digits = '', signature = '', ...names] = row.split(' ');
    const [, prefix, first = ''] = /^(f[cde])?(.+)/.exec(digits) ?? [];
    names.forEach((key, i) => {
      const opcode = Number.parseInt(first, 16) + i;
      const code = prefix === undefined ? [opcode] : [Number.parseInt(prefix, 16), ...unsigned(opcode)];
      if (key !== '-') made[key] = operator(name, key, signature, code);
    });
  }
  return made as object as Family<Rows>;
}

/** A number in a vector constant. */
type Lane = number | bigint;

const comparisons = 'eq ne ltS ltU gtS gtU leS leU geS geU';
const arithmetic = 'add sub mul divS divU remS remU and or xor shl shrS shrU';

export const i32 = {
  const: (value: Lane) => constant('i32', value),
  ...family('i32', [
    '45 i:i eqz',
    `46 ii:i ${comparisons}`,
    `6a ii:i ${arithmetic}`,
    '28 i:i@ load',
    '36 ii:@ store',
    'a7 l:i wrapI64',
  ]),
};

export const i64 = {
  const: (value: Lane) => constant('i64', value),
  ...family('i64', [
    '50 l:i eqz',
    `51 ll:i ${comparisons}`,
    `7c ll:l ${arithmetic}`,
    '29 i:l@ load',
    '37 il:@ store',
    'ad i:l extendI32U',
    'fc4 f:l truncSatF32S',
    'fc6 d:l truncSatF64S',
  ]),
};

export const f32 = family('f32', ['2a i:f@ load', '38 if:@ store', '92 ff:f add', 'b4 l:f convertI64S']);

export const f64 = {
  const: (value: number) => constant('f64', value),
  ...family('f64', [
    '61 dd:i eq',
    '99 d:d abs',
    '2b i:d@ load',
    '39 id:@ store',
    'b9 l:d convertI64S',
    'bb f:d promoteF32',
  ]),
};

export const v128 = family('v128', [
  'fd0 i:v@ load',
  'fd7 i:v@ load8Splat load16Splat load32Splat load64Splat',
  'fdb iv:@ store',
  'fd4e vv:v and andnot or xor',
  /** Bits of the first where the third is 1, else of the second. */
  'fd52 vvv:v bitselect',
  'fd53 v:i anyTrue',
  'fd54 iv:v@# load8Lane load16Lane load32Lane load64Lane',
  'fd58 iv:@# store8Lane store16Lane store32Lane store64Lane',
  'fd5c i:v@ load32Zero load64Zero',
]);

export const i8x16 = {
  const: (...lanes: Lane[]) => vector('i8x16', ...lanes),
  ...family('i8x16', ['fde vv:v swizzle']),
};

export const i16x8 = family('i16x8', [
  'fd87 v:v extendLowI8x16S',
  'fd89 v:v extendLowI8x16U',
  'fd8e vv:v add',
  'fd93 vv:v subSatU',
]);

export const i32x4 = {
  const: (...lanes: Lane[]) => vector('i32x4', ...lanes),
  ...family('i32x4', [
    'fd11 i:v splat',
    'fd1b v:i# extractLane',
    'fd1c vi:v# replaceLane',
    `fd37 vv:v ${comparisons}`,
    'fda1 v:v neg',
    'fda3 v:i allTrue bitmask',
    'fda7 v:v extendLowI16x8S - extendLowI16x8U',
    'fdab vi:v shl shrS shrU',
    'fdae vv:v add',
    'fdb1 vv:v sub',
    'fdb5 vv:v mul minS - maxS',
    'fdf8 v:v truncSatF32x4S',
    'fdfc v:v truncSatF64x2SZero',
  ]),
};

export const i64x2 = {
  const: (...lanes: Lane[]) => vector('i64x2', ...lanes),
  ...family('i64x2', [
    'fd12 l:v splat',
    'fd1d v:l# extractLane',
    'fd1e vl:v# replaceLane',
    'fdc1 v:v neg',
    'fdc7 v:v extendLowI32x4S extendHighI32x4S',
    'fdcb vi:v shl shrS',
    'fdce vv:v add',
    'fdd1 vv:v sub',
    'fdd5 vv:v mul eq ne ltS gtS',
  ]),
};

export const f32x4 = {
  const: (...lanes: Lane[]) => vector('f32x4', ...lanes),
  ...family('f32x4', [
    'fd13 f:v splat',
    'fd1f v:f# extractLane',
    'fd20 vf:v# replaceLane',
    'fd41 vv:v eq ne lt gt le ge',
    'fd5e v:v demoteF64x2Zero',
    'fd68 v:v floor',
    'fde0 v:v abs neg - sqrt',
    'fde4 vv:v add sub mul div - max pmin pmax',
    'fdfa v:v convertI32x4S',
    /** a * b + c, rounded once or twice as the processor likes. */
    'fd105 vvv:v relaxedMadd',
  ]),
};

export const f64x2 = {
  const: (...lanes: Lane[]) => vector('f64x2', ...lanes),
  ...family('f64x2', [
    'fd14 d:v splat',
    'fd21 v:d# extractLane',
    'fd22 vd:v# replaceLane',
    'fd47 vv:v eq ne lt gt le ge',
    'fd5f v:v promoteLowF32x4',
    'fd75 v:v floor',
    'fd7a v:v trunc',
    'fdec v:v abs neg - sqrt',
    'fdf0 vv:v add sub mul div - max pmin pmax',
    'fdfe v:v convertLowI32x4S',
    'fd107 vvv:v relaxedMadd',
  ]),
};

const wholeMemory = family('memory', ['fca iii: copy']);

/** Statements on the whole memory. */
export const memory = {
  /** Copies `bytes` bytes; the parts may overlap. */
  copy: (to: Operand, from: Operand, bytes: Operand): Instruction => ({
    ...wholeMemory.copy(to, from, bytes),
    immediate: [0, 0],
  }),
};

/** `condition` ? `a` : `b`, both computed. */
export function select(a: Value, b: Operand, condition: Value): Instruction {
  const { type } = a;
  const args = [a, asValue(b, type as ValueType, null, 'select'), condition];
  return { kind: 'instruction', name: 'select', type, args, code: [0x1b], immediate: [] };
}

const bytewise = family('i8x16', ['fdd vv:v shuffle']);

/** The lanes of `a` then `b`, by number: [0, 1, 4, 5] takes two 32-bit lanes of each; two numbers are 64-bit lanes. */
export function shuffleLanes(a: Operand, b: Operand, lanes: readonly number[]): Instruction {
  const width = 16 / lanes.length;
  const bytes = lanes.flatMap((lane) => Array.from({ length: width }, (_, i) => lane * width + i));
  return { ...bytewise.shuffle(a, b), immediate: bytes };
}

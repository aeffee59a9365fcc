/**
 * The instructions of WebAssembly that emitters use: `i32.add(a, b)`, `f32x4.mul(x, 2)`; a number may stand for a constant, of every lane where it is a
 * vector's. The names are those of the specification, in camelCase. Owns the tables and how their rows become functions; control and
 * locals are `function-builder.ts`.
 */
import { unsigned } from './leb128.js';
import { asValue, constant, type Instruction, isLanes, type Operand, type ValueType, vector } from './value.js';

/**
 * Instructions that follow each other: their signature, the opcode of the first (its prefix in front), their names; `-` stands for one that nobody
 * needs. Letters i, l, f, d, v of a signature are i32, i64, f32, f64, v128, arguments before the colon, the result after it; `#` ends one
 * that takes a lane, `@` one that accesses memory (it takes an offset).
 */
type Row = readonly [signature: string, opcode: number, names: string];

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

type Family<Rows extends readonly Row[]> = {
  readonly [R in Rows[number] as Exclude<Names<R[2]>, '-'>]: (...args: Parameters<R[0]>) => Instruction;
};

const letters: Readonly<Record<string, ValueType>> = { i: 'i32', l: 'i64', f: 'f32', d: 'f64', v: 'v128' };

/** How many bits an access moves stands in the name, else in that of the family. */
function alignment(name: string, family: string): number {
  const [bits = '32'] = /\d+/.exec(name) ?? /\d+/.exec(family) ?? [];
  return Math.log2(Number(bits) / 8);
}

function operator(family: string, key: string, signature: string, opcode: number) {
  const name = `${family}.${key}`;
  const lanes = isLanes(family) ? family : null;
  const [before = '', after = ''] = signature.split(':');
  const types = [...before].map((letter) => letters[letter] as ValueType);
  const type = letters[after.charAt(0)] ?? null;
  const code = opcode > 0xff ? [opcode >>> 16, ...unsigned(opcode & 0xffff)] : [opcode];
  return (...given: readonly Operand[]): Instruction => {
    const args = types.map((wanted, i) => asValue(given[i] as Operand, wanted, lanes, name));
    const numbers = given.slice(types.length) as number[];
    const lane = after.endsWith('#') ? [numbers.shift() ?? 0] : [];
    const access = after.includes('@') ? [alignment(key, family), ...unsigned(numbers[0] ?? 0)] : [];
    return { kind: 'instruction', name, type, args, code, immediate: [...access, ...lane] };
  };
}

function family<const Rows extends readonly Row[]>(name: string, rows: Rows): Family<Rows> {
  const entries = rows.flatMap(([signature, first, names]) =>
    names.split(' ').map((key, i) => [key, operator(name, key, signature, first + i)] as const),
  );
  return Object.fromEntries(entries.filter(([key]) => key !== '-')) as object as Family<Rows>;
}

/** A number in a vector constant. */
type Lane = number | bigint;

const comparisons = 'eq ne ltS ltU gtS gtU leS leU geS geU';
const arithmetic = 'add sub mul divS divU remS remU and or xor shl shrS shrU';

export const i32 = {
  const: (value: Lane) => constant('i32', value),
  ...family('i32', [
    ['i:i', 0x45, 'eqz'],
    ['ii:i', 0x46, comparisons],
    ['ii:i', 0x6a, arithmetic],
    ['i:i@', 0x28, 'load'],
    ['i:i@', 0x2c, 'load8S load8U load16S load16U'],
    ['ii:@', 0x36, 'store'],
    ['l:i', 0xa7, 'wrapI64'],
    ['i:i', 0xc0, 'extend8S extend16S'],
    ['i:i@', 0xfe0010, 'atomicLoad'],
    ['ii:@', 0xfe0017, 'atomicStore'],
    ['ii:i@', 0xfe001e, 'atomicRmwAdd'],
  ]),
};

export const i64 = {
  const: (value: Lane) => constant('i64', value),
  ...family('i64', [
    ['l:i', 0x50, 'eqz'],
    ['ll:i', 0x51, comparisons],
    ['ll:l', 0x7c, arithmetic],
    ['i:l@', 0x29, 'load'],
    ['i:l@', 0x34, 'load32S'],
    ['il:@', 0x37, 'store'],
    ['i:l', 0xac, 'extendI32S extendI32U'],
    ['f:l', 0xfc0004, 'truncSatF32S'],
    ['d:l', 0xfc0006, 'truncSatF64S'],
    ['i:l@', 0xfe0011, 'atomicLoad'],
    ['il:@', 0xfe0018, 'atomicStore'],
    ['ill:l@', 0xfe0049, 'atomicRmwCmpxchg'],
  ]),
};

export const f32 = family('f32', [
  ['i:f@', 0x2a, 'load'],
  ['if:@', 0x38, 'store'],
  ['ff:f', 0x92, 'add'],
  ['l:f', 0xb4, 'convertI64S'],
]);

export const f64 = {
  const: (value: number) => constant('f64', value),
  ...family('f64', [
    ['dd:i', 0x61, 'eq'],
    ['d:d', 0x99, 'abs'],
    ['i:d@', 0x2b, 'load'],
    ['id:@', 0x39, 'store'],
    ['l:d', 0xb9, 'convertI64S'],
    ['f:d', 0xbb, 'promoteF32'],
  ]),
};

export const v128 = family('v128', [
  ['i:v@', 0xfd0000, 'load'],
  ['i:v@', 0xfd0007, 'load8Splat load16Splat load32Splat load64Splat'],
  ['iv:@', 0xfd000b, 'store'],
  ['vv:v', 0xfd004e, 'and andnot or xor'],
  /** Bits of the first where the third is 1, else of the second. */
  ['vvv:v', 0xfd0052, 'bitselect'],
  ['v:i', 0xfd0053, 'anyTrue'],
  ['iv:v@#', 0xfd0054, 'load8Lane load16Lane load32Lane load64Lane'],
  ['iv:@#', 0xfd0058, 'store8Lane store16Lane store32Lane store64Lane'],
  ['i:v@', 0xfd005c, 'load32Zero load64Zero'],
]);

export const i8x16 = {
  const: (...lanes: Lane[]) => vector('i8x16', ...lanes),
  ...family('i8x16', [['vv:v', 0xfd000e, 'swizzle']]),
};

export const i16x8 = family('i16x8', [
  ['v:v', 0xfd0087, 'extendLowI8x16S'],
  ['v:v', 0xfd0089, 'extendLowI8x16U'],
]);

export const i32x4 = {
  const: (...lanes: Lane[]) => vector('i32x4', ...lanes),
  ...family('i32x4', [
    ['i:v', 0xfd0011, 'splat'],
    ['v:i#', 0xfd001b, 'extractLane'],
    ['vi:v#', 0xfd001c, 'replaceLane'],
    ['vv:v', 0xfd0037, comparisons],
    ['v:v', 0xfd00a1, 'neg'],
    ['v:i', 0xfd00a3, 'allTrue bitmask'],
    ['v:v', 0xfd00a7, 'extendLowI16x8S - extendLowI16x8U'],
    ['vi:v', 0xfd00ab, 'shl shrS shrU'],
    ['vv:v', 0xfd00ae, 'add'],
    ['vv:v', 0xfd00b1, 'sub'],
    ['vv:v', 0xfd00b5, 'mul minS - maxS'],
    ['v:v', 0xfd00f8, 'truncSatF32x4S'],
    ['v:v', 0xfd00fc, 'truncSatF64x2SZero'],
  ]),
};

export const i64x2 = {
  const: (...lanes: Lane[]) => vector('i64x2', ...lanes),
  ...family('i64x2', [
    ['l:v', 0xfd0012, 'splat'],
    ['v:l#', 0xfd001d, 'extractLane'],
    ['vl:v#', 0xfd001e, 'replaceLane'],
    ['v:v', 0xfd00c1, 'neg'],
    ['v:v', 0xfd00c7, 'extendLowI32x4S extendHighI32x4S'],
    ['vi:v', 0xfd00cb, 'shl shrS'],
    ['vv:v', 0xfd00ce, 'add'],
    ['vv:v', 0xfd00d1, 'sub'],
    ['vv:v', 0xfd00d5, 'mul eq ne ltS gtS'],
  ]),
};

export const f32x4 = {
  const: (...lanes: Lane[]) => vector('f32x4', ...lanes),
  ...family('f32x4', [
    ['f:v', 0xfd0013, 'splat'],
    ['v:f#', 0xfd001f, 'extractLane'],
    ['vf:v#', 0xfd0020, 'replaceLane'],
    ['vv:v', 0xfd0041, 'eq ne lt gt le ge'],
    ['v:v', 0xfd005e, 'demoteF64x2Zero'],
    ['v:v', 0xfd0068, 'floor'],
    ['v:v', 0xfd00e0, 'abs neg - sqrt'],
    ['vv:v', 0xfd00e4, 'add sub mul div - max pmin pmax'],
    ['v:v', 0xfd00fa, 'convertI32x4S'],
    /** a * b + c, rounded once or twice as the processor likes. */
    ['vvv:v', 0xfd0105, 'relaxedMadd'],
  ]),
};

export const f64x2 = {
  const: (...lanes: Lane[]) => vector('f64x2', ...lanes),
  ...family('f64x2', [
    ['d:v', 0xfd0014, 'splat'],
    ['v:d#', 0xfd0021, 'extractLane'],
    ['vd:v#', 0xfd0022, 'replaceLane'],
    ['vv:v', 0xfd0047, 'eq ne lt gt le ge'],
    ['v:v', 0xfd005f, 'promoteLowF32x4'],
    ['v:v', 0xfd0075, 'floor'],
    ['v:v', 0xfd007a, 'trunc'],
    ['v:v', 0xfd00ec, 'abs neg - sqrt'],
    ['vv:v', 0xfd00f0, 'add sub mul div - max pmin pmax'],
    ['v:v', 0xfd00fe, 'convertLowI32x4S'],
    ['vvv:v', 0xfd0107, 'relaxedMadd'],
  ]),
};

const wholeMemory = family('memory', [['iii:', 0xfc000a, 'copy']]);

/** Statements and values on the whole memory. */
export const memory = {
  /** Copies `bytes` bytes; the parts may overlap. */
  copy: (to: Operand, from: Operand, bytes: Operand): Instruction => ({
    ...wholeMemory.copy(to, from, bytes),
    immediate: [0, 0],
  }),
  ...family('memory', [
    ['ii:i@', 0xfe0000, 'atomicNotify'],
    /** Waits until notified or the nanoseconds are over, while the word at the pointer is `expected`. */
    ['iil:i@', 0xfe0001, 'atomicWait32'],
    ['ill:i@', 0xfe0002, 'atomicWait64'],
  ]),
};

export const { unreachable } = family('control', [[':', 0, 'unreachable']]);

/** `condition` ? `a` : `b`, both computed. */
export function select(a: Operand, b: Operand, condition: Operand): Instruction {
  const type = typeof a === 'object' ? a.type : typeof b === 'object' ? b.type : null;
  if (type === null)
    throw new TypeError('wasm: select wants at least one value with a type, got two numbers or a statement');
  const args = ([a, b, condition] as const).map((operand, i) => asValue(operand, i < 2 ? type : 'i32', null, 'select'));
  return { kind: 'instruction', name: 'select', type, args, code: [0x1b], immediate: [] };
}

const bytewise = family('i8x16', [['vv:v', 0xfd000d, 'shuffle']]);

/** The lanes of `a` then `b`, by number: [0, 1, 4, 5] takes two 32-bit lanes of each; two numbers are 64-bit lanes. */
export function shuffleLanes(a: Operand, b: Operand, lanes: readonly number[]): Instruction {
  const width = 16 / lanes.length;
  const bytes = lanes.flatMap((lane) => Array.from({ length: width }, (_, i) => lane * width + i));
  return { ...bytewise.shuffle(a, b), immediate: bytes };
}

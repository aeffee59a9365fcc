/**
 * The instructions of WebAssembly with SIMD, relaxed SIMD, bulk memory and threads, one row each: `f32x4.add(a, b)`. A row is a signature
 * and an opcode. Signature letters: i, l, f, d, v are i32, i64, f32, f64, v128, arguments before the colon and the result after it; `@2`
 * ends a memory access whose alignment is 2^2 (the function takes an offset), `#` one with a lane number. Numbers may stand for constants;
 * for vectors they fill the lanes of the family. The names are those of the specification, in camelCase. Read `function-builder.ts` next.
 */
import { asValue, constant, type Instruction, type Lanes, type Operand, type ValueType, vector } from './value.js';

type Parameters<S extends string> = S extends `:${infer Rest}`
  ? Rest extends `${string}@${number}#`
    ? [lane: number, offset?: number]
    : Rest extends `${string}@${number}`
      ? [offset?: number]
      : Rest extends `${string}#`
        ? [lane: number]
        : []
  : S extends `${string}${infer Rest}`
    ? [operand: Operand, ...Parameters<Rest>]
    : [];

type Row = readonly [signature: string, opcode: number];
type Family<Rows extends Readonly<Record<string, Row>>> = {
  readonly [Name in keyof Rows]: (...args: Parameters<Rows[Name][0]>) => Instruction;
};

const letters: Readonly<Record<string, ValueType>> = { i: 'i32', l: 'i64', f: 'f32', d: 'f64', v: 'v128' };

/** `load32Splat` as the specification spells it. */
function spelled(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function operator(family: string, lanes: Lanes | null, key: string, signature: string, opcode: number) {
  const name = `${family}.${spelled(key)}`;
  const [before = '', after = ''] = signature.split(':');
  const types = Array.from(before, (letter) => letters[letter] as ValueType);
  const type = letters[after[0] ?? ''] ?? null;
  const hasLane = after.endsWith('#');
  const at = after.indexOf('@');
  const align = at < 0 ? -1 : Number.parseInt(after.slice(at + 1), 10);
  return (...given: readonly Operand[]): Instruction => {
    const args = types.map((wanted, i) => asValue(given[i] as Operand, wanted, lanes, name));
    const rest = given.slice(types.length) as number[];
    const lane = hasLane ? (rest.shift() ?? 0) : null;
    if (align >= 0) {
      const immediate = { kind: 'memory', align, offset: rest[0] ?? 0, lane } as const;
      return { kind: 'instruction', name, opcode, type, args, immediate };
    }
    return {
      kind: 'instruction',
      name,
      opcode,
      type,
      args,
      immediate: lane === null ? null : { kind: 'bytes', bytes: [lane] },
    };
  };
}

function family<const Rows extends Readonly<Record<string, Row>>>(
  name: string,
  lanes: Lanes | null,
  rows: Rows,
): Family<Rows> {
  const entries = Object.entries(rows).map(([key, [signature, code]]) => [
    key,
    operator(name, lanes, key, signature, code),
  ]);
  return Object.fromEntries(entries) as Family<Rows>;
}

const simd = (code: number): number => 0xfd0000 | code;
const bulk = (code: number): number => 0xfc0000 | code;
const atomic = (code: number): number => 0xfe0000 | code;

/** Integer rows of i32 and i64, which lie in the same order. `t` is the type's letter. */
function integers<const T extends 'i' | 'l'>(t: T, compare: number, compute: number) {
  const unary = `${t}:${t}` as const;
  const binary = `${t}${t}:${t}` as const;
  const comparison = `${t}${t}:i` as const;
  return {
    eqz: [`${t}:i` as const, compare],
    eq: [comparison, compare + 1],
    ne: [comparison, compare + 2],
    ltS: [comparison, compare + 3],
    ltU: [comparison, compare + 4],
    gtS: [comparison, compare + 5],
    gtU: [comparison, compare + 6],
    leS: [comparison, compare + 7],
    leU: [comparison, compare + 8],
    geS: [comparison, compare + 9],
    geU: [comparison, compare + 10],
    clz: [unary, compute],
    ctz: [unary, compute + 1],
    popcnt: [unary, compute + 2],
    add: [binary, compute + 3],
    sub: [binary, compute + 4],
    mul: [binary, compute + 5],
    divS: [binary, compute + 6],
    divU: [binary, compute + 7],
    remS: [binary, compute + 8],
    remU: [binary, compute + 9],
    and: [binary, compute + 10],
    or: [binary, compute + 11],
    xor: [binary, compute + 12],
    shl: [binary, compute + 13],
    shrS: [binary, compute + 14],
    shrU: [binary, compute + 15],
  } as const;
}

/** Float rows of f32 and f64, which lie in the same order. */
function floats<const T extends 'f' | 'd'>(t: T, compare: number, compute: number) {
  const unary = `${t}:${t}` as const;
  const binary = `${t}${t}:${t}` as const;
  const comparison = `${t}${t}:i` as const;
  return {
    eq: [comparison, compare],
    ne: [comparison, compare + 1],
    lt: [comparison, compare + 2],
    gt: [comparison, compare + 3],
    le: [comparison, compare + 4],
    ge: [comparison, compare + 5],
    abs: [unary, compute],
    neg: [unary, compute + 1],
    ceil: [unary, compute + 2],
    floor: [unary, compute + 3],
    trunc: [unary, compute + 4],
    nearest: [unary, compute + 5],
    sqrt: [unary, compute + 6],
    add: [binary, compute + 7],
    sub: [binary, compute + 8],
    mul: [binary, compute + 9],
    div: [binary, compute + 10],
    min: [binary, compute + 11],
    max: [binary, compute + 12],
    copysign: [binary, compute + 13],
  } as const;
}

/** Vector float rows of f32x4 and f64x2, from `abs` on in the same order. */
function vectorFloats(compare: number, compute: number, relaxed: number) {
  return {
    eq: ['vv:v', simd(compare)],
    ne: ['vv:v', simd(compare + 1)],
    lt: ['vv:v', simd(compare + 2)],
    gt: ['vv:v', simd(compare + 3)],
    le: ['vv:v', simd(compare + 4)],
    ge: ['vv:v', simd(compare + 5)],
    abs: ['v:v', simd(compute)],
    neg: ['v:v', simd(compute + 1)],
    sqrt: ['v:v', simd(compute + 3)],
    add: ['vv:v', simd(compute + 4)],
    sub: ['vv:v', simd(compute + 5)],
    mul: ['vv:v', simd(compute + 6)],
    div: ['vv:v', simd(compute + 7)],
    min: ['vv:v', simd(compute + 8)],
    max: ['vv:v', simd(compute + 9)],
    pmin: ['vv:v', simd(compute + 10)],
    pmax: ['vv:v', simd(compute + 11)],
    /** a * b + c, rounded once or twice as the processor likes. */
    relaxedMadd: ['vvv:v', simd(relaxed)],
    /** -(a * b) + c. */
    relaxedNmadd: ['vvv:v', simd(relaxed + 1)],
  } as const;
}

/** Vector integer rows that i8x16, i16x8 and i32x4 share. */
function vectorIntegers(compare: number, compute: number, minimum: number) {
  return {
    eq: ['vv:v', simd(compare)],
    ne: ['vv:v', simd(compare + 1)],
    ltS: ['vv:v', simd(compare + 2)],
    ltU: ['vv:v', simd(compare + 3)],
    gtS: ['vv:v', simd(compare + 4)],
    gtU: ['vv:v', simd(compare + 5)],
    leS: ['vv:v', simd(compare + 6)],
    leU: ['vv:v', simd(compare + 7)],
    geS: ['vv:v', simd(compare + 8)],
    geU: ['vv:v', simd(compare + 9)],
    abs: ['v:v', simd(compute)],
    neg: ['v:v', simd(compute + 1)],
    allTrue: ['v:i', simd(compute + 3)],
    bitmask: ['v:i', simd(compute + 4)],
    shl: ['vi:v', simd(compute + 11)],
    shrS: ['vi:v', simd(compute + 12)],
    shrU: ['vi:v', simd(compute + 13)],
    add: ['vv:v', simd(compute + 14)],
    sub: ['vv:v', simd(compute + 17)],
    minS: ['vv:v', simd(minimum)],
    minU: ['vv:v', simd(minimum + 1)],
    maxS: ['vv:v', simd(minimum + 2)],
    maxU: ['vv:v', simd(minimum + 3)],
  } as const;
}

export const i32 = {
  const: (value: number) => constant('i32', value),
  ...family('i32', null, {
    ...integers('i', 0x45, 0x67),
    load: ['i:i@2', 0x28],
    load8S: ['i:i@0', 0x2c],
    load8U: ['i:i@0', 0x2d],
    load16S: ['i:i@1', 0x2e],
    load16U: ['i:i@1', 0x2f],
    store: ['ii:@2', 0x36],
    store8: ['ii:@0', 0x3a],
    store16: ['ii:@1', 0x3b],
    wrapI64: ['l:i', 0xa7],
    reinterpretF32: ['f:i', 0xbc],
    extend8S: ['i:i', 0xc0],
    extend16S: ['i:i', 0xc1],
    truncSatF32S: ['f:i', bulk(0)],
    truncSatF32U: ['f:i', bulk(1)],
    truncSatF64S: ['d:i', bulk(2)],
    truncSatF64U: ['d:i', bulk(3)],
    atomicLoad: ['i:i@2', atomic(0x10)],
    atomicStore: ['ii:@2', atomic(0x17)],
    atomicRmwAdd: ['ii:i@2', atomic(0x1e)],
    atomicRmwSub: ['ii:i@2', atomic(0x25)],
    atomicRmwXchg: ['ii:i@2', atomic(0x41)],
    atomicRmwCmpxchg: ['iii:i@2', atomic(0x48)],
  }),
};

export const i64 = {
  const: (value: number | bigint) => constant('i64', value),
  ...family('i64', null, {
    ...integers('l', 0x50, 0x79),
    load: ['i:l@3', 0x29],
    load8S: ['i:l@0', 0x30],
    load8U: ['i:l@0', 0x31],
    load16S: ['i:l@1', 0x32],
    load16U: ['i:l@1', 0x33],
    load32S: ['i:l@2', 0x34],
    load32U: ['i:l@2', 0x35],
    store: ['il:@3', 0x37],
    store8: ['il:@0', 0x3c],
    store16: ['il:@1', 0x3d],
    store32: ['il:@2', 0x3e],
    extendI32S: ['i:l', 0xac],
    extendI32U: ['i:l', 0xad],
    reinterpretF64: ['d:l', 0xbd],
    truncSatF32S: ['f:l', bulk(4)],
    truncSatF64S: ['d:l', bulk(6)],
    atomicLoad: ['i:l@3', atomic(0x11)],
    atomicStore: ['il:@3', atomic(0x18)],
    atomicRmwCmpxchg: ['ill:l@3', atomic(0x49)],
  }),
};

export const f32 = {
  const: (value: number) => constant('f32', value),
  ...family('f32', null, {
    ...floats('f', 0x5b, 0x8b),
    load: ['i:f@2', 0x2a],
    store: ['if:@2', 0x38],
    convertI32S: ['i:f', 0xb2],
    convertI32U: ['i:f', 0xb3],
    convertI64S: ['l:f', 0xb4],
    demoteF64: ['d:f', 0xb6],
    reinterpretI32: ['i:f', 0xbe],
  }),
};

export const f64 = {
  const: (value: number) => constant('f64', value),
  ...family('f64', null, {
    ...floats('d', 0x61, 0x99),
    load: ['i:d@3', 0x2b],
    store: ['id:@3', 0x39],
    convertI32S: ['i:d', 0xb7],
    convertI32U: ['i:d', 0xb8],
    convertI64S: ['l:d', 0xb9],
    promoteF32: ['f:d', 0xbb],
    reinterpretI64: ['l:d', 0xbf],
  }),
};

export const v128 = family('v128', null, {
  load: ['i:v@4', simd(0x00)],
  load8x8S: ['i:v@3', simd(0x01)],
  load8x8U: ['i:v@3', simd(0x02)],
  load16x4S: ['i:v@3', simd(0x03)],
  load16x4U: ['i:v@3', simd(0x04)],
  load32x2S: ['i:v@3', simd(0x05)],
  load32x2U: ['i:v@3', simd(0x06)],
  load8Splat: ['i:v@0', simd(0x07)],
  load16Splat: ['i:v@1', simd(0x08)],
  load32Splat: ['i:v@2', simd(0x09)],
  load64Splat: ['i:v@3', simd(0x0a)],
  store: ['iv:@4', simd(0x0b)],
  not: ['v:v', simd(0x4d)],
  and: ['vv:v', simd(0x4e)],
  /** a & ~b. */
  andnot: ['vv:v', simd(0x4f)],
  or: ['vv:v', simd(0x50)],
  xor: ['vv:v', simd(0x51)],
  /** Bits of the first where the third is 1, else of the second. */
  bitselect: ['vvv:v', simd(0x52)],
  anyTrue: ['v:i', simd(0x53)],
  load8Lane: ['iv:v@0#', simd(0x54)],
  load16Lane: ['iv:v@1#', simd(0x55)],
  load32Lane: ['iv:v@2#', simd(0x56)],
  load64Lane: ['iv:v@3#', simd(0x57)],
  store8Lane: ['iv:@0#', simd(0x58)],
  store16Lane: ['iv:@1#', simd(0x59)],
  store32Lane: ['iv:@2#', simd(0x5a)],
  store64Lane: ['iv:@3#', simd(0x5b)],
  load32Zero: ['i:v@2', simd(0x5c)],
  load64Zero: ['i:v@3', simd(0x5d)],
});

export const i8x16 = {
  const: (...lanes: readonly number[]) => vector('i8x16', ...lanes),
  ...family('i8x16', 'i8x16', {
    ...vectorIntegers(0x23, 0x60, 0x76),
    swizzle: ['vv:v', simd(0x0e)],
    splat: ['i:v', simd(0x0f)],
    extractLaneS: ['v:i#', simd(0x15)],
    extractLaneU: ['v:i#', simd(0x16)],
    replaceLane: ['vi:v#', simd(0x17)],
    narrowI16x8S: ['vv:v', simd(0x65)],
    narrowI16x8U: ['vv:v', simd(0x66)],
    relaxedSwizzle: ['vv:v', simd(0x100)],
    relaxedLaneselect: ['vvv:v', simd(0x109)],
  }),
};

export const i16x8 = {
  const: (...lanes: readonly number[]) => vector('i16x8', ...lanes),
  ...family('i16x8', 'i16x8', {
    ...vectorIntegers(0x2d, 0x80, 0x96),
    splat: ['i:v', simd(0x10)],
    extractLaneS: ['v:i#', simd(0x18)],
    extractLaneU: ['v:i#', simd(0x19)],
    replaceLane: ['vi:v#', simd(0x1a)],
    mul: ['vv:v', simd(0x95)],
    narrowI32x4S: ['vv:v', simd(0x85)],
    narrowI32x4U: ['vv:v', simd(0x86)],
    extendLowI8x16S: ['v:v', simd(0x87)],
    extendHighI8x16S: ['v:v', simd(0x88)],
    extendLowI8x16U: ['v:v', simd(0x89)],
    extendHighI8x16U: ['v:v', simd(0x8a)],
  }),
};

export const i32x4 = {
  const: (...lanes: readonly number[]) => vector('i32x4', ...lanes),
  ...family('i32x4', 'i32x4', {
    ...vectorIntegers(0x37, 0xa0, 0xb6),
    splat: ['i:v', simd(0x11)],
    extractLane: ['v:i#', simd(0x1b)],
    replaceLane: ['vi:v#', simd(0x1c)],
    mul: ['vv:v', simd(0xb5)],
    extendLowI16x8S: ['v:v', simd(0xa7)],
    extendHighI16x8S: ['v:v', simd(0xa8)],
    extendLowI16x8U: ['v:v', simd(0xa9)],
    extendHighI16x8U: ['v:v', simd(0xaa)],
    truncSatF32x4S: ['v:v', simd(0xf8)],
    truncSatF32x4U: ['v:v', simd(0xf9)],
    truncSatF64x2SZero: ['v:v', simd(0xfc)],
    truncSatF64x2UZero: ['v:v', simd(0xfd)],
    relaxedTruncF32x4S: ['v:v', simd(0x101)],
    relaxedLaneselect: ['vvv:v', simd(0x10b)],
  }),
};

export const i64x2 = {
  const: (...lanes: readonly (number | bigint)[]) => vector('i64x2', ...lanes),
  ...family('i64x2', 'i64x2', {
    splat: ['l:v', simd(0x12)],
    extractLane: ['v:l#', simd(0x1d)],
    replaceLane: ['vl:v#', simd(0x1e)],
    abs: ['v:v', simd(0xc0)],
    neg: ['v:v', simd(0xc1)],
    allTrue: ['v:i', simd(0xc3)],
    bitmask: ['v:i', simd(0xc4)],
    extendLowI32x4S: ['v:v', simd(0xc7)],
    extendHighI32x4S: ['v:v', simd(0xc8)],
    extendLowI32x4U: ['v:v', simd(0xc9)],
    extendHighI32x4U: ['v:v', simd(0xca)],
    shl: ['vi:v', simd(0xcb)],
    shrS: ['vi:v', simd(0xcc)],
    shrU: ['vi:v', simd(0xcd)],
    add: ['vv:v', simd(0xce)],
    sub: ['vv:v', simd(0xd1)],
    mul: ['vv:v', simd(0xd5)],
    eq: ['vv:v', simd(0xd6)],
    ne: ['vv:v', simd(0xd7)],
    ltS: ['vv:v', simd(0xd8)],
    gtS: ['vv:v', simd(0xd9)],
    leS: ['vv:v', simd(0xda)],
    geS: ['vv:v', simd(0xdb)],
    extmulLowI32x4S: ['vv:v', simd(0xdc)],
    extmulHighI32x4S: ['vv:v', simd(0xdd)],
    extmulLowI32x4U: ['vv:v', simd(0xde)],
    extmulHighI32x4U: ['vv:v', simd(0xdf)],
    relaxedLaneselect: ['vvv:v', simd(0x10c)],
  }),
};

export const f32x4 = {
  const: (...lanes: readonly number[]) => vector('f32x4', ...lanes),
  ...family('f32x4', 'f32x4', {
    ...vectorFloats(0x41, 0xe0, 0x105),
    splat: ['f:v', simd(0x13)],
    extractLane: ['v:f#', simd(0x1f)],
    replaceLane: ['vf:v#', simd(0x20)],
    ceil: ['v:v', simd(0x67)],
    floor: ['v:v', simd(0x68)],
    trunc: ['v:v', simd(0x69)],
    nearest: ['v:v', simd(0x6a)],
    demoteF64x2Zero: ['v:v', simd(0x5e)],
    convertI32x4S: ['v:v', simd(0xfa)],
    convertI32x4U: ['v:v', simd(0xfb)],
    relaxedMin: ['vv:v', simd(0x10d)],
    relaxedMax: ['vv:v', simd(0x10e)],
  }),
};

export const f64x2 = {
  const: (...lanes: readonly number[]) => vector('f64x2', ...lanes),
  ...family('f64x2', 'f64x2', {
    ...vectorFloats(0x47, 0xec, 0x107),
    splat: ['d:v', simd(0x14)],
    extractLane: ['v:d#', simd(0x21)],
    replaceLane: ['vd:v#', simd(0x22)],
    ceil: ['v:v', simd(0x74)],
    floor: ['v:v', simd(0x75)],
    trunc: ['v:v', simd(0x7a)],
    nearest: ['v:v', simd(0x94)],
    promoteLowF32x4: ['v:v', simd(0x5f)],
    convertLowI32x4S: ['v:v', simd(0xfe)],
    convertLowI32x4U: ['v:v', simd(0xff)],
    relaxedMin: ['vv:v', simd(0x10f)],
    relaxedMax: ['vv:v', simd(0x110)],
  }),
};

/** Byte `lanes[i]` of the 32 bytes of `a` then `b`, for each of 16 bytes. */
export function shuffle(a: Operand, b: Operand, lanes: readonly number[]): Instruction {
  const name = 'i8x16.shuffle';
  const args = [asValue(a, 'v128', null, name), asValue(b, 'v128', null, name)];
  return {
    kind: 'instruction',
    name,
    opcode: simd(0x0d),
    type: 'v128',
    args,
    immediate: { kind: 'bytes', bytes: lanes },
  };
}

/** The same by whole lanes: [0, 1, 4, 5] of four 32-bit lanes takes two of each; two numbers are 64-bit lanes. */
export function shuffleLanes(a: Operand, b: Operand, lanes: readonly number[]): Instruction {
  const width = 16 / lanes.length;
  return shuffle(
    a,
    b,
    lanes.flatMap((lane) => Array.from({ length: width }, (_, i) => lane * width + i)),
  );
}

/** `condition` ? `a` : `b`, both computed. */
export function select(a: Operand, b: Operand, condition: Operand): Instruction {
  const type = typeof a === 'object' ? a.type : typeof b === 'object' ? b.type : null;
  if (type === null)
    throw new TypeError('wasm: select wants at least one value with a type, got two numbers or a statement');
  const args = [
    asValue(a, type, null, 'select'),
    asValue(b, type, null, 'select'),
    asValue(condition, 'i32', null, 'select'),
  ];
  return { kind: 'instruction', name: 'select', opcode: 0x1b, type, args, immediate: null };
}

function statement(name: string, opcode: number, bytes: readonly number[], operands: readonly Operand[]): Instruction {
  const args = operands.map((operand) => asValue(operand, 'i32', null, name));
  return { kind: 'instruction', name, opcode, type: null, args, immediate: { kind: 'bytes', bytes } };
}

/** Statements and values on the whole memory. */
export const memory = {
  /** Copies `bytes` bytes; the parts may overlap. */
  copy: (to: Operand, from: Operand, bytes: Operand) => statement('memory.copy', bulk(10), [0, 0], [to, from, bytes]),
  fill: (to: Operand, byte: Operand, bytes: Operand) => statement('memory.fill', bulk(11), [0], [to, byte, bytes]),
  /** Waits until notified or the nanoseconds are over, while the word at the pointer is `expected`. */
  ...family('memory', null, {
    atomicNotify: ['ii:i@2', atomic(0x00)],
    atomicWait32: ['iil:i@2', atomic(0x01)],
    atomicWait64: ['ill:i@3', atomic(0x02)],
  }),
};

export const unreachable: Instruction = {
  kind: 'instruction',
  name: 'unreachable',
  opcode: 0,
  type: null,
  args: [],
  immediate: null,
};

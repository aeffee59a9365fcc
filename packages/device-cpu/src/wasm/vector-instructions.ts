/**
 * The instructions on vectors, SIMD and relaxed SIMD, one row each: `f32x4.add(a, b)`. A number fills the lanes of its family. The names are those
 * of the specification, in camelCase. Owns the rows; how they become functions is `instruction-rows.ts`.
 */
import { family, simd } from './instruction-rows.js';
import { asValue, type Instruction, type Operand, vector } from './value.js';

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

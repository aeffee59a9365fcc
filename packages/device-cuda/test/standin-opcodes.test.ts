/**
 * What single opcodes give on the stand-in, beside numbers worked out by hand from the PTX manual. One thread for each row of arguments; 64-bit values are two
 * words, floats their bits.
 */
import { describe, expect, test } from 'vitest';
import { loadModule, noStandin, onStandin, run } from './standin-driver.js';

const declared = `
  .reg .b32 %d, %a, %b, %c, %t, %u, %v, %i; .reg .f32 %f, %g, %h; .reg .b16 %s, %x, %y; .reg .b64 %p0, %at, %wide, %other; .reg .f64 %e; .reg .pred %p, %q;
  ld.param.u64 %p0, [p0]; mov.u32 %i, %tid.x;`;
const registers = `${declared} mad.wide.u32 %at, %i, 16, %p0;
  ld.global.u32 %a, [%at]; ld.global.u32 %b, [%at+4]; ld.global.u32 %c, [%at+8];`;

type Row = readonly number[];

/** Runs `body`, which makes %d of %a, %b and %c, for each row; the last number of a row is what it should make. */
function made(body: string, rows: readonly Row[]): number[] {
  const words = new Uint32Array(4 * rows.length);
  rows.forEach((row, i) => {
    words.set(
      row.slice(0, -1).map((value) => value >>> 0),
      4 * i,
    );
  });
  const found = run(`${registers} ${body} st.global.u32 [%at+12], %d; ret;`, rows.length, words);
  return rows.map((_, i) => found[4 * i + 3] as number);
}

const bits = (value: number): number => new Uint32Array(Float32Array.of(value).buffer)[0] as number;
const f = bits;
const [nan, infinity] = [0x7fffffff, f(Infinity)];

const table: readonly [name: string, body: string, ...rows: Row[]][] = [
  ['add.s32.sat', 'add.sat.s32 %d, %a, %b;', [0x7fffffff, 1, 0x7fffffff], [0x80000000, -1, 0x80000000], [3, -5, -2]],
  ['sub.sat', 'sub.sat.s32 %d, %a, %b;', [0x80000000, 1, 0x80000000], [5, 7, -2]],
  ['mul.hi.s32', 'mul.hi.s32 %d, %a, %b;', [-1, 1, -1], [0x40000000, 8, 2], [0x80000000, 2, -1]],
  ['mul.hi.u32', 'mul.hi.u32 %d, %a, %b;', [-1, -1, 0xfffffffe], [0x80000000, 2, 1]],
  ['mul.wide.s16', 'cvt.u16.u32 %x, %a; cvt.u16.u32 %y, %b; mul.wide.s16 %d, %x, %y;', [-300, 300, -90000]],
  ['mad.hi.s32', 'mad.hi.s32 %d, %a, %b, %c;', [0x40000000, 8, 5, 7], [-1, 1, 1, 0]],
  ['mad.hi.sat', 'mad.hi.sat.s32 %d, %a, %b, %c;', [0x40000000, 8, 0x7fffffff, 0x7fffffff]],
  ['mul24', 'mul24.lo.u32 %d, %a, %b;', [0xff000003, 5, 15]],
  ['mul24.hi.s32', 'mul24.hi.s32 %d, %a, %b;', [0x10000, 0x10000, 0x10000], [0xffffff, 0x10000, -1]],
  ['mad24', 'mad24.lo.s32 %d, %a, %b, %c;', [0xffffff, 3, 10, 7]],
  ['sad', 'sad.s32 %d, %a, %b, %c;', [-3, 4, 10, 17], [4, -3, 10, 17]],
  ['div.s32', 'div.s32 %d, %a, %b;', [-7, 2, -3], [7, -2, -3], [0x80000000, -1, 0x80000000]],
  ['rem.s32', 'rem.s32 %d, %a, %b;', [-7, 2, -1], [7, -2, 1]],
  ['div.u32', 'div.u32 %d, %a, %b;', [-1, 2, 0x7fffffff]],
  ['min and max', 'min.s32 %t, %a, %b; max.u32 %u, %a, %b; sub.s32 %d, %u, %t;', [-1, 1, 0]],
  ['abs, neg', 'abs.s32 %t, %a; neg.s32 %d, %t;', [-5, -5], [5, -5]],
  ['dp4a.s32.s32', 'dp4a.s32.s32 %d, %a, %b, %c;', [0x01ff0203, 0x04030201, 100, 100 + 4 - 3 + 4 + 3]],
  ['dp4a.u32.s32', 'dp4a.u32.s32 %d, %a, %b, %c;', [0x01ff0203, 0x0403ff01, 0, 4 + 765 - 2 + 3]],
  ['dp2a.lo', 'dp2a.lo.s32.s32 %d, %a, %b, %c;', [0xffff0003, 0x09080201, 10, 10 + 3 - 2]],
  ['dp2a.hi', 'dp2a.hi.u32.u32 %d, %a, %b, %c;', [0xffff0003, 0x02010908, 10, 10 + 3 + 131070]],
  [
    'and, or, xor, not',
    'and.b32 %t, %a, %b; or.b32 %u, %a, %b; xor.b32 %v, %t, %u; not.b32 %d, %v;',
    [0xf0, 0x3c, ~0xcc],
  ],
  ['cnot', 'cnot.b32 %d, %a;', [0, 1], [7, 0]],
  ['shl by 32 and more', 'shl.b32 %d, %a, %b;', [1, 31, 0x80000000], [1, 32, 0], [1, 200, 0]],
  ['shr.s32', 'shr.s32 %d, %a, %b;', [-8, 1, -4], [-8, 40, -1], [8, 40, 0]],
  ['shr.u32', 'shr.u32 %d, %a, %b;', [-8, 28, 15], [-8, 32, 0]],
  ['shf.l.wrap', 'shf.l.wrap.b32 %d, %a, %b, %c;', [0x80000001, 0x12345678, 4, 0x23456788], [1, 2, 32, 2]],
  ['shf.r.wrap', 'shf.r.wrap.b32 %d, %a, %b, %c;', [0x12345678, 0x9abcdef0, 8, 0xf0123456], [1, 2, 32, 1]],
  ['shf.r.clamp', 'shf.r.clamp.b32 %d, %a, %b, %c;', [1, 2, 40, 2]],
  ['shf.l.clamp', 'shf.l.clamp.b32 %d, %a, %b, %c;', [1, 2, 40, 1]],
  ['lop3 choosing', 'lop3.b32 %d, %a, %b, %c, 0xCA;', [0xff00ff00, 0x12345678, 0x9abcdef0, 0x12bc56f0]],
  ['lop3, odd of three', 'lop3.b32 %d, %a, %b, %c, 0x96;', [0xf, 0x33, 0x55, 0xf ^ 0x33 ^ 0x55]],
  ['popc', 'popc.b32 %d, %a;', [0xf0f0f0f1, 17], [0, 0]],
  ['clz', 'clz.b32 %d, %a;', [0, 32], [1, 31], [-1, 0]],
  ['bfind', 'bfind.u32 %d, %a;', [0, -1], [0x00800000, 23]],
  ['bfind.s32', 'bfind.s32 %d, %a;', [-1, -1], [-2, 0], [0x00800000, 23]],
  ['bfind.shiftamt', 'bfind.shiftamt.u32 %d, %a;', [1, 31], [0x80000000, 0]],
  ['brev', 'brev.b32 %d, %a;', [0x80000001, 0x80000001], [0x0000000f, 0xf0000000]],
  ['bfe.u32', 'bfe.u32 %d, %a, %b, %c;', [0x12345678, 8, 12, 0x456], [0x12345678, 24, 40, 0x12], [-1, 0, 0, 0]],
  ['bfe.s32', 'bfe.s32 %d, %a, %b, %c;', [0x0000f000, 12, 4, -1], [0x00007000, 12, 4, 7], [0x80000000, 28, 9, -8]],
  ['bfi', 'bfi.b32 %d, %a, %b, %c, 8;', [0xab, 0x12345678, 16, 0x12ab5678], [0xab, 0, 28, 0xb0000000]],
  ['bmsk', 'bmsk.clamp.b32 %d, %a, %b;', [4, 8, 0xff0], [4, 40, 0xfffffff0]],
  ['szext', 'szext.clamp.s32 %d, %a, %b;', [0xff, 4, -1], [0x7, 4, 7]],
  ['prmt', 'prmt.b32 %d, %a, %b, %c;', [0x33221100, 0x77665544, 0x7531, 0x77553311], [0x80, 0, 0x8888, -1]],
  ['selp', 'setp.lt.s32 %p, %a, %b; selp.b32 %d, %a, %b, %p;', [-1, 1, -1], [3, 2, 2]],
  ['slct', 'slct.b32.s32 %d, %a, %b, %c;', [1, 2, 0, 1], [1, 2, -1, 2]],
  ['set', 'set.gt.u32.s32 %d, %a, %b;', [2, 1, -1], [1, 2, 0]],
  [
    'set as a half',
    'cvt.u16.u32 %x, %a; cvt.u16.u32 %y, %b; set.eq.f16.f16 %s, %x, %y; cvt.u32.u16 %d, %s;',
    [0x3c00, 0x3c00, 0x3c00],
    [0x3c00, 0xbc00, 0],
  ],
  ['set as a float', 'set.le.f32.u32 %f, %a, %b; mov.b32 %d, %f;', [1, -1, f(1)], [2, 1, 0]],
  [
    'setp of two results',
    'setp.lt.and.u32 %p|%q, %a, %b, 1; selp.u32 %t, 1, 0, %p; selp.u32 %d, 2, %t, %q;',
    [1, 2, 1],
    [2, 1, 2],
  ],
  [
    'setp of NaN',
    'mov.b32 %f, %a; mov.b32 %g, %b; setp.ltu.f32 %p, %f, %g; selp.u32 %d, 1, 0, %p;',
    [nan, f(1), 1],
    [f(2), f(1), 0],
  ],
  [
    'setp.num',
    'mov.b32 %f, %a; mov.b32 %g, %b; setp.num.f32 %p, %f, %g; selp.u32 %d, 1, 0, %p;',
    [nan, f(1), 0],
    [f(2), f(1), 1],
  ],
  [
    'fma rounds once',
    'mov.b32 %f, %a; mov.b32 %g, %b; mov.b32 %h, %c; fma.rn.f32 %f, %f, %g, %h; mov.b32 %d, %f;',
    [f(1 + 2 ** -23), f(1 - 2 ** -23), f(-1), f(-(2 ** -46))],
  ],
  [
    'add towards each side',
    'mov.b32 %f, %a; mov.b32 %g, %b; add.rp.f32 %h, %f, %g; add.rm.f32 %f, %f, %g; sub.rn.f32 %f, %h, %f; mov.b32 %d, %f;',
    [f(1), f(2 ** -40), f(2 ** -23)],
  ],
  [
    'add.rz',
    'mov.b32 %f, %a; mov.b32 %g, %b; add.rz.f32 %f, %f, %g; mov.b32 %d, %f;',
    [f(-1), f(-(2 ** -24) * 1.5), f(-1)],
  ],
  [
    'mul.ftz',
    'mov.b32 %f, %a; mov.b32 %g, %b; mul.rn.ftz.f32 %f, %f, %g; mov.b32 %d, %f;',
    [f(2 ** -100), f(2 ** -40), 0],
    [f(-(2 ** -100)), f(2 ** -40), 0x80000000],
  ],
  [
    'add.sat.f32',
    'mov.b32 %f, %a; mov.b32 %g, %b; add.rn.sat.f32 %f, %f, %g; mov.b32 %d, %f;',
    [f(1), f(1), f(1)],
    [f(-1), f(0.5), 0],
    [nan, 0, 0],
  ],
  [
    'min and max of NaN',
    'mov.b32 %f, %a; mov.b32 %g, %b; min.f32 %f, %f, %g; mov.b32 %d, %f;',
    [nan, f(3), f(3)],
    [f(2), nan, f(2)],
    [0x80000000, 0, 0x80000000],
  ],
  [
    'max.NaN',
    'mov.b32 %f, %a; mov.b32 %g, %b; max.NaN.f32 %f, %f, %g; mov.b32 %d, %f;',
    [nan, f(3), nan],
    [f(2), f(3), f(3)],
  ],
  ['copysign', 'mov.b32 %f, %a; mov.b32 %g, %b; copysign.f32 %f, %f, %g; mov.b32 %d, %f;', [f(-1), f(3), f(-3)]],
  [
    'rcp, sqrt, rsqrt',
    'mov.b32 %f, %a; rcp.approx.f32 %g, %f; sqrt.rn.f32 %h, %f; rsqrt.approx.f32 %f, %f; mul.f32 %g, %g, %h; div.rn.f32 %f, %g, %f; mov.b32 %d, %f;',
    [f(4), f(1)],
  ],
  ['ex2, lg2', 'mov.b32 %f, %a; lg2.approx.f32 %f, %f; ex2.approx.f32 %f, %f; mov.b32 %d, %f;', [f(8), f(8)]],
  [
    'sin, cos, tanh of 0',
    'mov.b32 %f, %a; sin.approx.f32 %g, %f; cos.approx.f32 %h, %f; tanh.approx.f32 %f, %f; add.f32 %f, %f, %g; add.f32 %f, %f, %h; mov.b32 %d, %f;',
    [0, f(1)],
  ],
  [
    'testp',
    'mov.b32 %f, %a; testp.subnormal.f32 %p, %f; testp.infinite.f32 %q, %f; selp.u32 %t, 1, 0, %p; selp.u32 %d, 2, %t, %q;',
    [1, 1],
    [infinity, 2],
    [f(1), 0],
  ],
  [
    'cvt.rni of halves',
    'mov.b32 %f, %a; cvt.rni.s32.f32 %d, %f;',
    [f(2.5), 2],
    [f(3.5), 4],
    [f(-2.5), -2],
    [f(3e9), 0x7fffffff],
    [nan, 0],
  ],
  [
    'cvt.rmi, rpi',
    'mov.b32 %f, %a; cvt.rmi.s32.f32 %t, %f; cvt.rpi.s32.f32 %u, %f; sub.s32 %d, %u, %t;',
    [f(2.5), 1],
    [f(2), 0],
  ],
  ['cvt.rzi.u8', 'mov.b32 %f, %a; cvt.rzi.u8.f32 %d, %f;', [f(300), 255], [f(-1), 0], [f(7.9), 7]],
  ['cvt.s8 of a word', 'cvt.s32.s8 %d, %a;', [0x1ff, -1], [0x17f, 127]],
  ['cvt.sat', 'cvt.sat.s8.s32 %d, %a;', [300, 127], [-300, -128], [5, 5]],
  [
    'cvt to a half and back',
    'mov.b32 %f, %a; cvt.rn.f16.f32 %s, %f; cvt.f32.f16 %f, %s; mov.b32 %d, %f;',
    [f(1 + 2 ** -11), f(1)],
    [f(1 + 3 * 2 ** -11), f(1 + 2 ** -9)],
    [f(70000), infinity],
    [f(2 ** -25), 0],
    [f(3 * 2 ** -25), f(2 ** -23)],
  ],
  [
    'cvt.rn.bf16x2',
    'mov.b32 %f, %a; mov.b32 %g, %b; cvt.rn.bf16x2.f32 %d, %f, %g;',
    [f(1), f(-2), 0x3f80c000],
    [f(1 + 2 ** -8), f(1 + 3 * 2 ** -8), 0x3f803f82],
  ],
  [
    'cvt.rz.f16x2',
    'mov.b32 %f, %a; mov.b32 %g, %b; cvt.rz.f16x2.f32 %d, %f, %g;',
    [f(1 + 3 * 2 ** -11), f(-1), 0x3c01bc00],
  ],
  [
    'cvt.rna.tf32',
    'mov.b32 %f, %a; cvt.rna.tf32.f32 %d, %f;',
    [f(1 + 2 ** -11), f(1 + 2 ** -10)],
    [f(1 + 2 ** -12), f(1)],
    [infinity, infinity],
  ],
  ['half arithmetic', 'fma.rn.f16x2 %d, %a, %b, %c;', [0x3c003c00, 0x40003c00, 0x3c003c00, 0x42004000]],
  ['max of halves', 'max.bf16x2 %d, %a, %b;', [0x3f80bf80, 0x40000000, 0x40000000]],
  ['mov of parts', 'mov.b32 {%x, %y}, %a; mov.b32 %d, {%y, %x};', [0x12345678, 0x56781234]],
  [
    'branches by a table',
    'and.b32 %t, %i, 3; $names: .branchtargets $zero, $one, $two, $three; brx.idx %t, $names; $zero: mov.u32 %d, 10; bra $end; $one: mov.u32 %d, 11; bra $end; $two: mov.u32 %d, 12; bra $end; $three: mov.u32 %d, 13; $end:',
    [10],
    [11],
    [12],
    [13],
    [10],
    [11],
  ],
];

describe.skipIf(noStandin !== null)(onStandin('opcodes'), () => {
  test.each(table.map(([name, body, ...rows]) => ({ name, body, rows })))('$name', ({ body, rows }) => {
    expect(made(body, rows)).toEqual(rows.map((row) => (row.at(-1) as number) >>> 0));
  });

  /** The number that words are, the lowest first. */
  const whole = (words: readonly number[]): bigint =>
    words.reduceRight((sum, word) => (sum << 32n) | BigInt(word >>> 0), 0n);

  test('carries go through chains of 96 bits', () => {
    const words = (value: bigint): number[] => [0n, 32n, 64n].map((shift) => Number((value >> shift) & 0xffffffffn));
    const values = [0n, 1n, 0xffffffffn, 0xffffffffffffffffn, 0x123456789abcdef012345678n, (1n << 96n) - 1n];
    const pairs = values.flatMap((x) => values.map((y): [bigint, bigint] => [x, y]));
    const text = `${declared} .reg .b32 %l<3>, %r<3>;
    mad.lo.s32 %t, %i, 36, 0; cvt.u64.u32 %at, %t; add.u64 %at, %at, %p0;
    ${[0, 1, 2].map((i) => `ld.global.u32 %l${i}, [%at+${4 * i}]; ld.global.u32 %r${i}, [%at+${12 + 4 * i}];`).join(' ')}`;
    const outputs = `st.global.u32 [%at+24], %l0; st.global.u32 [%at+28], %l1; st.global.u32 [%at+32], %l2; ret;`;
    const chains: readonly [string, (x: bigint, y: bigint) => bigint][] = [
      ['add.cc.u32 %l0, %l0, %r0; addc.cc.u32 %l1, %l1, %r1; addc.u32 %l2, %l2, %r2;', (x, y) => x + y],
      ['sub.cc.u32 %l0, %l0, %r0; subc.cc.u32 %l1, %l1, %r1; subc.u32 %l2, %l2, %r2;', (x, y) => x - y],
      [
        'mul.hi.u32 %t, %l0, %r0; mad.lo.cc.u32 %u, %l0, %r1, %t; madc.hi.u32 %v, %l0, %r1, 0; mul.lo.u32 %l0, %l0, %r0; mov.u32 %l1, %u; mov.u32 %l2, %v;',
        (x, y) => (x & 0xffffffffn) * (y & 0xffffffffffffffffn),
      ],
    ];
    for (const [chain, expected] of chains) {
      const given = Uint32Array.from(pairs.flatMap(([x, y]) => [...words(x), ...words(y), 0, 0, 0]));
      const found = run(`${text} ${chain} ${outputs}`, pairs.length, given);
      pairs.forEach(([x, y], i) => {
        expect(whole([...found.subarray(9 * i + 6, 9 * i + 9)])).toBe(BigInt.asUintN(96, expected(x, y)));
      });
    }
  });

  test('64-bit integers', () => {
    const found = run(
      `${declared} ld.global.u64 %wide, [%p0]; ld.global.u64 %other, [%p0+8];
     mul.hi.u64 %wide, %wide, %other; st.global.u64 [%p0], %wide;
     ld.global.s32 %a, [%p0+8]; mul.wide.s32 %other, %a, %a; popc.b64 %d, %other; st.global.u32 [%p0+8], %d;
     mov.b64 {%t, %u}, %wide; clz.b64 %d, %wide; st.global.u32 [%p0+12], %d; ret;`,
      1,
      Uint32Array.of(0xffffffff, 0xffffffff, 0xfffffffd, 3),
    );
    expect(whole([...found.subarray(0, 2)])).toBe((0xffffffffffffffffn * 0x3fffffffdn) >> 64n);
    // 3 times 3 is 9.
    expect([found[2], found[3]]).toEqual([2, 30]);
  });

  test('float64', () => {
    const words = new Uint32Array(8);
    new Float64Array(words.buffer).set([2, 3, -7]);
    const found = run(
      `${declared} .reg .f64 %l<4>; ld.global.v2.f64 {%l0, %l1}, [%p0]; ld.global.f64 %l2, [%p0+16];
     fma.rn.f64 %l3, %l0, %l1, %l2; abs.f64 %l3, %l3; sqrt.rn.f64 %l2, %l0; mul.rn.f64 %l2, %l2, %l2; div.rn.f64 %l1, %l3, %l1;
     st.global.f64 [%p0], %l3; st.global.f64 [%p0+8], %l2; st.global.f64 [%p0+16], %l1; cvt.rn.f32.f64 %f, %l1; st.global.f32 [%p0+24], %f; ret;`,
      1,
      words,
    );
    expect([...new Float64Array(found.buffer as ArrayBuffer)].slice(0, 3)).toEqual([1, Math.SQRT2 * Math.SQRT2, 1 / 3]);
    expect(found[6]).toBe(f(1 / 3));
  });

  /** What each of 32 lanes makes of its number by `body`, which makes %d. */
  const lanes = (body: string): number[] => [
    ...run(`${declared} mad.wide.u32 %at, %i, 4, %p0; ${body} st.global.u32 [%at], %d; ret;`, 32, new Uint32Array(32)),
  ];
  const each = (of: (lane: number) => number): number[] => Array.from({ length: 32 }, (_, lane) => of(lane) >>> 0);

  test.each([
    ['shfl.up', 'shfl.sync.up.b32 %d, %i, 3, 0, -1;', (lane: number) => (lane < 3 ? lane : lane - 3)],
    [
      'shfl.down in halves',
      'shfl.sync.down.b32 %d|%p, %i, 5, 0x100f, -1; @!%p mov.u32 %d, 99;',
      (lane: number) => (lane % 16 > 10 ? 99 : lane + 5),
    ],
    ['shfl.bfly', 'shfl.sync.bfly.b32 %d, %i, 6, 31, -1;', (lane: number) => lane ^ 6],
    ['shfl.idx', 'shfl.sync.idx.b32 %d, %i, 2, 0x181f, -1;', (lane: number) => (lane & 24) + 2],
    ['vote.ballot', 'setp.lt.u32 %p, %i, 5; vote.sync.ballot.b32 %d, %p, -1;', () => 31],
    [
      'vote.any, all',
      'setp.lt.u32 %p, %i, 5; vote.sync.any.pred %q, %p, -1; vote.sync.all.pred %p, %p, -1; selp.u32 %t, 1, 0, %q; selp.u32 %d, 2, %t, %p;',
      () => 1,
    ],
    [
      'match.any',
      'and.b32 %t, %i, 1; match.any.sync.b32 %d, %t, -1;',
      (lane: number) => (lane % 2 === 0 ? 0x55555555 : 0xaaaaaaaa),
    ],
    ['match.all', 'mov.u32 %t, 4; match.all.sync.b32 %d|%p, %t, -1;', () => -1],
    ['redux', 'redux.sync.add.s32 %t, %i, -1; redux.sync.max.u32 %u, %i, -1; mad.lo.u32 %d, %t, 100, %u;', () => 49631],
    [
      'activemask',
      'setp.lt.u32 %p, %i, 4; mov.u32 %d, 0; @%p activemask.b32 %d;',
      (lane: number) => (lane < 4 ? 15 : 0),
    ],
    ['bar.red', 'setp.lt.u32 %p, %i, 9; bar.red.popc.u32 %d, 0, %p;', () => 9],
    ['lane masks', 'mov.u32 %t, %lanemask_lt; mov.u32 %u, %lanemask_ge; add.u32 %d, %t, %u;', () => -1],
  ] as const)('%s', (_, body, of) => {
    expect(lanes(body)).toEqual(each(of));
  });

  test('atomics, one after the other', () => {
    const text = (operation: string): string => `${declared} add.u32 %t, %i, 1; ${operation} ret;`;
    const after = (operation: string, first = 0): number =>
      run(text(operation), 32, Uint32Array.of(first, 0, 0, 0))[0] as number;
    expect(after('red.global.add.u32 [%p0], %t;')).toBe(528);
    expect(after('atom.global.inc.u32 %d, [%p0], 9;')).toBe(2);
    expect(after('atom.global.dec.u32 %d, [%p0], 9;')).toBe(8);
    expect(after('red.global.max.s32 [%p0], %t;', -1)).toBe(32);
    expect(after('red.global.min.u32 [%p0], %t;', -1)).toBe(1);
    expect(after('red.global.and.b32 [%p0], %t;', -1)).toBe(0);
    expect(after('red.global.xor.b32 [%p0], %t;')).toBe(32);
    expect(after('cvt.rn.f32.u32 %f, %t; red.global.add.f32 [%p0], %f;')).toBe(f(528));
    expect(after('atom.global.cas.b32 %d, [%p0], %i, %t;')).toBe(32);
    expect(
      after(
        '$again: ld.global.u32 %a, [%p0]; add.u32 %b, %a, %t; atom.global.cas.b32 %c, [%p0], %a, %b; setp.ne.u32 %q, %c, %a; @%q bra $again;',
      ),
    ).toBe(528);
  });

  test('spaces of addresses, and what changes nothing', () => {
    const found = run(
      `${declared} .shared .align 4 .b8 kept[4]; cvta.global.u64 %other, %p0; isspacep.global %p, %other; isspacep.shared %q, %other; selp.u32 %a, 1, 0, %p; selp.u32 %b, 2, 0, %q;
     mov.u64 %wide, kept; cvta.shared.u64 %wide, %wide; isspacep.shared %q, %wide; selp.u32 %c, 4, 0, %q; st.u32 [%wide], %c; ld.shared.u32 %c, [kept];
     membar.gl; fence.acq_rel.gpu; nanosleep.u32 20; prefetch.global.L2 [%p0]; ldu.global.u32 %t, [%p0]; barrier.sync 0;
     add.u32 %a, %a, %b; add.u32 %a, %a, %c; add.u32 %a, %a, %t; st.u32 [%other], %a; ret;`,
      1,
      Uint32Array.of(100),
    );
    expect(found[0]).toBe(105);
    expect(() => run(`${declared} trap; ret;`, 1, new Uint32Array(1))).toThrow(/719.*traps/);
  });

  test('a function that calls itself is refused, as it is not known', () => {
    const ptx = `.version 7.0\n.target sm_80\n.address_size 64\n.func f()\n{ call f; ret; }\n.visible .entry k()\n{ call f; ret; }\n`;
    expect(() => loadModule(ptx)).toThrow(/218.*f calls itself, which is not known/);
  });
});

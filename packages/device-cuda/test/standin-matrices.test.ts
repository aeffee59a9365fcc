/**
 * Tensor cores on the stand-in: matrices laid out in registers as the PTX manual draws them, written down here once more, multiplied, and compared with plain
 * loops. `ldmatrix` must bring what those drawings ask for.
 */
import { describe, expect, test } from 'vitest';
import { bf16, type Encoding, f16, float32 } from './encodings.js';
import { noStandin, onStandin, run } from './standin-driver.js';

/** An element's row and column, for lane `lane` and element `i` of its registers, as the manual's figures of fragments say. */
type Figure = (lane: number, i: number) => readonly [row: number, column: number];

const group = (lane: number): number => lane >> 2;
const member = (lane: number): number => lane % 4;

/** Elements of half a word: A of 16 by `depth`. */
const leftHalves: Figure = (lane, i) => [
  group(lane) + (i % 4 < 2 ? 0 : 8),
  member(lane) * 2 + (i & 1) + (i < 4 ? 0 : 8),
];
const rightHalves: Figure = (lane, i) => [member(lane) * 2 + (i & 1) + (i < 2 ? 0 : 8), group(lane)];
const leftWords: Figure = (lane, i) => [group(lane) + (i % 2 === 0 ? 0 : 8), member(lane) + (i < 2 ? 0 : 4)];
const rightWords: Figure = (lane, i) => [member(lane) + (i < 1 ? 0 : 4), group(lane)];
const sums: Figure = (lane, i) => [group(lane) + (i < 2 ? 0 : 8), member(lane) * 2 + (i & 1)];

interface Shape {
  readonly name: string;
  readonly depth: number;
  readonly factor: Encoding;
  readonly sum: Encoding;
  /** Elements of a lane, and where they are. */
  readonly left: readonly [count: number, figure: Figure];
  readonly right: readonly [count: number, figure: Figure];
}

const halves = (depth: 8 | 16): Pick<Shape, 'depth' | 'left' | 'right'> => ({
  depth,
  left: [depth / 2, leftHalves],
  right: [depth / 4, rightHalves],
});
const shapes: readonly Shape[] = [
  { name: 'm16n8k16.row.col.f32.f16.f16.f32', factor: f16, sum: float32, ...halves(16) },
  { name: 'm16n8k8.row.col.f32.f16.f16.f32', factor: f16, sum: float32, ...halves(8) },
  { name: 'm16n8k16.row.col.f16.f16.f16.f16', factor: f16, sum: f16, ...halves(16) },
  { name: 'm16n8k8.row.col.f16.f16.f16.f16', factor: f16, sum: f16, ...halves(8) },
  { name: 'm16n8k16.row.col.f32.bf16.bf16.f32', factor: bf16, sum: float32, ...halves(16) },
  { name: 'm16n8k8.row.col.f32.bf16.bf16.f32', factor: bf16, sum: float32, ...halves(8) },
  {
    name: 'm16n8k8.row.col.f32.tf32.tf32.f32',
    factor: float32,
    sum: float32,
    depth: 8,
    left: [4, leftWords],
    right: [2, rightWords],
  },
  {
    name: 'm16n8k4.row.col.f32.tf32.tf32.f32',
    factor: float32,
    sum: float32,
    depth: 4,
    left: [2, leftWords],
    right: [1, rightWords],
  },
];

const numbers = (rows: number, columns: number, seed: number): number[][] =>
  Array.from({ length: rows }, (_, i) =>
    Array.from({ length: columns }, (__, j) => (((i * 37 + j * 11 + seed) % 13) - 6) / 4),
  );

/** The words of all lanes: those of lane 0 first. */
function packed(matrix: readonly (readonly number[])[], count: number, figure: Figure, encoding: Encoding): number[][] {
  const isHalf = encoding !== float32;
  return Array.from({ length: 32 }, (_, lane) => {
    const elements = Array.from({ length: count }, (__, i) => {
      const [row, column] = figure(lane, i);
      return encoding.bits(matrix[row]?.[column] as number);
    });
    if (!isHalf) return elements;
    return Array.from(
      { length: count / 2 },
      (__, i) => (elements[2 * i] as number) | ((elements[2 * i + 1] as number) << 16),
    );
  });
}

const names = (stem: string, count: number): string =>
  Array.from({ length: count }, (_, i) => `%${stem}${i}`).join(', ');
const loads = (stem: string, count: number, from: number): string =>
  Array.from({ length: count }, (_, i) => `ld.global.u32 %${stem}${i}, [%at+${4 * (from + i)}];`).join(' ');

describe.skipIf(noStandin !== null)(onStandin('fragments'), () => {
  test.each(shapes)('mma $name', ({ name, depth, factor, sum, left, right }) => {
    const [a, b, c] = [numbers(16, depth, 1), numbers(depth, 8, 5), numbers(16, 8, 9)];
    const parts = [packed(a, ...left, factor), packed(b, ...right, factor), packed(c, 4, sums, sum)] as const;
    const [na, nb, nc] = parts.map((part) => (part[0] as number[]).length) as [number, number, number];
    const perLane = na + nb + nc;
    const words = Uint32Array.from(
      Array.from({ length: 32 }, (_, lane) => parts.flatMap((part) => part[lane] as number[])).flat(),
    );
    const found = run(
      `.reg .b32 %a<4>, %b<2>, %i; .reg .${sum === float32 ? 'f32' : 'b32'} %c<4>; .reg .b64 %at, %p;
     ld.param.u64 %p, [p0]; mov.u32 %i, %tid.x; mad.wide.u32 %at, %i, ${4 * perLane}, %p;
     ${loads('a', na, 0)} ${loads('b', nb, na)} ${loads('c', nc, na + nb).replaceAll('u32', sum === float32 ? 'f32' : 'u32')}
     mma.sync.aligned.${name} {${names('c', nc)}}, {${names('a', na)}}, {${names('b', nb)}}, {${names('c', nc)}};
     ${Array.from({ length: nc }, (_, i) => `st.global.${sum === float32 ? 'f32' : 'u32'} [%at+${4 * (na + nb + i)}], %c${i};`).join(' ')} ret;`,
      32,
      words,
    );
    for (let lane = 0; lane < 32; lane++) {
      for (let i = 0; i < 4; i++) {
        const [row, column] = sums(lane, i);
        const at = lane * perLane + na + nb;
        const made =
          sum === float32 ? (found[at + i] as number) : ((found[at + (i >> 1)] as number) >>> (16 * (i & 1))) & 0xffff;
        const terms = Array.from({ length: depth }, (_, k) => (a[row]?.[k] ?? 0) * (b[k]?.[column] ?? 0));
        expect(sum.value(made)).toBe(terms.reduce((whole, term) => whole + term, c[row]?.[column] ?? 0));
      }
    }
  });

  test('mma m8n8k4 of float64', () => {
    const [a, b, c] = [numbers(8, 4, 2), numbers(4, 8, 3), numbers(8, 8, 4)];
    const given = Float64Array.from(
      Array.from({ length: 32 }, (_, lane) => [
        a[group(lane)]?.[member(lane)] ?? 0,
        b[member(lane)]?.[group(lane)] ?? 0,
        c[group(lane)]?.[member(lane) * 2] ?? 0,
        c[group(lane)]?.[member(lane) * 2 + 1] ?? 0,
      ]).flat(),
    );
    const found = run(
      `.reg .f64 %a, %b, %c<2>; .reg .b32 %i; .reg .b64 %at, %p;
     ld.param.u64 %p, [p0]; mov.u32 %i, %tid.x; mad.wide.u32 %at, %i, 32, %p;
     ld.global.f64 %a, [%at]; ld.global.f64 %b, [%at+8]; ld.global.v2.f64 {%c0, %c1}, [%at+16];
     mma.sync.aligned.m8n8k4.row.col.f64.f64.f64.f64 {%c0, %c1}, {%a}, {%b}, {%c0, %c1};
     st.global.v2.f64 [%at+16], {%c0, %c1}; ret;`,
      32,
      new Uint32Array(given.buffer),
    );
    const made = new Float64Array(found.buffer as ArrayBuffer);
    for (let row = 0; row < 8; row++) {
      for (let column = 0; column < 8; column++) {
        const sum = a[row]?.reduce((whole, x, k) => whole + x * (b[k]?.[column] ?? 0), c[row]?.[column] ?? 0);
        expect(made[4 * (4 * row + (column >> 1)) + 2 + (column & 1)]).toBe(sum);
      }
    }
  });

  /** Matrix m holds 256 m + 16 row + column; rows are 16 bytes, one after the other. */
  test.each([
    ['x1', 1, false],
    ['x2', 2, false],
    ['x4', 4, false],
    ['x1.trans', 1, true],
    ['x2.trans', 2, true],
    ['x4.trans', 4, true],
  ] as const)('ldmatrix %s', (name, count, isTurned) => {
    const halfWords = Uint16Array.from({ length: 256 }, (_, i) => 256 * (i >> 6) + 16 * ((i >> 3) & 7) + (i & 7));
    const words = new Uint32Array(128);
    words.set(new Uint32Array(halfWords.buffer));
    // Rows are named from the last to the first, so that each lane's address counts.
    const found = run(
      `.reg .b32 %d<4>, %i, %t, %s, %r; .reg .b64 %at, %p; .reg .b32 %w<4>; .shared .align 16 .b8 m[512];
     ld.param.u64 %p, [p0]; mov.u32 %i, %tid.x; mad.wide.u32 %at, %i, 16, %p; mov.u32 %s, m; mad.lo.u32 %t, %i, 16, %s;
     ld.global.v4.u32 {${names('w', 4)}}, [%at]; st.shared.v4.u32 [%t], {${names('w', 4)}}; bar.sync 0;
     xor.b32 %r, %i, 7; mad.lo.u32 %t, %r, 16, %s; mov.u32 %d1, 0; mov.u32 %d2, 0; mov.u32 %d3, 0;
     ldmatrix.sync.aligned.m8n8.${name}.shared.b16 {${names('d', count)}}, [%t];
     st.global.v4.u32 [%at], {${names('d', 4)}}; ret;`,
      32,
      words,
    );
    for (let lane = 0; lane < 32; lane++) {
      for (let matrix = 0; matrix < count; matrix++) {
        const element = (i: number): number => {
          const [row, column] = isTurned ? [2 * member(lane) + i, group(lane)] : [group(lane), 2 * member(lane) + i];
          return 256 * matrix + 16 * (7 - row) + column;
        };
        expect(found[4 * lane + matrix]).toBe(element(0) | (element(1) << 16));
      }
    }
  });

  test('tensor cores take no part of a warp', () => {
    expect(() =>
      run(
        '.reg .b32 %d, %a; .reg .b32 %i; .reg .pred %p; .shared .align 16 .b8 m[512]; mov.u32 %a, m; mov.u32 %i, %tid.x; setp.lt.u32 %p, %i, 8; @%p ldmatrix.sync.aligned.m8n8.x1.shared.b16 {%d}, [%a]; ret;',
        32,
        new Uint32Array(4),
      ),
    ).toThrow(/719/);
  });
});

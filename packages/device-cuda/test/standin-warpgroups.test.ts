/**
 * Warpgroups on the stand-in: matrices laid out in shared memory as the PTX manual has it, written down here once more by numbers of rows, multiplied, and compared
 * with plain loops; and that each rule of `wgmma` which a kernel may break is watched over.
 */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { setStandin } from '../standin/library.js';
import { bf16, type Encoding, f16, float32 } from './encodings.js';
import { cardsWithWarpgroups, everyCard, load, noStandin, onStandin, run } from './standin-driver.js';

type RowBytes = 16 | 32 | 64 | 128;
type Along = 'k' | 'side';

/** How descriptors name a swizzle, and which bits of a row's number move its chunks: none of 16 bytes. */
const swizzles: Readonly<Record<RowBytes, { readonly name: bigint; turn(row: number): number }>> = {
  16: { name: 0n, turn: () => 0 },
  32: { name: 3n, turn: (row) => row >> 2 },
  64: { name: 2n, turn: (row) => row >> 1 },
  128: { name: 1n, turn: (row) => row },
};

/** Atoms of 8 rows, one behind the other along a row and then row after row; rows lie along k or along the side. */
function layoutOf(along: Along, rowBytes: RowBytes, rowLength: number, elementBytes: number) {
  const atomBytes = 8 * rowBytes;
  const nextRows = Math.ceil((rowLength * elementBytes) / rowBytes) * atomBytes;
  const at = (position: number, term: number): number => {
    const [x, y] = along === 'k' ? [term, position] : [position, term];
    const byte = (x * elementBytes) % rowBytes;
    const chunk = (byte >> 4) ^ swizzles[rowBytes].turn(y % 8);
    const atom = Math.floor((x * elementBytes) / rowBytes) * atomBytes + (y >> 3) * nextRows;
    return atom + (y % 8) * rowBytes + 16 * chunk + (byte % 16);
  };
  // Without a swizzle the two offsets change places where rows lie along the side.
  const isTurned = rowBytes === 16 && along === 'side';
  const [leading, stride] = isTurned ? [nextRows, atomBytes] : [atomBytes, nextRows];
  const form = (swizzles[rowBytes].name << 62n) | (BigInt(stride / 16) << 32n) | (BigInt(leading / 16) << 16n);
  return { at, form };
}

interface Kind {
  readonly encoding: Encoding;
  readonly elementBytes: 2 | 4;
  readonly name: string;
}
const kinds = {
  bf16: { encoding: bf16, elementBytes: 2, name: 'k16.f32.bf16.bf16' },
  f16: { encoding: f16, elementBytes: 2, name: 'k16.f32.f16.f16' },
  tf32: { encoding: float32, elementBytes: 4, name: 'k8.f32.tf32.tf32' },
} as const satisfies Record<string, Kind>;

const columns = 72;
const registers = columns / 2;
const matrixBytes = 32768 / 2;
const imageBytes = 2 * matrixBytes;
const headBytes = 16;

/** Text that copies the image to shared memory. */
const copied = `
  .reg .b64 %p, %g, %da, %db; .reg .b32 %i, %t, %s, %w, %n; .reg .f32 %x, %d<${registers}>; .reg .pred %q, %one; .shared .align 1024 .b8 m[${imageBytes}];
  ld.param.u64 %p, [p0]; mov.u32 %i, %tid.x; mov.u32 %s, m; ld.global.u64 %da, [%p]; ld.global.u64 %db, [%p+8];
  mad.wide.u32 %g, %i, 4, %p; mad.lo.u32 %t, %i, 4, %s; mov.u32 %n, 0; setp.ne.b32 %one, 1, 0;
$copy: ld.global.u32 %w, [%g+${headBytes}]; st.shared.u32 [%t], %w; add.u64 %g, %g, 512; add.u32 %t, %t, 512;
  add.u32 %n, %n, 512; setp.lt.u32 %q, %n, ${imageBytes}; @%q bra $copy; mad.lo.u32 %t, %i, 4, %s;`;
const list = (count: number): string => `{${Array.from({ length: count }, (_, i) => `%d${i}`).join(', ')}}`;
const cleared = Array.from({ length: registers }, (_, i) => `mov.f32 %d${i}, 0f3F800000;`).join(' ');
const stored = `mad.lo.u32 %w, %i, ${4 * registers}, ${headBytes + imageBytes}; cvt.u64.u32 %g, %w; add.u64 %g, %g, %p;
  ${Array.from({ length: registers }, (_, i) => `st.global.f32 [%g+${4 * i}], %d${i};`).join(' ')} ret;`;

const visible = 'fence.proxy.async; bar.sync 0;';
const fence = 'wgmma.fence.sync.aligned;';
const commit = 'wgmma.commit_group.sync.aligned;';
const wait = 'wgmma.wait_group.sync.aligned 0;';
const product = (name: string, tail = '%one, 1, 1, 0, 0', left = '%da'): string =>
  `wgmma.mma_async.sync.aligned.m64n${columns}${name} ${list(registers)}, ${left}, %db, ${tail};`;

const numbers = (rows: number, length: number, seed: number): number[][] =>
  Array.from({ length: rows }, (_, i) =>
    Array.from({ length }, (__, j) => (((i * 37 + j * 11 + i * j + seed) % 13) - 6) / 4),
  );

interface Given {
  readonly kind: Kind;
  readonly along: readonly [Along, Along];
  readonly rowBytes: RowBytes;
}

/** The words of descriptors, the image of both matrices and room for results. The second half of the terms is multiplied. */
function given({ kind: { encoding, elementBytes }, along, rowBytes }: Given) {
  const depth = 32 / elementBytes;
  const first = depth;
  const sides = [numbers(64, 2 * depth, 1), numbers(columns, 2 * depth, 5)] as const;
  const words = new Uint32Array((headBytes + imageBytes) / 4 + 128 * registers);
  const bytes = new DataView(words.buffer);
  sides.forEach((side, i) => {
    const start = i * matrixBytes;
    const { at, form } = layoutOf(
      along[i] as Along,
      rowBytes,
      along[i] === 'k' ? 2 * depth : side.length,
      elementBytes,
    );
    bytes.setBigUint64(8 * i, form | BigInt((start + at(0, first)) / 16), true);
    side.forEach((row, position) => {
      row.forEach((value, term) => {
        const place = headBytes + start + at(position, term);
        if (elementBytes === 4) bytes.setUint32(place, encoding.bits(value), true);
        else bytes.setUint16(place, encoding.bits(value), true);
      });
    });
  });
  const expected = (row: number, column: number): number =>
    Array.from(
      { length: depth },
      (_, k) => (sides[0][row]?.[first + k] ?? 0) * (sides[1][column]?.[first + k] ?? 0),
    ).reduce((sum, term) => sum + term);
  return { words, expected };
}

const plain: Given = { kind: kinds.bf16, along: ['k', 'k'], rowBytes: 128 };
const runs = (text: string, threads = 128, words = given(plain).words): Uint32Array =>
  run(`${copied} ${text}`, threads, words, cardsWithWarpgroups);

/** Checks what lanes hold: of each 8 columns 2 (lane mod 4) and the next, in rows lane / 4 and 8 further of a warp's 16. */
function expectSums(found: Uint32Array, of: (row: number, column: number) => number): void {
  const sums = new Float32Array(found.buffer, headBytes + imageBytes);
  const [right, wrong]: number[][] = [[], []];
  for (let thread = 0; thread < 128; thread++) {
    for (let i = 0; i < registers; i++) {
      const row = 16 * (thread >> 5) + ((thread >> 2) % 8) + 8 * ((i >> 1) % 2);
      const column = 8 * (i >> 2) + 2 * (thread % 4) + (i % 2);
      right?.push(of(row, column));
      wrong?.push(sums[thread * registers + i] as number);
    }
  }
  expect(wrong).toEqual(right);
}

describe.skipIf(noStandin !== null)(onStandin('warpgroups'), () => {
  beforeAll(() => setStandin({ card: { multiprocessors: 4, capability: 90 } }));
  afterAll(() => setStandin({}));

  const both = (['k', 'side'] as const).flatMap((left) =>
    (['k', 'side'] as const).map((right) => [left, right] as const),
  );
  test.each(
    ([16, 32, 64, 128] as const).flatMap((rowBytes) => [
      ...both.map((along) => ['bf16', rowBytes, ...along] as const),
      ['f16', rowBytes, 'side', 'k'] as const,
      ['tf32', rowBytes, 'k', 'k'] as const,
    ]),
  )('multiply %s, rows of %i bytes along %s and %s', (name, rowBytes, left, right) => {
    const kind = kinds[name];
    const { words, expected } = given({ kind, along: [left, right], rowBytes });
    const turned = name === 'tf32' ? '' : `, ${Number(left === 'side')}, ${Number(right === 'side')}`;
    const text = `${visible} ${cleared} ${fence} ${product(kind.name, `%one, 1, 1${turned}`)} ${commit} ${wait} ${stored}`;
    expectSums(runs(text, 128, words), (row, column) => 1 + expected(row, column));
  });

  test('add to what there is or not, and take away', () => {
    const { expected } = given(plain);
    const once = (tail: string): string => product(kinds.bf16.name, tail);
    const none = 'setp.eq.b32 %q, 1, 0;';
    const text = `${visible} ${none} ${cleared} ${fence} ${once('%q, -1, 1, 0, 0')} ${commit} ${wait} ${stored}`;
    expectSums(runs(text), (row, column) => 0 - expected(row, column));
    const twice = `${once('%q, 1, 1, 0, 0')} ${commit} ${once('%one, -1, -1, 0, 0')} ${commit}`;
    expectSums(
      runs(`${visible} ${none} ${cleared} ${fence} ${twice} ${wait} ${stored}`),
      (row, column) => 2 * expected(row, column),
    );
  });

  const multiplied = product(kinds.bf16.name);
  const overwrite = 'st.shared.u32 [%t], %w;';
  const inFirstWarp = 'setp.lt.u32 %q, %i, 32; @%q';
  test.each([
    ['what was written is not fenced', `bar.sync 0; ${fence} ${multiplied}`, /may not see .* no fence.proxy.async/],
    [
      'the fence comes after the barrier',
      `bar.sync 0; fence.proxy.async; ${fence} ${multiplied}`,
      /may not see .* no fence/,
    ],
    [
      'a part of a warp fences',
      `setp.ne.u32 %q, %i, 9; @%q fence.proxy.async; bar.sync 0; ${fence} ${multiplied}`,
      /may not see/,
    ],
    ['there is no barrier', `fence.proxy.async; ${fence} ${multiplied}`, /race in shared memory.*no barrier/],
    [
      'what was copied has not come',
      `${visible} cp.async.ca.shared.global [%t], [%p], 4; bar.sync 0; ${fence} ${multiplied}`,
      /has not waited for/,
    ],
    ['registers were never fenced', `${visible} ${multiplied}`, /before any wgmma.fence/],
    [
      'a register was written behind the fence',
      `${visible} ${fence} mov.f32 %d5, %x; ${multiplied}`,
      /after the last wgmma.fence/,
    ],
    [
      'a sum is read too early',
      `${visible} ${fence} ${multiplied} ${commit} add.f32 %x, %d7, %d7;`,
      /touches a register of a wgmma/,
    ],
    [
      'a sum is written too early',
      `${visible} ${fence} ${multiplied} ${commit} mov.f32 %d7, %x; ${wait}`,
      /touches a register of a wgmma/,
    ],
    [
      'only an earlier one was waited for',
      `${visible} ${fence} ${multiplied} ${commit} ${multiplied} ${commit} wgmma.wait_group.sync.aligned 1; mov.f32 %x, %d0;`,
      /touches a register of a wgmma/,
    ],
    [
      'what is read is overwritten',
      `${visible} ${fence} ${multiplied} ${commit} ${inFirstWarp} ${overwrite} ${wait}`,
      /writes to byte .* which a wgmma that was not waited for reads/,
    ],
    [
      'what is read is copied over',
      `${visible} ${fence} ${multiplied} ${commit} ${inFirstWarp} cp.async.ca.shared.global [%t], [%p], 4; ${wait}`,
      /writes to byte .* which a wgmma/,
    ],
    [
      'another warp overwrites what was read',
      `${visible} ${fence} ${multiplied} ${commit} ${wait} setp.gt.u32 %q, %i, 63; @%q ${overwrite} @!%q st.shared.u32 [%t+256], %w;`,
      /race in shared memory/,
    ],
    ['nobody waits', `${visible} ${fence} ${multiplied} ${commit}`, /is not waited for before the thread ends/],
    ['it is not committed', `${visible} ${fence} ${multiplied} ${wait}`, /is not waited for before the thread ends/],
    [
      'a lane has another descriptor',
      `${visible} setp.eq.u32 %q, %i, 40; @%q add.u64 %da, %da, 2; ${fence} ${multiplied}`,
      /another matrix descriptor than the lanes/,
    ],
    [
      'a warp has another descriptor',
      `${visible} setp.gt.u32 %q, %i, 63; @%q add.u64 %da, %da, 2; ${fence} ${multiplied}`,
      /something else than the warps beside it/,
    ],
    ['a lane has another scale', `${visible} setp.eq.u32 %one, %i, 40; ${fence} ${multiplied}`, /another scale-d/],
    [
      'a warp does not come',
      `${visible} ${fence} setp.gt.u32 %q, %i, 95; @%q bra $end; ${multiplied} ${commit} ${wait} $end:`,
      /this warp has not come to it/,
    ],
    ['a lane does not come', `${visible} ${fence} setp.eq.u32 %q, %i, 95; @%q ret; ${multiplied}`, /719/],
    [
      'sums have another shape',
      `${visible} ${fence} ${multiplied} wgmma.mma_async.sync.aligned.m64n8${kinds.bf16.name} ${list(4)}, %da, %db, %one, 1, 1, 0, 0;`,
      /another shape/,
    ],
    ['it starts inside an atom', `${visible} add.u64 %da, %da, 8; ${fence} ${multiplied}`, /an address inside an atom/],
    [
      'a base offset is given',
      `${visible} or.b64 %da, %da, 0x2000000000000; ${fence} ${multiplied}`,
      /form that is not known/,
    ],
    ['it lies outside', `${visible} or.b64 %da, %da, 0x3c00; ${fence} ${multiplied}`, /700 .* reaches byte/],
  ])('%s: told', (_, text, message) => {
    expect(() => runs(`${text} ret;`)).toThrow(message);
  });

  test('are of 128 threads', () => {
    expect(() => runs(`${visible} ${fence} ${multiplied} ret;`, 96)).toThrow(/whole warpgroups of 128 threads/);
  });

  test('what is not known is refused, not skipped', () => {
    const refused = (text: string): (() => unknown) => {
      return () => load(`${copied} ${text} ret;`, undefined, cardsWithWarpgroups);
    };
    expect(refused(product(kinds.bf16.name, '%one, 2, 1, 0, 0'))).toThrow(/a scale is 1 or -1/);
    expect(refused(product(kinds.bf16.name, '%one, 1, 1, 0, 2'))).toThrow(/0 or 1/);
    expect(refused(product(kinds.tf32.name))).toThrow(/expected 6 operands/);
    expect(refused(product('k8.f32.bf16.bf16'))).toThrow(/not known for these types/);
    expect(refused(product(kinds.bf16.name, undefined, '{%i, %t, %s, %w}'))).toThrow(/in registers is not known/);
    expect(refused(multiplied.replace('%d3, ', ''))).toThrow(/D has 36 registers/);
    expect(refused(multiplied.replace(`n${columns}`, 'n20'))).toThrow(/this shape is not known/);
    expect(refused('fence.proxy.tensormap;')).toThrow(/expected .async/);
  });

  test('are for one kind of card, and for drivers of CUDA 12', async () => {
    expect(() => load(`${copied} ${fence} ret;`, undefined, everyCard)).toThrow(
      /218.*needs .version 8.0 and .target sm_90a/,
    );
    const made = (): unknown => load('ret;', undefined, cardsWithWarpgroups);
    await setStandin({ card: { multiprocessors: 4, capability: 100 } });
    expect(made).toThrow(/^209/);
    await setStandin({ card: { multiprocessors: 4, capability: 90 }, version: 11080 });
    expect(made).toThrow(/^222/);
    await setStandin({ card: { multiprocessors: 4, capability: 90 } });
    expect(made).not.toThrow();
  });
});

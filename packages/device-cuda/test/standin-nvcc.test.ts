/**
 * NVIDIA's compiler beside the stand-in: the programs of `cuda/broad.cu`, compiled by nvcc where it is installed, run on the stand-in and give what is worked out
 * here. So what the stand-in knows is not only what this package's own generator writes.
 */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { driver, handle, loadModule, noStandin, standin, stream } from './standin-driver.js';

const noCompiler: string | null =
  spawnSync('nvcc', ['--version']).status === 0 ? null : 'nvcc, of the CUDA toolkit, is not in PATH';

let module = 0n;

function compile(): string {
  const folder = mkdtempSync(join(tmpdir(), 'torchlet-nvcc-'));
  try {
    const output = join(folder, 'broad.ptx');
    const source = fileURLToPath(new URL('cuda/broad.cu', import.meta.url));
    const { status, stderr } = spawnSync('nvcc', ['-O3', '-ptx', '-arch=compute_80', source, '-o', output], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(stderr);
    return readFileSync(output, 'utf8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

interface Shape {
  readonly blocks: number;
  readonly threads: number;
  readonly sharedBytes?: number;
}

/** Runs a program on numbers. */
function run(name: string, x: Float32Array<ArrayBuffer>, { blocks, threads, sharedBytes = 0 }: Shape): Float32Array {
  const [from, to] = [handle('cuMemAlloc_v2', x.byteLength), handle('cuMemAlloc_v2', x.byteLength)];
  try {
    driver('cuMemcpyHtoD_v2', from, x, x.byteLength);
    driver('cuMemsetD32Async', to, 0, x.length, stream);
    const values = BigUint64Array.of(from, to, BigInt(x.length));
    const pointers = BigUint64Array.from(values, (_, i) => standin.addressOf(values) + 8n * BigInt(i));
    const entry = handle('cuModuleGetFunction', module, name);
    driver('cuLaunchKernel', entry, blocks, 1, 1, threads, 1, 1, sharedBytes, stream, pointers, 0);
    driver('cuStreamSynchronize', stream);
    const made = new Float32Array(x.length);
    driver('cuMemcpyDtoH_v2', made, to, made.byteLength);
    return made;
  } finally {
    standin.call('standin_recover');
    driver('cuMemFree_v2', from);
    driver('cuMemFree_v2', to);
  }
}

const count = 1000;
/** From -4 to 4, none of them round. */
const numbers = Float32Array.from({ length: count }, (_, i) => ((i * 0.6180339887) % 1) * 8 - 4);

function erf(x: number): number {
  let [term, sum] = [x, x];
  for (let n = 1; n < 150; n++) {
    term *= (-x * x) / n;
    sum += term / (2 * n + 1);
  }
  return (2 * sum) / Math.sqrt(Math.PI);
}

/** The logarithm of the gamma function, by Stirling's series far out and the recurrence back. */
function logGamma(x: number): number {
  let [at, factor] = [x, 1];
  while (at < 12) factor *= at++;
  const series = 1 / (12 * at) - 1 / (360 * at ** 3) + 1 / (1260 * at ** 5) - 1 / (1680 * at ** 7);
  return (at - 0.5) * Math.log(at) - at + 0.5 * Math.log(2 * Math.PI) + series - Math.log(factor);
}

const word = new DataView(new ArrayBuffer(4));
const bitsOf = (x: number): number => {
  word.setFloat32(0, x);
  return word.getInt32(0);
};
const truncated = (x: bigint, by: bigint): number => Number(x % by);
const wrapped = (x: bigint): number => Number(BigInt.asIntN(32, x));

/** What `integers` makes of number i. */
function integers(x: number, i: number): number {
  const { fround, clz32 } = Math;
  const a = Math.trunc(fround(fround(x) * 1000));
  const b = (i % 17) - 8;
  const u = Math.imul(a, 2654435761 | 0) >>> 0;
  const wide = BigInt.asIntN(64, BigInt(a) * BigInt(u));
  const w = BigInt.asUintN(64, wide);
  const binary = u.toString(2).padStart(32, '0');
  const ones = [...binary].filter((digit) => digit === '1').length;
  const lowest = u === 0 ? 0 : 32 - binary.lastIndexOf('1');
  const reversed = Number.parseInt([...binary].reverse().join(''), 2);
  const bytes = [0, 8, 16, 24]
    .map((shift) => (u >>> shift) & 255)
    .concat([0, 8, 16, 24].map((shift) => (a >>> shift) & 255));
  const permuted = [5, 7, 1, 3].reduce((whole, at, place) => whole + (bytes[at] as number) * 2 ** (8 * place), 0);
  const funnel = ((a << 5) | (u >>> 27)) >>> 0;
  const signedByte = (value: number, at: number): number => ((value >> (8 * at)) << 24) >> 24;
  const dot = [0, 1, 2, 3].reduce((sum, at) => sum + signedByte(a, at) * signedByte(b, at), 7);
  // The sums of unsigned parts are unsigned, and the whole is taken back to 32 bits.
  let made = BigInt(ones + clz32(u >>> 3) + lowest) + BigInt(reversed % 1000) + BigInt(permuted % 1000);
  const high = wrapped((BigInt(a) * BigInt(u | 0)) >> 32n);
  made += BigInt(funnel % 1000) + BigInt(high % 1000) + BigInt(dot) + BigInt(Math.abs(a - b) + 3);
  const square = (w * w) >> 64n;
  made += BigInt(truncated(wide / BigInt(b === 0 ? 5 : b), 1000n)) + (w % 997n) + (square % 991n);
  return Math.fround(wrapped(made));
}

function chosen(x: number, i: number): number {
  const even = (value: number): number => {
    const below = Math.floor(value);
    const half = value - below;
    return half > 0.5 || (half === 0.5 && below % 2 !== 0) ? below + 1 : below;
  };
  const f = Math.fround;
  const made = [
    (): number => x,
    (): number => x * x - 1,
    (): number => Math.floor(f(x * 10)),
    (): number => even(f(x * 4)) + Math.trunc(f(x * 3)),
    (): number => Math.max(x, 0) + Math.ceil(x),
    (): number => (x < 0 ? -2 : 2) + Math.max(x - 0.25, 0),
    (): number => bitsOf(x) >> 23,
  ][i % 7]?.() as number;
  let value = made;
  for (let turn = 0; turn < i % 5; turn++) value = value * 0.5 + turn;
  return value;
}

const bfloat16 = (x: number): number => {
  const bits = bitsOf(x) >>> 0;
  word.setUint32(0, ((bits + 0x7fff + ((bits >>> 16) & 1)) >>> 16) << 16);
  return word.getFloat32(0);
};

/** Elements alone: name, what it should make, and the error allowed beside the larger of the result and 1. */
const alone: readonly (readonly [string, (x: number, i: number) => number, number])[] = [
  [
    'transcendental',
    (x) =>
      Math.exp(x) +
      Math.log(x + 9) * Math.sin(x) -
      Math.cos(x) +
      Math.tanh(x) +
      erf(x) +
      Math.abs(x) ** 1.3 +
      Math.atan2(x, 2) +
      Math.cbrt(x),
    1e-6,
  ],
  [
    'special',
    (x) => {
      const v = Math.fround(Math.abs(x)) + 0.5;
      const remainder = v % Math.fround(0.7);
      return (
        logGamma(v) +
        1 -
        erf(v) +
        1 / Math.sqrt(v) +
        Math.hypot(v, 3) +
        remainder +
        Math.expm1(-v) +
        Math.log1p(v) +
        Math.asinh(v)
      );
    },
    2e-6,
  ],
  ['large_angles', (x) => Math.sin(Math.fround(x * 1e6)) + Math.cos(Math.fround(x * 1e8)), 1e-6],
  [
    'doubles',
    (x) =>
      Math.exp(x) / (1 + Math.exp(x)) +
      Math.sqrt(Math.abs(x)) +
      Math.sin(x * 100) +
      (Math.abs(x) + 0.1) ** 2.5 +
      Math.exp(logGamma(Math.abs(x) + 1)),
    1e-7,
  ],
  ['integers', integers, 0],
  ['chosen', chosen, 1e-6],
  [
    'sorted',
    (_, i) =>
      Array.from({ length: 8 }, (__, at) => numbers[(i + at * 5) % count] as number).sort((p, q) => p - q)[
        i % 8
      ] as number,
    0,
  ],
  [
    'calls',
    (x, i) => {
      let [at, sum] = [x, 0];
      for (let m = i % 6; m > 0; m--) {
        sum += at;
        at *= 0.5;
      }
      return at + 1 + sum;
    },
    1e-6,
  ],
  ['halves', (x) => x * x + 1 + 1.25 + bfloat16(x) + Math.exp(x), 5e-3],
];

const reason = noStandin ?? noCompiler;

describe.skipIf(reason !== null)(
  `programs that nvcc compiled, on the driver stand-in${reason === null ? '' : ` (skipped: ${reason})`}`,
  () => {
    beforeAll(() => {
      module = loadModule(compile());
    }, 120_000);
    afterAll(() => {
      standin.call('cuModuleUnload', module);
    });

    it.each(alone)('%s', (name, expected, most) => {
      const made = run(name, numbers, { blocks: 8, threads: 128 });
      const wrong = [...made].flatMap((value, i) => {
        const right = expected(numbers[i] as number, i);
        const error = Math.abs(value - right) / Math.max(1, Math.abs(right));
        return error <= most ? [] : [`${i} of ${numbers[i]}: ${value} instead of ${right}`];
      });
      expect(wrong.slice(0, 5)).toEqual([]);
    });

    it('sums of blocks', () => {
      const made = run('block_sums', numbers, { blocks: 8, threads: 128 });
      for (let i = 0; i < count; i++) {
        const first = i - (i % 128);
        const sum = numbers.subarray(first, first + 128).reduce((whole, x) => whole + x, 0);
        expect(made[i]).toBeCloseTo(sum, 4);
      }
    });

    it('votes', () => {
      const made = run('votes', numbers, { blocks: 8, threads: 128 });
      for (let i = 0; i < count; i++) {
        const first = i - (i % 32);
        const signs = Array.from({ length: 32 }, (_, lane) => (numbers[first + lane] ?? 0) > 0);
        const before = signs.slice(0, i % 32).filter(Boolean).length;
        const same = signs.filter((sign) => sign === signs[i % 32]).length;
        expect(made[i]).toBe(before * 10000 + same * 100 + signs.lastIndexOf(true) + 1);
      }
    });

    it('a histogram', () => {
      const made = run('histogram', numbers, { blocks: 8, threads: 128 });
      const expected = new Float32Array(16);
      for (const x of numbers) {
        const at = Math.trunc(Math.fround(Math.abs(x) * 100)) % 16;
        expected[at] = (expected[at] as number) + 1;
      }
      expect([...made.subarray(0, 16)]).toEqual([...expected]);
    });

    it('copies past the registers', () => {
      const x = numbers.slice(0, 512);
      const made = run('reversed', x, { blocks: 2, threads: 64, sharedBytes: 1024 });
      expect([...made.subarray(0, 256)]).toEqual([...x.subarray(0, 256)].reverse());
      expect([...made.subarray(256)]).toEqual([...x.subarray(256)].reverse());
    });

    it('a product by tiles', () => {
      const side = 32;
      const x = Float32Array.from({ length: side * side }, (_, i) => numbers[i % count] as number);
      const made = run('squared', x, { blocks: 4, threads: 256 });
      for (let i = 0; i < side * side; i++) {
        let sum = 0;
        for (let k = 0; k < side; k++) sum += (x[i - (i % side) + k] as number) * (x[k * side + (i % side)] as number);
        expect(made[i]).toBeCloseTo(sum, 3);
      }
    });
  },
);

/**
 * One matrix product run on the stand-in, of values that every dtype holds exactly: how far what it gives is from float64, and what its accesses cost. Owns values,
 * their bits and the comparison; which products and what is expected of them is the tests'.
 */
import type { DType, Expression } from '@torchlet/device';
import { at, axis, buffer, constant, fn, load, matmul, program, result, store } from '@torchlet/device/by-hand';
import type { Target } from '../src/generated.js';
import { runProgram, type Work } from './standin-program.js';

export interface Case {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  /** Products of matrices one behind the other. Default 1. */
  readonly batch?: number;
  readonly dtype?: DType;
  readonly isHigh?: boolean;
  /** Whether the operands lie along their own sides rather than along k (the left) or n (the right). */
  readonly a?: 'turned';
  readonly b?: 'turned';
  /** Whether operands are computed rather than read as they are. */
  readonly isComputed?: boolean;
  /** Whether what is done with results is long, so that they go through shared memory; it takes 5 off them. */
  readonly isLong?: boolean;
  readonly multiprocessors?: number;
  /** Whether warpgroups compute it, on a card that has them. */
  readonly byWarpgroups?: boolean;
  /** What is made of its text before it runs. */
  readonly edited?: (ptx: string) => string;
}

/** Values that every dtype holds exactly, so that sums of few of them are exact too. */
function valuesOf(count: number, seed: number): number[] {
  return Array.from({ length: count }, (_, i) => (((i * 7919 + seed * 104_729) % 31) - 15) / 8);
}

/** The bytes of values as a dtype stores them. */
function stored(values: readonly number[], dtype: DType): Float32Array<ArrayBuffer> {
  if (dtype === 'float32') return Float32Array.from(values);
  if (dtype === 'float64') return new Float32Array(Float64Array.from(values).buffer);
  const words = new Uint16Array(values.length + (values.length % 2));
  const bits = new Uint32Array(1);
  values.forEach((value, i) => {
    new Float32Array(bits.buffer)[0] = value;
    const word = bits[0] ?? 0;
    // The values have few digits: bfloat16 is the upper half, float16 has another exponent.
    if (dtype === 'bfloat16') words[i] = word >>> 16;
    else
      words[i] =
        value === 0 ? 0 : ((word >>> 16) & 0x8000) | ((((word >>> 23) & 0xff) - 112) << 10) | ((word >>> 13) & 0x3ff);
  });
  return new Float32Array(words.buffer);
}

function read(found: Float32Array, dtype: DType): number[] {
  if (dtype === 'float32') return [...found];
  if (dtype === 'float64') return [...new Float64Array(found.buffer as ArrayBuffer)];
  return [...new Uint16Array(found.buffer)].map((word) => {
    if (dtype === 'bfloat16') return new Float32Array(Uint32Array.of(word << 16).buffer)[0] as number;
    const exponent = (word >> 10) & 31;
    const fraction = (word & 0x3ff) / 1024;
    const size = exponent === 0 ? fraction * 2 ** -14 : (1 + fraction) * 2 ** (exponent - 15);
    return word >> 15 === 1 ? -size : size;
  });
}

function longEpilogue(dtype: DType): Expression {
  let value = fn('cast', [result(0, dtype)], 'float32');
  for (let i = 0; i < 80; i++) value = fn('sub', [value, constant(1 / 16)]);
  return fn('cast', [value], dtype);
}

/** Runs a product; gives the worst difference from float64 beside the size of its terms, and what the accesses cost. */
export function run({
  m,
  n,
  k,
  dtype = 'float32',
  isHigh,
  a,
  b,
  isComputed,
  isLong,
  multiprocessors = 4,
  byWarpgroups = false,
  batch = 1,
  edited,
}: Case): {
  readonly error: number;
  readonly comment: string;
  readonly work: Work;
} {
  const first = batch === 1 ? 0 : 1;
  const [i, j, l] = [axis(first), axis(first + 1), axis(first + 2)] as const;
  const of = (size: number, within: Expression): Expression => (batch === 1 ? within : at(axis(0), size, within));
  const left = load(0, of(m * k, a === 'turned' ? at(l, m, i) : at(i, k, l)), dtype);
  const right = load(1, of(k * n, b === 'turned' ? at(j, k, l) : at(l, n, j)), dtype);
  const kernel = matmul('product', [m, n, k], {
    dtype,
    batch: batch === 1 ? [] : [batch],
    a: isComputed === true ? fn('neg', [left]) : left,
    b: isComputed === true ? fn('neg', [right]) : right,
    ...(isHigh === true ? { precision: 'high' } : {}),
    stores: [store(2, of(m * n, at(i, n, j)), isLong === true ? longEpilogue(dtype) : result(0, dtype))],
  });
  const sizes = [m * k, k * n, m * n].map((size) => batch * size) as [number, number, number];
  const slots = sizes.map((size, slot) => buffer(slot, size, slot < 2 ? 'read' : 'write', dtype));
  const [x, y] = [valuesOf(sizes[0], 1), valuesOf(sizes[1], 2)];
  const empty = stored(
    Array.from({ length: sizes[2] }, () => 0),
    dtype,
  );
  const target: Target = {
    computeCapability: byWarpgroups ? 90 : 80,
    multiprocessors,
    sharedBytesPerBlock: byWarpgroups ? 232448 : 166912,
    matmulPrecision: 'highest',
    wgmma: byWarpgroups ? 'always' : 'off',
  };
  const ran = runProgram(
    program('product', slots, [kernel]),
    target,
    [stored(x, dtype), stored(y, dtype), empty],
    [],
    edited,
  );
  const found = read(ran.slots[2] as Float32Array, dtype);
  let error = 0;
  for (let row = 0; row < batch * m; row++) {
    const [matrix, i] = [Math.floor(row / m), row % m];
    for (let j = 0; j < n; j++) {
      let sum = 0;
      for (let l = 0; l < k; l++) {
        const p = x[matrix * m * k + (a === 'turned' ? l * m + i : i * k + l)] ?? 0;
        const q = y[matrix * k * n + (b === 'turned' ? j * k + l : l * n + j)] ?? 0;
        sum += p * q;
      }
      const right = isLong === true ? sum - 5 : sum;
      const difference = Math.abs((found[row * n + j] as number) - right) / Math.max(1, Math.abs(sum), Math.abs(right));
      if (!(difference <= error)) error = difference;
    }
  }
  const work = Object.entries(ran.work).find(([name]) => !name.endsWith('joined'))?.[1] as Work;
  return { error, comment: ran.generated.ptx.match(/^\/\/ .*$/gm)?.[0] ?? '', work };
}

/** Results of halves are rounded once: half a unit of their last digit. */
export const rounding: Readonly<Partial<Record<DType, number>>> = { bfloat16: 2 ** -8, float16: 2 ** -11 };

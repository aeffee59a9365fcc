/**
 * One product in the ways that a library may be given it, run on a device with numbers whose products and sums every dtype has exactly. Owns the programs and what
 * they must give; how the library is treated is the tests'.
 */
import {
  type Compiled,
  type Device,
  type DType,
  dtypes,
  type Expression,
  type HostArray,
  type MatmulKernel,
  numberToBfloat16,
  numberToFloat16,
  type Program,
  type Span,
} from '@torchlet/device';
import { at, axis, buffer, fn, load, matmul, program, result, store } from '@torchlet/device/by-hand';
import { expect } from 'vitest';

export interface ProductCase {
  readonly shape?: readonly [m: number, n: number, k: number];
  readonly dtype?: DType;
  readonly parts?: Partial<MatmulKernel>;
  /** Elements of the slots: factors, result, what is added. */
  readonly sizes?: readonly number[];
  /** What each element of the result's slot must be, from what the slots held. */
  readonly expected?: (of: Element, i: number) => number;
}

export type Element = (slot: number, i: number) => number;

export const [m, n, k] = [24, 20, 300] as const;
export const natural = at(axis(0), n, axis(1));

/** Whole numbers: their sums are exact in whatever order they are added. */
export const given: Element = (slot, i) => ((i * 7 + slot * 5 + Math.floor(i / 3)) % 5) - 2;

export function programOf({ shape = [m, n, k], dtype = 'float32', parts = {}, sizes }: ProductCase): Program {
  const [, columns, terms] = shape;
  const kernel = matmul('product', shape, {
    dtype,
    a: load(0, at(axis(0), terms, axis(2)), dtype),
    b: load(1, at(axis(2), columns, axis(1)), dtype),
    stores: [store(2, at(axis(0), columns, axis(1)), result(0, dtype))],
    claim: 'cuBLASLt',
    ...parts,
  });
  const slots = sizesOf({ shape, ...(sizes && { sizes }) }).map((size, i) => buffer(i, size, 'readwrite', dtype));
  return program('work', slots, [kernel]);
}

export function sizesOf({ shape = [m, n, k], sizes }: ProductCase): readonly number[] {
  const [rows, columns, terms] = shape;
  return sizes ?? [rows * terms, terms * columns, rows * columns, rows * columns];
}

/** A batch of six products with the same left factor. */
export const oneLeftFactor: ProductCase = {
  shape: [4, n, k],
  parts: {
    batch: [6],
    a: load(0, at(axis(1), k, axis(3))),
    b: load(1, at(at(axis(0), k, axis(3)), n, axis(2))),
    stores: [store(2, at(at(axis(0), 4, axis(1)), n, axis(2)), result(0))],
  },
  sizes: [4 * k, 6 * k * n, m * n, 1],
  expected: (of, i) => {
    const [batch, row] = [Math.floor(i / n / 4), Math.floor(i / n) % 4];
    return dot(
      of,
      k,
      (t) => row * k + t,
      (t) => (batch * k + t) * n + (i % n),
    );
  },
};

/** Stores the product with something added. */
export function added(other: Expression, dtype: DType = 'float32'): Partial<MatmulKernel> {
  return { stores: [store(2, natural, fn('add', [result(0, dtype), other]))] };
}

/** The sum of a[first(t)] * b[second(t)] over t. */
export function dot(of: Element, terms: number, first: (t: number) => number, second: (t: number) => number): number {
  let sum = 0;
  for (let t = 0; t < terms; t++) sum += of(0, first(t)) * of(1, second(t));
  return sum;
}

export function plain(of: Element, row: number, column: number): number {
  return dot(
    of,
    k,
    (t) => row * k + t,
    (t) => t * n + column,
  );
}

export function byRows(of: Element, i: number): number {
  return plain(of, Math.floor(i / n), i % n);
}

const bitsOf: Partial<Record<DType, (value: number) => number>> = {
  float16: numberToFloat16,
  bfloat16: numberToBfloat16,
};

export function arrayOf(dtype: DType, size: number, of: (i: number) => number): HostArray {
  const array = dtypes[dtype].zeros(size);
  const toBits = bitsOf[dtype] ?? ((value: number) => value);
  for (let i = 0; i < size; i++) array[i] = toBits(of(i));
  return array;
}

/** Fresh memory for the slots, with what they hold at first. */
export function filled(device: Device, sizes: readonly number[], dtype: DType = 'float32'): Span[] {
  return sizes.map((size, slot) => {
    const span = { buffer: device.allocate(size * dtypes[dtype].bytes, `slot ${slot}`), byteOffset: 0 };
    device.write(
      span,
      dtype,
      arrayOf(dtype, size, (i) => given(slot, i)),
    );
    return span;
  });
}

export function run(device: Device, compiled: Compiled, buffers: readonly Span[]): void {
  device.run(compiled, { buffers, hostInputs: [], scalars: [] });
}

/** Runs a product on fresh memory. */
export async function expectRight(
  device: Device,
  each: ProductCase,
  compiled = device.compile(programOf(each)),
): Promise<void> {
  const { dtype = 'float32', expected = byRows } = each;
  const sizes = sizesOf(each);
  const buffers = filled(device, sizes, dtype);
  run(device, compiled, buffers);
  await expectResult(device, buffers, dtype, sizes[2] as number, (i) => expected(given, i));
}

/** What the slot of the result holds. */
export async function expectResult(
  device: Device,
  buffers: readonly Span[],
  dtype: DType,
  size: number,
  expected: (i: number) => number,
): Promise<void> {
  const got = await device.read(buffers[2] as Span, dtype, size);
  expect(got).toEqual(arrayOf(dtype, size, expected));
}

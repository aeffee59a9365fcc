/**
 * Convolutions run on a device with numbers whose products and sums every dtype has exactly. Owns the programs and what they must give; how the library is treated
 * is the tests'.
 */
import type { Device, MatmulKernel, Program, Span, Store } from '@torchlet/device';
import { buffer, program } from '@torchlet/device/by-hand';
import { expect } from 'vitest';
import { arrayOf, filled, given, run } from './library-products.js';
import { meant, type Slot, slotSizes, type WindowCase, windowProduct } from './window-products.js';

export const square = { batch: 2, channels: 3, outputs: 4, image: [7, 6], window: [3, 2] } as const;

/** Slots: image, what it is convolved with, the result, and as much beside it. */
export function convolutionProgram(
  of: WindowCase,
  parts: Partial<MatmulKernel> = {},
  sizes: readonly number[] = slotsOf(of),
): Program {
  const { dtype = 'float32' } = of;
  const slots = sizes.map((size, i) => buffer(i, size, 'readwrite', dtype));
  return program('work', slots, [{ ...windowProduct(of), ...parts }]);
}

export function slotsOf(of: WindowCase): readonly number[] {
  const [image, other, written] = slotSizes(of);
  return [image, other, written, written];
}

/** What each element of the result is, where `of` says what becomes of a sum. */
export function writtenBy(
  kernel: MatmulKernel,
  size: number,
  of: (sum: number, element: number) => number = (sum) => sum,
): (i: number) => number {
  const into = kernel.stores.find(({ slot }) => slot === 2) as Store;
  const sums = meant(kernel, given, into.index);
  expect(sums.size).toBe(size);
  return (i) => of(sums.get(i) as number, i);
}

/** Runs a convolution on fresh memory. @param sizes of the first slots, where they are other than it takes. */
export async function expectConvolved(
  device: Device,
  of: WindowCase,
  parts: Partial<MatmulKernel> = {},
  expected: (sum: number, of: Slot, element: number) => number = (sum) => sum,
  first: readonly number[] = [],
): Promise<void> {
  const { dtype = 'float32' } = of;
  const sizes = [...first, ...slotsOf(of).slice(first.length)];
  const compiled = device.compile(convolutionProgram(of, parts, sizes));
  const buffers = filled(device, sizes, dtype);
  run(device, compiled, buffers);
  const size = sizes[2] as number;
  const written = writtenBy({ ...windowProduct(of), ...parts }, size, (sum, i) => expected(sum, given, i));
  expect(await device.read(buffers[2] as Span, dtype, size)).toEqual(arrayOf(dtype, size, written));
}

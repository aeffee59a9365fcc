/**
 * Convolutions run on a device with numbers whose products and sums every dtype has exactly. Owns the programs and what they must give; how the library is treated
 * is the tests'.
 */
import type { Device, MatmulKernel, Program, Span, Store } from '@torchlet/device';
import { buffer, program } from '@torchlet/device/by-hand';
import { expect } from 'vitest';
import { arrayOf, filled, given, run } from './library-products.js';
import { type PhasedCase, phasedProduct, phasedSizes } from './phased-products.js';
import { meant, type Slot, slotSizes, type WindowCase, windowProduct } from './window-products.js';

export const square = { batch: 2, channels: 3, outputs: 4, image: [7, 6], window: [3, 2] } as const;

/** Slots: image, what it is convolved with, the result, and as much beside it. */
export function convolutionProgram(of: WindowCase, parts: Partial<MatmulKernel> = {}): Program {
  const { dtype = 'float32' } = of;
  const slots = slotsOf(of).map((size, i) => buffer(i, size, 'readwrite', dtype));
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

/** Runs a convolution on fresh memory. @param first sizes of the first slots, where they are other than it takes. */
export async function expectConvolved(
  device: Device,
  of: WindowCase,
  parts: Partial<MatmulKernel> = {},
  expected?: Expected,
  first: readonly number[] = [],
): Promise<void> {
  const sizes = [...first, ...slotsOf(of).slice(first.length)];
  await expectComputed(device, { ...windowProduct(of), ...parts }, sizes, expected);
}

export async function expectPhased(device: Device, of: PhasedCase): Promise<void> {
  await expectComputed(device, phasedProduct(of), phasedSizes(of));
}

type Expected = (sum: number, of: Slot, element: number) => number;

async function expectComputed(
  device: Device,
  kernel: MatmulKernel,
  sizes: readonly number[],
  expected: Expected = (sum) => sum,
): Promise<void> {
  const { dtype } = kernel;
  const slots = sizes.map((size, i) => buffer(i, size, 'readwrite', dtype));
  const compiled = device.compile(program('work', slots, [kernel]));
  const buffers = filled(device, sizes, dtype);
  run(device, compiled, buffers);
  const size = sizes[2] as number;
  const written = writtenBy(kernel, size, (sum, i) => expected(sum, given, i));
  expect(await device.read(buffers[2] as Span, dtype, size)).toEqual(arrayOf(dtype, size, written));
}

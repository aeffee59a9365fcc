/** What a recognised convolution computes, by plain loops over its description: tests hold it against the product that it was recognised in. */
import type { Load, MatmulKernel } from '@torchlet/device';
import { expect } from 'vitest';
import type { Recognised } from '../src/libraries/convolution.js';
import { meant, points, type Slot } from './window-products.js';

/** Whole numbers, of which no few are 0. */
export const given: Slot = (slot, i) => ((i * 7 + slot * 5 + Math.floor(i / 3)) % 11) - 5;

/** The elements of its result. */
function described(
  { convolution, image, ...offsets }: Recognised,
  kernel: MatmulKernel,
  of: Slot,
): Map<number, number> {
  const { computes, groups, filter, output, isTurned, padding, stride, dilation, image: whole } = convolution;
  const [a, b] = [kernel.a as Load, kernel.b as Load].map(({ slot }) => slot) as [number, number];
  const [readSlot, otherSlot] = image === 'a' ? [a, b] : [b, a];
  const [outputs = 0, channels = 0, ...window] = filter;
  const [batch = 0, , ...counts] = output.lengths;
  const offsetOf = (strides: readonly number[], point: readonly number[]) =>
    point.reduce((sum, each, i) => sum + each * (strides[i] as number), 0);
  const packed = filter.map((_, i) => filter.slice(i + 1).reduce((all, length) => all * length, 1));
  const sums = new Map<number, number>();
  const add = (element: number, value: number): void => {
    const at = offsets.resultOffset + element;
    sums.set(at, (sums.get(at) ?? 0) + value);
  };
  // Of an image some positions are in no window.
  if (computes === 'image') for (const point of points(whole.lengths)) add(offsetOf(whole.strides, point), 0);
  for (const [n, k, c, ...rest] of points([batch, outputs, channels, ...counts, ...window])) {
    const [place, within] = [rest.slice(0, counts.length), rest.slice(counts.length)];
    const position = place.map(
      (each, i) =>
        each * (stride[i] as number) + (within[i] as number) * (dilation[i] as number) - (padding[i] as number),
    );
    const isInside = position.every((each, i) => each >= 0 && each < (whole.lengths[i + 2] as number));
    if (!isInside && computes === 'image') continue;
    const group = Math.floor((k as number) / (outputs / groups));
    const met = within.map((each, i) => (isTurned ? (window[i] as number) - 1 - each : each));
    const elements = {
      image: offsetOf(whole.strides, [n as number, group * channels + (c as number), ...position]),
      output: offsetOf(output.strides, [n as number, k as number, ...place]),
      filter: offsetOf(packed, [k as number, c as number, ...met]),
    };
    const read = offsets.imageOffset + elements[computes === 'image' ? 'output' : 'image'];
    const other = offsets.otherOffset + elements[computes === 'filter' ? 'output' : 'filter'];
    add(elements[computes], (isInside ? of(readSlot, read) : 0) * of(otherSlot, other));
  }
  return sums;
}

const sorted = (values: Map<number, number>) => [...values].sort(([x], [y]) => x - y);

/** Fails where a description is not the product. */
export function expectSame(found: Recognised, kernel: MatmulKernel): void {
  expect(sorted(described(found, kernel, given))).toEqual(sorted(meant(kernel, given, found.index)));
}

/**
 * Which products are gradients of strided images: the description is held against the plain meaning of the product, element by element. What the library computes of
 * them is `cudnn.test.ts`.
 */
import type { Load, MatmulKernel, Store } from '@torchlet/device';
import { fn, int } from '@torchlet/device/by-hand';
import { describe, expect, it } from 'vitest';
import { adjointOf } from '../src/libraries/adjoint.js';
import type { Recognised } from '../src/libraries/convolution.js';
import { takesConvolution } from '../src/libraries/convolution-step.js';
import { type PhasedCase, phasedProduct } from './phased-products.js';
import { meant, points, type Slot } from './window-products.js';

const given: Slot = (slot, i) => ((i * 7 + slot * 5 + Math.floor(i / 3)) % 11) - 5;

/** What the description says, at the elements of its result. */
function described({ convolution, ...offsets }: Recognised, of: Slot): Map<number, number> {
  const { groups, filter, output, image, padding, stride } = convolution;
  const [outputs = 0, channels = 0, ...window] = filter;
  const [batch = 0, , ...counts] = output.lengths;
  const offsetOf = (strides: readonly number[], point: readonly number[]) =>
    point.reduce((sum, each, i) => sum + each * (strides[i] as number), 0);
  const packed = filter.map((_, i) => filter.slice(i + 1).reduce((all, length) => all * length, 1));
  const sums = new Map<number, number>();
  for (const point of points(image.lengths)) sums.set(offsets.resultOffset + offsetOf(image.strides, point), 0);
  for (const [n, k, c, ...rest] of points([batch, outputs, channels, ...counts, ...window])) {
    const [place, within] = [rest.slice(0, counts.length), rest.slice(counts.length)];
    const position = place.map(
      (each, i) => each * (stride[i] as number) + (within[i] as number) - (padding[i] as number),
    );
    if (position.some((each, i) => each < 0 || each >= (image.lengths[i + 2] as number))) continue;
    const group = Math.floor((k as number) / (outputs / groups));
    const to = offsetOf(image.strides, [n as number, group * channels + (c as number), ...position]);
    const read = offsets.imageOffset + offsetOf(output.strides, [n as number, k as number, ...place]);
    const met = offsets.otherOffset + offsetOf(packed, [k as number, c as number, ...within]);
    const element = offsets.resultOffset + to;
    sums.set(element, (sums.get(element) as number) + of(1, read) * of(0, met));
  }
  return sums;
}

const sorted = (values: Map<number, number>) => [...values].sort(([x], [y]) => x - y);

const common = { batch: 2, channels: 3, outputs: 4 } as const;
const cases: Readonly<Record<string, PhasedCase>> = {
  'a window of three, every second place': {
    ...common,
    places: [4, 3],
    window: [3, 3],
    stride: [2, 2],
    padding: [1, 1],
  },
  'without padding': { ...common, places: [4, 3], window: [3, 3], stride: [2, 2] },
  'a window of seven, as networks begin': {
    ...common,
    places: [5, 4],
    window: [7, 7],
    stride: [2, 2],
    padding: [3, 3],
  },
  'a window of five, every third place': { ...common, places: [4, 3], window: [5, 4], stride: [3, 3], padding: [2, 1] },
  'one dim strided, the other not': { ...common, places: [4, 5], window: [3, 3], stride: [2, 1], padding: [1, 1] },
  groups: { ...common, groups: 2, places: [4, 3], window: [3, 3], stride: [2, 2], padding: [1, 1] },
  'a group for each channel': { batch: 2, groups: 3, places: [4, 3], window: [3, 3], stride: [2, 2], padding: [1, 1] },
  'one image': { ...common, batch: 1, places: [4, 3], window: [3, 3], stride: [2, 2], padding: [1, 1] },
  'one dim': { ...common, places: [5], window: [3], stride: [2], padding: [1] },
  'three dims': { ...common, channels: 2, places: [3, 2, 2], window: [3, 3, 3], stride: [2, 2, 2], padding: [1, 1, 1] },
  'a stride that divides the window': { ...common, places: [4, 3], window: [4, 4], stride: [2, 2], padding: [1, 1] },
};

describe('is a gradient of an image', () => {
  it.each(Object.entries(cases))('%s', (_, each) => {
    const kernel = phasedProduct(each);
    const found = adjointOf(kernel, null) as Recognised;
    expect(found).not.toBeNull();
    const { groups = 1, channels = 1, outputs = 1 } = each;
    const flat = each.window.length === 1 ? [1] : [];
    expect(found.convolution).toMatchObject({
      computes: 'image',
      groups,
      filter: [groups * outputs, channels, ...flat, ...each.window],
      stride: [...flat, ...each.stride],
      padding: [...(each.window.length === 1 ? [0] : []), ...(each.padding ?? each.window.map(() => 0))],
    });
    expect(sorted(described(found, given))).toEqual(sorted(meant(kernel, given, found.index)));
  });

  it('where it is stored by position', () => {
    const kernel = phasedProduct(cases['a group for each channel'] as PhasedCase);
    const { index } = adjointOf(kernel, null) as Recognised;
    const found = adjointOf(kernel, fn('add', [index, int(8)])) as Recognised;
    expect(found).toMatchObject({ resultOffset: 8, convolution: { computes: 'image' } });
    // By phase there is no description.
    expect(adjointOf(kernel, (kernel.stores[0] as Store).index)).toBeNull();
  });
});

const plain = phasedProduct(cases['a window of three, every second place'] as PhasedCase);
const [weights, gradient] = [plain.a as Load, plain.b as Load];

/** What looks like one. */
const others: Readonly<Record<string, Partial<MatmulKernel>>> = {
  'taps that do not reach all of the window': { a: { ...weights, mask: null } },
  'a window that is cut off before its end': {
    a: { ...weights, mask: fn('and', [weights.mask as NonNullable<Load['mask']>, fn('lt', [weights.index, int(50)])]) },
  },
  'outputs that are cut off before their end': {
    b: {
      ...gradient,
      mask: fn('and', [gradient.mask as NonNullable<Load['mask']>, fn('lt', [gradient.index, int(20)])]),
    },
  },
  'weights that are not 0 beyond their sides': { a: { ...weights, otherwise: 1 } },
  'taps that walk both the same way': { a: { ...weights, index: fn('mul', [weights.index, int(-1)]) } },
  'weights that are apart': { a: { ...weights, index: fn('mul', [weights.index, int(2)]) } },
};

describe('is none', () => {
  it('or would be, if it were not changed', () => expect(takesConvolution(plain)).toBe(true));
  it.each(Object.entries(others))('%s', (_, parts) => expect(takesConvolution({ ...plain, ...parts })).toBe(false));
});

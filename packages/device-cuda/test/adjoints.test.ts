/**
 * Which products are gradients of strided images: the description is held against the plain meaning of the product, element by element. What the library computes of
 * them is `cudnn.test.ts`.
 */
import type { Expression, Load, MatmulKernel, Store } from '@torchlet/device';
import { axis, fn, int } from '@torchlet/device/by-hand';
import { describe, expect, it } from 'vitest';
import { adjointOf } from '../src/libraries/adjoint.js';
import type { Recognised } from '../src/libraries/convolution.js';
import { takesConvolution } from '../src/libraries/convolution-step.js';
import { expectSame } from './convolution-meaning.js';
import { type PhasedCase, phasedProduct } from './phased-products.js';

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
    expectSame(found, kernel);
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

const second = cases['a window of three, every second place'] as PhasedCase;
const plain = phasedProduct(second);
const [weights, gradient] = [plain.a as Load, plain.b as Load];

/** What looks like one. */
const others: Readonly<Record<string, Partial<MatmulKernel>>> = {
  'a tap too few': phasedProduct({ ...second, missing: { taps: 1 } }),
  'a sum that ends before its last tap': {
    ...phasedProduct({ batch: 2, places: [5], window: [6], stride: [2], padding: [1] }),
    k: 3,
  },
  'places that do not reach the last output': phasedProduct({ ...second, missing: { places: 1 } }),
  'a bound on the images of the batch': {
    b: {
      ...gradient,
      mask: fn('and', [gradient.mask as Expression, fn('lt', [fn('idiv', [axis(2), int(12)]), int(1)])]),
    },
  },
  'taps that do not reach all of the window': { a: { ...weights, mask: null } },
  'a window that is cut off before its end': {
    a: { ...weights, mask: fn('and', [weights.mask as Expression, fn('lt', [weights.index, int(50)])]) },
  },
  'outputs that are cut off before their end': {
    b: {
      ...gradient,
      mask: fn('and', [gradient.mask as Expression, fn('lt', [gradient.index, int(20)])]),
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

/**
 * Which products are convolutions, and which: the description is held against the plain meaning of the product, element by element. What the library computes of them
 * is `cudnn.test.ts`.
 */
import { type DType, type Expression, type Load, type MatmulKernel, rewriter, type Store } from '@torchlet/device';
import { at, axis, constant, fn, int, load, result, store } from '@torchlet/device/by-hand';
import { describe, expect, it } from 'vitest';
import { takesConvolution, takesFactor } from '../src/libraries/convolution-step.js';
import { convolutionOf, type Recognised } from '../src/libraries/convolution.js';
import type { TensorLayout } from '../src/libraries/tensors.js';
import { expectSame } from './convolution-meaning.js';
import { type WindowCase, windowProduct } from './window-products.js';

function printed({ convolution, image, imageOffset, otherOffset, resultOffset }: Recognised): string {
  const { computes, groups, image: read, filter, output, isTurned, padding, stride, dilation } = convolution;
  const tensor = ({ lengths, strides }: TensorLayout) => `[${lengths}] by [${strides}]`;
  const from = `${image}${imageOffset === 0 ? '' : ` + ${imageOffset}`}`;
  const parts = [
    `${computes} of an image ${tensor(read)} (${from})`,
    `filter [${filter}]${isTurned ? ' from its end on' : ''}`,
    `output ${tensor(output)}`,
    `stride [${stride}], padding [${padding}], dilation [${dilation}]`,
    ...(groups === 1 ? [] : [`${groups} groups`]),
    ...(otherOffset + resultOffset === 0 ? [] : [`others + ${otherOffset}, + ${resultOffset}`]),
  ];
  return parts.join('; ');
}

/** Wherever it is stored: as the product says, and as the library likes it. */
function expectMeant(kernel: MatmulKernel, asked: readonly (Expression | null)[]): void {
  for (const each of asked) {
    const found = convolutionOf(kernel, each) as Recognised;
    expect(found).not.toBeNull();
    expectSame(found, kernel);
  }
}

/** Where the filter of a channel begins. */
const channelOf = fn('mul', [fn('idiv', [axis(3), int(6)]), int(6)]);

const storedAt = ({ stores }: MatmulKernel): Expression => (stores[0] as Store).index;

const common = { batch: 2, channels: 3, outputs: 4 } as const;
const square = { ...common, image: [7, 6], window: [3, 2] } as const;

const cases: Readonly<Record<string, WindowCase>> = {
  plain: square,
  padded: { ...square, padding: [1, 1] },
  'padded along one dim': { ...square, padding: [0, 1] },
  'padded by more than the window': { ...square, padding: [3, 2] },
  strided: { ...square, stride: [2, 2] },
  'strided and padded': { ...square, window: [3, 3], stride: [2, 2], padding: [1, 1] },
  'a stride that leaves a rest': { ...square, image: [14, 14], stride: [3, 3], window: [4, 4], padding: [2, 1] },
  dilated: { ...square, dilation: [2, 3], padding: [1, 1] },
  'strided and dilated': { ...square, image: [9, 9], stride: [2, 2], dilation: [3, 3], padding: [1, 1] },
  'stride and dilation of the same step': {
    ...square,
    image: [9, 9],
    stride: [2, 2],
    dilation: [2, 2],
    padding: [1, 1],
  },
  'one channel': { ...square, channels: 1, padding: [1, 1] },
  'one output': { ...square, outputs: 1, padding: [1, 1] },
  'one image': { ...square, batch: 1, padding: [1, 1] },
  'one of each': { image: [7, 6], window: [3, 2], padding: [1, 1] },
  'groups of channels': { ...square, groups: 2, padding: [1, 1] },
  depthwise: { ...square, groups: 3, channels: 1, outputs: 1, padding: [1, 1] },
  'depthwise with two outputs': { ...square, groups: 3, channels: 1, outputs: 2 },
  'a window of one column': { ...square, window: [3, 1] },
  'a window of one row': { ...square, window: [1, 3], padding: [0, 1] },
  'a window of one pixel, padded': { ...square, window: [1, 1], padding: [1, 1] },
  'channels last in the output': { ...square, padding: [1, 1], outputOrder: 'channels last' },
  'one dim': { ...common, image: [9], window: [3], padding: [1] },
  'three dims': { ...common, channels: 2, image: [4, 5, 3], window: [3, 2, 2], padding: [1, 1, 1] },
  'three dims, one of them strided': { ...common, channels: 2, image: [5, 4, 4], window: [2, 2, 2], stride: [2, 1, 1] },
};

describe('is a convolution', () => {
  it.each(Object.entries(cases))('%s', (_, each) => {
    const kernel = windowProduct(each);
    expect(printed(convolutionOf(kernel, storedAt(kernel)) as Recognised)).toMatchSnapshot();
    expectMeant(kernel, [storedAt(kernel), null]);
  });

  it.each(Object.entries(cases))('%s: the gradient of its weights', (_, each) => {
    const kernel = windowProduct({ outputOrder: 'channels last', ...each, isGradient: true });
    expect(printed(convolutionOf(kernel, storedAt(kernel)) as Recognised)).toMatchSnapshot();
    expectMeant(kernel, [storedAt(kernel), null]);
  });

  it('where the windows are the right factor', () => {
    const { a, b, stores, ...rest } = windowProduct({ ...square, padding: [1, 1] });
    const turned = rewriter((each) =>
      each.kind === 'axis' && each.axis > 0 && each.axis < 3 ? axis(3 - each.axis) : each,
    );
    const kernel = { ...rest, m: rest.n, n: rest.m, a: turned(b), b: turned(a) };
    const index = turned((stores[0] as Store).index);
    expect(convolutionOf(kernel, index)).toMatchObject({ image: 'b', convolution: { computes: 'output' } });
    expectMeant({ ...kernel, stores: [store(2, index, result(0))] }, [index, null]);
  });

  it('whose windows meet the filter from its end on, as those of gradients of an input do', () => {
    const kernel = windowProduct({ ...square, padding: [1, 1] });
    const turned = fn('add', [channelOf, fn('add', [fn('mul', [fn('mod', [axis(3), int(6)]), int(-1)]), int(5)])]);
    const found = { ...kernel, b: { ...(kernel.b as Load), index: at(axis(2), 18, turned) } };
    expect(printed(convolutionOf(found, null) as Recognised)).toContain('filter [4,3,3,2] from its end on');
    expect(convolutionOf(found, null)?.otherOffset).toBe(0);
    expectMeant(found, [storedAt(kernel), null]);
  });

  it('where the result has no description, and goes through memory that has', () => {
    const kernel = windowProduct({ ...square, isGradient: true });
    // [channel, window, output], as the weights of a transposed convolution lie.
    const index = at(axis(1), 4, axis(2));
    expect(convolutionOf(kernel, index)).toBeNull();
    expectMeant(kernel, [null]);
  });

  it('of a part of an image', () => {
    const kernel = windowProduct(square);
    const image = kernel.a as Load;
    const moved = { ...kernel, a: { ...image, index: fn('add', [image.index, int(12)]) } };
    expect(convolutionOf(moved, null)?.imageOffset).toBe(12);
    expectMeant(moved, [null]);
  });

  it('of an image whose end no window reaches', () => {
    const kernel = windowProduct({ ...square, image: [8, 8], stride: [2, 2], padding: [1, 1] });
    // The mask says no more than that rows begin at 0: what is beyond the last window is of no matter.
    expect(printed(convolutionOf(kernel, null) as Recognised)).toContain('image [2,3,8,8] by [192,64,8,1]');
    expectMeant(kernel, [null]);
  });
});

const plain = windowProduct({ ...square, padding: [1, 1] });
const unpadded = windowProduct(square);
const withImage = (parts: Partial<Load>, kernel = plain): Partial<MatmulKernel> => ({
  a: { ...(kernel.a as Load), ...parts },
});
const withOther = (parts: Partial<Load>): Partial<MatmulKernel> => ({ b: { ...(plain.b as Load), ...parts } });
const mask = (plain.a as Load).mask as Expression;
const bounded = (bound: Expression) => withImage({ mask: fn('and', [mask, bound]) });
/** The row and the column of a place, and of a window. */
const [p1, p2, r1, r2] = [
  fn('mod', [fn('idiv', [axis(1), int(7)]), int(7)]),
  fn('mod', [axis(1), int(7)]),
  fn('mod', [fn('idiv', [axis(3), int(2)]), int(3)]),
  fn('mod', [axis(3), int(2)]),
] as const;

/** What looks like a convolution. */
const others: Readonly<Record<string, Partial<MatmulKernel>>> = {
  'a padding that is not 0': withImage({ otherwise: 1 }),
  'padding before alone': windowProduct({ ...square, padding: [1, 1], paddingAfter: [0, 0] }),
  'padding after alone': windowProduct({ ...square, paddingAfter: [1, 1] }),
  'windows that do not overlap, as those of pools': windowProduct({ ...square, image: [9, 8], stride: [3, 2] }),
  'a window of one pixel': windowProduct({ ...square, window: [1, 1] }),
  'a bound on the images of the batch': bounded(fn('lt', [fn('idiv', [axis(1), int(49)]), int(1)])),
  'a bound across two dims': bounded(fn('lt', [fn('add', [p1, p2]), int(9)])),
  'a bound of a row that steps otherwise': bounded(fn('lt', [fn('add', [p1, fn('mul', [r1, int(2)])]), int(9)])),
  'a row that steps otherwise than its bound': withImage({
    index: fn('add', [(plain.a as Load).index, fn('mul', [r1, int(6)])]),
  }),
  'a bound on a difference': bounded(fn('lt', [fn('sub', [p1, r1]), int(6)])),
  'a bound within the image': bounded(fn('lt', [fn('add', [p2, r2]), int(6)])),
  'a bound that memory gives': bounded(fn('lt', [load(3, axis(1), 'int32'), int(1)])),
  'one bound or the other': withImage({ mask: fn('or', [mask, fn('lt', [p1, int(2)])]) }),
  'rows that are cut elsewhere': withImage({
    index: fn('add', [(plain.a as Load).index, fn('idiv', [axis(1), int(5)])]),
  }),
  'a window that is turned round': withImage(
    { index: fn('sub', [(unpadded.a as Load).index, fn('mul', [r1, int(12)])]) },
    unpadded,
  ),
  'images that share pixels': withImage({
    index: fn('sub', [(plain.a as Load).index, fn('mul', [fn('idiv', [axis(1), int(49)]), int(100)])]),
  }),
  'weights with a mask': withOther({ mask: fn('lt', [axis(2), int(3)]) }),
  'weights that are apart': withOther({ index: fn('mul', [(plain.b as Load).index, int(2)]) }),
  'weights in another order': withOther({ index: at(axis(3), 4, axis(2)) }),
  'weights that are turned along one dim': withOther({
    index: at(axis(2), 18, fn('add', [channelOf, fn('add', [fn('mul', [fn('sub', [int(2), r1]), int(2)]), r2])])),
  }),
  'weights that are computed': { b: fn('neg', [plain.b]) },
  'weights that are the same for all channels': withOther({ index: at(axis(2), 6, fn('mod', [axis(3), int(6)])) }),
  'an image of halves that was cast': { a: fn('cast', [{ ...(plain.a as Load), dtype: 'float16' }], 'float32') },
  integers: { dtype: 'int32', ...withImage({ dtype: 'int32' }), ...{ b: { ...(plain.b as Load), dtype: 'int32' } } },
  'no images': { m: 0 },
};

describe('is none', () => {
  it('or would be, if it were not changed', () => expect(takesConvolution(plain)).toBe(true));
  it.each(Object.entries(others))('%s', (_, parts) => expect(takesConvolution({ ...plain, ...parts })).toBe(false));
});

it('a convolution comes with a constant factor, and nothing else', () => {
  const takes = (value: Expression, dtype: DType = 'float32') => takesFactor({ ...plain, dtype }, value, 0);
  expect(takes(result(0))).toBe(true);
  expect(takes(fn('mul', [result(0), constant(0.5)]))).toBe(true);
  expect(takes(fn('mul', [result(0, 'float16'), constant(0.5, 'float16')]), 'float16')).toBe(false);
  expect(takes(fn('add', [result(0), load(3, axis(1))]))).toBe(false);
  expect(takes(fn('max', [result(0), constant(0)]))).toBe(false);
});

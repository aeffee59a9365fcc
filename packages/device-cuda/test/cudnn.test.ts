/**
 * Convolutions by cuDNN, on the stand-in of the library, which refuses what is described wrongly: what they compute, that an algorithm is asked for once, and that
 * they are captured and replayed. Where it fails is `cudnn-faults.test.ts`; what is a convolution `convolutions.test.ts`; suites and goldens with it are root tests.
 */
import type { Compiled, Expression, Load, MatmulKernel, Span, Store } from '@torchlet/device';
import { at, axis, buffer, constant, fn, int, load, map, program, result, store } from '@torchlet/device/by-hand';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CudaDevice, CudaOptions } from '../src/index.js';
import { buildStandin, libraryBeside } from '../standin/build.js';
import { cudaStandin } from '../standin/open.js';
import { type StandinWatch, watchStandin } from '../standin/watch.js';
import {
  convolutionProgram,
  expectConvolved,
  expectPhased,
  slotsOf,
  square,
  writtenBy,
} from './library-convolutions.js';
import { arrayOf, filled, given, run } from './library-products.js';
import type { PhasedCase } from './phased-products.js';
import { noStandin, onStandin } from './standin-driver.js';
import { type Slot, slotSizes, type WindowCase, windowProduct } from './window-products.js';

interface Case {
  readonly of?: WindowCase;
  readonly parts?: Partial<MatmulKernel>;
  readonly expected?: (sum: number, of: Slot, element: number) => number;
}

const padded: WindowCase = { ...square, padding: [1, 1] };
const gradient: WindowCase = { ...padded, isGradient: true, outputOrder: 'channels last' };
const natural = (windowProduct(padded).stores[0] as Store).index;
const stored = (value: Expression, index = natural): Partial<MatmulKernel> => ({ stores: [store(2, index, value)] });

const forward: Readonly<Record<string, Case>> = {
  float32: {},
  TF32: { parts: { precision: 'high' } },
  float64: { of: { ...padded, dtype: 'float64' } },
  bfloat16: { of: { ...padded, dtype: 'bfloat16' } },
  float16: { of: { ...padded, dtype: 'float16' } },
  'without padding': { of: square },
  'strides and a dilation': { of: { ...padded, image: [9, 11], stride: [2, 3], dilation: [1, 2] } },
  groups: { of: { ...padded, groups: 2 } },
  'a group for each channel': { of: { ...padded, groups: 3, channels: 1, outputs: 2 } },
  'one dim': { of: { ...square, image: [9], window: [3], padding: [1] } },
  'three dims': { of: { ...square, image: [4, 5, 3], window: [3, 2, 2], padding: [1, 1, 0] } },
  'an output with channels last': { of: { ...padded, outputOrder: 'channels last' } },
  'a filter that is turned': {
    parts: {
      b: load(
        1,
        at(
          axis(2),
          18,
          fn('sub', [
            fn('add', [fn('mul', [fn('idiv', [axis(3), int(6)]), int(6)]), int(5)]),
            fn('mod', [axis(3), int(6)]),
          ]),
        ),
      ),
    },
  },
  'a constant factor': {
    parts: stored(fn('mul', [result(0), constant(0.5)])),
    expected: (sum) => sum / 2,
  },
  'a bias, which a kernel adds': {
    parts: stored(fn('add', [result(0), load(3, axis(2))])),
    expected: (sum, of, i) => sum + of(3, Math.floor(i / 49) % 4),
  },
  'a value that is stored beside its ReLU': {
    parts: { stores: [store(3, natural, result(0)), store(2, natural, fn('max', [result(0), constant(0)]))] },
    expected: (sum) => Math.max(sum, 0),
  },
};

const backward: Readonly<Record<string, Case>> = {
  float32: { of: gradient },
  bfloat16: { of: { ...gradient, dtype: 'bfloat16' } },
  'strides and a dilation': { of: { ...gradient, image: [9, 11], stride: [2, 3], dilation: [1, 2] } },
  'a group for each channel': { of: { ...gradient, groups: 3, channels: 1, outputs: 1 } },
  'three dims': { of: { ...gradient, image: [4, 5, 3], window: [3, 2, 2], padding: [1, 1, 0] } },
  'weights in another order, through memory of its own': {
    of: gradient,
    parts: stored(result(0), at(axis(1), 4, axis(2))),
  },
};

const strided = { batch: 2, channels: 3, outputs: 4, places: [4, 3], window: [3, 3], stride: [2, 2] } as const;
/** Their results lie by phases, and so go through memory of their own. */
const ofImages: Readonly<Record<string, PhasedCase>> = {
  float32: { ...strided, padding: [1, 1] },
  float64: { ...strided, padding: [1, 1], dtype: 'float64' },
  bfloat16: { ...strided, padding: [1, 1], dtype: 'bfloat16' },
  'without padding': strided,
  groups: { ...strided, groups: 2, padding: [1, 1] },
  'three dims': { ...strided, places: [3, 2, 2], window: [3, 3, 3], stride: [2, 2, 2], padding: [1, 1, 1] },
};

describe.skipIf(noStandin !== null)(onStandin('cuDNN'), () => {
  let watch: StandinWatch;
  let device: CudaDevice;

  beforeEach(async () => {
    watch = await watchStandin();
    device = await cudaStandin({ libraries: 'always' });
  });
  afterEach(() => device.dispose());

  const reopen = async (libraries: NonNullable<CudaOptions['libraries']>): Promise<void> => {
    device.dispose();
    device = await cudaStandin({ libraries });
  };
  const info = () => device.info().libraries[1];
  const countOf = (call: string): number => watch.calls()[call] ?? 0;

  it('tells its version, where it lies, and what it was asked', async () => {
    const file = libraryBeside(await buildStandin(), 'cudnn');
    const products = { asked: 0, reused: 0, refused: 0 };
    expect(info()).toEqual({ name: 'cuDNN', version: '9.1.0', file, reason: null, products });
  });

  it('is asked for large convolutions alone, unless all are wanted', async () => {
    const claimed = (side: number, channels: number) => {
      const image = [side, side];
      const kernel = windowProduct({ batch: 8, channels, outputs: channels, image, window: [3, 3], padding: [1, 1] });
      return device.claim?.(kernel)?.library ?? null;
    };
    expect([claimed(8, 1), claimed(8, 16)]).toEqual(['cuDNN', 'cuDNN']);
    await reopen('auto');
    expect([claimed(8, 1), claimed(8, 16), claimed(32, 16)]).toEqual([null, null, 'cuDNN']);
    await reopen('off');
    expect(claimed(32, 16)).toBeNull();
  });

  it('finds cuBLASLt loaded, which it looks for by name', () => {
    const before = countOf('cublasLtCreate');
    expect(device.claim?.(windowProduct(padded))?.library).toBe('cuDNN');
    expect(countOf('cublasLtCreate') - before).toBe(1);
  });

  it.each(Object.entries(forward))('computes %s', async (_, { of = padded, parts, expected }) => {
    const before = countOf('cudnnConvolutionForward');
    await expectConvolved(device, of, parts, expected);
    // Once when it was tried, and once to compute.
    expect(countOf('cudnnConvolutionForward') - before).toBe(2);
  });

  it.each(Object.entries(backward))('computes a gradient of weights: %s', async (_, { of = gradient, parts }) => {
    const before = countOf('cudnnConvolutionBackwardFilter');
    await expectConvolved(device, of, parts);
    expect(countOf('cudnnConvolutionBackwardFilter') - before).toBe(2);
  });

  it.each(Object.entries(ofImages))('computes a gradient of a strided image: %s', async (_, of) => {
    const before = countOf('cudnnConvolutionBackwardData');
    await expectPhased(device, of);
    expect(countOf('cudnnConvolutionBackwardData') - before).toBe(2);
  });

  it('rounds factors to TF32 where that is allowed, and nowhere else', async () => {
    const one = { image: [4, 4], window: [2, 2] } as const;
    const compute = async (parts: Partial<MatmulKernel>): Promise<number> => {
      const buffers = filled(device, slotsOf(one));
      const fine = arrayOf('float32', 16, () => 1 + 2 ** -12);
      device.write(buffers[0] as Span, 'float32', fine);
      device.write(
        buffers[1] as Span,
        'float32',
        arrayOf('float32', 4, () => 1),
      );
      run(device, device.compile(convolutionProgram(one, parts)), buffers);
      return Number((await device.read(buffers[2] as Span, 'float32', 9))[0]);
    };
    expect(await compute({})).toBe(4 + 2 ** -10);
    expect(await compute({ precision: 'high' })).toBe(4);
  });

  it('is asked for an algorithm once', async () => {
    const asks = () => countOf('cudnnGetConvolutionForwardAlgorithm_v7');
    const before = asks();
    await expectConvolved(device, padded);
    await expectConvolved(device, padded);
    expect(info()?.products).toEqual({ asked: 1, reused: 1, refused: 0 });
    await expectConvolved(device, { ...padded, padding: [1, 0] });
    expect(info()?.products).toEqual({ asked: 2, reused: 1, refused: 0 });
    expect(asks() - before).toBe(2);
  });

  it('is captured, and replayed with what is in memory then', async () => {
    const compiled = device.compile(convolutionProgram(padded));
    const buffers = filled(device, slotsOf(padded));
    const before = countOf('cudnnConvolutionForward');
    for (const factor of [1, 2, 3]) {
      const [size] = slotSizes(padded);
      device.write(
        buffers[0] as Span,
        'float32',
        arrayOf('float32', size, (i) => factor * given(0, i)),
      );
      await expectRun(compiled, buffers, (sum) => factor * sum);
    }
    expect(device.info().graphs).toMatchObject({ direct: 1, captured: 1, replayed: 2, refused: 0 });
    // The first run, and the capture.
    expect(countOf('cudnnConvolutionForward') - before).toBe(2);
  });

  const expectRun = async (
    compiled: Compiled,
    buffers: readonly Span[],
    of: (sum: number) => number,
  ): Promise<void> => {
    run(device, compiled, buffers);
    const [, , size] = slotSizes(padded);
    const expected = writtenBy(windowProduct(padded), size, of);
    expect(await device.read(buffers[2] as Span, 'float32', size)).toEqual(arrayOf('float32', size, expected));
  };

  it('does not keep a long program from being a graph, wherever its results go', async () => {
    const { slots, kernels } = convolutionProgram(padded);
    const beside = Array.from({ length: 4 }, (_, i) => map(`beside ${i}`, 8, 3, load(0, axis(0))));
    const [, , size] = slotSizes(padded);
    const written = slots.map((slot, i) => (i === 2 ? buffer(2, size, 'write') : slot));
    const compiled = device.compile(program('long', written, [...kernels, ...beside]));
    const buffers = filled(device, slotsOf(padded));
    for (let i = 0; i < 6; i++) {
      const out = { buffer: device.allocate(4 * size, `out ${i}`), byteOffset: 0 };
      await expectRun(
        compiled,
        buffers.map((span, slot) => (slot === 2 ? out : span)),
        (sum) => sum,
      );
    }
    expect(device.info().graphs).toMatchObject({ direct: 1, captured: 1, replayed: 5, updatedNodes: 4 });
  });

  it('has its time in a profile', async () => {
    const compiled = device.compile(convolutionProgram(padded));
    const buffers = filled(device, slotsOf(padded));
    const times = await device.profile?.(() => run(device, compiled, buffers));
    expect(times).toMatchObject([{ program: 'work', kernel: 'convolution', runs: 1 }]);
  });

  it.each([
    ['takes a part of an image that begins where tensors may', 4, 2],
    ['leaves one that begins elsewhere to the own kernel', 1, 0],
  ])('%s', async (_, from, calls) => {
    const image = windowProduct(padded).a as Load;
    const before = countOf('cudnnConvolutionForward');
    const part = { ...image, index: fn('add', [image.index, int(from)]) };
    await expectConvolved(device, padded, { a: part }, undefined, [(slotsOf(padded)[0] as number) + from]);
    expect(countOf('cudnnConvolutionForward') - before).toBe(calls);
  });

  it('leaves an image to the own kernel whose last row is not there, as no window reads it', async () => {
    const of: WindowCase = { image: [6], window: [2], stride: [2], dilation: [2], padding: [2] };
    for (const [size, calls] of [
      [6, 2],
      [5, 0],
    ] as const) {
      const before = countOf('cudnnConvolutionForward');
      await expectConvolved(device, of, {}, undefined, [size]);
      expect(countOf('cudnnConvolutionForward') - before).toBe(calls);
    }
  });
});

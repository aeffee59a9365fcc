/**
 * Products by cuBLASLt, on the stand-in of the library, which refuses what is described wrongly: what they compute, that an algorithm is asked for once, and that
 * they are captured and replayed. Where it fails is `cublaslt-faults.test.ts`; what it is asked for `libraries.test.ts`; suites and goldens with it are root tests.
 */
import { at, axis, buffer, constant, fn, int, load, map, program, result, store } from '@torchlet/device/by-hand';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CudaDevice, CudaOptions } from '../src/index.js';
import { buildStandin, libraryBeside } from '../standin/build.js';
import { cudaStandin } from '../standin/open.js';
import { type StandinWatch, watchStandin } from '../standin/watch.js';
import {
  added,
  arrayOf,
  byRows,
  dot,
  expectResult,
  expectRight,
  filled,
  given,
  k,
  m,
  n,
  natural,
  oneLeftFactor,
  type ProductCase,
  plain,
  programOf,
  run,
  sizesOf,
} from './library-products.js';
import { noStandin, onStandin } from './standin-driver.js';

const cases: Readonly<Record<string, ProductCase>> = {
  float32: {},
  TF32: { parts: { precision: 'high' } },
  float64: { dtype: 'float64' },
  bfloat16: { dtype: 'bfloat16' },
  float16: { dtype: 'float16' },
  'both factors transposed': {
    parts: { a: load(0, at(axis(2), m, axis(0))), b: load(1, at(axis(1), k, axis(2))) },
    expected: (of, i) =>
      dot(
        of,
        k,
        (t) => t * m + Math.floor(i / n),
        (t) => (i % n) * k + t,
      ),
  },
  'a result column by column': {
    parts: { stores: [store(2, at(axis(1), m, axis(0)), result(0))] },
    expected: (of, i) => plain(of, i % m, Math.floor(i / m)),
  },
  'a part of a larger matrix': {
    parts: { a: load(0, fn('add', [at(axis(0), 400, axis(2)), int(3)])) },
    sizes: [m * 400, k * n, m * n, 1],
    expected: (of, i) =>
      dot(
        of,
        k,
        (t) => Math.floor(i / n) * 400 + 3 + t,
        (t) => t * n + (i % n),
      ),
  },
  'a batch, with one right factor for all': {
    shape: [4, n, k],
    parts: {
      batch: [6],
      a: load(0, at(at(axis(0), 4, axis(1)), k, axis(3))),
      b: load(1, at(axis(3), n, axis(2))),
      stores: [store(2, at(at(axis(0), 4, axis(1)), n, axis(2)), result(0))],
    },
    sizes: [m * k, k * n, m * n, 1],
  },
  'a batch, with one left factor for all': oneLeftFactor,
  'a bias': { parts: added(load(3, axis(1))), expected: (of, i) => byRows(of, i) + of(3, i % n) },
  'a bias of float64, which the library leaves': {
    dtype: 'float64',
    parts: added(load(3, axis(1), 'float64'), 'float64'),
    expected: (of, i) => byRows(of, i) + of(3, i % n),
  },
  'a matrix added': { parts: added(load(3, natural)), expected: (of, i) => byRows(of, i) + of(3, i) },
  'a matrix added in place': { parts: added(load(2, natural)), expected: (of, i) => byRows(of, i) + of(2, i) },
  'a constant factor': {
    parts: { stores: [store(2, natural, fn('mul', [result(0), constant(0.5)]))] },
    expected: (of, i) => byRows(of, i) / 2,
  },
  'a value that is stored beside its ReLU': {
    parts: {
      stores: [store(3, natural, result(0)), store(2, natural, fn('max', [result(0), constant(0)]))],
    },
    expected: (of, i) => Math.max(byRows(of, i), 0),
  },
};

describe.skipIf(noStandin !== null)(onStandin('cuBLASLt'), () => {
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
  const info = () => device.info().libraries[0];
  const countOf = (call: string): number => watch.calls()[call] ?? 0;

  it('tells its version, where it lies, and what it was asked', async () => {
    const file = libraryBeside(await buildStandin(), 'cublaslt');
    const products = { asked: 0, reused: 0, refused: 0 };
    expect(info()).toEqual({ name: 'cuBLASLt', version: '12.8.4', file, reason: null, products });
  });

  it('is asked for large products alone, unless all are wanted', async () => {
    const claimed = (side: number) => {
      const [a, b] = [load(0, at(axis(0), side, axis(2))), load(1, at(axis(2), side, axis(1)))];
      return device.claim?.({ dtype: 'float32', batch: [], m: side, n: side, k: side, a, b })?.library ?? null;
    };
    expect([1, 64, 128].map(claimed)).toEqual(['cuBLASLt', 'cuBLASLt', 'cuBLASLt']);
    await reopen('auto');
    expect([8, 128, 240, 256].map(claimed)).toEqual([null, null, null, 'cuBLASLt']);
  });

  it.each(Object.entries(cases))('computes %s', async (_, each) => {
    const before = countOf('cublasLtMatmul');
    await expectRight(device, each);
    // Once when it was tried, and once to compute; what was refused with an epilogue is tried without.
    expect(countOf('cublasLtMatmul') - before).toBe(2);
  });

  it('is asked for an algorithm once', async () => {
    const asks = () => countOf('cublasLtMatmulAlgoGetHeuristic');
    const before = asks();
    await expectRight(device, {});
    await expectRight(device, {});
    expect(info()?.products).toEqual({ asked: 1, reused: 1, refused: 0 });
    await expectRight(device, { parts: { precision: 'high' } });
    expect(info()?.products).toEqual({ asked: 2, reused: 1, refused: 0 });
    expect(asks() - before).toBe(2);
  });

  it('is captured, and replayed with what is in memory then', async () => {
    const compiled = device.compile(programOf({}));
    const sizes = sizesOf({});
    const buffers = filled(device, sizes);
    const before = countOf('cublasLtMatmul');
    for (const factor of [1, 2, 3]) {
      const a = arrayOf('float32', m * k, (i) => factor * given(0, i));
      device.write(buffers[0] as (typeof buffers)[0], 'float32', a);
      run(device, compiled, buffers);
      await expectResult(device, buffers, 'float32', m * n, (i) => factor * byRows(given, i));
    }
    expect(device.info().graphs).toMatchObject({ direct: 1, captured: 1, replayed: 2, refused: 0 });
    // The first run, and the capture.
    expect(countOf('cublasLtMatmul') - before).toBe(2);
    // Other addresses are another graph: what the library put into one is its own.
    await expectRight(device, {}, compiled);
    expect(device.info().graphs).toMatchObject({ captured: 2, updatedNodes: 0 });
  });

  it('does not keep a long program from being a graph, wherever its results go', async () => {
    const { slots, kernels } = programOf({});
    const beside = Array.from({ length: 4 }, (_, i) => map(`beside ${i}`, 8, 3, load(0, axis(0))));
    const written = slots.map((slot, i) => (i === 2 ? buffer(2, m * n, 'write') : slot));
    const compiled = device.compile(program('long', written, [...kernels, ...beside]));
    const buffers = filled(device, sizesOf({}));
    for (let i = 0; i < 8; i++) {
      const out = { buffer: device.allocate(4 * m * n, `out ${i}`), byteOffset: 0 };
      const bound = buffers.map((span, slot) => (slot === 2 ? out : span));
      run(device, compiled, bound);
      await expectResult(device, bound, 'float32', m * n, (at) => byRows(given, at));
    }
    expect(device.info().graphs).toMatchObject({ direct: 1, captured: 1, replayed: 7, updatedNodes: 6 });
  });

  it('has its time in a profile', async () => {
    const compiled = device.compile(programOf({ parts: added(load(3, axis(1))) }));
    const buffers = filled(device, sizesOf({}));
    const times = await device.profile?.(() => run(device, compiled, buffers));
    expect(times).toMatchObject([{ program: 'work', kernel: 'product', runs: 1 }]);
  });
});

/**
 * Where cuBLASLt is not there, will not do, or fails: why, in `device.info()` or in the error; the own kernels compute instead, and nothing stays behind.
 */
import { spawnSync } from 'node:child_process';
import { at, axis, load } from '@torchlet/device/by-hand';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addonFile } from '../scripts/build-addon.mjs';
import type { CudaDevice, CudaOptions } from '../src/index.js';
import { buildStandin, libraryBeside } from '../standin/build.js';
import { standinLibrary } from '../standin/library.js';
import { cudaStandin } from '../standin/open.js';
import { type StandinWatch, watchStandin } from '../standin/watch.js';
import { added, byRows, expectRight, filled, n, oneLeftFactor, programOf, run, sizesOf } from './library-products.js';
import { callsIn, restoreAfterEach } from './library-faults.js';
import { noStandin, onStandin } from './standin-driver.js';

const [allocFailed, executionFailed, notSupported] = [3, 13, 15];
/** Of the driver. */
const [unknown, illegalAddress] = [999, 700];
const variables = ['TORCHLET_CUBLASLT', 'TORCHLET_CUDA_LIBRARIES', 'TORCHLET_STANDIN_CUBLASLT_VERSION'];

const libraryCalls = callsIn('cublaslt.h');

describe.skipIf(noStandin !== null)(onStandin('faults of cuBLASLt'), () => {
  let watch: StandinWatch;
  let device: CudaDevice;
  restoreAfterEach(variables);

  beforeEach(async () => {
    watch = await watchStandin();
  });
  afterEach(() => device.dispose());

  const open = async (options: CudaOptions = { libraries: 'always' }): Promise<void> => {
    device = await cudaStandin(options);
  };
  const info = () => device.info().libraries[0];
  const countOf = (call: string): number => watch.calls()[call] ?? 0;
  const side = 512;
  const [a, b] = [load(0, at(axis(0), side, axis(2))), load(1, at(axis(2), side, axis(1)))];
  const claim = () => device.claim?.({ dtype: 'float32', batch: [], m: side, n: side, k: side, a, b });

  // Before any test that finds one: a process keeps the library that it has opened.
  describe('is not used', () => {
    it.each<[string, Readonly<Record<string, string>>, RegExp]>([
      [
        'where it is not there',
        { TORCHLET_CUBLASLT: '/nowhere/libcublasLt.so.12' },
        /^TORCHLET_CUBLASLT names a library that will not do: \/nowhere\/libcublasLt.so.12 cannot be loaded \(/,
      ],
      [
        'where another library has its name',
        { TORCHLET_CUBLASLT: addonFile },
        /torchlet_cuda\.node has no cublasLtCreate$/,
      ],
      [
        'where it is too old',
        { TORCHLET_STANDIN_CUBLASLT_VERSION: '110504' },
        /libcublasLt\.so\.12 is of CUDA 11, and 12 or later is needed$/,
      ],
      [
        'where it is too new for the driver',
        { TORCHLET_STANDIN_CUBLASLT_VERSION: '140000' },
        /is of CUDA 14, which the driver \(CUDA 13\) is too old for$/,
      ],
    ])('%s', async (_, environment, reason) => {
      for (const [name, value] of Object.entries(environment)) process.env[name] = value;
      await open();
      expect(claim()).toBeNull();
      const unused = { name: 'cuBLASLt', version: null, file: null };
      expect(info()).toMatchObject({ ...unused, reason: expect.stringMatching(reason) });
      await expectRight(device, {});
      expect(countOf('cublasLtMatmul')).toBe(0);
    });

    it('where a variable or an option says so', async () => {
      process.env['TORCHLET_CUDA_LIBRARIES'] = 'off';
      await open({});
      expect(claim()).toBeNull();
      expect(info()).toMatchObject({ reason: 'turned off by TORCHLET_CUDA_LIBRARIES or an option' });
      device.dispose();
      process.env['TORCHLET_CUDA_LIBRARIES'] = 'always';
      await open({ libraries: 'off' });
      expect(claim()).toBeNull();
      process.env['TORCHLET_CUDA_LIBRARIES'] = 'sometimes';
      await expect(cudaStandin()).rejects.toThrow('TORCHLET_CUDA_LIBRARIES: expected auto, always, off, got sometimes');
    });

    it.each<[string, CudaOptions, number, RegExp]>([
      [
        'where it does not start',
        {},
        allocFailed,
        /could not be started: cublasLtCreate failed with CUBLAS_STATUS_ALLOC_FAILED \(3\)$/,
      ],
      [
        'where it has no room to work in',
        { memoryBytes: 2 ** 20 },
        0,
        /could not be started: .*out of memory: 8388608 bytes were asked for \(workspace of cuBLASLt\)/,
      ],
    ])('%s', async (_, options, code, reason) => {
      await open({ ...options, libraries: 'always' });
      if (code > 0) watch.fail('cublasLtCreate', code);
      const { allocated } = device.memory();
      expect(claim()).toBeNull();
      expect(info()).toMatchObject({ reason: expect.stringMatching(reason) });
      expect(device.memory().allocated).toBe(allocated);
      await expectRight(device, {});
    });
  });

  describe('where it fails', () => {
    it('the next best algorithm is taken', async () => {
      await open();
      watch.fail('cublasLtMatmul', notSupported);
      await expectRight(device, {});
      expect(info()?.products).toEqual({ asked: 1, reused: 0, refused: 0 });
    });

    it.each(['cublasLtMatmulAlgoGetHeuristic', 'cublasLtMatmulDescCreate', 'cublasLtMatrixLayoutCreate'])(
      'in %s, the own kernel computes the product from then on',
      async (call) => {
        await open();
        const runs = countOf('cublasLtMatmul');
        watch.fail(call, notSupported);
        for (let i = 0; i < 2; i++) await expectRight(device, {});
        expect(info()?.products).toEqual({ asked: 1, reused: 1, refused: 1 });
        expect(countOf('cublasLtMatmul')).toBe(runs);
      },
    );

    it('in a run, the error says where and what helps, and the device goes on', async () => {
      await open();
      const compiled = device.compile(programOf({}));
      const buffers = filled(device, sizesOf({}));
      watch.fail('cublasLtMatmul', executionFailed);
      expect(() => run(device, compiled, buffers)).toThrow(
        'cuda-standin: program work, kernel product: cublasLtMatmul failed with CUBLAS_STATUS_EXECUTION_FAILED (13). TORCHLET_CUDA_LIBRARIES=off computes products without it',
      );
      await expectRight(device, {}, compiled);
    });

    it('a card that cannot be asked is not held against it', async () => {
      await open();
      expect(claim()).not.toBeNull();
      watch.fail('cuCtxSetCurrent', unknown);
      await expectRight(device, {});
      expect(info()?.products).toEqual({ asked: 0, reused: 0, refused: 0 });
      await expectRight(device, {});
      expect(info()?.products).toEqual({ asked: 1, reused: 0, refused: 0 });
      watch.fail('cuCtxSetCurrent', illegalAddress);
      expect(() => device.compile(programOf({}))).toThrow(/\(700\): .*This process cannot use the card any more/);
      device.dispose();
      watch.recover();
    });

    it('in any call once, nothing stays behind', async () => {
      const library = await standinLibrary();
      const objects = (): number => JSON.parse(library.text('standin_library')).objects;
      expect(libraryCalls.length).toBeGreaterThan(10);
      for (const call of libraryCalls) {
        await open();
        watch.fail(call, executionFailed);
        const biased = { parts: added(load(3, axis(1))) };
        await expectRight(device, { ...biased, expected: (of, i) => byRows(of, i) + of(3, i % n) });
        await expectRight(device, oneLeftFactor);
        device.dispose();
        expect([call, watch.spare(), objects()]).toEqual([call, 0, 0]);
      }
    });
  });

  it('is the one that something else of the process has loaded', async () => {
    await open();
    const standin = await buildStandin();
    const file = libraryBeside(standin, 'cublaslt');
    const ask =
      'const addon = require(process.argv[1]); addon.driver(process.argv[2]); console.log(JSON.stringify(addon.library("cuBLASLt", ["libcublasLt.so.13"], false)))';
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', ask, addonFile, standin], {
      encoding: 'utf8',
      env: { ...process.env, LD_PRELOAD: file },
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ reason: null, file, version: 120804 });
  });
});

/**
 * Where cuDNN is not there, will not do, or fails: why, in `device.info()` or in the error; the own kernels compute instead, and nothing stays behind.
 */
import { spawnSync } from 'node:child_process';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { addonFile } from '../scripts/build-addon.mjs';
import type { CudaDevice, CudaOptions } from '../src/index.js';
import { versionText } from '../src/runtime/one-library.js';
import { buildStandin, libraryBeside } from '../standin/build.js';
import { standinLibrary } from '../standin/library.js';
import { cudaStandin } from '../standin/open.js';
import { type StandinWatch, watchStandin } from '../standin/watch.js';
import { convolutionProgram, expectConvolved, expectPhased, slotsOf, square } from './library-convolutions.js';
import { filled, run } from './library-products.js';
import type { PhasedCase } from './phased-products.js';
import { callsIn, restoreAfterEach } from './library-faults.js';
import { noStandin, onStandin } from './standin-driver.js';
import { type WindowCase, windowProduct } from './window-products.js';

const [notInitialized, badParameter, notSupported, executionFailed] = [1001, 2000, 3000, 5000];
const variables = [
  'TORCHLET_CUDNN',
  'TORCHLET_CUDA_LIBRARIES',
  'TORCHLET_STANDIN_CUDNN_VERSION',
  'TORCHLET_STANDIN_CUDNN_CUDA',
];

const libraryCalls = callsIn('cudnn.h');

const padded: WindowCase = { ...square, padding: [1, 1] };
const phased: PhasedCase = { ...square, places: [4, 3], window: [3, 3], stride: [2, 2], padding: [1, 1] };
const gradient: WindowCase = { ...padded, isGradient: true, outputOrder: 'channels last' };

describe.skipIf(noStandin !== null)(onStandin('faults of cuDNN'), () => {
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
  const info = () => device.info().libraries[1];
  const countOf = (call: string): number => watch.calls()[call] ?? 0;
  const claim = () => device.claim?.(windowProduct(padded)) ?? null;

  // Before any test that finds one: a process keeps the library that it has opened.
  describe('is not used', () => {
    it.each<[string, Readonly<Record<string, string>>, RegExp]>([
      [
        'where it is not there',
        { TORCHLET_CUDNN: '/nowhere/libcudnn.so.9' },
        /^TORCHLET_CUDNN names a library that will not do: \/nowhere\/libcudnn.so.9 cannot be loaded \(/,
      ],
      ['where another library has its name', { TORCHLET_CUDNN: addonFile }, /torchlet_cuda\.node has no cudnnCreate$/],
      [
        'where it is too old',
        { TORCHLET_STANDIN_CUDNN_VERSION: '7605' },
        /libcudnn\.so\.9 is cuDNN 7, and 8 or later is needed$/,
      ],
      [
        'where it is too new for the driver',
        { TORCHLET_STANDIN_CUDNN_CUDA: '14000' },
        /is of CUDA 14, which the driver \(CUDA 13\) is too old for$/,
      ],
    ])('%s', async (_, environment, reason) => {
      for (const [name, value] of Object.entries(environment)) process.env[name] = value;
      await open();
      expect(claim()).toBeNull();
      const unused = { name: 'cuDNN', version: null, file: null };
      expect(info()).toMatchObject({ ...unused, reason: expect.stringMatching(reason) });
      await expectConvolved(device, padded);
      expect(countOf('cudnnConvolutionForward')).toBe(0);
    });

    it('where a variable says so', async () => {
      process.env['TORCHLET_CUDA_LIBRARIES'] = 'off';
      await open({});
      expect(claim()).toBeNull();
      expect(info()).toMatchObject({ reason: 'turned off by TORCHLET_CUDA_LIBRARIES or an option' });
    });

    it.each<[string, CudaOptions, string, RegExp]>([
      [
        'where it does not start',
        {},
        'cudnnCreate',
        /could not be started: cudnnCreate failed with CUDNN_STATUS_NOT_INITIALIZED \(1001\)$/,
      ],
      [
        'where it does not take the stream',
        {},
        'cudnnSetStream',
        /could not be started: cudnnSetStream failed with CUDNN_STATUS_NOT_INITIALIZED \(1001\)$/,
      ],
      [
        'where it has no room to work in',
        { memoryBytes: 2 ** 20 },
        '',
        /could not be started: .*out of memory: 8388608 bytes were asked for \(workspace of cuDNN\)/,
      ],
    ])('%s', async (_, options, call, reason) => {
      await open({ ...options, libraries: 'always' });
      if (call !== '') watch.fail(call, notInitialized);
      expect(claim()).toBeNull();
      expect(info()).toMatchObject({ reason: expect.stringMatching(reason) });
      await expectConvolved(device, padded);
    });
  });

  describe('where it fails', () => {
    it.each(['cudnnConvolutionForward', 'cudnnGetConvolutionForwardWorkspaceSize'])(
      'in %s, the next best algorithm is taken',
      async (call) => {
        await open();
        watch.fail(call, notSupported);
        await expectConvolved(device, padded);
        expect(info()?.products).toEqual({ asked: 1, reused: 0, refused: 0 });
      },
    );

    it.each([
      'cudnnCreateTensorDescriptor',
      'cudnnSetFilterNdDescriptor',
      'cudnnSetConvolutionGroupCount',
      'cudnnGetConvolutionForwardAlgorithm_v7',
    ])('in %s, the own kernel computes the convolution from then on', async (call) => {
      await open();
      const runs = countOf('cudnnConvolutionForward');
      watch.fail(call, badParameter);
      for (let i = 0; i < 2; i++) await expectConvolved(device, padded);
      expect(info()?.products).toEqual({ asked: 1, reused: 1, refused: 1 });
      expect(countOf('cudnnConvolutionForward')).toBe(runs);
    });

    it('in a run, the error says where and what helps, and the device goes on', async () => {
      await open();
      const compiled = device.compile(convolutionProgram(padded));
      const buffers = filled(device, slotsOf(padded));
      watch.fail('cudnnConvolutionForward', executionFailed);
      expect(() => run(device, compiled, buffers)).toThrow(
        'cuda-standin: program work, kernel convolution: cudnnConvolutionForward failed with CUDNN_STATUS_EXECUTION_FAILED (5000). TORCHLET_CUDA_LIBRARIES=off computes products without it',
      );
      await expectConvolved(device, padded);
    });

    it('in a capture, the run goes without a graph', async () => {
      await open();
      const compiled = device.compile(convolutionProgram(padded));
      const buffers = filled(device, slotsOf(padded));
      run(device, compiled, buffers);
      watch.fail('cudnnConvolutionForward', executionFailed);
      run(device, compiled, buffers);
      await device.synchronize();
      expect(device.info().graphs).toMatchObject({
        captured: 0,
        refused: 1,
        refusal: expect.stringContaining('cudnnConvolutionForward failed with CUDNN_STATUS_EXECUTION_FAILED (5000)'),
      });
      await expectConvolved(device, padded);
    });

    it('in any call once, nothing stays behind', async () => {
      const library = await standinLibrary();
      const objects = (): number => JSON.parse(library.text('standin_library')).objects;
      expect(libraryCalls.length).toBeGreaterThan(15);
      for (const call of libraryCalls) {
        await open();
        watch.fail(call, executionFailed);
        await expectConvolved(device, padded);
        await expectConvolved(device, gradient);
        await expectPhased(device, phased);
        device.dispose();
        expect([call, watch.spare(), objects()]).toEqual([call, 0, 0]);
      }
    });
  });

  it('is the one that something else of the process has loaded', async () => {
    await open();
    const standin = await buildStandin();
    const file = libraryBeside(standin, 'cudnn');
    const ask =
      'const addon = require(process.argv[1]); addon.driver(process.argv[2]); console.log(JSON.stringify(addon.library("cuDNN", ["libcudnn.so.8"], false)))';
    const { stdout, stderr } = spawnSync(process.execPath, ['-e', ask, addonFile, standin], {
      encoding: 'utf8',
      env: { ...process.env, LD_PRELOAD: file, TORCHLET_STANDIN_CUDNN_VERSION: '8907' },
    });
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toEqual({ reason: null, file, version: 8907 });
  });
});

it('versions are told as NVIDIA writes them: cuDNN before 9 counts otherwise', () => {
  expect([8907, 90100, 91201, 120804].map(versionText)).toEqual(['8.9.7', '9.1.0', '9.12.1', '12.8.4']);
});

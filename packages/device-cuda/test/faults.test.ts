/**
 * Every call of the driver that the addon makes, failing once in every part of a device's life: the error says what happened and what helps, nothing stays
 * behind, and the device computes what it did before, or says that it cannot. The calls are those of the addon's own table, so a new one is here by itself.
 */
import { spawnSync } from 'node:child_process';
import { type Compiled, type DeviceBuffer, DeviceError } from '@torchlet/device';
import {
  arena,
  at,
  axis,
  buffer,
  fn,
  host,
  load,
  map,
  matmul,
  program,
  result,
  scalar,
  store,
} from '@torchlet/device/by-hand';
import { describe, expect, it } from 'vitest';
import { addonFile } from '../scripts/build-addon.mjs';
import type { CudaDevice } from '../src/index.js';
import { buildStandin } from '../standin/build.js';
import { cudaStandin, standinName } from '../standin/open.js';
import { callsOfTheAddon, type StandinWatch, watchStandin } from '../standin/watch.js';
import { noStandin, onStandin } from './standin-driver.js';

const unknown = 999;
const illegalAddress = 700;
/** How often a part calls a function is not the same each time: somebody asks until the work is done. */
const mostTimes = 4;
const side = 64;
const size = side * side;

/** A product by tiles into the arena, then a sum with a scalar: host data, an outside buffer, two kernels. */
const work = program(
  'work',
  [buffer(0, size, 'read'), host(0, size), arena(0, size), buffer(1, size, 'write')],
  [
    matmul('product', [side, side, side], { stores: [store(2, at(axis(0), side, axis(1)), result(0))] }),
    map('sum', size, 3, fn('add', [load(2, axis(0)), scalar(0)])),
  ],
  { scalars: ['float32'], arena: [4 * size] },
);
const ones = new Float32Array(size).fill(1);
const diagonal = Float32Array.from({ length: size }, (_, i) => (i % (side + 1) === 0 ? 2 : 0));

/** A device and what was made on it so far. */
interface Scene {
  device?: CudaDevice;
  compiled?: Compiled;
  buffers: DeviceBuffer[];
}

const deviceOf = ({ device }: Scene): CudaDevice => device as CudaDevice;
const whole = (one: DeviceBuffer | undefined) => ({ buffer: one as DeviceBuffer, byteOffset: 0 });

async function run({ device, compiled, buffers }: Scene, number: number, into = 1): Promise<void> {
  const bindings = { buffers: [whole(buffers[0]), whole(buffers[into])], hostInputs: [diagonal], scalars: [number] };
  await (device as CudaDevice).run(compiled as Compiled, bindings).done;
}

async function read({ device, buffers }: Scene, from = 1): Promise<Float32Array> {
  return (await (device as CudaDevice).read(whole(buffers[from]), 'float32', size)) as Float32Array;
}

/** The parts of a life, in order. */
const life: Readonly<Record<string, (scene: Scene) => Promise<unknown>>> = {
  opening: async (scene) => {
    scene.device = await cudaStandin();
    // The thread that waits for the card has made its calls too.
    await scene.device.synchronize();
  },
  allocating: async (scene) => {
    for (const name of ['x', 'y', 'z']) scene.buffers.push(deviceOf(scene).allocate(4 * size, name));
  },
  writing: async (scene) => deviceOf(scene).write(whole(scene.buffers[0]), 'float32', ones),
  compiling: async (scene) => {
    scene.compiled = deviceOf(scene).compile(work);
  },
  'the first run': (scene) => run(scene, 1),
  'the run that becomes a graph': (scene) => run(scene, 2),
  'a run as a graph': (scene) => run(scene, 3),
  'a run as a graph with another buffer': (scene) => run(scene, 4, 2),
  reading: (scene) => read(scene),
  synchronizing: (scene) => deviceOf(scene).synchronize(),
  profiling: (scene) => deviceOf(scene).profile(() => run(scene, 5)),
  'telling about itself': async (scene) => deviceOf(scene).info(),
  freeing: async (scene) => deviceOf(scene).free(scene.buffers[2] as DeviceBuffer),
  'letting a program go': async (scene) => scene.compiled?.dispose(),
  disposing: async (scene) => deviceOf(scene).dispose(),
};
const parts = Object.keys(life);

/** What a part calls that need not be an error: the run goes without a graph, and what is given back is offered again. */
const spared: Readonly<Record<string, RegExp>> = {
  opening: /^cuCtxSetCurrent$/,
  'the run that becomes a graph':
    /^cu(StreamBeginCapture|StreamEndCapture|StreamGetCaptureInfo|GraphInstantiate|LaunchKernel)/,
  'a run as a graph with another buffer': /^cuGraphExecKernelNodeSetParams/,
  profiling: /^cuEventDestroy/,
  freeing: /./,
  'letting a program go': /^cu(CtxSetCurrent|Graph(Exec)?Destroy|ModuleUnload|StreamSynchronize)/,
  disposing: /./,
};

/** Parts that say which program they are for, and the kernel where a call is for one. */
const ofWork = /^(compiling|the|a) /;

const watch = noStandin === null ? await watchStandin() : null;
const watched = (): StandinWatch => watch as StandinWatch;

async function liveUntil(part: string): Promise<Scene> {
  const scene: Scene = { buffers: [] };
  for (const earlier of parts.slice(0, parts.indexOf(part))) await life[earlier]?.(scene);
  return scene;
}

interface Case {
  readonly part: string;
  readonly call: string;
  readonly count: number;
}

/** The calls of each part of a life in which nothing fails. */
async function cases(): Promise<Case[]> {
  const found: Case[] = [];
  const scene: Scene = { buffers: [] };
  for (const part of parts) {
    const before = watched().calls();
    await life[part]?.(scene);
    const made = Object.entries(watched().callsSince(before));
    // What is asked for once in a process is tried in processes of its own.
    found.push(
      ...made.filter(([call]) => !onceInAProcess.includes(call)).map(([call, count]) => ({ part, call, count })),
    );
  }
  return found;
}

const onceInAProcess = ['cuInit', 'cuDriverGetVersion', 'cuDeviceGetCount'];
const forErrors = ['cuGetErrorName', 'cuGetErrorString'];
const all = noStandin === null ? await cases() : [];

/** Goes through a part of which a call fails. @returns the error; undefined where the call was not made so often this time. */
async function meet(scene: Scene, { part, call }: Case, code: number, nth: number): Promise<unknown> {
  watched().fail(call, code, nth);
  const error = await life[part]?.(scene).then(
    () => null,
    (cause: unknown) => cause,
  );
  return watched().spare() > 0 ? undefined : error;
}

/** Computes and reads with what the scene has, or with what it lacks made. */
async function expectToWork(device: CudaDevice): Promise<void> {
  const scene: Scene = { device, buffers: [] };
  for (const part of parts.slice(1, parts.indexOf('reading'))) await life[part]?.(scene);
  expect(new Set(await read(scene, 1))).toEqual(new Set([2 + 3]));
  expect(new Set(await read(scene, 2))).toEqual(new Set([2 + 4]));
  for (const buffer of scene.buffers) device.free(buffer);
  scene.compiled?.dispose();
}

describe.skipIf(noStandin !== null)(onStandin('a call of the driver fails once'), () => {
  it('all that the addon uses are tried', () => {
    const tried = new Set([...all.map(({ call }) => call), ...onceInAProcess, ...forErrors]);
    expect(callsOfTheAddon().filter((call) => !tried.has(call))).toEqual([]);
  });

  it.each(all)('$part: $call', async (one) => {
    const { part, call, count } = one;
    const before = watched().alive();
    for (let nth = 1; nth <= Math.min(count, mostTimes); nth++) {
      const scene = await liveUntil(part);
      const error = await meet(scene, one, unknown, nth);
      if (error instanceof Error) {
        expect(error).toBeInstanceOf(DeviceError);
        expect(error).toMatchObject({ device: standinName, sticky: false });
        expect(error.message).toContain(`${call.replace(/_v2$/, '')} failed with CUDA_ERROR_UNKNOWN (999): `);
        expect(error.message).toMatch(/(still usable|can be tried again); if this happens again, look at nvidia-smi/);
        if (ofWork.test(part)) expect(error).toMatchObject({ program: 'work' });
      } else if (error === null) {
        expect(call).toMatch(spared[part] ?? /^$/);
      }
      if (part === 'disposing') continue;
      scene.device ??= await cudaStandin();
      await expectToWork(scene.device);
      scene.device.dispose();
    }
    expect(watched().alive()).toEqual(before);
  });

  it.each(all)('$part: $call, and the error stays', async (one) => {
    const scene = await liveUntil(one.part);
    const error = await meet(scene, one, illegalAddress, 1);
    const { device } = scene;
    const final = /CUDA_ERROR_ILLEGAL_ADDRESS \(700\): .*This process cannot use the card any more: start it again/;
    if (error instanceof Error) {
      expect(error).toBeInstanceOf(DeviceError);
      expect(error).toMatchObject({ device: standinName, sticky: true, message: expect.stringMatching(final) });
    }
    if (device !== undefined && one.part !== 'disposing') {
      expect(() => device.allocate(16, 'late')).toThrow(final);
      expect(await device.lost).toEqual({ reason: 'lost', message: expect.stringMatching(final) });
      await expect(device.synchronize()).rejects.toThrow(final);
    }
    device?.dispose();
    watched().recover();
    const next = await cudaStandin();
    await expectToWork(next);
    next.dispose();
  });

  it('an error without a name is told by its number', async () => {
    const device = await cudaStandin();
    for (const call of ['cuMemsetD8Async', ...forErrors]) watched().fail(call, unknown);
    expect(() => device.allocate(16, 'x')).toThrow(/cuMemsetD8Async failed with an unknown CUDA error \(999\)/);
    await expectToWork(device);
    device.dispose();
  });

  it('what is refused twice does not keep a device from its end', async () => {
    const scene = await liveUntil('disposing');
    for (let i = 0; i < 2; i++) watched().fail('cuStreamDestroy_v2', unknown);
    scene.device?.dispose();
    expect(watched().spare()).toBe(0);
    await expectToWork(await cudaStandin());
  });

  it.each(onceInAProcess)(
    '%s, which a process asks once: the reason, and the next try finds the card',
    async (call) => {
      const ask =
        'const addon = require(process.argv[1]); for (let i = 0; i < 2; i++) console.log(addon.driver(process.argv[2]).reason)';
      const { stdout, stderr, status } = spawnSync(process.execPath, ['-e', ask, addonFile, await buildStandin()], {
        encoding: 'utf8',
        env: { ...process.env, TORCHLET_STANDIN_FAIL: `${call}:1:${unknown}` },
      });
      expect([stderr, status]).toEqual(['', 0]);
      const [first, second] = stdout.split('\n');
      expect(first).toMatch(new RegExp(`^${call} of .*libcuda\\.so\\.1 failed with CUDA_ERROR_UNKNOWN \\(999\\)`));
      expect(second).toBe('null');
    },
  );
});

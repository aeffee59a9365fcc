/**
 * Training that meets a fault of WebGPU: what the loop is told, and that a new device continues from the last checkpoint as if nothing had been. What the device
 * says of faults by itself is tested with it.
 */
import { DeviceError, openFirst, OutOfMemoryError } from '@torchlet/device';
import { cpu, cpuOpener } from '@torchlet/device-cpu';
import { type WebGpuDevice, type WebGpuOptions, webgpu, webgpuOpener } from '@torchlet/device-webgpu';
import { setDefaultDevice } from '@torchlet/tensor';
import { afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { type Broken, disposeOpened, openHere, refuseBuffers } from '../../packages/device-webgpu/test/wrapped-gpu.js';
import { noAdapter, titled } from '../adapter.js';
import { CheckpointedTraining } from '../checkpointed-training.js';

/** Steps in all, those before the checkpoint, and those before the fault. */
const steps = 8;
const saved = 3;
const faulty = 5;
/** A batch that no other step has: it needs a program of its own, and more memory. */
const manyRows = 4000;

interface Scene {
  readonly training: CheckpointedTraining;
  readonly gpu: GPUDevice;
  lose(message: string): void;
}

interface Fault {
  readonly options?: WebGpuOptions;
  /** Whether the test says when the device is lost. */
  readonly told?: boolean;
  /** Runs a step into the fault; rejects with what the loop is told. */
  meet(scene: Scene): Promise<unknown>;
  readonly message: RegExp;
  readonly error: Partial<DeviceError>;
  readonly kind?: typeof DeviceError | typeof OutOfMemoryError;
}

async function step({ training }: Scene, rows?: number): Promise<unknown> {
  const loss = training.record(rows);
  training.update();
  return loss.item();
}

const faults: Readonly<Record<string, Fault>> = {
  'the device is destroyed between forward and update': {
    meet: async ({ training, gpu }) => {
      const loss = training.record();
      gpu.destroy();
      await gpu.lost;
      training.update();
      return loss.item();
    },
    message:
      /webgpu: the device was lost while or after program .* \(kernels? .*\) ran: destroyed.*from the last checkpoint/,
    error: { sticky: true, program: expect.any(String) },
  },
  'the device is destroyed while the update runs': {
    meet: async ({ training, gpu }) => {
      const loss = training.record();
      training.update();
      gpu.destroy();
      return loss.item();
    },
    message: /the device was lost while or after program .* ran: destroyed.*from the last checkpoint/,
    error: { sticky: true, program: expect.any(String) },
  },
  'the device is lost while a value is awaited': {
    told: true,
    meet: async ({ training, lose }) => {
      const loss = training.record();
      training.update();
      const value = loss.item();
      lose('the graphics driver was reset');
      return value;
    },
    message:
      /the device was lost while or after program .* ran: lost: the graphics driver was reset\. Open a new device/,
    error: { sticky: true, program: expect.any(String) },
  },
  'a shader does not compile': {
    meet: async (scene) => {
      const { gpu } = scene;
      const compile = gpu.createShaderModule.bind(gpu);
      gpu.createShaderModule = (descriptor) => compile({ ...descriptor, code: `${descriptor.code}\nfn broken( {` });
      try {
        return await step(scene, manyRows);
      } finally {
        gpu.createShaderModule = compile;
      }
    },
    message: /webgpu: program .*, kernel .*: its shader does not compile: line \d+/,
    error: { sticky: false, program: expect.any(String), kernel: expect.any(String) },
  },
  'a value is larger than a kernel may see': {
    options: { limits: { bindingBytes: 64 * 1024 } },
    meet: (scene) => step(scene, manyRows),
    message: /webgpu: program .*, kernel .*: slot \d+ has \d+ bytes, a kernel may see 65536/,
    error: { sticky: false, program: expect.any(String), kernel: expect.any(String) },
  },
  'the budget is spent': {
    options: { memoryBytes: 1024 * 1024 },
    meet: (scene) => step(scene, 10 * manyRows),
    message:
      /webgpu: program .*: out of memory: \d+ bytes were asked for \(.*\), \d+ of 1048576 bytes are in use; the largest: /,
    error: { sticky: false, program: expect.any(String) },
    kind: OutOfMemoryError,
  },
  'the adapter has no memory left': {
    meet: async (scene) => {
      const mend = refuseBuffers(scene.gpu);
      try {
        return await step(scene, manyRows);
      } finally {
        mend();
      }
    },
    message: /webgpu: .*out of memory: \d+ bytes were asked for \(.*\), \d+ bytes are in use; the largest: /,
    error: { sticky: false },
    kind: OutOfMemoryError,
  },
};

let expected: number[];

beforeAll(async () => {
  if (noAdapter !== null) return;
  const device = await webgpu();
  setDefaultDevice(device);
  expected = await new CheckpointedTraining(device).until(steps);
  device.dispose();
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.restoreAllMocks();
  disposeOpened();
});

async function opened({
  options,
  told = false,
}: Fault): Promise<{ device: WebGpuDevice; gpu: GPUDevice; lose: Scene['lose'] }> {
  let lose: Scene['lose'] = () => undefined;
  const lost: NonNullable<Broken['lost']> = new Promise((resolve) => {
    lose = (message) => resolve({ reason: 'unknown', message });
  });
  const pair = await openHere(options, told ? { lost } : {});
  return { ...pair, lose: (message) => lose(message) };
}

describe.skipIf(noAdapter !== null)(titled('training on WebGPU where'), () => {
  it.each(Object.entries(faults))('%s: says so, and goes on from its checkpoint', async (_, fault) => {
    const { device, gpu, lose } = await opened(fault);
    setDefaultDevice(device);
    const training = new CheckpointedTraining(device);
    await training.until(saved);
    const checkpoint = await training.checkpoint();
    await training.until(faulty);
    const met = await fault.meet({ training, gpu, lose }).then(
      () => null,
      (error: unknown) => error,
    );
    expect(met).toBeInstanceOf(fault.kind ?? DeviceError);
    expect((met as Error).message).toMatch(fault.message);
    expect(met).toMatchObject(fault.error);
    if (fault.error.sticky === true) {
      await expect(training.net.out.bias?.data()).rejects.toThrow(/lost/);
      expect(() => device.allocate(16, 'late')).toThrow(/Open a new device/);
    }
    device.dispose();
    const next = await webgpu();
    setDefaultDevice(next);
    const continued = await CheckpointedTraining.continued(next, checkpoint);
    expect(await continued.until(steps)).toEqual(expected.slice(saved));
    next.dispose();
  });

  it('no adapter is there any more: goes on from its checkpoint on the CPU', async () => {
    const first = await webgpu();
    setDefaultDevice(first);
    const training = new CheckpointedTraining(first);
    await training.until(saved);
    const checkpoint = await training.checkpoint();
    first.dispose();
    vi.stubGlobal('navigator', { gpu: { requestAdapter: async () => null } });
    const { device, unavailable } = await openFirst([webgpuOpener({ fallback: true }), cpuOpener()]);
    expect(unavailable).toEqual([{ name: 'webgpu', reason: expect.stringContaining('navigator.gpu has no adapter') }]);
    expect(device.name).toBe('cpu');
    setDefaultDevice(device);
    const continued = await CheckpointedTraining.continued(device, checkpoint);
    const losses = await continued.until(steps);
    expect(losses.map((loss, i) => Math.abs(loss - (expected[saved + i] as number)) < 1e-4)).not.toContain(false);
    device.dispose();
  });
});

describe.skipIf(noAdapter !== null)(titled('limits that a plan can keep to'), () => {
  it.each([
    ['three slots a kernel', { limits: { buffersPerKernel: 3 } }, {}],
    ['little to see at once', { limits: { bindingBytes: 4096 } }, {}],
    ['few workgroups in a dimension', {}, { limits: { maxComputeWorkgroupsPerDimension: 3 } }],
  ] as [string, WebGpuOptions, Broken][])('%s: training is the same', async (_, options, broken) => {
    const { device } = await openHere(options, broken);
    setDefaultDevice(device);
    const losses = await new CheckpointedTraining(device).until(steps);
    expect(losses.map((loss, i) => Math.abs(loss - (expected[i] as number)) < 1e-5)).not.toContain(false);
  });
});

describe.skipIf(noAdapter !== null)(titled('after a fault that the device survives'), () => {
  it.each(Object.entries(faults).filter(([, { error }]) => error.sticky === false))(
    '%s: the same device goes on from the checkpoint',
    async (_, fault) => {
      const { device, gpu, lose } = await opened(fault);
      setDefaultDevice(device);
      const training = new CheckpointedTraining(device);
      await training.until(saved);
      const checkpoint = await training.checkpoint();
      await expect(fault.meet({ training, gpu, lose })).rejects.toThrow(fault.message);
      const continued = await CheckpointedTraining.continued(device, checkpoint);
      expect(await continued.until(steps)).toEqual(expected.slice(saved));
    },
  );
});

it('a checkpoint moves between the CPU and WebGPU and back', async ({ skip }) => {
  skip(noAdapter !== null, noAdapter ?? '');
  const devices = [await cpu(), await webgpu(), await cpu({ readNow: false })];
  let checkpoint: Uint8Array | null = null;
  const losses: number[] = [];
  for (const [i, device] of devices.entries()) {
    setDefaultDevice(device);
    const training: CheckpointedTraining =
      checkpoint === null ? new CheckpointedTraining(device) : await CheckpointedTraining.continued(device, checkpoint);
    losses.push(...(await training.until(3 * (i + 1))));
    checkpoint = await training.checkpoint();
    device.dispose();
  }
  expect(losses.slice(0, steps).map((loss, i) => Math.abs(loss - (expected[i] as number)) < 1e-4)).not.toContain(false);
  expect(losses.at(-1)).toBeLessThan((losses[0] as number) / 2);
});

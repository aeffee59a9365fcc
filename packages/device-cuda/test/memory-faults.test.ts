/**
 * A kernel that leaves its memory: the card stops, and the error says which program and kernel it was, as far as that can be known. The programs here take their
 * indices from data, which no compiler of ours leaves unchecked.
 */
import { DeviceError, type Program, type Span } from '@torchlet/device';
import { axis, buffer, load, map, program } from '@torchlet/device/by-hand';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CudaDevice } from '../src/index.js';
import { setStandin } from '../standin/library.js';
import { cudaStandin } from '../standin/open.js';
import { watchStandin } from '../standin/watch.js';
import { noStandin, onStandin } from './standin-driver.js';

const size = 16;
const synchronousVariable = 'TORCHLET_CUDA_SYNC';
const cachingVariable = 'TORCHLET_CUDA_CACHING';
const farAway = 2 ** 28;

const slots = [buffer(0, size, 'read'), buffer(1, size, 'read', 'int32'), buffer(2, size, 'write')];
const copy = map('copy', size, 2, load(0, axis(0)));
const gather = map('gather', size, 2, load(0, load(1, axis(0), 'int32')));

describe.skipIf(noStandin !== null)(onStandin('a kernel leaves its memory'), () => {
  let device: CudaDevice;
  // What a test submits in one go is submitted before the card fails.
  beforeEach(() => setStandin({ lag: 20_000 }));
  afterEach(async () => {
    await setStandin({});
    delete process.env[synchronousVariable];
    delete process.env[cachingVariable];
    device.dispose();
    (await watchStandin()).recover();
  });

  let spans: readonly Span[];
  const open = async (index: number): Promise<void> => {
    device = await cudaStandin();
    spans = ['x', 'indices', 'y'].map((label) => ({ buffer: device.allocate(4 * size, label), byteOffset: 0 }));
    device.write(spans[1] as Span, 'int32', new Int32Array(size).fill(index));
  };
  const submit = (what: Program) => device.run(device.compile(what), { buffers: spans, hostInputs: [], scalars: [] });
  const read = () => device.read(spans[2] as Span, 'float32', size);

  it('its program and the kernel are named, what waits is told, and every later call says it again', async () => {
    await open(farAway);
    const { done } = submit(program('reckless', slots, [gather]));
    // The card may have failed before this is asked.
    const values = read().catch((cause: unknown) => cause);
    const final =
      /^cuda-standin: program reckless, kernel gather: (the card could not finish: )?\w+ failed with CUDA_ERROR_ILLEGAL_ADDRESS \(700\): .*, that is a kernel used an address that is not its own\. This process cannot use the card any more: start it again and continue from the last checkpoint$/;
    const error = await done?.catch((cause: unknown) => cause);
    expect(error).toBeInstanceOf(DeviceError);
    expect(error).toMatchObject({
      program: 'reckless',
      kernel: 'gather',
      sticky: true,
      message: expect.stringMatching(final),
    });
    expect(await values).toBe(error);
    expect(await device.lost).toEqual({ reason: 'lost', message: (error as Error).message });
    for (const call of [
      () => device.allocate(4, 'late'),
      () => submit(program('late', slots, [copy])),
      () => device.info(),
    ])
      expect(call).toThrow(error as Error);
    await expect(device.synchronize()).rejects.toBe(error);
  });

  it('a call that meets it before the card tells says the same', async () => {
    await open(farAway);
    const { done } = submit(program('reckless', slots, [gather]));
    let met: unknown = null;
    while (met === null) {
      try {
        device.info();
      } catch (error) {
        met = error;
      }
    }
    expect(met).toMatchObject({ program: 'reckless', kernel: 'gather', sticky: true });
    expect((met as Error).message).toMatch(
      /^cuda-standin: program reckless, kernel gather: the card could not finish: \w+ failed with CUDA_ERROR_ILLEGAL_ADDRESS/,
    );
    await expect(done).rejects.toBe(met);
  });

  it('of several kernels, each may have been it', async () => {
    await open(farAway);
    const { done } = submit(program('reckless', slots, [copy, gather]));
    await expect(done).rejects.toThrow(
      'program reckless, one of its kernels copy, gather (TORCHLET_CUDA_SYNC=1 tells which): ',
    );
  });

  it('waiting for each kernel tells which', async () => {
    process.env[synchronousVariable] = '1';
    await open(farAway);
    const { done } = submit(program('reckless', slots, [copy, gather]));
    await expect(done).rejects.toThrow(
      'program reckless, kernel gather: cuStreamSynchronize failed with CUDA_ERROR_ILLEGAL_ADDRESS',
    );
    await expect(done).rejects.toMatchObject({ program: 'reckless', kernel: 'gather', sticky: true });
  });

  it('by one element: seen where each buffer is an allocation of its own', async () => {
    process.env[cachingVariable] = 'off';
    await open(size - 1);
    submit(program('careful', slots, [gather]));
    await read();
    device.write(spans[1] as Span, 'int32', new Int32Array(size).fill(size));
    submit(program('reckless', slots, [gather]));
    await expect(read()).rejects.toThrow(/64 bytes into an allocation of 64/);
  });

  it('without caching, what is freed goes back at once', async () => {
    process.env[cachingVariable] = 'off';
    await open(0);
    const watch = await watchStandin();
    const before = watch.alive();
    const more = device.allocate(1000, 'more');
    expect(watch.alive()).toMatchObject({ device: (before['device'] ?? 0) + 1 });
    expect(device.memory().reserved).toBe(3 * 4 * size + 1000);
    device.free(more);
    expect(watch.alive()).toEqual(before);
  });
});

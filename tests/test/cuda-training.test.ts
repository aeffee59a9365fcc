/**
 * A training loop on CUDA's driver stand-in, as the driver sees it: after the first steps a step is one copy, one graph and one mark, nobody waits unless a value
 * is read, and neither memory nor any object of the driver becomes more.
 */
import type { CudaDevice } from '@torchlet/device-cuda';
import { evaluate, manualSeed, setDefaultDevice, tensor } from '@torchlet/tensor';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { cudaStandin } from '../../packages/device-cuda/standin/open.js';
import { type Counts, type StandinWatch, watchStandin } from '../../packages/device-cuda/standin/watch.js';
import { noStandin, onStandin } from '../standin.js';
import { expectFlat, type Optimizers, optimizers, Training } from '../standin-training.js';

/** Calls of the thread that waits for the card, and for marks while more are under way than before: not the same each time. */
const varying = ['cuEventQuery', 'cuEventSynchronize', 'cuEventCreate'];

/** A budget: fewer is better. */
const kernels = { SGD: 9, AdamW: 10 };

describe.skipIf(noStandin !== null)(onStandin('a training loop'), () => {
  let watch: StandinWatch;
  let device: CudaDevice;

  beforeEach(async () => {
    watch = await watchStandin();
    device = await cudaStandin();
    setDefaultDevice(device);
    manualSeed(7);
  });
  afterEach(() => device.dispose());

  async function callsOf(work: () => Promise<unknown>): Promise<Counts> {
    await device.synchronize();
    const before = watch.calls();
    await work();
    const made = Object.entries(watch.callsSince(before));
    return Object.fromEntries(made.filter(([call]) => !varying.includes(call)));
  }

  it.each(Object.entries(optimizers))(
    'with %s: a step is a copy, a graph and a mark; a read is a copy and a mark more',
    async (_, optimizer) => {
      const training = new Training(optimizer);
      for (let i = 0; i < 40; i++) await training.step().item();
      const steps = 32;
      const step = {
        cuCtxSetCurrent: 2 * steps,
        cuMemcpyHtoDAsync_v2: steps,
        // The loss goes to another place of its page each time.
        cuGraphExecKernelNodeSetParams_v2: steps,
        cuGraphLaunch: steps,
        cuEventRecord: steps,
      };
      const unread = async () => {
        for (let i = 0; i < steps; i++) training.step();
      };
      expect(await callsOf(unread)).toEqual(step);
      const read = async () => {
        for (let i = 0; i < steps; i++) await training.step().item();
      };
      expect(await callsOf(read)).toEqual({
        ...step,
        cuCtxSetCurrent: 4 * steps,
        cuMemcpyDtoHAsync_v2: steps,
        cuEventRecord: 2 * steps,
      });
      expect(device.info().graphs).toMatchObject({ captured: 2, direct: 1, refused: 0 });
    },
  );

  it.each(Object.entries(kernels))('with %s: %i kernels a step', async (name, count) => {
    const training = new Training(optimizers[name] as Optimizers);
    expect(await callsOf(async () => training.step())).toMatchObject({ cuLaunchKernel: count });
  });

  it.each(Object.entries(optimizers))('with %s: flat over 500 steps, and it learns', (_, optimizer) =>
    expectFlat(device, optimizer, 500),
  );

  it('that never awaits gives back what it drops, and keeps what it has', async () => {
    const x = tensor(
      Float32Array.from({ length: 1000 }, (_, i) => i),
      { shape: [1000] },
    );
    const kept = x.mul(3);
    const evaluations = [evaluate(kept)];
    const drop = (count: number): void => {
      for (let i = 0; i < count; i++) evaluations.push(evaluate(x.mul(i)));
      device.collectGarbage?.();
    };
    for (let i = 0; i < 3; i++) drop(300);
    expect(device.memory().buffers).toBeLessThan(350);
    await Promise.all(evaluations);
    expect((await kept.data())[999]).toBe(2997);
  });
});

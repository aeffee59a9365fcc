/** A checkpoint (weights and the optimiser's state) moves from each kind of device to each other, and training goes on as if it had stayed. */
import type { Device } from '@torchlet/device';
import { cpu } from '@torchlet/device-cpu';
import { webgpu } from '@torchlet/device-webgpu';
import { setDefaultDevice } from '@torchlet/tensor';
import { beforeAll, describe, expect, it } from 'vitest';
import { cudaStandin } from '../../packages/device-cuda/standin/open.js';
import { noAdapter } from '../adapter.js';
import { CheckpointedTraining } from '../checkpointed-training.js';
import { noStandin } from '../standin.js';

/** Steps in all, and those before the move. */
const steps = 8;
const moved = 3;
/** Of losses: devices round in different orders. */
const tolerance = 1e-4;

interface Kind {
  open(): Promise<Device>;
  /** Why there is none here, or null. */
  readonly missing: string | null;
}

const kinds: Readonly<Record<string, Kind>> = {
  'the CPU': { open: () => cpu(), missing: null },
  WebGPU: { open: () => webgpu(), missing: noAdapter },
  "CUDA's driver stand-in": { open: () => cudaStandin(), missing: noStandin },
};

let expected: readonly number[];

beforeAll(async () => {
  expected = await on(await cpu(), (device) => new CheckpointedTraining(device).until(steps));
});

/** What `work` gives with `device` as the default, which is disposed then. */
async function on<T>(device: Device, work: (device: Device) => Promise<T>): Promise<T> {
  setDefaultDevice(device);
  try {
    return await work(device);
  } finally {
    device.dispose();
  }
}

function expectNear(losses: readonly number[], wanted: readonly number[]): void {
  expect(losses).toHaveLength(wanted.length);
  expect(Math.max(...losses.map((loss, i) => Math.abs(loss - (wanted[i] as number))))).toBeLessThan(tolerance);
}

const names = Object.keys(kinds);
const moves = names.flatMap((from) => names.filter((to) => to !== from).map((to) => [from, to] as const));

for (const [from, to] of moves) {
  const [{ open: openFirst, missing }, { open: openSecond, missing: missingToo }] = [kinds[from], kinds[to]] as [
    Kind,
    Kind,
  ];
  const reason = missing ?? missingToo;
  describe.skipIf(reason !== null)(`a checkpoint${reason === null ? '' : ` (skipped: ${reason})`}`, () => {
    it(`moves from ${from} to ${to}`, async () => {
      const [before, checkpoint] = await on(await openFirst(), async (device) => {
        const training = new CheckpointedTraining(device);
        return [await training.until(moved), await training.checkpoint()] as const;
      });
      const after = await on(await openSecond(), async (device) => {
        const training = await CheckpointedTraining.continued(device, checkpoint);
        return training.until(steps);
      });
      expectNear([...before, ...after], expected);
      expect(after.at(-1)).toBeLessThan((before[0] as number) / 2);
    });

    it(`on ${to} is the one that came from ${from}, to the bit`, async () => {
      const checkpoint = await on(await openFirst(), async (device) => {
        const training = new CheckpointedTraining(device);
        await training.until(moved);
        return training.checkpoint();
      });
      const again = await on(await openSecond(), async (device) =>
        (await CheckpointedTraining.continued(device, checkpoint)).checkpoint(),
      );
      expect(Buffer.from(again).equals(checkpoint)).toBe(true);
    });
  });
}

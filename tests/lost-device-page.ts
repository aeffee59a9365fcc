/**
 * The page of `chromium-faults.test.ts`: trains until the browser takes its device away, then goes on from the checkpoint on a new one; or says why it has none.
 * Owns what the page does and tells; who takes the device away is the test.
 */
import { DeviceError } from '@torchlet/device';
import { webgpu } from '@torchlet/device-webgpu';
import { setDefaultDevice } from '@torchlet/tensor';
import { CheckpointedTraining } from './checkpointed-training.js';

export interface LossReport {
  /** What the loop was told. */
  readonly message: string;
  readonly sticky: boolean;
  readonly program: string | null;
  /** Losses of the same steps on a device that nobody took, and on the new one from the checkpoint on. */
  readonly expected: readonly number[];
  readonly continued: readonly number[];
  /** Rejections that nobody handled. */
  readonly unhandled: readonly string[];
}

export interface LostDevicePage {
  /** Steps that the loop has done: from some on the device may be taken. */
  steps: number;
  report(): Promise<LossReport>;
  /** Why no device opens here; null where one does. */
  whyNot(): Promise<string | null>;
}

const saved = 3;
const steps = 8;
const longestWait = 50;

const unhandled: string[] = [];
addEventListener('unhandledrejection', ({ reason }) => unhandled.push(String(reason)));

const page: LostDevicePage = {
  steps: 0,
  report: async () => {
    const undisturbed = await webgpu();
    setDefaultDevice(undisturbed);
    const expected = await new CheckpointedTraining(undisturbed).until(steps);
    undisturbed.dispose();

    const device = await webgpu();
    setDefaultDevice(device);
    const training = new CheckpointedTraining(device);
    await training.until(saved);
    const checkpoint = await training.checkpoint();
    const told = await untilLost(training);
    await device.lost;

    const next = await reopened();
    setDefaultDevice(next);
    const continued = await (await CheckpointedTraining.continued(next, checkpoint)).until(steps);
    next.dispose();
    const { message, sticky, program } = told;
    return { message, sticky, program, expected: expected.slice(saved), continued, unhandled };
  },
  whyNot: () =>
    webgpu().then(
      (device) => {
        device.dispose();
        return null;
      },
      (error: Error) => error.message,
    ),
};

async function untilLost(training: CheckpointedTraining): Promise<DeviceError> {
  try {
    for (;;) {
      await training.until(training.steps + 1);
      page.steps = training.steps;
    }
  } catch (error) {
    if (error instanceof DeviceError) return error;
    throw error;
  }
}

/** A browser that has lost its adapter has another in a moment. */
async function reopened(): ReturnType<typeof webgpu> {
  for (let wait = 0; ; wait++) {
    try {
      return await webgpu();
    } catch (error) {
      if (wait === longestWait) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

(globalThis as { lostDevice?: LostDevicePage }).lostDevice = page;

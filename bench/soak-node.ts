/** A soak run in this process: opens the device and looks at the process's memory. What is run is `soak-training.ts`. */
import v8 from 'node:v8';
import vm from 'node:vm';
import type { Device } from '@torchlet/device';
import { openDevice } from '../scripts/devices.js';
import { readDigits } from './children/input-files.js';
import { Digits } from './children/shared-inputs.js';
import type { Sample, Soaked } from './flatness.js';
import { type ProgramOutcome, type Reading, SoakTraining, soakPrograms, TRAIN_IMAGES } from './soak-training.js';

/** The collector of this process, as `--expose-gc` would show it. */
function collector(): () => void {
  v8.setFlagsFromString('--expose-gc');
  return vm.runInNewContext('gc') as () => void;
}

const collect = collector();

/** Looks at the process after two collections with a macrotask between, so that finalisers have run. */
async function takeSample(step: number, device: Device, reading: Reading): Promise<Sample> {
  await device.synchronize();
  collect();
  await new Promise((resolve) => setImmediate(resolve));
  collect();
  const { allocated, buffers } = device.memory();
  const { heapUsed, rss } = process.memoryUsage();
  // A loop that runs ahead of its device leaves as many uploads to the adapter as it happens to be ahead: that is no measure of growth.
  const runsAhead = reading === 'never' && device.readNow === undefined;
  return { step, bytes: allocated, buffers, heapUsed, rss: runsAhead ? null : rss };
}

/** Where a soak runs. */
export interface Soak {
  train(warmStep: number, steps: number, reading: Reading): Promise<Soaked>;
  programs(steps: number, onOutcome: (outcome: ProgramOutcome) => void): Promise<void>;
  close(): Promise<void>;
}

/** @param data the folder of the shared inputs. @throws NoSuchDevice when it is used, where there is none. */
export function soakInNode(name: string, data: string): Soak {
  const open = (): Promise<Device> => openDevice(name);
  return {
    async train(warmStep, steps, reading) {
      const device = await open();
      const training = new SoakTraining(device, new Digits(readDigits(data), TRAIN_IMAGES));
      await training.upTo(warmStep, reading);
      const warm = await takeSample(warmStep, device, reading);
      const { loss, samples: between } = await training.upTo(steps, reading);
      const last = await takeSample(steps, device, reading);
      device.dispose();
      return { warm, between, last, loss };
    },
    programs: (steps, onOutcome) => soakPrograms({ name, open }, steps, onOutcome),
    close: async () => undefined,
  };
}

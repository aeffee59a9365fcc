/** A soak run in headless Chromium: tells the worker what to train, and looks at the page's memory between. The worker is `soak-worker.ts`. */
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import { WorkerPage } from '../../scripts/browser/worker-page.js';
import { NoSuchDevice } from '../../scripts/devices.js';
import type { DeviceSample, Sample } from '../flatness.js';
import type { Soak } from '../soak-node.js';
import type { Stretch } from '../soak-training.js';

/** Without it, Chromium measures memory when it next collects, which may take many seconds. */
const flags = ['--enable-blink-features=ForceEagerMeasureMemory'];

/** @param data the folder of the shared inputs. @throws NoChromiumError if there is no browser; NoSuchDevice */
export async function soakInChromium(device: string, data: string): Promise<Soak> {
  const page = await WorkerPage.open({
    entry: path.join(import.meta.dirname, 'soak-worker.ts'),
    flags,
    file: async (asked) => {
      const name = /^\/data\/([\w.]+)$/.exec(asked)?.[1];
      return name === undefined ? undefined : readFile(path.join(data, name));
    },
  });
  const takeSample = async (step: number): Promise<Sample> => ({
    ...(await page.call<DeviceSample>('look', step)),
    heapUsed: await page.memory(),
    rss: null,
  });
  return {
    async train(warmStep, steps, reading) {
      await page.call('open', device).catch((cause: Error) => {
        throw new NoSuchDevice(`no such device: ${device} in ${page.version}: ${cause.message}`, { cause });
      });
      await page.call('upTo', { last: warmStep, reading });
      const warm = await takeSample(warmStep);
      const { loss, samples: between } = await page.call<Stretch>('upTo', { last: steps, reading });
      return { warm, between, last: await takeSample(steps), loss };
    },
    programs: async (steps, onOutcome) => {
      await page.call('programs', { device, steps }, onOutcome);
    },
    close: () => page.close(),
  };
}

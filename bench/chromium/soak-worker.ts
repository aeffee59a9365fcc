/** A soak run's half in a browser: trains when it is told to, and tells of the device. The page's memory is looked at from outside (`soak-page.ts`). */
import type { Device } from '@torchlet/device';
import { answer, fetched } from '../../scripts/browser/answering.js';
import { openInBrowser } from '../../scripts/browser/devices.js';
import { Digits } from '../children/shared-inputs.js';
import type { DeviceSample } from '../flatness.js';
import { type Reading, SoakTraining, type Stretch, soakPrograms, TRAIN_IMAGES } from '../soak-training.js';

export interface StretchJob {
  readonly last: number;
  readonly reading: Reading;
}

export interface ProgramsJob {
  readonly device: string;
  readonly steps: number;
}

let opened: { readonly device: Device; readonly training: SoakTraining } | undefined;

function training(): { readonly device: Device; readonly training: SoakTraining } {
  if (opened === undefined) throw new Error('expected open before it');
  return opened;
}

answer({
  open: async (name: string) => {
    opened?.device.dispose();
    const device = await openInBrowser(name);
    const [images, labels, order] = await Promise.all([
      fetched('/data/x.f32'),
      fetched('/data/y.u8'),
      fetched('/data/perm.i32'),
    ]);
    const files = {
      images: new Float32Array(images),
      labels: new Uint8Array(labels),
      order: new Int32Array(order),
    };
    opened = { device, training: new SoakTraining(device, new Digits(files, TRAIN_IMAGES)) };
  },

  upTo: ({ last, reading }: StretchJob): Promise<Stretch> => training().training.upTo(last, reading),

  look: async (step: number): Promise<DeviceSample> => {
    const { device } = training();
    await device.synchronize();
    const { allocated, buffers } = device.memory();
    return { step, bytes: allocated, buffers };
  },

  programs: ({ device, steps }: ProgramsJob, say) =>
    soakPrograms({ name: device, open: () => openInBrowser(device) }, steps, say),
});

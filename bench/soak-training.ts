/**
 * What a soak run does on any platform: the MNIST step again and again, reading its loss at every step or never, and the programs of the specification. Owns
 * the loops and what they see of the device; the process's memory is looked at by whoever drives them (`soak.ts`, `chromium/soak-worker.ts`).
 */
import { programs, runProgram } from '@torchlet/conformance';
import type { Device, Opener } from '@torchlet/device';
import { crossEntropy, Linear, ReLU, Sequential } from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import { fromHost, manualSeed, setDefaultDevice, type Tensor } from '@torchlet/tensor';
import type { Digits } from './children/shared-inputs.js';
import type { DeviceSample } from './flatness.js';

/**
 * When the loss is read. `never`: only where memory is looked at, hundreds of steps apart. Until something is awaited, no device can tell which small values were
 * dropped (finalisers do not run), and each step keeps the 256 bytes of its loss.
 */
export type Reading = 'never' | 'every step';
export const readings: readonly Reading[] = ['never', 'every step'];

export const TRAIN_IMAGES = 8000;
const BATCH = 100;
const EPOCHS_IN_DATA = 9;
/** Steps between looks at the device: the same while it warms up, so that as much is under way. */
const LOOK_EVERY = 500;
/** The programs' long loops, as a multiple of their length in tests, for 10,000 steps. */
const STEPS_PER_SCALE = 1000;

export interface Stretch {
  readonly loss: number;
  readonly samples: readonly DeviceSample[];
}

export class SoakTraining {
  readonly #device: Device;
  readonly #digits: Digits;
  readonly #model: Sequential;
  readonly #optimizer: SGD;
  #step = 0;

  constructor(device: Device, digits: Digits) {
    setDefaultDevice(device);
    manualSeed(0);
    this.#device = device;
    this.#digits = digits;
    this.#model = new Sequential(new Linear(784, 32), new ReLU(), new Linear(32, 10));
    this.#optimizer = new SGD(this.#model.parameters(), { lr: 0.1 });
  }

  /** Trains up to step `last`. The loss is that of the last step, which is read in any case. */
  async upTo(last: number, reading: Reading): Promise<Stretch> {
    const samples: DeviceSample[] = [];
    let loss: Tensor | undefined;
    while (this.#step < last) {
      loss = this.#train();
      const looks = this.#step % LOOK_EVERY === 0;
      if (looks || reading === 'every step') await loss.item();
      if (looks) {
        const { allocated, buffers } = this.#device.memory();
        samples.push({ step: this.#step, bytes: allocated, buffers });
      }
    }
    return { loss: (await loss?.item()) ?? Number.NaN, samples };
  }

  #train(): Tensor {
    const stepsPerEpoch = TRAIN_IMAGES / BATCH;
    const epoch = Math.floor(this.#step / stepsPerEpoch) % EPOCHS_IN_DATA;
    const { images, labels } = this.#digits.batch(epoch, this.#step % stepsPerEpoch, BATCH);
    const logits = this.#model.forward(fromHost(images, [BATCH, 784], 'float32'));
    const loss = crossEntropy(logits, fromHost(BigInt64Array.from(labels, BigInt), [BATCH], 'int64'));
    loss.backward();
    this.#optimizer.step();
    this.#optimizer.zeroGrad();
    this.#step++;
    return loss;
  }
}

export interface ProgramOutcome {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** Runs the programs of the specification, each on a device of its own, with loops as long as `steps` asks. */
export async function soakPrograms(
  opener: Opener,
  steps: number,
  onOutcome: (outcome: ProgramOutcome) => void,
): Promise<void> {
  const scale = Math.max(1, Math.round(steps / STEPS_PER_SCALE));
  for (const program of programs) {
    const { name } = program;
    const outcome = await runProgram(program, opener, scale).then(
      (detail) => ({ name, ok: true, detail }),
      (error: unknown) => ({ name, ok: false, detail: error instanceof Error ? error.message : String(error) }),
    );
    onOutcome(outcome);
  }
}

/**
 * What a suite is: a list of named tests that need nothing but a way to open the device, so that any runner can drive them, in Node or a browser. Owns that
 * form, and the device that the tests of a suite share.
 */
import type { Device, Opener } from '@torchlet/device';
import { setDefaultDevice, settle } from '@torchlet/tensor';
import { type CountingDevice, countingDevice } from '../counting-device.js';

/** One test. It fails by throwing. */
export interface Test {
  readonly name: string;
  run(): Promise<void>;
}

export interface Suite {
  readonly name: string;
  readonly tests: readonly Test[];
  /** Disposes the devices that the tests opened. Call after the last. */
  close(): Promise<void>;
}

/** The device of a suite: opened when the first test runs, and the default device while one does. */
export class Session {
  readonly #opener: Opener;
  #opened: Promise<CountingDevice> | null = null;

  constructor(opener: Opener) {
    this.#opener = opener;
  }

  /** The shared device, set as the default. */
  async use(): Promise<CountingDevice> {
    this.#opened ??= this.#opener.open().then(countingDevice);
    const counted = await this.#opened;
    setDefaultDevice(counted.device);
    return counted;
  }

  /** A device of its own for one test, which disposes it. */
  async separate(): Promise<CountingDevice> {
    return countingDevice(await this.#opener.open());
  }

  async close(): Promise<void> {
    const counted = await this.#opened;
    counted?.device.dispose();
    this.#opened = null;
  }
}

/** A suite over `session`, whose tests begin with nothing pending. */
export function suite(name: string, session: Session, tests: readonly Named[]): Suite {
  return {
    name,
    tests: tests.map((test) => ({
      name: test.name,
      run: async () => {
        const counted = await session.use();
        await settle();
        await test.run(counted);
      },
    })),
    close: () => session.close(),
  };
}

/** A test that is given the device. */
export interface Named {
  readonly name: string;
  run(counted: CountingDevice): Promise<void>;
}

/** Whether the device stores `dtype`. */
export function stores(device: Device, dtype: keyof Device['capabilities']['storedBytes']): boolean {
  return device.capabilities.storedBytes[dtype] > 0;
}

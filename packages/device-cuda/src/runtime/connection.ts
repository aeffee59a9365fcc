/**
 * An open card as the addon knows it: its number, what was submitted to it, its faults and where they came from, and its end, also where a device is dropped
 * without `dispose()`. Nothing here refers to the device, so that it can be collected. Owns how the addon's news reach promises; what is submitted is
 * `device.ts`'s.
 */
import type { DeviceError, DeviceLoss } from '@torchlet/device';
import { type Addon, isNativeError, type NativeError } from '../native/addon.js';
import { type FaultPlace, Faults, isFinal, nowhere, problemOf } from './faults.js';
import { type Submission, Submissions } from './submissions.js';

export class Connection {
  readonly addon: Addon;
  readonly handle: number;
  readonly submissions: Submissions;
  readonly faults: Faults;
  readonly lost: Promise<DeviceLoss>;
  #lose: (loss: DeviceLoss) => void = () => {};

  /** @param caching whether freed memory is kept for the next that asks. @throws DeviceError where the card cannot be opened. */
  constructor(device: string, addon: Addon, ordinal: number, caching: boolean) {
    this.addon = addon;
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    this.faults = new Faults(device, ({ message }) => this.#lose({ reason: 'lost', message }));
    this.submissions = new Submissions((wanted) => addon.hold(this.handle, wanted));
    try {
      this.handle = addon.open(ordinal, caching, (sequence, code, problem) => this.#reached(sequence, code, problem));
    } catch (error) {
      throw this.faults.ofOpening(error);
    }
  }

  /** Calls the addon. @param place what it is for. @throws DeviceError for what the driver says. */
  attempt<T>(call: () => T, place: FaultPlace = nowhere): T {
    try {
      return call();
    } catch (error) {
      throw this.translate(error, place);
    }
  }

  /** What the addon threw, as the error of this device; anything else as it is. */
  translate(error: unknown, place: FaultPlace = nowhere): unknown {
    return isNativeError(error) ? this.faultOf(error, place) : error;
  }

  /** The fault that a call met. A final one is of what was submitted before, where that is not known to be done: in its words, whoever meets it first. */
  faultOf(error: NativeError, place: FaultPlace): DeviceError {
    const before = this.submissions.oldest?.place ?? nowhere;
    return isFinal(error.code) && before.program !== null
      ? this.#unfinished(error.code, problemOf(error), before, error)
      : this.faults.of(error.code, problemOf(error), place, error);
  }

  /** Ends it; who still waits is told `error`. */
  close(error: DeviceError): void {
    this.submissions.settle(Infinity, () => error);
    this.#lose({ reason: 'disposed', message: error.message });
    this.addon.close(this.handle);
  }

  #reached(sequence: number, code: number, problem: string | null): void {
    const errorOf = ({ place }: Submission): DeviceError => this.#unfinished(code, problem ?? '', place);
    this.submissions.settle(sequence, code === 0 ? () => null : errorOf);
  }

  /** What was submitted failed. A final error stops the card at once, and what was submitted later may have been what it met. */
  #unfinished(code: number, problem: string, place: FaultPlace, cause?: unknown): DeviceError {
    const later = isFinal(code) ? this.submissions.programs().filter((program) => program !== place.program) : [];
    return this.faults.of(code, `the card could not finish: ${problem}`, { ...place, later }, cause);
  }
}

const dropped = new FinalizationRegistry<Connection>(({ addon, handle }) => addon.close(handle));

/** Closes the card when `device` was collected. */
export function closeWhenDropped(device: object, connection: Connection): void {
  dropped.register(device, connection, device);
}

/** The device was closed by who has it. */
export function closed(device: object): void {
  dropped.unregister(device);
}

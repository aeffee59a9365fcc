/**
 * What goes wrong on a card, in words: which call of the driver, which program and kernel, and whether the process can go on. A final error is kept, and
 * every later call says it first. Owns the wording and the table of final errors.
 */
import { DeviceError } from '@torchlet/device';
import { isNativeError, type NativeError } from '../native/addon.js';

/** Codes of the driver after which the process cannot use the card any more. */
const finalCodes: Readonly<Record<number, string>> = {
  4: 'the driver was shut down',
  214: 'an uncorrectable memory error',
  220: 'an uncorrectable NVLink error',
  700: 'a kernel used an address that is not its own',
  702: 'a kernel ran longer than the system allows',
  709: 'the context was destroyed',
  710: 'an assertion of a kernel failed',
  714: 'an error of the hardware stack',
  715: 'an illegal instruction',
  716: 'a kernel used a misaligned address',
  717: 'a kernel used an address of the wrong kind',
  718: 'a kernel jumped outside its code',
  719: 'a kernel failed',
};

/** Where a fault came from, as far as that is known. */
export interface FaultPlace {
  readonly program: string | null;
  /** The kernel, or those that it may have been. */
  readonly kernels: readonly string[];
}

export const nowhere: FaultPlace = { program: null, kernels: [] };

const listed = 4;

function kernelWords(kernels: readonly string[]): string {
  if (kernels.length === 0) return '';
  if (kernels.length === 1) return `, kernel ${kernels[0]}`;
  const more = kernels.length > listed ? ` and ${kernels.length - listed} more` : '';
  return `, one of its kernels ${kernels.slice(0, listed).join(', ')}${more} (TORCHLET_CUDA_SYNC=1 tells which)`;
}

export class Faults {
  readonly #device: string;
  readonly #onLost: (error: DeviceError) => void;
  #lost: DeviceError | null = null;

  /** @param onLost is called once, with the first final error. */
  constructor(device: string, onLost: (error: DeviceError) => void) {
    this.#device = device;
    this.#onLost = onLost;
  }

  /** Why every call fails from now on. */
  get lost(): DeviceError | null {
    return this.#lost;
  }

  /** The error for what a call of the driver gave; the first final one is given again after it. */
  of(code: number, problem: string, place: FaultPlace, cause?: unknown): DeviceError {
    if (this.#lost !== null) return this.#lost;
    const { program, kernels } = place;
    const kernel = kernels.length === 1 ? (kernels[0] as string) : null;
    const where = program === null ? '' : ` program ${program}${kernelWords(kernels)}:`;
    const final = finalCodes[code];
    if (final === undefined) {
      return new DeviceError(`${this.#device}:${where} ${problem}`, { device: this.#device, program, kernel, cause });
    }
    this.#lost = new DeviceError(
      `${this.#device}:${where} ${problem}, that is ${final}. This process cannot use the card any more: start it again and continue from the last checkpoint`,
      { device: this.#device, program, kernel, sticky: true, cause },
    );
    this.#onLost(this.#lost);
    return this.#lost;
  }

  /** What the addon threw, as the error of this device; anything else as it is. */
  translate(error: unknown, place: FaultPlace = nowhere): unknown {
    if (!isNativeError(error)) return error;
    return this.of(error.code, problemOf(error), place, error);
  }
}

function problemOf({ message, log }: NativeError): string {
  const said = log?.trim();
  return said === undefined || said === '' ? message : `${message}: ${said}`;
}

/**
 * What goes wrong on a card, in words: which call of the driver, which program and kernel, whether the process can go on, and what helps. A final error is
 * kept, and every later call says it first. Owns the wording and the tables of codes.
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

/** Whether the process cannot use the card any more. */
export function isFinal(code: number): boolean {
  return finalCodes[code] !== undefined;
}

const finalAdvice = 'This process cannot use the card any more: start it again and continue from the last checkpoint';

/** What helps against the others. */
const advice: Readonly<Record<number, string>> = {
  2: 'Other programs may hold its memory (nvidia-smi shows them); free some, or ask for less at once',
  46: 'Another process has the card for itself; wait until it ends, or choose another card',
  101: 'Choose another card: cuda.deviceCount() tells how many there are',
  209: 'The driver knows no code for this card: install a newer driver',
  218: 'The driver does not take this PTX, which is a bug of Torchlet: please report it with this message',
  221: 'A part of the driver is missing, libnvidia-ptxjitcompiler.so: start the container with all of the driver (NVIDIA_DRIVER_CAPABILITIES=compute,utility)',
  222: 'The driver is too old for this PTX: install driver 470 or later',
  304: 'The operating system refused it: see its log (dmesg)',
  701: 'The kernel asks for more registers or shared memory than the card has, which is a bug of Torchlet: please report it with this message',
};

/** Codes from here on are statuses of a library. */
const libraryStatuses = 1_000_000;
const libraryAdvice = 'TORCHLET_CUDA_LIBRARIES=off computes products without it';

/** Where no device is open yet. */
const openingAdvice =
  'Nothing was opened, and it can be tried again; if this happens again, look at nvidia-smi and the log of the system (dmesg)';
const commonAdvice =
  'The device is still usable; if this happens again, look at nvidia-smi and the log of the system (dmesg)';

/** Where a fault came from, as far as that is known. */
export interface FaultPlace {
  readonly program: string | null;
  /** The kernel, or those that it may have been. */
  readonly kernels: readonly string[];
  /** Programs that were submitted after it, where it may have been one of those. */
  readonly later?: readonly string[];
}

export const nowhere: FaultPlace = { program: null, kernels: [] };

const listed = 4;

/** Names, of which the first few are told. */
function list(names: readonly string[]): string {
  return names.length > listed
    ? `${names.slice(0, listed).join(', ')} and ${names.length - listed} more`
    : names.join(', ');
}

function placeWords({ program, kernels, later = [] }: FaultPlace): string {
  if (program === null) return '';
  if (later.length > 0)
    return ` program ${program}, or one that was submitted after it, ${list(later)} (TORCHLET_CUDA_SYNC=1 tells which):`;
  if (kernels.length === 0) return ` program ${program}:`;
  if (kernels.length === 1) return ` program ${program}, kernel ${kernels[0]}:`;
  return ` program ${program}, one of its kernels ${list(kernels)} (TORCHLET_CUDA_SYNC=1 tells which):`;
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
  of(code: number, problem: string, place: FaultPlace, cause?: unknown, common = commonAdvice): DeviceError {
    if (this.#lost !== null) return this.#lost;
    const device = this.#device;
    const { program, kernels, later = [] } = place;
    const kernel = kernels.length === 1 && later.length === 0 ? (kernels[0] as string) : null;
    const what = `${device}:${placeWords(place)} ${problem}`;
    const final = finalCodes[code];
    if (final === undefined)
      return new DeviceError(`${what}. ${advice[code] ?? (code > libraryStatuses ? libraryAdvice : common)}`, {
        device,
        program,
        kernel,
        cause,
      });
    this.#lost = new DeviceError(`${what}, that is ${final}. ${finalAdvice}`, {
      device,
      program,
      kernel,
      sticky: true,
      cause,
    });
    this.#onLost(this.#lost);
    return this.#lost;
  }

  /** What the addon threw where the device could not be opened. */
  ofOpening(error: unknown): unknown {
    return isNativeError(error) ? this.of(error.code, problemOf(error), nowhere, error, openingAdvice) : error;
  }
}

/** What the addon says, with what the compiler said. */
export function problemOf({ message, log }: NativeError): string {
  const said = log?.trim();
  return said === undefined || said === '' ? message : `${message}: ${said}`;
}

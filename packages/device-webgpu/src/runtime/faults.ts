/** What went wrong on a device after the call that caused it returned: kept until a later call can tell. Owns the wording and whether the device is still usable. */
import { DeviceError, OutOfMemoryError } from '@torchlet/device';

export class Faults {
  readonly #device: string;
  #pending: DeviceError | null = null;
  #lost: DeviceError | null = null;
  /** The program that was submitted last: an error that names nobody is most likely its. */
  running: string | null = null;

  constructor(device: string) {
    this.#device = device;
  }

  /** Why every call fails from now on. */
  get lost(): DeviceError | null {
    return this.#lost;
  }

  get pending(): DeviceError | null {
    return this.#pending;
  }

  /** Keeps the first fault for the next call that can tell it. */
  add(error: DeviceError): void {
    this.#pending ??= error;
  }

  /** @throws the fault that is waiting, once. */
  surface(): void {
    if (this.#lost !== null) throw this.#lost;
    const error = this.#pending;
    this.#pending = null;
    if (error !== null) throw error;
  }

  lose(message: string): DeviceError {
    const at = this.running === null ? '' : ` while or after program ${this.running} ran`;
    this.#lost ??= new DeviceError(
      `${this.#device}: the device was lost${at}: ${message}. Open a new device and continue from the last checkpoint`,
      {
        device: this.#device,
        program: this.running,
        sticky: true,
      },
    );
    return this.#lost;
  }

  /** An error that no scope was open for. */
  uncaptured(error: GPUError): void {
    const program = this.running;
    const name = error.constructor.name;
    if (name === 'GPUOutOfMemoryError') {
      this.add(new OutOfMemoryError(this.#device, 0, 0, 0, []));
      return;
    }
    const at = program === null ? '' : `program ${program} or what followed it: `;
    this.add(
      new DeviceError(`${this.#device}: ${at}${error.message}`, { device: this.#device, program, cause: error }),
    );
  }
}

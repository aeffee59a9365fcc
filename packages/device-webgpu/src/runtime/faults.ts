/** What went wrong on a device after the call that caused it returned: kept until a later call can tell. Owns the wording and whether the device is still usable. */
import { DeviceError, type Program } from '@torchlet/device';

export class Faults {
  readonly #device: string;
  readonly #waiting = new Set<(error: DeviceError) => void>();
  #pending: DeviceError | null = null;
  #lost: DeviceError | null = null;
  #ended: DeviceError | null = null;
  /** The program that was submitted last: an error that names nobody is most likely its. */
  running: Program | null = null;

  constructor(device: string) {
    this.#device = device;
  }

  /** Why every call fails from now on. */
  get lost(): DeviceError | null {
    return this.#lost;
  }

  /** As `promise`, but for the end of the device, which adapters need not tell those who wait for them. */
  whileOpen<T>(promise: Promise<T>): Promise<T> {
    if (this.#ended !== null) return Promise.reject(this.#ended);
    return new Promise((resolve, reject) => {
      this.#waiting.add(reject);
      const settle =
        <V>(tell: (value: V) => void) =>
        (value: V): void => {
          this.#waiting.delete(reject);
          tell(value);
        };
      promise.then(settle(resolve), settle(reject));
    });
  }

  /** The device has ended: whoever waits is told. */
  end(error: DeviceError): void {
    this.#ended = error;
    for (const reject of this.#waiting) reject(error);
    this.#waiting.clear();
  }

  /** Keeps the first fault for the next call that can tell it. */
  add(error: DeviceError): void {
    this.#pending ??= error;
  }

  /** @throws the fault that is waiting, once. */
  surface(): void {
    if (this.#lost !== null) throw this.#lost;
    const error = this.take();
    if (error !== null) throw error;
  }

  /** The fault that is waiting, which is told now. */
  take(): DeviceError | null {
    const error = this.#pending;
    this.#pending = null;
    return error;
  }

  lose(message: string): DeviceError {
    const at = this.running === null ? '' : ` while or after ${described(this.running)} ran`;
    this.#lost ??= new DeviceError(
      `${this.#device}: the device was lost${at}: ${message}. Open a new device and continue from the last checkpoint`,
      {
        device: this.#device,
        ...whereIn(this.running),
        sticky: true,
      },
    );
    this.end(this.#lost);
    return this.#lost;
  }

  /** An error that no scope was open for. */
  uncaptured(error: GPUError): void {
    const { running } = this;
    const at = running === null ? '' : `${described(running)}, or what followed it: `;
    this.add(
      new DeviceError(`${this.#device}: ${at}${error.message}`, {
        device: this.#device,
        ...whereIn(running, error.message),
        cause: error,
      }),
    );
  }

  /** What a program met when it was submitted. */
  refused(program: Program, cause: GPUError): DeviceError {
    const where = whereIn(program, cause.message);
    const at = where.kernel === null ? described(program) : `program ${where.program}, kernel ${where.kernel}`;
    return new DeviceError(`${this.#device}: ${at} was refused: ${cause.message}`, {
      device: this.#device,
      ...where,
      cause,
    });
  }
}

/** Kernels that are named where it is not known which one it was. */
const namedKernels = 4;

function described({ name, kernels }: Program): string {
  const names = kernels.slice(0, namedKernels).map((kernel) => kernel.name);
  const more = kernels.length > namedKernels ? ` and ${kernels.length - namedKernels} more` : '';
  return `program ${name} (${kernels.length === 1 ? 'kernel' : 'kernels'} ${names.join(', ')}${more})`;
}

/** The kernel is the only one, or the one whose label the message quotes. */
function whereIn(
  program: Program | null,
  message = '',
): { readonly program: string | null; readonly kernel: string | null } {
  const kernels = program?.kernels ?? [];
  const only = kernels.length === 1 ? kernels[0] : kernels.find(({ name }) => message.includes(`"${name}"`));
  return { program: program?.name ?? null, kernel: only?.name ?? null };
}

/**
 * Opening the first device that is there. Owns the search and its report; each opener is a plug-in's own. Nothing is opened by import.
 */
import type { Device } from './device.js';

/** How one device is opened: its name for the report, and a function that gives the device or throws the reason why there is none. */
export interface Opener {
  readonly name: string;
  open(): Promise<Device>;
  /** The same at once, where nothing needs waiting for. Lets a default device open itself inside a synchronous evaluation. */
  openNow?(): Device;
}

/** Why each opener that was tried gave no device. */
export interface Unavailable {
  readonly name: string;
  readonly reason: string;
}

/** No opener of the list gave a device. */
export class NoDeviceError extends Error {
  override readonly name: string = 'NoDeviceError';
  readonly unavailable: readonly Unavailable[];
  constructor(unavailable: readonly Unavailable[]) {
    super(
      unavailable.length === 0
        ? 'no device: the list of openers is empty; pass at least one, e.g. the cpu opener of @torchlet/device-cpu'
        : `no device: ${unavailable.map(({ name, reason }) => `${name}: ${reason}`).join('; ')}`,
    );
    this.unavailable = unavailable;
  }
}

/**
 * Tries the openers in order.
 *
 * @returns the first device that opened, and the reasons of those tried before it.
 * @throws NoDeviceError if none opened, with every reason.
 */
export async function openFirst(
  openers: readonly Opener[],
): Promise<{ readonly device: Device; readonly unavailable: readonly Unavailable[] }> {
  const unavailable: Unavailable[] = [];
  for (const opener of openers) {
    try {
      return { device: await opener.open(), unavailable };
    } catch (error) {
      unavailable.push({ name: opener.name, reason: error instanceof Error ? error.message : String(error) });
    }
  }
  throw new NoDeviceError(unavailable);
}

/**
 * An open card as the addon knows it: its number, what was submitted to it, its faults, and its end, also where a device is dropped without `dispose()`. Nothing
 * here refers to the device, so that it can be collected. Owns how the addon's news reach promises; what is submitted is `device.ts`'s.
 */
import type { DeviceLoss } from '@torchlet/device';
import type { Addon } from '../native/addon.js';
import { type FaultPlace, Faults, isFinal } from './faults.js';
import { Submissions } from './submissions.js';

export interface Connection {
  readonly addon: Addon;
  readonly handle: number;
  readonly submissions: Submissions;
  readonly faults: Faults;
  readonly lost: Promise<DeviceLoss>;
  /** Resolves `lost`; the first time counts. */
  readonly lose: (loss: DeviceLoss) => void;
}

/** @param caching whether freed memory is kept for the next that asks. @throws DeviceError where the card cannot be opened. */
export function connect(device: string, addon: Addon, ordinal: number, caching: boolean): Connection {
  let lose: Connection['lose'] = () => {};
  const lost = new Promise<DeviceLoss>((resolve) => {
    lose = resolve;
  });
  const faults = new Faults(device, ({ message }) => lose({ reason: 'lost', message }));
  const submissions = new Submissions((wanted) => addon.hold(handle, wanted));
  let handle: number;
  try {
    handle = addon.open(ordinal, caching, (sequence, code, description) => {
      const errorOf = ({ place }: { place: FaultPlace }) =>
        faults.of(code, `the card could not finish: ${description}`, blamed(place, code, submissions));
      submissions.settle(sequence, code === 0 ? () => null : errorOf);
    });
  } catch (error) {
    throw faults.translate(error);
  }
  return { addon, handle, submissions, faults, lost, lose };
}

/** A final error stops the card at once, and what was submitted later may have been what it met. */
function blamed(place: FaultPlace, code: number, submissions: Submissions): FaultPlace {
  if (!isFinal(code)) return place;
  const later = submissions.programs().filter((program) => program !== place.program);
  return { ...place, later };
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

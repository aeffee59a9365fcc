/**
 * Moving to a device: one thing, or each batch of a loader as it comes. Owns `toDevice` and `DeviceDataLoader`; what moving means is the
 * tensor's and the module's own.
 */

import { type Device, Tensor } from '@torchlet/tensor';
import type { Batches } from './data-loader.js';

/** Something that can move as a whole, such as a Module. */
interface Movable {
  to(device: Device): unknown;
}

/**
 * Tensors and modules on `device`; arrays, tuples and plain objects of them entry by entry. Other values stay as they are.
 * A module moves its parameters in place and is returned itself.
 *
 * @example
 * toDevice(model, device);
 * const [images, labels] = toDevice(batch, device);
 */
export function toDevice<Value>(value: Value, device: Device): Value {
  return moved(value, device) as Value;
}

function moved(value: unknown, device: Device): unknown {
  if (value instanceof Tensor) {
    return value.to(device);
  }
  if (Array.isArray(value)) {
    return value.map((entry) => moved(entry, device));
  }
  if (typeof value !== 'object' || value === null) {
    return value;
  }
  if (Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, moved(entry, device)]));
  }
  return 'to' in value && typeof value.to === 'function' ? (value as Movable).to(device) : value;
}

/**
 * A loader whose batches are on a device.
 *
 * @example
 * const loader = new DeviceDataLoader(new DataLoader(digits, { batchSize: 100 }), device);
 * for await (const [images] of loader) console.log(images.device);
 */
export class DeviceDataLoader<Batch> implements Batches<Batch> {
  readonly loader: Batches<Batch>;
  readonly device: Device;

  constructor(loader: Batches<Batch>, device: Device) {
    this.loader = loader;
    this.device = device;
  }

  /** Batches in one pass. */
  get length(): number {
    return this.loader.length;
  }

  async *[Symbol.asyncIterator](): AsyncIterator<Batch> {
    for await (const batch of this.loader) {
      yield toDevice(batch, this.device);
    }
  }
}

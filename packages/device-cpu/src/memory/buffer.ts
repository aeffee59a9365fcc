/** A buffer of the CPU device: a block of its linear memory until it is freed. Owns no memory itself. */
import type { DeviceBuffer } from '@torchlet/device';

export class CpuBuffer implements DeviceBuffer {
  readonly bytes: number;
  readonly label: string;
  readonly address: number;
  freed = false;

  constructor(address: number, bytes: number, label: string) {
    this.address = address;
    this.bytes = bytes;
    this.label = label;
  }
}

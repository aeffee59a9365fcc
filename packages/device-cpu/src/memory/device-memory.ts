/**
 * What a CPU device keeps in its linear memory: buffers, the segments of the arena, and the staging area, which holds the host inputs and
 * the scratch memory of the program that runs. Owns who uses what, and the error when there is no more; addresses are
 * `allocator.ts`, bytes `linear-memory.ts`.
 */
import { type DeviceBuffer, DeviceError, type MemoryReport, OutOfMemoryError } from '@torchlet/device';
import { CpuBuffer } from './buffer.js';
import type { LinearMemory } from './linear-memory.js';

/** How many of the largest buffers an out-of-memory error names. */
const namedBuffers = 5;

interface Block {
  readonly address: number;
  readonly bytes: number;
}

const nothing: Block = { address: 0, bytes: 0 };

export class DeviceMemory {
  readonly linear: LinearMemory;
  readonly #device: string;
  readonly #budget: number;
  readonly #live = new Set<CpuBuffer>();
  readonly #arena: Block[] = [];
  #staging = nothing;
  #created = 0;

  constructor(device: string, linear: LinearMemory, budget: number) {
    this.#device = device;
    this.linear = linear;
    this.#budget = budget;
  }

  get stagingAddress(): number {
    return this.#staging.address;
  }

  segmentAddress(segment: number): number {
    return this.#arena[segment]?.address ?? 0;
  }

  allocate(bytes: number, label: string): CpuBuffer {
    const buffer = new CpuBuffer(this.reserve(bytes), bytes, label);
    this.#live.add(buffer);
    this.#created++;
    return buffer;
  }

  free(buffer: DeviceBuffer): void {
    const own = this.own(buffer);
    if (own.freed) return;
    own.freed = true;
    this.#live.delete(own);
    this.linear.free(own.address);
  }

  /** @throws DeviceError if the buffer is another device's. */
  own(buffer: DeviceBuffer): CpuBuffer {
    if (buffer instanceof CpuBuffer && (buffer.freed || this.#live.has(buffer))) return buffer;
    throw new DeviceError(`${this.#device}: buffer ${buffer.label} belongs to another device`, {
      device: this.#device,
    });
  }

  /** Memory that is no buffer, until `release`. */
  reserve(bytes: number): number {
    const address = this.linear.allocate(bytes);
    if (address !== null) return address;
    const largest = [...this.#live].sort((a, b) => b.bytes - a.bytes).slice(0, namedBuffers);
    throw new OutOfMemoryError(
      this.#device,
      bytes,
      this.#budget,
      this.linear.allocated,
      largest.map(({ label, bytes: size }) => `${label} (${size} bytes)`),
    );
  }

  release(address: number): void {
    this.linear.free(address);
  }

  /** Makes the arena and the staging area at least so large; what was in them is lost. */
  fit(segments: readonly number[], stagingBytes: number): void {
    segments.forEach((bytes, segment) => {
      this.#arena[segment] = this.#grown(this.#arena[segment] ?? nothing, bytes);
    });
    this.#staging = this.#grown(this.#staging, stagingBytes);
  }

  /** Forgets everything; the engine takes the memory back when nobody holds the device. */
  close(): void {
    for (const buffer of this.#live) buffer.freed = true;
    this.#live.clear();
  }

  report(): MemoryReport {
    return {
      allocated: this.linear.allocated,
      reserved: this.linear.reserved,
      peak: this.linear.peak,
      buffers: this.#live.size,
      created: this.#created,
    };
  }

  /** The new block comes first: without room for it the old one stays as it was. */
  #grown(block: Block, bytes: number): Block {
    if (bytes <= block.bytes) return block;
    const address = this.reserve(bytes);
    if (block.bytes > 0) this.linear.free(block.address);
    return { address, bytes };
  }
}

/**
 * The memory of a card: what callers asked for, the arena and scratch memory that all programs share, and the input blocks of programs. Owns names, sizes
 * and the budget; addresses come from the addon's allocator, and the order of work keeps a freed block safe to use again.
 */
import { type DeviceBuffer, DeviceError, type MemoryReport, OutOfMemoryError } from '@torchlet/device';
import { type Addon, isNativeError } from '../native/addon.js';
import type { Connection } from './connection.js';

/** What the addon's allocator rounds to. */
const granule = 512;
const outOfMemory = 2;

export class CudaBuffer implements DeviceBuffer {
  readonly bytes: number;
  readonly label: string;
  readonly address: number;
  freed = false;

  constructor(bytes: number, label: string, address: number) {
    this.bytes = bytes;
    this.label = label;
    this.address = address;
  }
}

export interface MemorySetup {
  readonly device: string;
  readonly addon: Addon;
  readonly handle: number;
  readonly budget: number;
  readonly bufferBytes: number;
  readonly connection: Connection;
}

export class DeviceMemory {
  readonly #setup: MemorySetup;
  readonly #live = new Set<CudaBuffer>();
  readonly #arena: CudaBuffer[] = [];
  #scratch: CudaBuffer | null = null;
  #allocated = 0;
  /** What is no buffer, but of the budget. */
  #aside = 0;
  #peak = 0;
  #created = 0;
  /** Raised when the arena or scratch memory moves: graphs hold their addresses. */
  version = 0;

  constructor(setup: MemorySetup) {
    this.#setup = setup;
  }

  /** Zero-filled memory for a caller. @throws OutOfMemoryError past the budget or what the card has, DeviceError past the largest buffer. */
  allocate(bytes: number, label: string): CudaBuffer {
    const { addon, handle, connection } = this.#setup;
    const buffer = this.take(bytes, label);
    try {
      addon.zero(handle, buffer.address, bytes);
    } catch (error) {
      this.free(buffer);
      throw connection.translate(error);
    }
    return buffer;
  }

  /** Memory whose content is not defined. @param program that it is for. @throws as `allocate`. */
  take(bytes: number, label: string, program: string | null = null): CudaBuffer {
    const { device, bufferBytes } = this.#setup;
    if (bytes > bufferBytes) {
      throw new DeviceError(
        `${device}: buffer ${label} would have ${bytes} bytes; a buffer of this device has at most ${bufferBytes}`,
        { device, program },
      );
    }
    const buffer = new CudaBuffer(bytes, label, this.#addressFor(bytes, label, program));
    this.#live.add(buffer);
    this.#created++;
    this.#allocated += rounded(bytes);
    this.#peak = Math.max(this.#peak, this.#allocated);
    return buffer;
  }

  /** Memory for a library to work in, until the device ends: of the budget and of what is reserved, but no buffer. @returns its address. @throws as `allocate`. */
  setAside(bytes: number, label: string): number {
    const address = this.#addressFor(bytes, label, null);
    this.#aside += rounded(bytes);
    return address;
  }

  #addressFor(bytes: number, label: string, program: string | null): number {
    const { addon, handle, budget, connection } = this.#setup;
    if (this.#allocated + this.#aside + rounded(bytes) > budget) throw this.#outOfMemory(bytes, label, program);
    try {
      return addon.allocate(handle, bytes);
    } catch (error) {
      throw isNativeError(error) && error.code === outOfMemory
        ? this.#outOfMemory(bytes, label, program, error)
        : connection.translate(error, { program, kernels: [] });
    }
  }

  free(buffer: CudaBuffer): void {
    if (!this.#live.delete(buffer)) return;
    buffer.freed = true;
    this.#allocated -= rounded(buffer.bytes);
    // After a final error there is nothing to give back to.
    if (this.#setup.connection.faults.lost === null) this.#setup.addon.free(this.#setup.handle, buffer.address);
  }

  /** Makes the arena and scratch memory at least as large as `program` needs. Work already submitted keeps what it uses. */
  fit(program: string, segments: readonly number[], scratchBytes: number): void {
    segments.forEach((bytes, i) => {
      const known = this.#arena[i];
      if (known === undefined || known.bytes < bytes) this.#arena[i] = this.#grow(known, bytes, `arena ${i}`, program);
    });
    if (scratchBytes > (this.#scratch?.bytes ?? 0))
      this.#scratch = this.#grow(this.#scratch ?? undefined, scratchBytes, 'scratch', program);
  }

  /** The address of a segment of the arena. */
  segment(i: number): number {
    const buffer = this.#arena[i];
    if (buffer === undefined) throw new RangeError(`${this.#setup.device}: there is no segment ${i} of the arena`);
    return buffer.address;
  }

  /** The address of scratch memory; 0 where no program needs any. */
  get scratch(): number {
    return this.#scratch?.address ?? 0;
  }

  report(): MemoryReport {
    const { addon, handle } = this.#setup;
    return {
      allocated: this.#allocated,
      reserved: addon.reserved(handle),
      peak: this.#peak,
      buffers: this.#live.size,
      created: this.#created,
    };
  }

  /** The new memory comes first: where there is none, the device stays as it is. */
  #grow(old: CudaBuffer | undefined, bytes: number, label: string, program: string): CudaBuffer {
    let grown: CudaBuffer;
    try {
      grown = this.take(bytes, label, program);
      if (old !== undefined) this.free(old);
    } catch (error) {
      if (old === undefined || !(error instanceof OutOfMemoryError)) throw error;
      grown = this.#replace(old, bytes, label, program);
    }
    this.version++;
    return grown;
  }

  /** Where both do not fit at once, the old goes first; it comes back at its old size where the new one does not fit either. */
  #replace(old: CudaBuffer, bytes: number, label: string, program: string): CudaBuffer {
    this.free(old);
    this.version++;
    try {
      return this.take(bytes, label, program);
    } catch (error) {
      const again = this.take(old.bytes, label, program);
      const segment = this.#arena.indexOf(old);
      if (segment >= 0) this.#arena[segment] = again;
      else this.#scratch = again;
      throw error;
    }
  }

  #outOfMemory(bytes: number, label: string, program: string | null, cause?: unknown): OutOfMemoryError {
    const { device, budget } = this.#setup;
    const largest = [...this.#live].sort((a, b) => b.bytes - a.bytes).slice(0, 3);
    return new OutOfMemoryError(
      device,
      bytes,
      budget,
      this.#allocated,
      largest.map((buffer) => `${buffer.label} (${buffer.bytes} bytes)`),
      { program, label, cause },
    );
  }
}

function rounded(bytes: number): number {
  return Math.max(1, Math.ceil(bytes / granule)) * granule;
}

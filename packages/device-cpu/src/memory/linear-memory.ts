/**
 * The one WebAssembly memory of a device: it grows within a budget, gives out zeroed blocks, and copies host arrays in and out in the
 * device's own widths. Owns the views, which change when the memory grows; what blocks are for is `device.ts`.
 */
import { type DType, dtypes, type HostArray } from '@torchlet/device';
import type { MemoryImport } from '../wasm/index.js';
import { Allocator, lineBytes } from './allocator.js';

const pageBytes = 65536;

/** The most that 32-bit addresses reach, less a page: views of all of it must have a length below 2^32. */
export const addressableBytes = 65535 * pageBytes;

const firstPages = 16;

function viewsOf(buffer: ArrayBufferLike) {
  return {
    u8: new Uint8Array(buffer),
    i32: new Int32Array(buffer),
    f32: new Float32Array(buffer),
    f64: new Float64Array(buffer),
    i64: new BigInt64Array(buffer),
  };
}

export class LinearMemory {
  readonly memory: WebAssembly.Memory;
  /** How modules import it. */
  readonly imported: MemoryImport;
  readonly #budget: number;
  readonly #allocator = new Allocator(lineBytes);
  /** Everything below this was zero when it came and may have been written since. */
  #touched = lineBytes;
  #peak = 0;
  views: ReturnType<typeof viewsOf>;

  constructor(budget: number, shared: boolean) {
    const maximum = Math.max(firstPages, Math.ceil(Math.min(budget + lineBytes, addressableBytes) / pageBytes));
    this.imported = { initial: firstPages, maximum, shared };
    this.memory = new WebAssembly.Memory({ initial: firstPages, maximum, shared });
    this.#budget = budget;
    this.views = viewsOf(this.memory.buffer);
  }

  get allocated(): number {
    return this.#allocator.used;
  }

  get reserved(): number {
    return this.views.u8.length;
  }

  get peak(): number {
    return this.#peak;
  }

  /** The address of `bytes` zeros on a line of their own, or null if budget or system have no more. */
  allocate(bytes: number): number | null {
    const address = this.#allocator.allocate(bytes, this.#budget);
    if (address === null) return null;
    // A line more: vectors that are read for some of their lanes may begin before the memory that they are of, or end behind it.
    const end = this.#allocator.end + lineBytes;
    if (end > this.views.u8.length && !this.#grow(end)) {
      this.#allocator.free(address);
      return null;
    }
    if (address < this.#touched) this.views.u8.fill(0, address, Math.min(address + bytes, this.#touched));
    this.#touched = Math.max(this.#touched, end);
    this.#peak = Math.max(this.#peak, this.#allocator.used);
    return address;
  }

  free(address: number): void {
    this.#allocator.free(address);
  }

  /** Copies host elements to `address`. @throws RangeError where a value does not fit in the stored width. */
  write(address: number, dtype: DType, storedBytes: number, data: HostArray): void {
    if (dtype === 'int64' && storedBytes === 4) return this.#writeNarrowed(address, data as BigInt64Array);
    const elements = dtypes[dtype].array(this.memory.buffer, address, data.length);
    (elements as Uint8Array).set(data as Uint8Array);
  }

  /** `size` elements at `address` in fresh memory. */
  read(address: number, dtype: DType, storedBytes: number, size: number): HostArray {
    if (dtype === 'int64' && storedBytes === 4)
      return BigInt64Array.from(this.views.i32.subarray(address / 4, address / 4 + size), BigInt);
    const { buffer } = this.memory;
    const end = address + size * storedBytes;
    // A slice is not zeroed before it is filled. That of shared memory would be shared again.
    const bytes =
      buffer instanceof ArrayBuffer
        ? buffer.slice(address, end)
        : new Uint8Array(this.views.u8.subarray(address, end)).buffer;
    return dtypes[dtype].array(bytes, 0, size);
  }

  #writeNarrowed(address: number, data: BigInt64Array): void {
    for (let i = 0; i < data.length; i++) {
      const value = data[i] as bigint;
      if (BigInt.asIntN(32, value) !== value) {
        throw new RangeError(`cpu: int64 is stored in 4 bytes here, and element ${i}, ${value}, does not fit`);
      }
    }
    for (let i = 0; i < data.length; i++) this.views.i32[address / 4 + i] = Number(data[i]);
  }

  /** Grows by a quarter at least, so that many small requests grow it seldom. */
  #grow(end: number): boolean {
    const pages = this.views.u8.length / pageBytes;
    const needed = Math.ceil(end / pageBytes);
    const maximum = this.imported.maximum ?? needed;
    const wanted = Math.min(maximum, Math.max(needed, Math.ceil(pages * 1.25)));
    const grown = [wanted, needed].some((target) => {
      try {
        this.memory.grow(target - pages);
        return true;
      } catch (error) {
        if (error instanceof RangeError) return false;
        throw error;
      }
    });
    if (grown) this.views = viewsOf(this.memory.buffer);
    return grown;
  }
}

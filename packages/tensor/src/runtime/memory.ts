/**
 * The device memory of values that outlive a program: pooled buffers, pages of small values, and the budget of held values. Owns who allocates and
 * who frees; a `Storage` only says where it lies. Intermediates are not here: they live in the program's arena.
 */
import type { Device, DeviceBuffer, DType, HostArray, Lifetimes, Span } from '@torchlet/device';
import type { Storage } from './storage.js';

/** Values this small are written into shared pages and never taken back. */
const smallBytes = 256;
const pageBytes = 64 * 1024;
/** Pages that wait in the pool for the next to be filled; a burst of small values leaves no more behind. */
const sparePages = 2;
/** Held values up to this size move to host memory at once where the host can address the device's. */
const hostBytes = 1024 * 1024;
const pooledBytesCap = 256 * 1024 * 1024;
/** By how much a program that does not wait may be over the budget: where it waits is where it can be found what it has dropped. */
const unawaited = 1.25;

/** Memory that small values share, and the values in it. */
interface Page {
  readonly buffer: DeviceBuffer;
  readonly storages: readonly Storage[];
}

/** A value with a buffer of its own, which nothing here keeps alive. */
interface Placed {
  /** Null once it was given back. */
  buffer: DeviceBuffer | null;
  /** Where it is held. A `WeakRef` keeps its target until the task ends, so what is not held has none. */
  storage: Weakly<Storage> | null;
}

interface Weakly<T> {
  deref(): T | undefined;
}

export class DeviceMemory {
  readonly #device: Device;
  /** Bytes of held values on the device before the oldest move to the host. */
  heldBudget = 256 * 1024 * 1024;
  readonly #pool = new Map<number, DeviceBuffer[]>();
  #pooledBytes = 0;
  readonly #placed = new WeakMap<Storage, Placed>();
  /** Of the placed values those that are the user's, the oldest first. */
  readonly #held = new Set<Placed>();
  #heldBytes = 0;
  #collectAbove = 0;
  readonly #finalizer: FinalizationRegistry<Placed>;
  /** In place of the finalizer where the device tells who was collected. */
  readonly #watched = new Map<number, Placed>();
  #page: DeviceBuffer | null = null;
  #pageCursor = 0;
  #pageStorages: Storage[] = [];
  /** Pages that filled up while the outputs of an evaluation were placed: that program has yet to write them. */
  #fullPages: Page[] = [];
  #moving: Promise<void> | null = null;

  constructor(device: Device) {
    this.#device = device;
    this.#finalizer = new FinalizationRegistry((placed) => this.#release(placed));
  }

  /** Bytes one value takes on the device, rounded to the alignment. */
  storedBytes(storage: Storage): number {
    const { storedBytes, alignment } = this.#device.capabilities;
    return Math.max(1, Math.ceil((storage.size * storedBytes[storage.dtype]) / alignment)) * alignment;
  }

  /** Whether the value goes into a page when it is nobody's own. */
  isSmall(storage: Storage): boolean {
    return this.storedBytes(storage) <= smallBytes;
  }

  /** A buffer of a size class that holds `bytes`, from the pool where one is free. */
  take(bytes: number, label: string): DeviceBuffer {
    const size = sizeClass(bytes);
    const free = this.#pool.get(size)?.pop();
    if (free !== undefined) {
      this.#pooledBytes -= size;
      return free;
    }
    return this.#device.allocate(size, label);
  }

  /** Back to the pool; to the device where the pool is full, or nothing is behind the buffer. */
  giveBack(buffer: DeviceBuffer): void {
    if (buffer.failed || this.#pooledBytes + buffer.bytes > pooledBytesCap) {
      this.#device.free(buffer);
      return;
    }
    this.#pooledBytes += buffer.bytes;
    const list = this.#pool.get(buffer.bytes);
    if (list === undefined) this.#pool.set(buffer.bytes, [buffer]);
    else list.push(buffer);
  }

  /** Memory for a value with an address of its own (a parameter, state, a result kept by a root); freed when nothing refers to the storage. */
  place(storage: Storage, label: string): void {
    const buffer = this.take(this.storedBytes(storage), label);
    storage.span = { buffer, byteOffset: 0 };
    const placed: Placed = { buffer, storage: null };
    this.#placed.set(storage, placed);
    const { lifetimes } = this.#device;
    if (lifetimes === undefined) this.#finalizer.register(storage, placed);
    else this.#watch(storage, placed, lifetimes);
  }

  #watch(storage: Storage, placed: Placed, lifetimes: Lifetimes): void {
    const watch = lifetimes.watch(storage);
    this.#watched.set(watch, placed);
    placed.storage = { deref: () => lifetimes.find(watch) as Storage | undefined };
  }

  /** Takes back what was collected. Call where no program is being put together: what it reads may be its alone. */
  reclaim(): void {
    for (const watch of this.#device.lifetimes?.ended() ?? []) {
      const placed = this.#watched.get(watch);
      this.#watched.delete(watch);
      if (placed !== undefined) this.#release(placed);
    }
  }

  /** Memory for a small value, in the current page. */
  placeSmall(storage: Storage): void {
    const bytes = this.storedBytes(storage);
    if (this.#page === null || this.#pageCursor + bytes > pageBytes) this.#turnPage();
    const buffer = this.#page as DeviceBuffer;
    storage.span = { buffer, byteOffset: this.#pageCursor };
    this.#pageCursor += bytes;
    this.#pageStorages.push(storage);
  }

  /** Marks a placed value as held by the user: counted against the budget. Call after the program that writes it was submitted. */
  hold(storage: Storage): void {
    const { span } = storage;
    if (span === null || this.isSmall(storage)) return;
    if (this.#device.readNow !== undefined && storage.bytes <= hostBytes) {
      this.#toHost(storage, readNow(this.#device, span, storage));
      return;
    }
    const placed = this.#placed.get(storage) as Placed;
    placed.storage ??= new WeakRef(storage);
    this.#held.add(placed);
    this.#heldBytes += span.buffer.bytes;
    this.#trimNow();
  }

  /** Takes the memory back from a storage whose value is void. A small value's goes with its page. */
  free(storage: Storage): void {
    const { span } = storage;
    if (span === null || (this.isSmall(storage) && !storage.fixed)) return;
    storage.span = null;
    this.#release(this.#placed.get(storage) as Placed);
  }

  /** Over the budget, first what the program has dropped is found, then the oldest of the rest moves to the host. Called where a program waits anyway. */
  async trim(): Promise<void> {
    const moving = this.#moving;
    this.#moving = null;
    await moving;
    if (this.#heldBytes > Math.max(this.heldBudget, this.#collectAbove)) {
      await nextTask();
      this.#collect();
    }
    for (const { storage, span } of this.#oldestHeld()) {
      const { version } = storage;
      const data = this.#device.readNow
        ? readNow(this.#device, span, storage)
        : await this.#device.read(span, storage.dtype, storage.size);
      if (storage.span === span && storage.version === version) this.#toHost(storage, data);
    }
  }

  /** In code that does not wait; what was dropped since its task began is hardly ever found. */
  #trimNow(): void {
    if (this.#heldBytes <= this.heldBudget * unawaited) return;
    if (this.#heldBytes > this.#collectAbove) this.#collect();
    if (this.#device.readNow === undefined) return;
    for (const { storage, span } of this.#oldestHeld()) this.#toHost(storage, readNow(this.#device, span, storage));
  }

  /** Held values, the oldest first, while they are over the budget. */
  *#oldestHeld(): Generator<{ readonly storage: Storage; readonly span: Span }> {
    for (const held of this.#held) {
      if (this.#heldBytes <= this.heldBudget) return;
      const storage = held.storage?.deref();
      if (storage !== undefined && storage.span !== null) yield { storage, span: storage.span };
    }
  }

  /** Where a collection finds little, the program really holds its values: the next waits until as much again has come. */
  #collect(): void {
    const before = this.#heldBytes;
    this.#device.collectGarbage?.();
    this.reclaim();
    for (const held of this.#held) if (held.storage?.deref() === undefined) this.#release(held);
    const found = before - this.#heldBytes;
    this.#collectAbove = found >= before / 2 ? this.heldBudget : before + this.heldBudget;
  }

  #toHost(storage: Storage, data: HostArray): void {
    storage.moveToHost(data);
    this.#release(this.#placed.get(storage) as Placed);
  }

  /** Idempotent: what was given back before is found again by its finalizer. */
  #release(placed: Placed): void {
    const { buffer } = placed;
    if (buffer === null) return;
    placed.buffer = null;
    if (this.#held.delete(placed)) this.#heldBytes -= buffer.bytes;
    this.giveBack(buffer);
  }

  #turnPage(): void {
    const before = this.#page;
    this.#page = this.take(pageBytes, 'small values');
    if (before !== null) this.#fullPages.push({ buffer: before, storages: this.#pageStorages });
    // One page is filled while the one before it moves: both are there from the start, so that memory is flat.
    else if (this.#device.readNow === undefined) this.giveBack(this.#device.allocate(pageBytes, 'small values'));
    this.#pageStorages = [];
    this.#pageCursor = 0;
  }

  /**
   * Moves the values of full pages to the host; where it can address the device's memory all small values, so that a plan that reads many of
   * them does not depend on which page they were in. Call after the program that writes them was submitted.
   */
  retirePages(): void {
    const full = this.#fullPages;
    this.#fullPages = [];
    if (this.#device.readNow !== undefined) {
      for (const storage of [...full.flatMap(({ storages }) => storages), ...this.#pageStorages]) {
        if (storage.span !== null) storage.moveToHost(readNow(this.#device, storage.span, storage));
      }
      this.#pageStorages = [];
      this.#pageCursor = 0;
      for (const { buffer } of full) this.giveBack(buffer);
      return;
    }
    if (full.length === 0) return;
    const before = this.#moving;
    this.#moving = (async () => {
      const moved = full.map((page) => this.#movePage(page));
      await Promise.all([before, ...moved]);
    })();
    // Who waits next is told.
    this.#moving.catch(() => undefined);
  }

  /** Brings the values of a page to the host: one read of the whole page for each dtype in it. */
  async #movePage({ buffer, storages }: Page): Promise<void> {
    const here = storages.filter(({ span }) => span?.buffer === buffer);
    // One after another, so that a page of several dtypes takes no more staging memory than any other.
    for (const dtype of new Set(here.map((storage) => storage.dtype))) await this.#moveDType(buffer, dtype, here);
    if ((this.#pool.get(pageBytes)?.length ?? 0) >= sparePages) this.#device.free(buffer);
    else this.giveBack(buffer);
  }

  async #moveDType(buffer: DeviceBuffer, dtype: DType, storages: readonly Storage[]): Promise<void> {
    const width = this.#device.capabilities.storedBytes[dtype];
    const page = await this.#device.read({ buffer, byteOffset: 0 }, dtype, Math.floor(pageBytes / width));
    for (const storage of storages) {
      if (storage.dtype !== dtype || storage.span === null) continue;
      const first = storage.span.byteOffset / width;
      storage.moveToHost(page.slice(first, first + storage.size));
    }
  }
}

declare const setTimeout: (run: () => void) => unknown;

/** Promises that resolve without a device run in one task, at whose end alone the engine lets go of what a `WeakRef` was made for. */
function nextTask(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

function readNow(device: Device, span: Span, storage: Storage): HostArray {
  const data = device.readNow?.(span, storage.dtype, storage.size);
  if (data === undefined) throw new TypeError(`${device.name}: this device has no readNow`);
  return data;
}

/** Sizes grow by an eighth of a power of two, so that near sizes share buffers and little is wasted. */
function sizeClass(bytes: number): number {
  if (bytes <= 1024) return Math.ceil(bytes / 256) * 256;
  const step = 2 ** (Math.floor(Math.log2(bytes - 1)) - 3);
  return Math.ceil(bytes / step) * step;
}

/**
 * Which addresses of a linear memory are in use: blocks of whole 64-byte lines, the best fitting hole first, neighbours joined when freed.
 * The same calls give the same addresses. Owns numbers only; bytes are `linear-memory.ts`.
 */

export const lineBytes = 64;

interface Block {
  address: number;
  bytes: number;
}

export class Allocator {
  /** Holes in order of address; none touches another. */
  readonly #holes: Block[] = [];
  readonly #sizes = new Map<number, number>();
  #end: number;
  #used = 0;

  /** @param start the first address that may be given out. */
  constructor(start: number) {
    this.#end = start;
  }

  /** Bytes in use, whole lines. */
  get used(): number {
    return this.#used;
  }

  /** The address past all that was ever given out. */
  get end(): number {
    return this.#end;
  }

  /** An address for `bytes` bytes, at most `limit` - 1 with all of them, or null if there is no room. */
  allocate(bytes: number, limit: number): number | null {
    const size = Math.max(1, Math.ceil(bytes / lineBytes)) * lineBytes;
    const best = this.#holes.reduce<Block | null>(
      (least, hole) => (hole.bytes >= size && (least === null || hole.bytes < least.bytes) ? hole : least),
      null,
    );
    if (best === null && this.#end + size > limit) return null;
    const { address } = best ?? { address: this.#end };
    if (best === null) this.#end += size;
    else {
      best.address += size;
      best.bytes -= size;
      if (best.bytes === 0) this.#holes.splice(this.#holes.indexOf(best), 1);
    }
    this.#sizes.set(address, size);
    this.#used += size;
    return address;
  }

  free(address: number): void {
    const bytes = this.#sizes.get(address);
    if (bytes === undefined) throw new RangeError(`cpu: address ${address} is not allocated`);
    this.#sizes.delete(address);
    this.#used -= bytes;
    const found = this.#holes.findIndex((hole) => hole.address > address);
    const at = found < 0 ? this.#holes.length : found;
    this.#holes.splice(at, 0, { address, bytes });
    this.#joinNext(at);
    this.#joinNext(at - 1);
    const last = this.#holes[this.#holes.length - 1] as Block;
    // A hole that reaches the end is no hole.
    if (last.address + last.bytes === this.#end) this.#end = (this.#holes.pop() as Block).address;
  }

  /** Makes one of two holes that touch. */
  #joinNext(at: number): void {
    const [hole, next] = [this.#holes[at], this.#holes[at + 1]];
    if (hole === undefined || next === undefined || hole.address + hole.bytes !== next.address) return;
    hole.bytes += next.bytes;
    this.#holes.splice(at + 1, 1);
  }
}

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
    const hole = this.#bestHole(size);
    const address = hole === null ? this.#atEnd(size, limit) : this.#fromHole(hole, size);
    if (address === null) return null;
    this.#sizes.set(address, size);
    this.#used += size;
    return address;
  }

  free(address: number): void {
    const bytes = this.#sizes.get(address);
    if (bytes === undefined) throw new RangeError(`cpu: address ${address} is not allocated`);
    this.#sizes.delete(address);
    this.#used -= bytes;
    const next = this.#firstHoleAfter(address);
    const [before, after] = [this.#holes[next - 1], this.#holes[next]];
    const joinsBefore = before !== undefined && before.address + before.bytes === address;
    const joinsAfter = after !== undefined && address + bytes === after.address;
    if (joinsBefore) {
      before.bytes += bytes + (joinsAfter ? after.bytes : 0);
      if (joinsAfter) this.#holes.splice(next, 1);
    } else if (joinsAfter) {
      after.address = address;
      after.bytes += bytes;
    } else this.#holes.splice(next, 0, { address, bytes });
    this.#giveBackEnd();
  }

  #bestHole(size: number): number | null {
    let best: number | null = null;
    let bestBytes = Infinity;
    this.#holes.forEach(({ bytes }, i) => {
      if (bytes < size || bytes >= bestBytes) return;
      best = i;
      bestBytes = bytes;
    });
    return best;
  }

  #fromHole(index: number, size: number): number {
    const hole = this.#holes[index] as Block;
    const { address } = hole;
    if (hole.bytes === size) this.#holes.splice(index, 1);
    else {
      hole.address += size;
      hole.bytes -= size;
    }
    return address;
  }

  #atEnd(size: number, limit: number): number | null {
    if (this.#end + size > limit) return null;
    const address = this.#end;
    this.#end += size;
    return address;
  }

  /** A hole that reaches the end is no hole. */
  #giveBackEnd(): void {
    const last = this.#holes[this.#holes.length - 1];
    if (last === undefined || last.address + last.bytes !== this.#end) return;
    this.#holes.pop();
    this.#end = last.address;
  }

  #firstHoleAfter(address: number): number {
    let [low, high] = [0, this.#holes.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#holes[middle] as Block).address < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

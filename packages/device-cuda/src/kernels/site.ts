/**
 * What the kernels of one program are generated for: its slots, with those of scratch memory after them, its scalars and the card. Owns where slots lie and
 * which of them overlap.
 */
import type { DType, Slot } from '@torchlet/device';
import type { Argument, Target } from '../generated.js';
import { storedBytes } from '../ptx/dtypes.js';

/** The arena segment that stands for scratch memory. */
export const scratchSegment = -1;

export class KernelSite {
  readonly slots: Slot[];
  readonly scalars: readonly DType[];
  readonly target: Target;
  readonly #alignment: number;
  #scratchOffset = 0;
  #scratchBytes = 0;

  constructor(slots: readonly Slot[], scalars: readonly DType[], target: Target, alignment: number) {
    this.slots = [...slots];
    this.scalars = scalars;
    this.target = target;
    this.#alignment = alignment;
  }

  /** Bytes of scratch memory that the kernel with the most needs. */
  get scratchBytes(): number {
    return this.#scratchBytes;
  }

  /** Scratch memory of one kernel is the next one's. */
  nextKernel(): void {
    this.#scratchOffset = 0;
  }

  /** A slot of scratch memory. */
  scratch(dtype: DType, size: number): number {
    const offset = this.#scratchOffset;
    this.slots.push({ kind: 'arena', dtype, size, segment: scratchSegment, offset });
    const bytes = size * storedBytes(dtype);
    this.#scratchOffset += Math.max(1, Math.ceil(bytes / this.#alignment)) * this.#alignment;
    this.#scratchBytes = Math.max(this.#scratchBytes, this.#scratchOffset);
    return this.slots.length - 1;
  }

  argumentOf(slot: number): Argument {
    const found = this.slots[slot];
    return found?.kind === 'arena' && found.segment === scratchSegment
      ? { kind: 'scratch', offset: found.offset }
      : { kind: 'slot', slot };
  }

  /** Whether a store to one of `written` may reach elements of `slot`. */
  mayBeWritten(slot: number, written: ReadonlySet<number>): boolean {
    return written.has(slot) || [...written].some((other) => this.#overlap(slot, other));
  }

  #overlap(a: number, b: number): boolean {
    const [x, y] = [this.slots[a], this.slots[b]];
    if (x?.kind !== 'arena' || y?.kind !== 'arena')
      return x?.kind === 'buffer' && y?.kind === 'buffer' && x.index === y.index;
    if (x.segment !== y.segment) return false;
    const ends = [x, y].map(({ offset, size, dtype }) => offset + size * storedBytes(dtype)) as [number, number];
    return x.offset < ends[1] && y.offset < ends[0];
  }
}

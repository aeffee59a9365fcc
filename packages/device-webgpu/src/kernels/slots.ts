/** Which slots a kernel stores to, and which it may see as vectors of four. Owns these two questions about stores and loads. */
import { type Expression, postorder, type Slot, type Store } from '@torchlet/device';
import type { View } from '../wgsl/elements.js';
import type { LaneForms } from '@torchlet/device/analysis';

export function writtenSlots(stores: readonly Store[]): Set<number> {
  return new Set(stores.map(({ slot }) => slot));
}

/** Everything that stores compute. */
export function storeRoots(stores: readonly Store[]): Expression[] {
  return stores.flatMap(({ index, value, mask }) => (mask === null ? [index, value] : [index, value, mask]));
}

/**
 * Gathers how each slot is accessed; a slot is a vector of four where every access is, and where it has no elements behind its last whole vector: passes that are
 * cut into equal parts read past the end, within a vector that begins before it.
 */
export class Views {
  readonly #slots: readonly Slot[];
  readonly #views = new Map<number, View>();

  constructor(slots: readonly Slot[]) {
    this.#slots = slots;
  }

  get views(): ReadonlyMap<number, View> {
    return this.#views;
  }

  /** The loads of `roots`, along the lanes of `forms`; null where there are none. */
  loads(roots: readonly Expression[], forms: LaneForms | null): void {
    for (const expression of postorder(roots)) {
      if (expression.kind === 'load') this.#add(expression.slot, forms?.isVector(expression.index) ?? false);
    }
  }

  /** @param whole whether every store writes all four lanes. */
  stores(stores: readonly Store[], forms: LaneForms | null, whole: boolean): void {
    for (const { slot, index, mask } of stores) {
      const everywhere = mask === null || forms?.of(mask).stride === 0;
      this.#add(slot, whole && everywhere && (forms?.isVector(index) ?? false));
    }
    this.loads(storeRoots(stores), forms);
  }

  #add(slot: number, vector: boolean): void {
    const isWhole = (this.#slots[slot]?.size ?? 0) % 4 === 0;
    const view = vector && isWhole && this.#views.get(slot) !== 'scalar' ? 'vector' : 'scalar';
    this.#views.set(slot, view);
  }
}

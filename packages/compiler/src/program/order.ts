/**
 * The order of units: as recorded, but for writes in place, which come after every read of the old value. Owns the graph of which unit needs
 * which, and the question whether a unit may write where another reads.
 */
import { loadsIn } from '@torchlet/device';
import { closure } from '../closure.js';
import { loadsOf } from '../lower/draft.js';
import type { Unit, UnitKernel } from './units.js';

export class UnitOrder {
  readonly #before = new Map<Unit, Set<Unit>>();
  readonly #readers = new Map<number, Set<Unit>>();

  /** @param producer the unit that stores a place, if one does. */
  constructor(units: readonly Unit[], producer: (place: number) => Unit | undefined) {
    for (const unit of units) this.add(unit, producer);
  }

  add(unit: Unit, producer: (place: number) => Unit | undefined): void {
    const before = new Set<Unit>();
    this.#before.set(unit, before);
    for (const place of unit.kernels.flatMap(placesRead)) {
      const readers = this.#readers.get(place) ?? new Set();
      this.#readers.set(place, readers.add(unit));
      const source = producer(place);
      if (source !== undefined && source !== unit) before.add(source);
    }
  }

  /** Units that load from `place`. */
  readers(place: number): ReadonlySet<Unit> {
    return this.#readers.get(place) ?? new Set();
  }

  /** Makes `unit` wait for `others`, if none of them waits for it; says whether it does. */
  waitFor(unit: Unit, others: Iterable<Unit>): boolean {
    const waiting = [...others].filter((other) => other !== unit);
    if (this.#behind(waiting).has(unit)) return false;
    for (const other of waiting) (this.#before.get(unit) as Set<Unit>).add(other);
    return true;
  }

  /** Every unit after those it needs; in recorded order where both ways are right. */
  sorted(units: readonly Unit[]): Unit[] {
    const done = new Set<Unit>();
    const order: Unit[] = [];
    for (const root of [...units].sort(recorded)) {
      const stack = [root];
      while (stack.length > 0) {
        const unit = stack[stack.length - 1] as Unit;
        const waiting = done.has(unit) ? [] : [...this.#needs(unit)].filter((other) => !done.has(other));
        if (waiting.length > 0) {
          stack.push(...waiting.sort((a, b) => recorded(b, a)));
          continue;
        }
        stack.pop();
        if (!done.has(unit)) order.push(unit);
        done.add(unit);
      }
    }
    return order;
  }

  #needs(unit: Unit): ReadonlySet<Unit> {
    return this.#before.get(unit) ?? new Set();
  }

  /** `units` and all that they wait for. */
  #behind(units: readonly Unit[]): Set<Unit> {
    return closure(units, (unit) => this.#needs(unit));
  }
}

function recorded(a: Unit, b: Unit): number {
  const difference = a.group.position - b.group.position;
  // Both may be infinite: copies at the end.
  return Number.isNaN(difference) || difference === 0 ? a.index - b.index : difference;
}

function placesRead(kernel: UnitKernel): number[] {
  switch (kernel.kind) {
    case 'loop':
    case 'matmul':
      return loadsOf(kernel.draft).map(({ load }) => load.slot);
    case 'scatter':
      return loadsIn([kernel.index, kernel.value]).map(({ slot }) => slot);
    case 'custom':
      return kernel.inputs.map(({ id }) => id);
    default: {
      const never: never = kernel;
      return never;
    }
  }
}

/**
 * The program: ordered kernels with slots for places, addresses for intermediates, numbers for runtime scalars. Owns that last step, from
 * drafts to the contract's plain data; what it makes is printed by `printProgram` of `@torchlet/device`.
 */
import type { Capabilities, Expression, Kernel, LoopKernel, MatmulKernel, Phase, Slot, Store } from '@torchlet/device';
import { rewriter } from '@torchlet/device';
import { contiguousStrides, type CustomKernelSpec, type Typed } from '@torchlet/graph';
import type { DraftStore } from '../lower/draft.js';
import { planArena } from '../memory/arena.js';
import type { Plan } from '../plan.js';
import type { Item, Place } from '../schedule/item.js';
import type { Placement } from './targets.js';
import {
  type CustomDraft,
  type DraftKernel,
  orderStores,
  type PlacedStore,
  type ScatterDraft,
  targetIndex,
} from './units.js';

export type Bound = Pick<Plan, 'program' | 'buffers' | 'hosts' | 'scalars'>;

interface Use {
  readonly place: Place;
  first: number;
  last: number;
  reads: boolean;
  writes: boolean;
}

/** Writes the kernels of a placement down as a program. */
export function makeProgram(
  name: string,
  placement: Placement,
  scalars: readonly Typed[],
  capabilities: Capabilities,
): Bound {
  const writer = new ProgramWriter(placement, scalars);
  const kernels = placement.units.flatMap(({ kernels }) => kernels.map((kernel) => writer.kernel(kernel)));
  return writer.finish(name, kernels, capabilities);
}

class ProgramWriter {
  readonly #placement: Placement;
  /** By slot. */
  readonly #uses: Use[] = [];
  readonly #slots = new Map<Place, number>();
  readonly #scalarTypes: readonly Typed[];
  readonly #scalars: number[] = [];
  #kernel = -1;

  constructor(placement: Placement, scalars: readonly Typed[]) {
    this.#placement = placement;
    this.#scalarTypes = scalars;
  }

  kernel(kernel: DraftKernel | ScatterDraft | CustomDraft): Kernel {
    this.#kernel++;
    switch (kernel.kind) {
      case 'loop':
        return this.#loop(kernel);
      case 'matmul':
        return this.#matmul(kernel);
      case 'scatter':
        return this.#scatter(kernel);
      case 'custom':
        return this.#custom(kernel);
      default: {
        const never: never = kernel;
        return never;
      }
    }
  }

  finish(name: string, kernels: readonly Kernel[], capabilities: Capabilities): Bound {
    const intermediates = this.#uses.filter(({ place }) => place.leaf < 0 && place.output < 0);
    const lifetimes = intermediates.map(({ place, first, last }) => ({
      bytes: place.size * capabilities.storedBytes[place.dtype],
      first,
      last,
    }));
    const limit = Math.min(capabilities.bufferBytes, capabilities.bindingBytes);
    const { addresses, segments } = planArena(lifetimes, capabilities.alignment, limit);
    const buffers: ({ leaf: number } | { output: number })[] = [];
    const hosts: number[] = [];
    let intermediate = 0;
    const slots = this.#uses.map(({ place, reads, writes }): Slot => {
      const { dtype, size } = place;
      if (place.host) return { kind: 'host', dtype, size, index: hosts.push(place.leaf) - 1 };
      if (place.leaf < 0 && place.output < 0) {
        const { segment, offset } = addresses[intermediate++] as { segment: number; offset: number };
        return { kind: 'arena', dtype, size, segment, offset };
      }
      const index = buffers.push(place.leaf >= 0 ? { leaf: place.leaf } : { output: place.output }) - 1;
      return { kind: 'buffer', dtype, size, index, access: !writes ? 'read' : reads ? 'readwrite' : 'write' };
    });
    const dtypes = this.#scalars.map((position) => (this.#scalarTypes[position] as Typed).dtype);
    return {
      program: { name, slots, scalars: dtypes, kernels, arena: segments },
      buffers,
      hosts,
      scalars: this.#scalars,
    };
  }

  #slot(id: number, writes: boolean): number {
    const { sameAs, places } = this.#placement;
    const place = sameAs.get(id) ?? (places[id] as Place);
    let slot = this.#slots.get(place);
    if (slot === undefined) {
      slot = this.#uses.length;
      this.#slots.set(place, slot);
      this.#uses.push({ place, first: this.#kernel, last: this.#kernel, reads: false, writes: false });
    }
    const use = this.#uses[slot] as Use;
    use.last = this.#kernel;
    if (writes) use.writes = true;
    else use.reads = true;
    return slot;
  }

  #scalar(position: number): number {
    const known = this.#scalars.indexOf(position);
    return known >= 0 ? known : this.#scalars.push(position) - 1;
  }

  /** The expressions of one kernel with slots in place of places. */
  #translator(): (expression: Expression) => Expression {
    return rewriter((expression) => {
      if (expression.kind === 'scalar') return { ...expression, slot: this.#scalar(expression.slot) };
      if (expression.kind === 'load') return { ...expression, slot: this.#slot(expression.slot, false) };
      return expression;
    });
  }

  #stores(
    kernel: DraftKernel,
    stores: readonly DraftStore[],
    translate: (expression: Expression) => Expression,
  ): Store[] {
    const { builder } = kernel.draft;
    const { targets } = this.#placement;
    const placed = stores.flatMap((store) => (targets.get(store.item) ?? []).map((target) => ({ store, target })));
    return (orderStores(placed) as PlacedStore[]).map(({ store, target }) => ({
      value: translate(store.value),
      index: translate(builder.index(targetIndex(target, store.at, builder))),
      slot: this.#slot(target.place.id, true),
      mask: null,
    }));
  }

  #loop(kernel: DraftKernel): LoopKernel {
    const { draft, name } = kernel;
    const translate = this.#translator();
    const inner = draft.axes.filter((axis) => axis.inner).map(({ length }) => length);
    const axes = draft.axes.filter((axis) => !axis.inner).map(({ length }) => length);
    const along = draft.stores.filter((store) => store.inner);
    const passes = [
      ...draft.reductions.map(({ phase }) => phase + 1),
      ...along.map((store) => this.#phaseOf(store) + 1),
    ];
    const phases: Phase[] = [];
    for (let phase = 0; phase < Math.max(0, ...passes); phase++) {
      const reductions = draft.reductions
        .filter((reduction) => reduction.phase === phase)
        .map(({ id, combine, item, of }) => ({ id, combine, dtype: item.dtype, of: translate(of) }));
      const stores = this.#stores(
        kernel,
        along.filter((store) => this.#phaseOf(store) === phase),
        translate,
      );
      phases.push({ lengths: inner, reductions, stores });
    }
    const stores = this.#stores(
      kernel,
      draft.stores.filter((store) => !store.inner),
      translate,
    );
    if (stores.length > 0) phases.push({ lengths: [], reductions: [], stores });
    return { kind: 'loop', name, axes, phases };
  }

  #phaseOf(store: DraftStore): number {
    return Math.max(store.phase, this.#placement.latest.get(store.item) ?? -1);
  }

  #matmul(kernel: DraftKernel): MatmulKernel {
    const { draft, group, name } = kernel;
    const translate = this.#translator();
    const lengths = draft.axes.map(({ length }) => length);
    const [m, n, k] = lengths.slice(-3) as [number, number, number];
    const [a, b] = draft.operands.map(translate) as [Expression, Expression];
    const { dtype, node } = group.anchors[0] as Item;
    const precision = node.attrs[0] === 1 ? ({ precision: 'high' } as const) : {};
    const stores = this.#stores(kernel, draft.stores, translate);
    const claim = group.claim === null ? null : group.claim.library;
    return {
      kind: 'matmul',
      name,
      batch: lengths.slice(0, -3),
      m,
      n,
      k,
      a,
      b,
      dtype,
      ...precision,
      result: 0,
      stores,
      claim,
    };
  }

  #scatter({ item, name, index, value }: ScatterDraft): Kernel {
    const translate = this.#translator();
    const [, positions] = item.inputs as [Item, Item, Item];
    const axis = item.node.attrs[0] as number;
    return {
      kind: 'scatter',
      name,
      axes: positions.shape,
      axis,
      length: item.shape[axis] as number,
      index: translate(index),
      value: translate(value),
      slot: this.#slot((item.place as Place).id, true),
      strides: contiguousStrides(item.shape),
      offset: 0,
    };
  }

  #custom({ item, name, inputs }: CustomDraft): Kernel {
    return {
      kind: 'custom',
      name,
      inputs: inputs.map(({ id }) => this.#slot(id, false)),
      outputs: [this.#slot((item.place as Place).id, true)],
      sources: (item.node.payload as CustomKernelSpec).sources,
    };
  }
}

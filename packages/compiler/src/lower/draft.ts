/**
 * Drafts: a group as the loops, results and stores of a kernel, still in terms of places. Owns phases (which pass of a row kernel computes
 * what) and the choice of a layout; where stores go and which slot a place is, `program.ts` decides.
 */
import { type Combine, type Expression, type Load, loadsIn, postorder } from '@torchlet/device';
import { closure } from '../closure.js';
import type { Group } from '../schedule/groups.js';
import type { Item, Place } from '../schedule/item.js';
import { isLoaded } from '../schedule/stores.js';
import { Builder } from './builder.js';
import type { Index } from './index-map.js';
import {
  axesOf,
  divisions,
  join,
  type Layout,
  type LayoutAxis,
  loopLayout,
  productLayout,
  splitOnce,
  storesTransposed,
} from './layout.js';
import { Lowerer, reachable, type View } from './lower.js';

export interface DraftReduction {
  readonly id: number;
  readonly combine: Combine;
  readonly item: Item;
  readonly of: Expression;
  readonly phase: number;
}

export interface DraftStore {
  readonly item: Item;
  readonly value: Expression;
  /** The element of the item, at a point of the kernel. */
  readonly at: readonly Index[];
  /** The first phase that can compute it; `inner` says whether it runs along the reduced axes. */
  readonly phase: number;
  readonly inner: boolean;
}

export interface Draft {
  readonly builder: Builder;
  readonly axes: readonly LayoutAxis[];
  readonly reductions: readonly DraftReduction[];
  /** The operands of a product, or index and value of a scatter. */
  readonly operands: readonly Expression[];
  readonly stores: readonly DraftStore[];
  readonly storeIndices: readonly Index[];
  /** Whether rows and columns of the product, and so its operands, are exchanged. */
  readonly transposed: boolean;
}

/** Where an element of a store goes, for the choice of a layout. */
export type StoreIndices = (item: Item, at: readonly Index[], builder: Builder) => Iterable<Index>;

/** What kernels see of items once it is decided what is stored: loads are by place. */
export class PlacedView implements View {
  readonly #group: Group;
  readonly #results: (item: Item) => readonly Index[];
  constructor(group: Group, results: (item: Item) => readonly Index[]) {
    this.#group = group;
    this.#results = results;
  }

  slot(item: Item): number {
    return isLoaded(item, this.#group) ? (item.place as Place).id : -1;
  }

  result(item: Item): { readonly id: number; readonly at: readonly Index[] } | null {
    if (item.group !== this.#group || !item.isAnchor) return null;
    return { id: this.#group.anchors.indexOf(item), at: this.#results(item) };
  }
}

/** A loop or product of `group` in the layout that needs the fewest axes and divisions. */
export function draft(group: Group, storeIndices: StoreIndices): Draft {
  const product = group.kind === 'matmul';
  let layout = product ? productLayout(group.lengths, false) : loopLayout(group.lengths, group.inner);
  let best = draftIn(group, layout, storeIndices);
  if (product && group.claim === null && storesTransposed(layout, best.storeIndices)) {
    layout = productLayout(group.lengths, true);
    best = draftIn(group, layout, storeIndices, true);
  }
  const transposed = best.transposed;
  for (let round = 0; round < 8; round++) {
    const split = splitOnce(layout, best.builder.used.values());
    const other = split === null ? null : tryDraft(group, split, storeIndices, transposed);
    if (split === null || other === null) break;
    layout = split;
    best = other;
  }
  const joined = join(layout, [...best.builder.used.values()]);
  const shorter = joined === layout ? null : tryDraft(group, joined, storeIndices, transposed);
  if (shorter === null) return best;
  return divisions(shorter.builder.used.values()) <= divisions(best.builder.used.values()) ? shorter : best;
}

/** Null where equal points of the group are spelled differently in the layout. */
function tryDraft(group: Group, layout: Layout, storeIndices: StoreIndices, transposed: boolean): Draft | null {
  return reachable(() => draftIn(group, layout, storeIndices, transposed));
}

function draftIn(group: Group, layout: Layout, storeIndices: StoreIndices, transposed = false): Draft {
  const builder = new Builder();
  const axes = axesOf(layout, builder.indices);
  const here = (item: Item) => (item.at as readonly Index[]).map((index) => builder.indices.substitute(index, axes));
  const lowerer = new Lowerer(builder, new PlacedView(group, here));
  const operands: Expression[] = [];
  const reductions: DraftReduction[] = [];
  const phases: number[] = [];
  if (group.kind === 'matmul') {
    const [a, b] = (group.anchors[0] as Item).inputs as [Item, Item];
    const rank = axes.length;
    const [m, n, k] = axes.slice(-3) as [Index, Index, Index];
    const batch = axes.slice(0, rank - 3);
    operands.push(lowerer.lower(a, [...batch, m, k]), lowerer.lower(b, [...batch, k, n]));
    // The transpose of a product is the product of the transposes, the other way round.
    if (transposed) operands.reverse();
    phases.push(0);
  } else {
    const needed = neededAnchors(group);
    group.anchors.forEach((item, id) => {
      if (!needed.has(item)) {
        phases.push(0);
        return;
      }
      const x = item.inputs[0] as Item;
      const at = x.group === group ? here(x) : reducedAt(group, item, axes);
      const of = lowerer.lower(x, at);
      const phase = firstPhase([of], phases);
      phases.push(phase);
      reductions.push({ id, combine: combines[item.op as keyof typeof combines], item, of, phase });
    });
  }
  const stores: DraftStore[] = [];
  const stored: Index[] = [];
  for (const item of group.members) {
    if (!item.stored) continue;
    const at = here(item);
    const value = lowerer.lower(item, at);
    const inner = group.kind === 'loop' && group.isInner(item.at as readonly Index[]);
    stores.push({ item, value, at, phase: firstPhase([value], phases), inner });
    for (const index of storeIndices(item, at, builder)) {
      builder.index(index);
      stored.push(index);
    }
  }
  return { builder, axes: layout.axes, reductions, operands, stores, storeIndices: stored, transposed };
}

const combines = { reduceSum: 'sum', reduceMax: 'max', reduceProd: 'prod' } as const;

/** The point of the operand that a reduction reads: the group's own axes. */
function reducedAt(group: Group, item: Item, axes: readonly Index[]): readonly Index[] {
  const x = item.inputs[0] as Item;
  if (x.shape.length !== group.lengths.length) throw new Error(`compiler: ${item.op} does not fit its kernel`);
  return axes;
}

/** The phase after every result that `roots` read. */
function firstPhase(roots: readonly Expression[], phases: readonly number[]): number {
  let phase = 0;
  for (const expression of postorder(roots)) {
    if (expression.kind === 'result') phase = Math.max(phase, (phases[expression.id] as number) + 1);
  }
  return phase;
}

/** The reductions that stored items of the group depend on. */
function neededAnchors(group: Group): Set<Item> {
  const stored = group.members.filter((member) => member.stored);
  return closure(stored, (item) => (isLoaded(item, group) ? [] : item.inputs));
}

/** Every load of a draft, with the phase that does it. */
export function loadsOf(made: Draft): { readonly load: Load; readonly phase: number }[] {
  const passes = [
    { roots: made.operands, phase: -1 },
    ...made.reductions.map(({ of, phase }) => ({ roots: [of], phase })),
    ...made.stores.map(({ value, phase }) => ({ roots: [value], phase })),
  ];
  return passes.flatMap(({ roots, phase }) => loadsIn(roots).map((load) => ({ load, phase })));
}

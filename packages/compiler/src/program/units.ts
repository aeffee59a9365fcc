/**
 * Units: a group as the kernels it takes. Most groups are one kernel; a scatter first fills what it adds to, a `cat` stores its parts into one
 * buffer, kernel by kernel so that none touches too many. Owns that; where stores go is `targets.ts`.
 */
import { type Expression, loadsIn } from '@torchlet/device';
import { Builder } from '../lower/builder.js';
import { type Draft, type DraftStore, draft, PlacedView, type StoreIndices } from '../lower/draft.js';
import { Lowerer } from '../lower/lower.js';
import { Group } from '../schedule/groups.js';
import { Item, type Place } from '../schedule/item.js';
import { loadedFor } from '../schedule/stores.js';

/** A box of a place that an item's elements go to: start + i * step along each axis of `shape`. */
export interface Target {
  readonly place: Place;
  readonly shape: readonly number[];
  readonly starts: readonly number[];
  readonly steps: readonly number[];
}

export interface DraftKernel {
  readonly kind: 'loop' | 'matmul';
  readonly name: string;
  readonly group: Group;
  readonly draft: Draft;
}

export interface ScatterDraft {
  readonly kind: 'scatter';
  readonly name: string;
  readonly item: Item;
  readonly index: Expression;
  readonly value: Expression;
}

export interface CustomDraft {
  readonly kind: 'custom';
  readonly name: string;
  readonly item: Item;
  readonly inputs: readonly Place[];
}

export type UnitKernel = DraftKernel | ScatterDraft | CustomDraft;

export interface Unit {
  readonly index: number;
  readonly group: Group;
  readonly kernels: readonly UnitKernel[];
}

/** The kernels of `group`; `targetsOf` says where the items of a loop or product are stored. */
export function unitOf(group: Group, targetsOf: Map<Item, Target[]>, buffersPerKernel: number): Unit {
  const indices: StoreIndices = (item, at, builder) =>
    (targetsOf.get(item) ?? []).map((target) => targetIndex(target, at, builder));
  const anchor = group.anchors[0];
  switch (group.kind) {
    case 'loop':
    case 'matmul':
      return unit(group, [{ kind: group.kind, name: nameOf(group), group, draft: draft(group, indices) }]);
    case 'scatter':
      return unit(group, scatterKernels(group, anchor as Item, targetsOf, indices));
    case 'cat':
      return unit(group, catKernels(group, anchor as Item, targetsOf, indices, buffersPerKernel));
    case 'custom': {
      const item = anchor as Item;
      const inputs = item.inputs.map((input) => input.place as Place);
      return unit(group, [{ kind: 'custom', name: customName(item), item, inputs }]);
    }
    default: {
      const never: never = group.kind;
      return never;
    }
  }
}

function unit(group: Group, kernels: readonly UnitKernel[]): Unit {
  return { index: group.index, group, kernels };
}

/** A store of a draft and where it goes. */
export interface PlacedStore {
  readonly store: DraftStore;
  readonly target: Target;
}

/**
 * The stores of one pass in an order in which nothing is overwritten at a point before every other store has read it there; null where two
 * stores each read what the other writes.
 */
export function orderStores(stores: readonly PlacedStore[]): PlacedStore[] | null {
  const left = stores.map((placed) => ({
    placed,
    reads: new Set(loadsIn([placed.store.value]).map(({ slot }) => slot)),
  }));
  const order: PlacedStore[] = [];
  while (left.length > 0) {
    const next = left.findIndex(({ placed }) =>
      left.every((other) => other.placed === placed || !other.reads.has(placed.target.place.id)),
    );
    const [taken] = left.splice(next, next < 0 ? 0 : 1);
    if (taken === undefined) return null;
    order.push(taken.placed);
  }
  return order;
}

/** The element of its place that `at` is stored to. */
export function targetIndex(target: Target, at: readonly Parameters<Builder['index']>[0][], { indices }: Builder) {
  const moved = at.map((index, axis) =>
    indices.add(indices.scale(index, target.steps[axis] as number), indices.constant(target.starts[axis] as number)),
  );
  return indices.flatten(moved, target.shape);
}

/** All of `place`, in an array of `shape`. */
export function wholeTarget(place: Place, shape: readonly number[]): Target {
  return { place, shape, starts: shape.map(() => 0), steps: shape.map(() => 1) };
}

/** Copies `from` element by element, in a loop of its own that runs where `group` does. */
export function copyGroup(index: number, from: readonly Item[]): Group {
  const { shape } = from[0] as Item;
  const loop = new Group(
    index,
    'loop',
    shape,
    shape.map(() => false),
  );
  for (const item of from) {
    // Below the ids of the schedule's own items.
    const copy = new Item(-1 - loop.members.length, item.node, 'copy', [item], null);
    copy.stored = true;
    loop.take(copy, loop.axes);
  }
  return loop;
}

function scatterKernels(group: Group, item: Item, targetsOf: Map<Item, Target[]>, indices: StoreIndices): UnitKernel[] {
  const [base, index, src] = item.inputs as [Item, Item, Item];
  const filling = copyGroup(group.index, [base]);
  targetsOf.set(filling.members[0] as Item, [wholeTarget(item.place as Place, item.shape)]);
  const builder = new Builder();
  const lowerer = new Lowerer(builder, new PlacedView(group, (other) => other.at as NonNullable<Item['at']>));
  const at = index.shape.map((length, axis) => builder.indices.axis(axis, length));
  return [
    { kind: 'loop', name: 'scatter_base', group: filling, draft: draft(filling, indices) },
    { kind: 'scatter', name: 'scatter_add', item, index: lowerer.lower(index, at), value: lowerer.lower(src, at) },
  ];
}

/** Neighbouring parts of one shape share a kernel, as far as its buffers reach. */
function catKernels(
  group: Group,
  item: Item,
  targetsOf: Map<Item, Target[]>,
  indices: StoreIndices,
  buffersPerKernel: number,
): UnitKernel[] {
  const axis = item.node.attrs[0] as number;
  const place = item.place as Place;
  const kernels: UnitKernel[] = [];
  let run: Item[] = [];
  let reads = new Set<unknown>();
  let start = 0;
  const flush = () => {
    if (run.length === 0) return;
    const copying = copyGroup(group.index, run);
    for (const copy of copying.members) {
      const starts = item.shape.map((_, a) => (a === axis ? start : 0));
      targetsOf.set(copy, [{ place, shape: item.shape, starts, steps: item.shape.map(() => 1) }]);
      start += copy.shape[axis] as number;
    }
    kernels.push({ kind: 'loop', name: 'cat', group: copying, draft: draft(copying, indices) });
    run = [];
    reads = new Set();
  };
  for (const part of item.inputs) {
    const own = loadedFor(group, [part]);
    const more = new Set([...reads, ...own]);
    const fits = more.size < buffersPerKernel && part.shape[axis] === run[0]?.shape[axis] && run.length < 64;
    if (!fits) flush();
    reads = fits ? more : own;
    run.push(part);
  }
  flush();
  return kernels;
}

/** The operations of a kernel, for people who read a profile. */
function nameOf(group: Group): string {
  const ops: string[] = [];
  for (const { op, isMovement } of group.members) {
    const name = op.replace('reduce', '').toLowerCase();
    if (!isMovement && op !== 'copy' && !ops.includes(name)) ops.push(name);
  }
  return ops.length === 0 ? 'copy' : ops.slice(0, 6).join('_');
}

function customName(item: Item): string {
  return (item.node.payload as { readonly name: string }).name;
}

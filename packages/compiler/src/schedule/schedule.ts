/**
 * The schedule of one graph: which kernels there are, what each computes, what is stored. Owns the rounds of fusion (a second one knows which
 * values several kernels need, a later one which kernels had too many buffers); one round is `fuse.ts`. Read `program.ts` next.
 */
import type { Capabilities } from '@torchlet/device';
import { type Node, type Source, sizeOf } from '@torchlet/graph';
import type { SimplifiedGraph, Write } from '../simplify/graph.js';
import { Fuser } from './fuse.js';
import type { Group } from './groups.js';
import { Item, type Place } from './item.js';
import { decideStores, touched, worthKeeping } from './stores.js';

/** An output as the program makes it; null where it has no elements. */
export interface ScheduledOutput {
  /** What is stored in a buffer of its own. */
  readonly value: Item | null;
  readonly inPlace: { readonly target: Place; readonly shape: readonly number[]; readonly writes: readonly ScheduledWrite[] } | null;
}

export interface ScheduledWrite {
  readonly value: Item;
  readonly starts: readonly number[];
  readonly steps: readonly number[];
}

export interface Schedule {
  /** Groups that compute something that is needed, in order. */
  readonly groups: readonly Group[];
  readonly outputs: readonly ScheduledOutput[];
  /** Every place so far, by id: the leaves first. */
  readonly places: Place[];
  readonly items: readonly Item[];
}

export interface Numbering {
  leaf(source: Source): number;
  scalar(node: Node): number;
}

export interface ScheduleOptions {
  readonly capabilities: Capabilities;
  readonly fuse: boolean;
  claim(group: Group): Group['claim'];
}

/** One round: every node placed, and what is stored decided. */
function scheduleOnce(
  graph: SimplifiedGraph,
  numbering: Numbering,
  options: ScheduleOptions,
  kept: ReadonlySet<Node>,
  alone: ReadonlySet<Node>,
): Schedule {
  const fuser = new Fuser({ ...options, kept, alone });
  const places = new Map<Source, Place>();
  const byNode = new Map<Node, Item>();
  const items: Item[] = [];
  const wanted = wantedNodes(graph);
  const add = (node: Node, op: Node['op'], inputs: readonly Item[], place: Place | null): Item => {
    const scalar = op === 'scalar' ? numbering.scalar(node) : -1;
    const item = new Item(items.length, node, op, inputs, scalar, place);
    items.push(item);
    return item;
  };
  for (const node of graph.nodes) {
    const inputs = node.source === null ? node.inputs.map((input) => byNode.get(input) as Item) : [];
    const item = add(node, node.op, inputs, node.source === null ? null : placeOf(places, node, node.source, numbering));
    byNode.set(node, item);
    fuser.place(item, wanted.has(node));
  }
  const taken = new Set<Item>();
  /** The item to store for an output: a leaf's value is copied, and so is one whose kernel can store it once only. */
  const storable = (node: Node): Item => {
    const item = byNode.get(node) as Item;
    const once = item.group !== null && item.group.kind !== 'loop' && item.group.kind !== 'matmul';
    if (!item.isLeaf && !(once && taken.has(item))) {
      taken.add(item);
      return item;
    }
    const copy = add(node, 'copy', [item], null);
    fuser.place(copy, true);
    return copy;
  };
  const outputs = graph.outputs.map(({ value, inPlace }): ScheduledOutput => {
    if (inPlace === null) return { value: sizeOf(value.shape) === 0 ? null : storable(value), inPlace: null };
    const { target } = inPlace;
    const place = placeOf(places, target, target.source as Source, numbering);
    const writes = inPlace.writes.map((write: Write) => ({ ...write, value: storable(write.value) }));
    return { value: null, inPlace: { target: place, shape: target.shape, writes } };
  });
  const stored = outputs.flatMap(({ value, inPlace }) => {
    if (inPlace !== null) return inPlace.writes.map((write) => write.value);
    return value === null ? [] : [value];
  });
  const groups = decideStores(fuser.groups, stored, !options.fuse);
  return { groups, outputs, places: [...places.values()], items };
}

function wantedNodes(graph: SimplifiedGraph): Set<Node> {
  const wanted = new Set<Node>();
  for (const { value, inPlace } of graph.outputs) {
    if (inPlace === null) wanted.add(value);
    else for (const write of inPlace.writes) wanted.add(write.value);
  }
  return wanted;
}

/** Places of leaves are numbered by first use here; `leaf` is the number that the caller knows. */
function placeOf(places: Map<Source, Place>, node: Node, source: Source, numbering: Numbering): Place {
  const size = sizeOf(node.shape);
  const known = places.get(source);
  if (known !== undefined) {
    known.size = Math.max(known.size, size);
    return known;
  }
  const place: Place = { id: places.size, dtype: node.dtype, size, leaf: numbering.leaf(source), host: source.kind === 'host', output: -1 };
  places.set(source, place);
  return place;
}

/** Plans the kernels of `graph`, fused as far as the device's limits allow. */
export function schedule(graph: SimplifiedGraph, numbering: Numbering, options: ScheduleOptions): Schedule {
  const none: ReadonlySet<Node> = new Set();
  let kept = none;
  const alone = new Set<Node>();
  let planned = scheduleOnce(graph, numbering, options, kept, alone);
  if (options.fuse) {
    kept = worthKeeping(planned.groups, planned.items);
    if (kept.size > 0) planned = scheduleOnce(graph, numbering, options, kept, alone);
  }
  for (;;) {
    const crowded = planned.groups.filter((group) => touched(group) > options.capabilities.buffersPerKernel);
    const before = alone.size;
    for (const group of crowded) {
      for (const member of group.members.slice(Math.max(1, group.members.length >> 1))) alone.add(member.node);
    }
    if (alone.size === before) break;
    planned = scheduleOnce(graph, numbering, options, kept, alone);
  }
  return planned;
}

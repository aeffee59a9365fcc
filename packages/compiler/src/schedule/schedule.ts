/**
 * The schedule of one graph: which kernels there are, what each computes, what is stored. Owns the rounds of fusion (a second one knows which
 * values several kernels need, a later one which kernels had too many buffers); one round is `fuse.ts`. Read `program.ts` next.
 */
import type { Capabilities } from '@torchlet/device';
import { type Node, primitives, type Source, sizeOf } from '@torchlet/graph';
import type { SimplifiedGraph, Write } from '../simplify/graph.js';
import { Fuser } from './fuse.js';
import type { Group } from './groups.js';
import { Item, type Place } from './item.js';
import { betterRecomputed } from './rebase.js';
import { decideStores, touched, worthKeeping } from './stores.js';

/** An output as the program makes it; null where it has no elements. */
export interface ScheduledOutput {
  /** What is stored in a buffer of its own. */
  readonly value: Item | null;
  readonly inPlace: {
    readonly target: Place;
    readonly shape: readonly number[];
    readonly writes: readonly ScheduledWrite[];
  } | null;
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

/** The number by which the plan knows the leaves of a source. */
export type LeafNumber = (source: Source) => number;

export interface ScheduleOptions {
  readonly capabilities: Capabilities;
  readonly fuse: boolean;
  claim(group: Group): Group['claim'];
}

interface Round {
  readonly kept: ReadonlySet<Node>;
  readonly alone: ReadonlySet<Node>;
  readonly recompute: boolean;
}

/** One round: every node placed, and what is stored decided. */
function scheduleOnce(
  graph: SimplifiedGraph,
  leafNumber: LeafNumber,
  options: ScheduleOptions,
  round: Round,
): Schedule {
  const fuser = new Fuser({ ...options, ...round });
  const places = new Map<Source, Place>();
  const byNode = new Map<Node, Item>();
  const items: Item[] = [];
  const wanted = wantedNodes(graph);
  const add = (node: Node, op: Node['op'], inputs: readonly Item[], place: Place | null): Item => {
    const item = new Item(items.length, node, op, inputs, place);
    items.push(item);
    return item;
  };
  const positions = new Map(graph.nodes.map((node, i) => [node, i]));
  for (const node of byDepth(graph.nodes)) {
    fuser.position = positions.get(node) as number;
    const inputs = node.source === null ? node.inputs.map((input) => byNode.get(input) as Item) : [];
    const item = add(
      node,
      node.op,
      inputs,
      node.source === null ? null : placeOf(places, node, node.source, leafNumber),
    );
    byNode.set(node, item);
    fuser.place(item, wanted.has(node));
  }
  const taken = new Set<Item>();
  /** The item to store for an output: one of its own, so a leaf's value is copied, and so is what two outputs share. */
  const storable = (node: Node): Item => {
    const item = byNode.get(node) as Item;
    if (!item.isLeaf && !taken.has(item)) {
      taken.add(item);
      return item;
    }
    const copy = add(node, 'copy', [item], null);
    fuser.position = graph.nodes.length;
    fuser.place(copy, true);
    return copy;
  };
  const outputs = graph.outputs.map(({ value, inPlace }): ScheduledOutput => {
    if (inPlace === null) return { value: sizeOf(value.shape) === 0 ? null : storable(value), inPlace: null };
    const { target } = inPlace;
    const place = placeOf(places, target, target.source as Source, leafNumber);
    const writes = inPlace.writes.map((write: Write) => ({ ...write, value: storable(write.value) }));
    for (const { value: written } of writes) written.written = true;
    return { value: null, inPlace: { target: place, shape: target.shape, writes } };
  });
  const stored = outputs.flatMap(({ value, inPlace }) => {
    if (inPlace !== null) return inPlace.writes.map((write) => write.value);
    return value === null ? [] : [value];
  });
  const storing = { everything: !options.fuse, recompute: round.recompute, again: new Set<Item>() };
  let groups = decideStores(fuser.groups, stored, storing);
  const again = options.fuse && round.recompute ? betterRecomputed(groups, new Set(stored)) : storing.again;
  if (again.size > 0) {
    for (const item of items) item.forgetStores();
    groups = decideStores(fuser.groups, stored, { ...storing, again });
  }
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
function placeOf(places: Map<Source, Place>, node: Node, source: Source, leafNumber: LeafNumber): Place {
  const size = sizeOf(node.shape);
  const known = places.get(source);
  if (known !== undefined) {
    known.size = Math.max(known.size, size);
    return known;
  }
  const place: Place = {
    id: places.size,
    dtype: node.dtype,
    size,
    leaf: leafNumber(source),
    host: source.kind === 'host',
    output: -1,
  };
  places.set(source, place);
  return place;
}

/**
 * The nodes by the number of kernel results they are behind, those of one number as recorded. So a result that needs little, like a count of
 * targets, has its kernel before those that could otherwise not take in what reads it.
 */
function byDepth(nodes: readonly Node[]): Node[] {
  const depths = new Map<Node, number>();
  for (const node of nodes) {
    let depth = 0;
    if (node.source === null) for (const input of node.inputs) depth = Math.max(depth, depths.get(input) as number);
    const kind = primitives[node.op].class;
    const hasKernel = kind === 'reduce' || kind === 'contraction' || node.op === 'scatterAdd' || node.op === 'cat';
    depths.set(node, hasKernel && node.source === null ? depth + 1 : depth);
  }
  const depthOf = (node: Node) => depths.get(node) as number;
  return [...nodes].sort((a, b) => depthOf(a) - depthOf(b));
}

/** Plans the kernels of `graph`, fused as far as the device's limits allow. */
export function schedule(graph: SimplifiedGraph, leafNumber: LeafNumber, options: ScheduleOptions): Schedule {
  const alone = new Set<Node>();
  let round: Round = { kept: new Set(), alone, recompute: true };
  let planned = scheduleOnce(graph, leafNumber, options, round);
  if (!options.fuse) return planned;
  const kept = worthKeeping(planned.groups, planned.items);
  if (kept.size > 0) {
    round = { ...round, kept };
    planned = scheduleOnce(graph, leafNumber, options, round);
  }
  for (;;) {
    const crowded = planned.groups.filter((group) => touched(group) > options.capabilities.buffersPerKernel);
    if (crowded.length === 0) return planned;
    const before = alone.size;
    for (const group of crowded) {
      const { members } = group;
      for (const member of members.slice(Math.max(1, members.length >> 1))) alone.add(member.node);
    }
    if (alone.size === before) {
      if (!round.recompute) return planned;
      round = { ...round, recompute: false };
    }
    planned = scheduleOnce(graph, leafNumber, options, round);
  }
}

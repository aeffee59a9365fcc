/**
 * What is kept in memory: decides for every value that a kernel computes and another needs whether it is stored, or computed again from
 * what is stored anyway. Owns that decision, and the count of kernels that would compute a value again, from which a second round of fusion
 * learns what deserves a kernel of its own.
 */
import type { Node } from '@torchlet/graph';
import { closure } from '../closure.js';
import { bounds, costOf } from './costs.js';
import type { Group } from './groups.js';
import type { Item } from './item.js';

export interface StoreOptions {
  /** Stores all that has a kernel. */
  readonly everything: boolean;
  /** Whether cheap values may be computed again, which may take more buffers than it saves. */
  readonly recompute: boolean;
  /** Items to be computed again where they are needed. */
  readonly again: ReadonlySet<Item>;
}

/**
 * Marks as `stored` what must be, given that `wanted` are. Later kernels decide first, so that each knows whether it runs at all.
 *
 * @returns the groups that compute something that is stored, in order.
 */
export function decideStores(
  groups: readonly Group[],
  wanted: readonly Item[],
  { everything, recompute, again }: StoreOptions,
): Group[] {
  for (const item of wanted) item.stored = true;
  const live: Group[] = [];
  for (let i = groups.length - 1; i >= 0; i--) {
    const group = groups[i] as Group;
    if (everything) {
      for (const member of group.members) {
        member.stored = true;
        member.demanders++;
      }
    }
    const roots = group.members.filter((member) => member.stored);
    if (roots.length === 0) continue;
    live.push(group);
    const demand = (strictly: boolean) => (item: Item) => {
      if (!isElsewhere(item, group) || (!item.stored && again.has(item))) return;
      if (!item.stored && canRecompute(item, strictly, 0)) return;
      item.stored = true;
      item.demanders++;
      if (strictly) item.operand = true;
    };
    // A product reads its operands again and again, a user's kernel wants them whole: nothing but movement is repeated there.
    if (group.kind === 'matmul' || group.kind === 'custom') {
      eachNeeded(group, (group.anchors[0] as Item).inputs, demand(true));
    }
    eachNeeded(group, roots, demand(!recompute));
  }
  return live.reverse();
}

/** Calls `visit` with `roots` and all that `group` loads or computes for them beyond its own items; does not look behind what is loaded. */
function eachNeeded(group: Group, roots: readonly Item[], visit: (item: Item) => void): void {
  closure(roots, (item) => {
    if (item.group !== group || item.isLeaf) visit(item);
    return isLoaded(item, group) ? [] : item.inputs;
  });
}

function isElsewhere(item: Item, group: Group): boolean {
  return item.group !== null && item.group.index < group.index;
}

/** Whether `group` finds the value in memory. */
export function isLoaded(item: Item, group: Group): boolean {
  return item.isLeaf || (item.stored && isElsewhere(item, group));
}

/** The places that `group` loads from to compute `roots`, or the items while they have none. */
export function loadedFor(group: Group, roots: readonly Item[]): Set<unknown> {
  const found = new Set<unknown>();
  eachNeeded(group, roots, (item) => {
    if (isLoaded(item, group)) found.add(item.place ?? item);
  });
  return found;
}

/** Buffers that a kernel of the group touches at least. The parts of a `cat` can be kernels of their own. */
export function touched(group: Group): number {
  if (group.kind === 'cat') {
    const { inputs } = group.anchors[0] as Item;
    return inputs.reduce((most, part) => Math.max(most, loadedFor(group, [part]).size + 1), 0);
  }
  const roots = group.members.filter((member) => member.stored);
  const twice = roots.filter(({ written, demanders }) => written && demanders > 0);
  return loadedFor(group, roots).size + roots.length + twice.length;
}

function canRecompute(item: Item, strictly: boolean, depth: number): boolean {
  if (item.kept || item.isAnchor) return false;
  if (item.isMovement) return true;
  if (strictly || depth > 4 || costOf(item.op) > bounds.recomputedCost) return false;
  return item.inputs.every((input) => isSettled(input, item.size, depth));
}

/** Whether reading `item` once more costs little: it is in memory, or small enough to be put there. */
function isSettled(item: Item, size: number, depth: number): boolean {
  if (item.isLeaf || item.stored || item.inputs.length === 0 || item.size * 4 <= size) return true;
  if (item.isMovement) return isSettled(item.inputs[0] as Item, size, depth);
  return canRecompute(item, false, depth + 1);
}

/** Nodes that a first round computed in several kernels, or much too often in one, at a cost worth a kernel of their own. */
export function worthKeeping(groups: readonly Group[], items: readonly Item[]): Set<Node> {
  const uses = new Map<Item, number>();
  const keep = new Set<Node>();
  for (const group of groups) {
    const largest = group.kind === 'loop' ? group.lengths.reduce((size, length) => size * length, 1) : 0;
    const roots = group.members.filter((member) => member.stored);
    eachNeeded(group, roots, (item) => {
      if (isLoaded(item, group)) return;
      uses.set(item, (uses.get(item) ?? 0) + 1);
      if (item.cost >= bounds.hoistedCost && item.size * bounds.hoistedRatio <= largest) keep.add(item.node);
    });
  }
  const covered = new Set<Item>();
  for (let i = items.length - 1; i >= 0; i--) {
    const item = items[i] as Item;
    const count = uses.get(item) ?? 0;
    for (const input of item.inputs) if (count > 1 && uses.get(input) === count) covered.add(input);
    if (count > 1 && item.cost >= bounds.sharedCost && !covered.has(item) && !item.isMovement) keep.add(item.node);
  }
  return keep;
}

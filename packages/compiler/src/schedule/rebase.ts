/**
 * Rebasing: finds values that a kernel would store for others although these could compute them from less, as the several derivatives of an
 * activation from what it was applied to. Owns that search over what `stores.ts` decided first; a second decision then knows.
 */
import { closure } from '../closure.js';
import { bounds, costOf } from './costs.js';
import type { Group } from './groups.js';
import type { Item } from './item.js';
import { isLoaded } from './stores.js';

/** Items of `groups` that whoever needs them had better compute again. */
export function betterRecomputed(groups: readonly Group[], wanted: ReadonlySet<Item>): Set<Item> {
  const again = new Set<Item>();
  for (const group of groups) {
    const stored = group.members.filter((item) => item.stored && !stays(item, wanted));
    const saved = stored.reduce((size, item) => size + item.size, 0);
    if (saved === 0) continue;
    const { base, between, cost } = baseOf(group, stored, wanted);
    const added = [...base].reduce((size, item) => size + (stored.includes(item) ? 0 : item.size), 0);
    const largest = Math.max(...stored.map((item) => item.size));
    const demanders = Math.max(...stored.map((item) => item.demanders));
    // Arrays that need not be written and read, in terms of the largest.
    const arrays = (saved - added) / largest;
    if (arrays < 0.5 || cost * demanders > bounds.rebasedCost * arrays) continue;
    for (const item of between) again.add(item);
  }
  return again;
}

/** Whether the item is stored whatever comes: as an output, an operand, a result that nothing else stands for, or because it is small. */
function stays(item: Item, wanted: ReadonlySet<Item>): boolean {
  return item.size <= bounds.small || wanted.has(item) || item.kept || item.isAnchor || item.operand;
}

interface Base {
  /** Results of the kernel that would have to be stored. */
  readonly base: ReadonlySet<Item>;
  /** The kernel's items that would be computed again. */
  readonly between: readonly Item[];
  readonly cost: number;
}

/** What `stored` can be computed from: results of the kernel and what stays stored. */
function baseOf(group: Group, stored: readonly Item[], wanted: ReadonlySet<Item>): Base {
  const base = new Set<Item>();
  const between: Item[] = [];
  let cost = 0;
  closure(stored, (item) => {
    if (isLoaded(item, group) || item.inputs.length === 0) return [];
    if (item.group === group && (item.isAnchor || (item.stored && stays(item, wanted)))) {
      if (!item.stored) base.add(item);
      return [];
    }
    cost += costOf(item.op);
    if (item.group === group) between.push(item);
    return item.inputs;
  });
  return { base, between, cost };
}

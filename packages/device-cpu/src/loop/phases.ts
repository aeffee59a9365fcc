/** A loop kernel prepared for emission: inner lengths gathered into domains, variables found. Owns that preparation only. */
import { type Expression, type LoopKernel, type Reduction, rewriter } from '@torchlet/device';
import type { Work } from './nest.js';
import { Space } from './space.js';

export interface PreparedPhase extends Work {
  readonly reductions: readonly Reduction[];
  /** False where an inner length is 0: reductions are over nothing, and nothing is stored. */
  readonly hasPoints: boolean;
}

export interface Phases {
  readonly space: Space;
  readonly list: readonly PreparedPhase[];
  /** Slots that the kernel writes. */
  readonly stored: ReadonlySet<number>;
}

/**
 * Makes copies of what depends on inner axes, from number `firstInner` on: the inner axes of two domains have the same numbers but are different loops, and
 * what is known of an expression is known of the object.
 */
function separated(firstInner: number): (root: Expression) => Expression {
  return rewriter((expression) =>
    expression.kind === 'axis' && expression.axis >= firstInner ? { ...expression } : expression,
  );
}

export function prepare(kernel: LoopKernel): Phases {
  const lengths: (readonly number[])[] = [];
  const copiers: ((root: Expression) => Expression)[] = [];
  const list = kernel.phases.map((phase): PreparedPhase => {
    const known = lengths.findIndex((other) => other.join() === phase.lengths.join());
    const domain = known < 0 ? lengths.push(phase.lengths) - 1 : known;
    copiers[domain] ??= domain === 0 ? (root) => root : separated(kernel.axes.length);
    const own = copiers[domain];
    const hasPoints = !phase.lengths.includes(0);
    const reductions = phase.reductions.map((reduction) => ({ ...reduction, of: own(reduction.of) }));
    const stores = phase.stores.map((store) => ({
      ...store,
      index: own(store.index),
      value: own(store.value),
      mask: store.mask === null ? null : own(store.mask),
    }));
    return {
      domain,
      hasPoints,
      reductions,
      values: hasPoints ? reductions.map(({ of }) => of) : [],
      stores: hasPoints ? stores : [],
    };
  });
  return {
    space: new Space(kernel.axes, lengths),
    list,
    stored: new Set(list.flatMap(({ stores }) => stores.map(({ slot }) => slot))),
  };
}

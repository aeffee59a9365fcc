/** A loop kernel prepared for emission: expressions interned, inner lengths gathered into domains, variables found. Owns that preparation only. */
import type { Expression, LoopKernel, Reduction, Store } from '@torchlet/device';
import { Interner } from './interner.js';
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

export function prepare(kernel: LoopKernel): Phases {
  const lengths: (readonly number[])[] = [];
  const interner = new Interner(kernel.axes.length);
  const list = kernel.phases.map((phase): PreparedPhase => {
    const known = lengths.findIndex((other) => other.join() === phase.lengths.join());
    const domain = known < 0 ? lengths.push(phase.lengths) - 1 : known;
    interner.enter(domain);
    const hasPoints = !phase.lengths.includes(0);
    const reductions = phase.reductions.map((reduction) => ({ ...reduction, of: interner.intern(reduction.of) }));
    return {
      domain,
      hasPoints,
      reductions,
      values: hasPoints ? reductions.map(({ of }) => of) : [],
      stores: hasPoints ? phase.stores.map((store) => interner.store(store)) : [],
    };
  });
  const inDomain = (domain: number) => list.filter((phase) => phase.domain === domain);
  const domains = lengths.map((own, domain) => ({ lengths: own, roots: inDomain(domain).flatMap(rootsOf) }));
  const indices = lengths.map((_, domain) =>
    inDomain(domain).flatMap(({ stores }) => stores.map(({ index }) => index)),
  );
  return {
    space: new Space(kernel.axes, domains, indices),
    list,
    stored: new Set(list.flatMap(({ stores }) => stores.map(({ slot }) => slot))),
  };
}

function rootsOf({ values, stores }: { values: readonly Expression[]; stores: readonly Store[] }): Expression[] {
  return [...values, ...stores.flatMap(({ value, mask }) => (mask === null ? [value] : [value, mask]))];
}

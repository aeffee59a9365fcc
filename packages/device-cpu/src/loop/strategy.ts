/**
 * How the loops of a kernel run: along which variable the lanes lie, and how many blocks go side by side. Lanes along a parallel variable
 * compute four results at once; lanes along an inner variable of each domain share one result and are combined at the end of it. Owns
 * the choice, by a rough count of instructions; `loop-kernel.ts` carries it out.
 */
import { type Expression, loadsIn, postorder, storeParts } from '@torchlet/device';
import type { Variable } from './affine.js';
import { laneClasses, piecesOf } from './lanes.js';
import type { Phases, PreparedPhase } from './phases.js';
import { functionCost } from './row-scratch.js';
import { isPureIndex } from './space.js';

export type Strategy =
  | {
      readonly lanes: 'parallel';
      readonly variable: Variable;
      readonly unroll: number;
      /** The variable that loads run along where stores run along the other: `across-loop.ts`. */
      readonly across: Variable | null;
      readonly cost: number;
    }
  /** By domain; null where a domain has no inner variables. */
  | { readonly lanes: 'inner'; readonly variables: readonly (Variable | null)[]; readonly cost: number };

/** Instructions of a load by the distance of its lanes; one that stands still is mostly done before the loop. */
const strideCosts: ReadonlyMap<number, number> = new Map([
  [0, 0.25],
  [1, 1],
  [2, 3],
  [-1, 3],
]);

/** Instructions of a load whose lanes lie apart in other ways, and of combining the lanes of a result. */
const gatherCost = 8;
const combineCost = 12;

/** One block of four points of a phase, lanes along `vector`. Wide dtypes take two vectors. */
function blockCost(phases: Phases, position: number, vector: Variable | null): number {
  const phase = phases.list[position];
  if (phase === undefined) return 0;
  const { domain, values, stores } = phase;
  let cost = 1 + values.length;
  const accessCost = (index: Expression): number => {
    const form = phases.space.form(index, domain);
    const apart = [...form.atoms.keys()].some(
      (atom) => vector !== null && (phases.space.dependencies(atom, domain) & vector.bit) !== 0,
    );
    if (vector === null) return 1;
    const stride = form.terms.get(vector) ?? 0;
    if (apart) return gatherCost;
    return strideCosts.get(stride) ?? gatherCost;
  };
  const roots = [
    ...values,
    ...stores.flatMap((store) => (store.mask === null ? [store.value] : [store.value, store.mask])),
  ];
  for (const expression of postorder(roots)) {
    const pieces = piecesOf(expression.dtype);
    if (expression.kind === 'load') cost += pieces * accessCost(expression.index) * (expression.mask === null ? 1 : 2);
    if (expression.kind !== 'apply' || isPureIndex(expression)) continue;
    const varies = vector === null || (phases.space.dependencies(expression, domain) & vector.bit) !== 0;
    cost += varies ? pieces * functionCost(expression.fn) : 0.25;
  }
  for (const store of stores) {
    const narrow = laneClasses[store.value.dtype] === 'bool' ? 2 : 1;
    cost += vector === null ? 1 : narrow * Math.max(1, accessCost(store.index));
  }
  return cost;
}

/** How many points some variables have. */
export function points(variables: readonly Variable[]): number {
  return variables.reduce((size, { length }) => size * length, 1);
}

/** Blocks of four that `variable` takes, over its length: 1/4 for long ones. */
function blocksPerPoint(variable: Variable): number {
  return Math.ceil(variable.length / 4) / variable.length;
}

/** All phases with lanes along `vectors`, by domain; where those lie along inner variables, the lanes of each result are combined. */
function costAlong(phases: Phases, vectors: readonly (Variable | null)[], combines: boolean): number {
  const rows = points(phases.space.parallel);
  return phases.list.reduce((sum, { domain, reductions }, i) => {
    const vector = vectors[domain] ?? null;
    const all = rows * points(phases.space.inner[domain] ?? []) * (vector === null ? 1 : blocksPerPoint(vector));
    return sum + all * blockCost(phases, i, vector) + (combines ? rows * combineCost * reductions.length : 0);
  }, 0);
}

/** Blocks side by side: more of a light body, as its latency shows; few enough that accumulators stay in registers. */
export function unrollOf(cost: number, accumulators: number, length: number): number {
  const byCost = cost <= 8 ? 4 : cost <= 45 ? 2 : 1;
  const byRegisters = accumulators === 0 ? byCost : Math.max(1, Math.floor(8 / accumulators));
  const available = Math.ceil(length / 4);
  // A short variable is written out whole, so that its accumulators run side by side.
  if (accumulators > 0 && available * accumulators <= 8 && available * cost <= 64) return available;
  return Math.max(1, Math.min(byCost, byRegisters, available));
}

/** Vectors of accumulators of a phase. */
function accumulatorsOf({ reductions }: PreparedPhase): number {
  return reductions.reduce((sum, { dtype }) => sum + piecesOf(dtype), 0);
}

/** The candidate that costs least, the last among equals. */
function cheapest(
  candidates: readonly Variable[],
  cost: (variable: Variable) => number,
): { readonly variable: Variable; readonly cost: number } | null {
  const costs = candidates.map((variable) => ({ variable, cost: cost(variable) }));
  return costs.reduce<(typeof costs)[number] | null>(
    (least, one) => (least === null || one.cost <= least.cost ? one : least),
    null,
  );
}

/** The cheapest way to run the phases. */
export function chooseStrategy(phases: Phases): Strategy {
  const { parallel, inner } = phases.space;
  const everywhere = (variable: Variable) => inner.map(() => variable);
  const across = cheapest(parallel, (variable) => costAlong(phases, everywhere(variable), false));
  const variables = inner.map((candidates, domain) => {
    const only = (variable: Variable) => inner.map((_, other) => (other === domain ? variable : null));
    return cheapest(candidates, (variable) => costAlong(phases, only(variable), true))?.variable ?? null;
  });
  const along = costAlong(phases, variables, true);
  if (across === null || along < across.cost) return { lanes: 'inner', variables, cost: along };
  const { variable, cost } = across;
  const heaviest = Math.max(...phases.list.map((_, i) => blockCost(phases, i, variable)));
  const unroll = unrollOf(heaviest, Math.max(...phases.list.map(accumulatorsOf)), variable.length);
  return { lanes: 'parallel', variable, unroll, across: turnedVariable(phases, variable), cost };
}

/** A parallel variable along which some load of four-byte elements runs that does not run along `vector`; of element-wise kernels only. */
function turnedVariable(phases: Phases, vector: Variable): Variable | null {
  const [phase, ...more] = phases.list;
  if (phase === undefined || more.length > 0 || phase.reductions.length > 0) return null;
  const { space } = phases;
  if ((space.inner[phase.domain] ?? []).length > 0) return null;
  const roots = storeParts(phase.stores);
  const loads = loadsIn(roots);
  const forms = [...loads.map(({ index }) => index), ...phase.stores.map(({ index }) => index)].map((index) =>
    space.form(index, phase.domain),
  );
  const turns = (variable: Variable): boolean =>
    loads.some(({ index, mask, dtype }) => {
      const { terms } = space.form(index, phase.domain);
      const stride = terms.get(vector) ?? 0;
      const isRow = terms.get(variable) === 1 && stride !== 0 && stride !== 1;
      return isRow && mask === null && (dtype === 'float32' || dtype === 'int32');
    });
  const isFree = (variable: Variable): boolean =>
    forms.every(({ atoms }) =>
      [...atoms.keys()].every((atom) => (space.dependencies(atom, phase.domain) & variable.bit) === 0),
    );
  return space.parallel.find((variable) => variable !== vector && turns(variable) && isFree(variable)) ?? null;
}

/** The blocks side by side of a phase whose lanes lie along `variable`. */
export function innerUnroll(phases: Phases, position: number, variable: Variable): number {
  const accumulators = accumulatorsOf(phases.list[position] as PreparedPhase);
  return unrollOf(blockCost(phases, position, variable), accumulators, variable.length);
}

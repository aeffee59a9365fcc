/**
 * Long passes of few points as several kernels: the pass is cut into parts whose results go to scratch memory, and a second kernel joins them. Passes that
 * only store become plain element-wise kernels. Pure rewriting of the kernel language; owns the cut, not the code of the pieces.
 */
import {
  type Apply,
  type DType,
  type Expression,
  type LoopKernel,
  type Phase,
  postorder,
  rewriter,
  type Store,
} from '@torchlet/device';
import { leastOf } from '../ptx/dtypes.js';
import { phaseRoots } from './roots.js';
import type { KernelSite } from './site.js';
import { product } from './threads.js';

/** Fewest positions of a part, and a number that divides them, so that parts begin at whole vectors. */
const fewestPositions = 2048;
const positionsMultiple = 8;
/** Blocks that each multiprocessor should have. */
const blocksWanted = 4;

export function int(value: number): Expression {
  return { kind: 'constant', dtype: 'int32', value };
}

export function apply(fn: Apply['fn'], args: readonly Expression[], dtype: DType = 'int32'): Expression {
  return { kind: 'apply', dtype, fn, args };
}

export function axis(number: number): Expression {
  return { kind: 'axis', dtype: 'int32', axis: number };
}

/** The row-major number of a point of `lengths`, whose axes begin at `first`. */
export function flatIndex(lengths: readonly number[], first = 0): Expression {
  return lengths.reduce<Expression>(
    (index, length, i) => (i === 0 ? axis(first) : apply('add', [apply('mul', [index, int(length)]), axis(first + i)])),
    int(0),
  );
}

type Into = (expression: Expression) => Expression;

/** Copies expressions with other axes and with results replaced, loads being masked where `inside` (if given) says so. */
export function substitution(
  axes: ReadonlyMap<number, Expression>,
  results: ReadonlyMap<number, Expression>,
  inside: Expression | null = null,
): Into {
  return rewriter((expression) => {
    if (expression.kind === 'axis') return axes.get(expression.axis) ?? expression;
    if (expression.kind === 'result') return results.get(expression.id) ?? expression;
    if (expression.kind !== 'load' || inside === null) return expression;
    return { ...expression, mask: both(inside, expression.mask) };
  });
}

function both(inside: Expression | null, mask: Expression | null): Expression | null {
  if (inside === null || mask === null) return inside ?? mask;
  return apply('and', [inside, mask], 'bool');
}

/** Cuts every pass of `kernel` that runs over inner axes into kernels of its own. */
export function splitLoopKernel(kernel: LoopKernel, site: KernelSite): LoopKernel[] {
  const kernels: LoopKernel[] = [];
  const results = new Map<number, Expression>();
  const kept = resultsThatOutlive(kernel);
  const points = product(kernel.axes);
  let open: Phase[] | null = null;
  const local = new Set<number>();
  const begin = (): Phase[] => {
    local.clear();
    return [];
  };
  const close = (): void => {
    if (open !== null) kernels.push({ ...kernel, phases: open });
    open = null;
  };
  /** Stores results that later passes read, at the point's place in scratch memory. */
  const keepResults = (phase: Phase, phases: Phase[]): void => {
    const stores = phase.reductions
      .filter(({ id }) => kept.has(id))
      .map(({ id, dtype }): Store => {
        const slot = site.scratch(partDType(dtype), points);
        const index = flatIndex(kernel.axes);
        results.set(id, partAt(slot, index, dtype));
        return { slot, index, value: { kind: 'result', dtype, id }, mask: null };
      });
    if (stores.length > 0) phases.push({ lengths: [], reductions: [], stores });
  };
  for (const phase of kernel.phases) {
    if (phase.lengths.length === 0) {
      // A pass of a single point goes on in the kernel that joined the results it reads.
      open ??= begin();
      open.push(rewritten(phase, substitution(new Map(), new Map([...results].filter(([id]) => !local.has(id))))));
    } else {
      close();
      const plain = rewritten(phase, substitution(new Map(), results));
      if (phase.reductions.length === 0) {
        const axes = [...kernel.axes, ...phase.lengths];
        kernels.push({ ...kernel, axes, phases: [{ lengths: [], reductions: [], stores: plain.stores }] });
        continue;
      }
      open = begin();
      const { parts, joined } = cut(kernel, plain, site);
      kernels.push(parts);
      open.push(joined);
    }
    for (const { id } of phase.reductions) local.add(id);
    keepResults(phase, open);
  }
  close();
  return kernels;
}

/** The dtype in which parts of a result wait: halves are not rounded between, narrow integers not wrapped twice. */
function partDType(dtype: DType): DType {
  return dtype === 'float16' || dtype === 'bfloat16' ? 'float32' : dtype;
}

function partAt(slot: number, index: Expression, dtype: DType): Expression {
  return { kind: 'load', dtype, slot, index, mask: null, otherwise: 0 };
}

/** A pass as a kernel of its parts, whose first axis is the part, and the pass that joins them. */
function cut(
  kernel: LoopKernel,
  { lengths, reductions, stores }: Phase,
  site: KernelSite,
): { readonly parts: LoopKernel; readonly joined: Phase } {
  const total = product(lengths);
  const rank = kernel.axes.length;
  const points = product(kernel.axes);
  const wanted = Math.min(total / fewestPositions, (blocksWanted * site.target.multiprocessors) / points);
  const positions = Math.ceil(total / Math.max(2, wanted) / positionsMultiple) * positionsMultiple;
  const parts = Math.ceil(total / positions);
  const position = apply('add', [apply('mul', [axis(0), int(positions)]), axis(rank + 1)]);
  const axes = new Map([
    ...kernel.axes.map((_, i): [number, Expression] => [i, axis(i + 1)]),
    ...lengths.map((length, i): [number, Expression] => [rank + i, positionOn(position, lengths, i, length)]),
  ]);
  const inside = parts * positions === total ? null : apply('lt', [position, int(total)], 'bool');
  const into = substitution(axes, new Map(), inside);
  const slots = reductions.map(({ dtype }) => site.scratch(partDType(dtype), points * parts));
  const ofParts: LoopKernel = {
    ...kernel,
    name: `${kernel.name} in parts`,
    axes: [parts, ...kernel.axes],
    phases: [
      {
        lengths: [positions],
        reductions: reductions.map((reduction) => {
          const { combine, dtype } = reduction;
          const value = combine === 'sum' ? 0 : combine === 'prod' ? 1 : leastOf(dtype);
          const of = into(reduction.of);
          const start: Expression = { kind: 'constant', dtype, value };
          return { ...reduction, of: inside === null ? of : apply('where', [inside, of, start], dtype) };
        }),
        stores: stores.map((store) => ({
          ...store,
          index: into(store.index),
          value: into(store.value),
          mask: both(inside, store.mask === null ? null : into(store.mask)),
        })),
      },
      {
        lengths: [],
        reductions: [],
        stores: reductions.map(({ id, dtype }, i) => ({
          slot: slots[i] as number,
          index: flatIndex([parts, ...kernel.axes]),
          value: { kind: 'result', dtype, id },
          mask: null,
        })),
      },
    ],
  };
  const ofPoint = apply('add', [apply('mul', [axis(rank), int(points)]), flatIndex(kernel.axes)]);
  const joined: Phase = {
    lengths: [parts],
    reductions: reductions.map((reduction, i) => ({
      ...reduction,
      of: partAt(slots[i] as number, ofPoint, reduction.dtype),
    })),
    stores: [],
  };
  return { parts: ofParts, joined };
}

/** The position along inner axis `i` of the `position`-th point of `lengths`. */
function positionOn(position: Expression, lengths: readonly number[], i: number, length: number): Expression {
  const below = product(lengths.slice(i + 1));
  const quotient = below === 1 ? position : apply('idiv', [position, int(below)]);
  return product(lengths.slice(0, i)) === 1 ? quotient : apply('mod', [quotient, int(length)]);
}

function rewritten({ lengths, reductions, stores }: Phase, into: Into): Phase {
  return {
    lengths,
    reductions: reductions.map((reduction) => ({ ...reduction, of: into(reduction.of) })),
    stores: stores.map((store) => ({
      ...store,
      index: into(store.index),
      value: into(store.value),
      mask: store.mask === null ? null : into(store.mask),
    })),
  };
}

/** Results that are read after a later pass over inner axes began: these must outlive the kernel that joined them. */
function resultsThatOutlive(kernel: LoopKernel): Set<number> {
  const outlive = new Set<number>();
  const passed = new Set<number>();
  let waiting: number[] = [];
  for (const phase of kernel.phases) {
    if (phase.lengths.length > 0) {
      for (const id of waiting) passed.add(id);
      waiting = [];
    }
    for (const expression of postorder(phaseRoots(phase))) {
      if (expression.kind === 'result' && passed.has(expression.id)) outlive.add(expression.id);
    }
    waiting.push(...phase.reductions.map(({ id }) => id));
  }
  return outlive;
}

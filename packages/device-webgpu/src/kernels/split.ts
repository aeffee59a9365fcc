/**
 * Long passes of few points as several kernels: the pass is cut into chunks whose parts go to scratch memory, and a second kernel joins them. Passes that
 * only store become plain element-wise kernels. Pure rewriting of the kernel language; owns the cut, not the code of the pieces.
 */
import {
  type Apply,
  type DType,
  type Expression,
  isFloat,
  type LoopKernel,
  type Phase,
  postorder,
  type Slot,
  type Store,
  rewriter,
} from '@torchlet/device';
import { dtypeRows, integerRange } from '../wgsl/kinds.js';
import { product } from './threads.js';

/** Positions of a pass from which on it is worth a kernel of its own. */
export const longPass = 1024;
/** About how many positions one thread should take, and how many parts there may be. */
const positionsPerPart = 256;
const mostParts = 1024;

/** The pieces of a kernel, in order, and the scratch slots they name from `firstSlot` on. */
export interface Split {
  readonly kernels: readonly LoopKernel[];
  readonly scratch: readonly Slot[];
}

function int(value: number): Expression {
  return { kind: 'constant', dtype: 'int32', value };
}

function apply(fn: Apply['fn'], args: readonly Expression[], dtype: DType = 'int32'): Expression {
  return { kind: 'apply', dtype, fn, args };
}

function axis(number: number): Expression {
  return { kind: 'axis', dtype: 'int32', axis: number };
}

/** The row-major number of a point of `lengths`, whose axes begin at `first`. */
export function flatIndex(lengths: readonly number[], first = 0): Expression {
  return lengths.reduce<Expression>(
    (index, length, i) => (i === 0 ? axis(first) : apply('add', [apply('mul', [index, int(length)]), axis(first + i)])),
    int(0),
  );
}

/** Copies expressions with other axes and with results replaced; what was shared stays shared. */
export function substitution(
  axes: ReadonlyMap<number, Expression>,
  results: ReadonlyMap<number, Expression>,
): (root: Expression) => Expression {
  return rewriter((expression) => {
    if (expression.kind === 'axis') return axes.get(expression.axis) ?? expression;
    if (expression.kind === 'result') return results.get(expression.id) ?? expression;
    return expression;
  });
}

/** The dtype in which parts of a result wait: halves are not rounded between. */
export function partDType(dtype: DType): DType {
  if (isFloat(dtype)) return 'float32';
  return dtype === 'bool' ? 'bool' : 'int32';
}

export function startValue(combine: 'sum' | 'max' | 'prod', dtype: DType): number {
  if (combine === 'sum') return 0;
  if (combine === 'prod') return 1;
  if (isFloat(dtype)) return -Infinity;
  return dtype === 'bool' ? 0 : integerRange(dtype)[0];
}

/** Scratch memory of one kernel, by the slots that name its parts. */
export class Scratch {
  readonly slots: Slot[] = [];
  readonly #first: number;
  readonly #alignment: number;
  #offset = 0;

  constructor(firstSlot: number, alignment: number) {
    this.#first = firstSlot;
    this.#alignment = alignment;
  }

  /** Segment -1 is the device's scratch buffer. */
  slot(dtype: DType, size: number): number {
    this.slots.push({ kind: 'arena', dtype, size, segment: scratchSegment, offset: this.#offset });
    const bytes = size * dtypeRows[dtype].storedBytes;
    this.#offset += Math.max(1, Math.ceil(bytes / this.#alignment)) * this.#alignment;
    return this.#first + this.slots.length - 1;
  }
}

/** The arena segment that stands for scratch memory: its content lives from one piece of a kernel to the next. */
export const scratchSegment = -1;

/** Cuts every pass of `kernel` that runs over inner axes into kernels of its own. */
export function splitLoopKernel(kernel: LoopKernel, firstSlot: number, alignment: number, interleaved: boolean): Split {
  const scratch = new Scratch(firstSlot, alignment);
  const kernels: LoopKernel[] = [];
  const results = new Map<number, Expression>();
  const kept = resultsThatOutlive(kernel);
  const points = product(kernel.axes);
  let open: { kernel: LoopKernel; phases: Phase[] } | null = null;
  const local = new Set<number>();
  for (const phase of kernel.phases) {
    if (phase.lengths.length === 0) {
      // A pass of a single point goes on in the kernel that joined the results it reads.
      if (open === null) {
        open = { kernel: { ...kernel, name: kernel.name, phases: [] }, phases: [] };
        local.clear();
      }
      const known = substitution(new Map(), new Map([...results].filter(([id]) => !local.has(id))));
      open.phases.push(rewritten(phase, known));
      for (const { id } of phase.reductions) local.add(id);
      keepResults(phase, open.phases);
      continue;
    }
    close();
    const known = substitution(new Map(), results);
    const plain = rewritten(phase, known);
    if (phase.reductions.length === 0) {
      kernels.push({
        ...kernel,
        axes: [...kernel.axes, ...phase.lengths],
        phases: [{ lengths: [], reductions: [], stores: plain.stores }],
      });
      continue;
    }
    open = { kernel: { ...kernel, name: `${kernel.name} joined`, phases: [] }, phases: [cut(plain)] };
    local.clear();
    for (const { id } of phase.reductions) local.add(id);
    keepResults(phase, open.phases);
  }
  close();
  return { kernels, scratch: scratch.slots };

  function close(): void {
    if (open !== null) kernels.push({ ...open.kernel, phases: open.phases });
    open = null;
  }

  /** Stores results that later passes read, at the point's place in scratch memory. */
  function keepResults(phase: Phase, phases: Phase[]): void {
    const stores = phase.reductions
      .filter(({ id }) => kept.has(id))
      .map(({ id, dtype }): Store => {
        const slot = scratch.slot(partDType(dtype), points);
        const index = flatIndex(kernel.axes);
        results.set(id, { kind: 'load', dtype, slot, index, mask: null, otherwise: 0 });
        return { slot, index, value: { kind: 'result', dtype, id }, mask: null };
      });
    if (stores.length > 0) phases.push({ lengths: [], reductions: [], stores });
  }

  /** Writes the kernel of the parts, and gives the pass that joins them. */
  function cut({ lengths, reductions, stores }: Phase): Phase {
    const total = product(lengths);
    const wanted = Math.max(1, Math.min(mostParts, Math.ceil(total / positionsPerPart)));
    const parts = wanted > 4 ? Math.ceil(wanted / 4) * 4 : wanted;
    const turns = Math.ceil(total / parts);
    const rank = kernel.axes.length;
    const [part, turn] = [axis(rank), axis(rank + 1)];
    const position = interleaved
      ? apply('add', [apply('mul', [turn, int(parts)]), part])
      : apply('add', [apply('mul', [part, int(turns)]), turn]);
    const axes = new Map(lengths.map((length, i) => [rank + i, positionOn(position, lengths, i, length)]));
    const into = substitution(axes, new Map());
    const inside = parts * turns === total ? null : apply('lt', [position, int(total)], 'bool');
    const partSlots = reductions.map(({ dtype }) => scratch.slot(partDType(dtype), points * parts));
    const partIndex = flatIndex([...kernel.axes, parts]);
    kernels.push({
      ...kernel,
      name: `${kernel.name} in parts`,
      axes: [...kernel.axes, parts],
      phases: [
        {
          lengths: [turns],
          reductions: reductions.map((reduction) => {
            const of = into(reduction.of);
            const start: Expression = {
              kind: 'constant',
              dtype: reduction.dtype,
              value: startValue(reduction.combine, reduction.dtype),
            };
            return { ...reduction, of: inside === null ? of : apply('where', [inside, of, start], reduction.dtype) };
          }),
          stores: stores.map((store) => {
            const mask =
              store.mask === null
                ? inside
                : inside === null
                  ? into(store.mask)
                  : apply('and', [inside, into(store.mask)], 'bool');
            return { ...store, index: into(store.index), value: into(store.value), mask };
          }),
        },
        {
          lengths: [],
          reductions: [],
          stores: reductions.map(({ id, dtype }, i) => ({
            slot: partSlots[i] as number,
            index: partIndex,
            value: { kind: 'result', dtype, id },
            mask: null,
          })),
        },
      ],
    });
    return {
      lengths: [parts],
      reductions: reductions.map((reduction, i) => ({
        ...reduction,
        of: {
          kind: 'load',
          dtype: reduction.dtype,
          slot: partSlots[i] as number,
          index: partIndex,
          mask: null,
          otherwise: 0,
        },
      })),
      stores: [],
    };
  }
}

/** The position along inner axis `i` of the `position`-th point of `lengths`. */
function positionOn(position: Expression, lengths: readonly number[], i: number, length: number): Expression {
  const below = product(lengths.slice(i + 1));
  const quotient = below === 1 ? position : apply('idiv', [position, int(below)]);
  return product(lengths.slice(0, i)) === 1 ? quotient : apply('mod', [quotient, int(length)]);
}

function rewritten({ lengths, reductions, stores }: Phase, into: (expression: Expression) => Expression): Phase {
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
  for (const { lengths, reductions, stores } of kernel.phases) {
    if (lengths.length > 0) {
      for (const id of waiting) passed.add(id);
      waiting = [];
    }
    const roots = [
      ...reductions.map(({ of }) => of),
      ...stores.flatMap(({ index, value, mask }) => (mask === null ? [index, value] : [index, value, mask])),
    ];
    for (const expression of postorder(roots)) {
      if (expression.kind === 'result' && passed.has(expression.id)) outlive.add(expression.id);
    }
    waiting.push(...reductions.map(({ id }) => id));
  }
  return outlive;
}

/**
 * What the two operands of a matmul are: elements at fixed strides, whole lines at computed places (rows picked by an index), elements whose
 * place is a sum of a part for each dimension (windows, axes merged by a reshape), or anything else. Owns the analysis of their expressions; which loops follow from it is `plan.ts`, how they are copied `packing.ts`.
 */
import { type DType, type Expression, loadsIn, type MatmulKernel } from '@torchlet/device';
import type { KernelSite } from '../kernel-function.js';
import type { Variable } from '../loop/affine.js';
import { storedWidth } from '../loop/lane-memory.js';
import { laneClasses } from '../loop/lanes.js';
import type { Space } from '../loop/space.js';
import type { Arithmetic } from './arithmetic.js';
import { type Bound, boundsOf, rangeOf } from './bounds.js';

/** One of the two dimensions of an operand: its own (rows of the left, columns of the right), or k, over which is summed. */
export type Dimension = 'own' | 'k';

/** Elements of `slot` at `index` + own * position + k * position, where `index` is the index at 0 of both. */
export interface StridedOperand {
  readonly kind: 'strided';
  readonly slot: number;
  readonly index: Expression;
  readonly own: number;
  readonly k: number;
}

/** Elements that lie next to each other along one dimension; where each line begins is the value of `index` there. */
export interface LinesOperand {
  readonly kind: 'lines';
  readonly slot: number;
  readonly index: Expression;
  readonly along: Dimension;
  readonly fixed: boolean;
}

/**
 * Elements of `slot` at a place that is a sum of what depends on `own` and what depends on k: two tables say where. Windows are of this kind. Where a sum
 * of positions is out of its bounds, 0 stands for the element.
 */
export interface TableOperand {
  readonly kind: 'table';
  readonly slot: number;
  readonly index: Expression;
  readonly bounds: readonly Bound[];
  /** The dimension along which most elements have their neighbours in memory. */
  readonly along: Dimension | null;
  /** Whether the tables are the same for the whole batch. */
  readonly fixed: boolean;
}

/** To be computed element by element. */
export interface ComputedOperand {
  readonly kind: 'computed';
  readonly value: Expression;
  /** The dimension along which most of what it loads lies next to each other, if any does. */
  readonly along: Dimension | null;
}

export type MatmulOperand = StridedOperand | LinesOperand | TableOperand | ComputedOperand;

/** The operand for a reader that wants it along `along`: lines the other way are found by tables. */
export function towards(operand: MatmulOperand, along: Dimension): MatmulOperand {
  if (operand.kind !== 'lines' || operand.along === along) return operand;
  return { ...operand, kind: 'table', bounds: [] };
}

/** Number of the first axis after the batch: m; then n, then k. */
export interface MatmulAxes {
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

export function matmulAxes(kernel: MatmulKernel): MatmulAxes {
  const m = kernel.batch.length;
  return { m, n: m + 1, k: m + 2 };
}

/** Elements that `index` moves by per step of `axis`; null where that is not fixed. */
export function strideOf(space: Space, index: Expression, axis: number): number | null {
  const { terms, atoms } = space.form(index, 0);
  if ([...atoms.keys()].some((atom) => variesWith(space, atom, axis))) return null;
  return terms.get(space.axes[axis] as Variable) ?? 0;
}

function variesWith(space: Space, expression: Expression, axis: number): boolean {
  return (space.dependencies(expression, 0) & (space.axes[axis] as Variable).bit) !== 0;
}

/** Whether no part of the index varies with some of the axes `a` and with some of `b`. */
function isSum(space: Space, index: Expression, a: readonly number[], b: readonly number[]): boolean {
  const varies = (atom: Expression, axes: readonly number[]) => axes.some((axis) => variesWith(space, atom, axis));
  return [...space.form(index, 0).atoms.keys()].every((atom) => !varies(atom, a) || !varies(atom, b));
}

/** `expression` in the lanes of `dtype`. */
function inLanesOf(expression: Expression, dtype: DType): Expression {
  if (laneClasses[expression.dtype] === laneClasses[dtype]) return expression;
  return { kind: 'apply', dtype, fn: 'cast', args: [expression] };
}

/** The dimension along which more loads of the expression have neighbours in memory. */
function bestAlong(expression: Expression, space: Space, own: number, k: number): Dimension | null {
  const loads = loadsIn([expression]);
  const neighbours = (axis: number) => loads.filter((load) => strideOf(space, load.index, axis) === 1).length;
  if (neighbours(own) === neighbours(k)) return null;
  return neighbours(own) > neighbours(k) ? 'own' : 'k';
}

/** Positions that are looked at to see whether neighbours lie next to each other. */
const lookedAt = 64;

/** The dimension along which more steps lead to the next element, if many do along either. */
function linesAlong(space: Space, index: Expression, own: number, k: number): Dimension | null {
  const share = (axis: number): number => {
    const steps = Math.min((space.axes[axis] as Variable).length, lookedAt) - 1;
    const places = Array.from({ length: steps + 1 }, (_, at) =>
      rangeOf(index, (of) => (of === axis ? [at, at] : [0, 0])),
    );
    const isNext = (at: number) => places[at]?.[0] === (places[at - 1]?.[0] ?? Number.NaN) + 1;
    return places.filter((_, at) => at > 0 && isNext(at)).length / Math.max(steps, 1);
  };
  const [byOwn, byK] = [share(own), share(k)];
  if (Math.max(byOwn, byK) < 0.5) return null;
  return byOwn > byK ? 'own' : 'k';
}

/** One operand, and where it stands. */
export interface OperandQuestion {
  readonly expression: Expression;
  /** Its own axis, that of k, and those of the batch. */
  readonly own: number;
  readonly k: number;
  readonly batch: readonly number[];
  /** dtype of the product. */
  readonly dtype: DType;
  readonly space: Space;
  readonly arithmetic: Arithmetic;
  readonly site: Pick<KernelSite, 'program' | 'features'>;
}

export function analyseOperand(question: OperandQuestion): MatmulOperand {
  const { expression, own, k, batch, dtype, space, arithmetic, site } = question;
  const computed: ComputedOperand = {
    kind: 'computed',
    value: inLanesOf(expression, dtype),
    along: bestAlong(expression, space, own, k),
  };
  if (expression.kind !== 'load') return computed;
  const { slot, index, mask, otherwise } = expression;
  const stored = site.program.slots[slot]?.dtype;
  if (
    stored !== arithmetic.stored ||
    expression.dtype !== stored ||
    storedWidth(site.features, stored) !== arithmetic.width
  )
    return computed;
  const bounds = mask === null ? [] : boundsOf(mask, space.lengths);
  if (bounds === null || (bounds.length > 0 && (otherwise !== 0 || arithmetic.width !== 4))) return computed;
  const sums = [index, ...bounds.map(({ sum }) => sum)];
  const fixed =
    isSum(space, index, batch, [own, k]) &&
    bounds.every(({ sum }) => batch.every((axis) => !variesWith(space, sum, axis)));
  if (mask === null) {
    const [byOwn, byK] = [strideOf(space, index, own), strideOf(space, index, k)];
    if (byOwn !== null && byK !== null) return { kind: 'strided', slot, index, own: byOwn, k: byK };
    if (byK === 1) return { kind: 'lines', slot, index, along: 'k', fixed };
    if (byOwn === 1) return { kind: 'lines', slot, index, along: 'own', fixed };
  }
  if (!sums.every((sum) => isSum(space, sum, [own], [k]))) return computed;
  return { kind: 'table', slot, index, bounds, along: linesAlong(space, index, own, k), fixed };
}

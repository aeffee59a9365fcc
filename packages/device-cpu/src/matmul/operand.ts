/**
 * What the two operands of a matmul are: elements at fixed strides, whole lines at computed places (rows picked by an index), elements whose
 * place is a sum of a part for each dimension (windows, axes merged by a reshape), or anything else. Owns the analysis of their expressions; which loops follow from it is `plan.ts`, how they are copied `packing.ts`.
 */
import { type DType, type Expression, type MatmulKernel, postorder } from '@torchlet/device';
import type { KernelSite } from '../kernel-function.js';
import { type Affine, AffineForms, affineVariable, type Variable } from '../loop/affine.js';
import { storedWidth } from '../loop/lane-memory.js';
import { laneClasses } from '../loop/lanes.js';
import type { Arithmetic } from './arithmetic.js';

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
}

/** Elements of `slot` at a place that is a sum of what depends on `own` and what depends on k: two tables say where. */
export interface TableOperand {
  readonly kind: 'table';
  readonly slot: number;
  readonly index: Expression;
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
  return { kind: 'table', slot: operand.slot, index: operand.index };
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

/** Affine forms of indices over the axes of one matmul. */
export class MatmulForms {
  readonly #variables: readonly Variable[];
  readonly #forms: AffineForms;

  constructor(kernel: MatmulKernel) {
    const lengths = [...kernel.batch, kernel.m, kernel.n, kernel.k];
    this.#variables = lengths.map((length, axis) => ({ name: `axis${axis}`, length, bit: 1 << axis }));
    this.#forms = new AffineForms(this.#variables.map(affineVariable));
  }

  /** Elements that `index` moves by per step of `axis`; null where that is not fixed. */
  stride(index: Expression, axis: number): number | null {
    const form = this.#forms.of(index);
    return this.#moves(form, axis) ? null : this.#coefficient(form, axis);
  }

  /** Whether no part of the index varies with both axes. */
  isSum(index: Expression, a: number, b: number): boolean {
    return [...this.#forms.of(index).atoms.keys()].every((atom) => !this.varies(atom, a) || !this.varies(atom, b));
  }

  #coefficient(form: Affine, axis: number): number {
    return form.terms.get(this.#variables[axis] as Variable) ?? 0;
  }

  /** Whether a part of the form that is no sum varies with `axis`. */
  #moves(form: Affine, axis: number): boolean {
    return [...form.atoms.keys()].some((atom) => this.varies(atom, axis));
  }

  varies(expression: Expression, axis: number): boolean {
    if ((this.#variables[axis] as Variable).length === 1) return false;
    return postorder([expression]).some((e) => e.kind === 'axis' && e.axis === axis);
  }
}

/** `expression` in the lanes of `dtype`. */
function inLanesOf(expression: Expression, dtype: DType): Expression {
  if (laneClasses[expression.dtype] === laneClasses[dtype]) return expression;
  return { kind: 'apply', dtype, fn: 'cast', args: [expression] };
}

/** The dimension along which more loads of the expression have neighbours in memory. */
function bestAlong(expression: Expression, forms: MatmulForms, own: number, k: number): Dimension | null {
  const loads = postorder([expression]).filter((e) => e.kind === 'load');
  const neighbours = (axis: number) => loads.filter((load) => forms.stride(load.index, axis) === 1).length;
  if (neighbours(own) === neighbours(k)) return null;
  return neighbours(own) > neighbours(k) ? 'own' : 'k';
}

/** One operand, and where it stands. */
export interface OperandQuestion {
  readonly expression: Expression;
  /** Its own axis, and that of k. */
  readonly own: number;
  readonly k: number;
  /** dtype of the product. */
  readonly dtype: DType;
  readonly forms: MatmulForms;
  readonly arithmetic: Arithmetic;
  readonly site: Pick<KernelSite, 'program' | 'features'>;
}

export function analyseOperand({ expression, own, k, dtype, forms, arithmetic, site }: OperandQuestion): MatmulOperand {
  const computed: ComputedOperand = {
    kind: 'computed',
    value: inLanesOf(expression, dtype),
    along: bestAlong(expression, forms, own, k),
  };
  if (expression.kind !== 'load' || expression.mask !== null) return computed;
  const { slot, index } = expression;
  const stored = site.program.slots[slot]?.dtype;
  if (
    stored !== arithmetic.stored ||
    expression.dtype !== stored ||
    storedWidth(site.features, stored) !== arithmetic.width
  )
    return computed;
  const [byOwn, byK] = [forms.stride(index, own), forms.stride(index, k)];
  if (byOwn !== null && byK !== null) return { kind: 'strided', slot, index, own: byOwn, k: byK };
  if (byK === 1) return { kind: 'lines', slot, index, along: 'k' };
  if (byOwn === 1) return { kind: 'lines', slot, index, along: 'own' };
  if (forms.isSum(index, own, k)) return { kind: 'table', slot, index };
  return computed;
}

/**
 * Kernels: what is computed over which axes. A kernel says what, never how: no loop order, lanes, tiles, threads or atomics; the device
 * chooses those, two-stage reductions and scatter-add without atomics included. Owns the four kernel forms; read `program.ts` next.
 */
import type { DType } from './dtype.js';
import type { Expression } from './expression.js';

export type Combine = 'sum' | 'max' | 'prod';

/**
 * Combines `of` over the inner axes of its phase into result `id`, which later phases read. A sum over no element is 0, a product 1, a max
 * the least value of the dtype (-inf for floats). A max is NaN where any element is. Sums of floats are blocked or pairwise, never one long chain.
 */
export interface Reduction {
  readonly id: number;
  readonly combine: Combine;
  readonly dtype: DType;
  readonly of: Expression;
}

/** Writes `value` to element `index` of slot `slot`, where `mask` (if any) holds. Stores of one kernel never meet, nor are read by it at another point. */
export interface Store {
  readonly slot: number;
  readonly index: Expression;
  readonly value: Expression;
  readonly mask: Expression | null;
}

/**
 * One pass over inner axes, done for every point of the kernel's parallel axes. Inner axes are numbered after the parallel ones; with none, the
 * pass is a single point. In a phase, reductions may not read each other's results; its stores may not read them either.
 */
export interface Phase {
  readonly lengths: readonly number[];
  readonly reductions: readonly Reduction[];
  readonly stores: readonly Store[];
}

/**
 * Element-wise work, reductions and row kernels (softmax is: max, then sum, then store). An expression shared by two phases with
 * the same inner axes is computed in both unless the device keeps the row. A phase may read back what an earlier phase of the same parallel point stored.
 * Whoever plans a kernel gives it few, long axes: split where an index divides one, joined where every index walks neighbours as one.
 */
export interface LoopKernel {
  readonly kind: 'loop';
  readonly name: string;
  readonly axes: readonly number[];
  readonly phases: readonly Phase[];
}

/**
 * result[batch.., m, n] = sum over k of a[batch.., m, k] * b[batch.., k, n], then the stores (the epilogue), which read it as result
 * `result`. Axes are numbered batch first, then m, n, k. `a` may use batch, m, k; `b` batch, k, n; stores batch, m, n.
 * Usually `a` and `b` are loads with an affine index; a device has its fast paths for those and a general path for the rest.
 */
export interface MatmulKernel {
  readonly kind: 'matmul';
  readonly name: string;
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly a: Expression;
  readonly b: Expression;
  /** dtype of the accumulated result. */
  readonly dtype: DType;
  /** Given where factors of float32 may be rounded to 10 bits of fraction (TF32). */
  readonly precision?: 'high';
  readonly result: number;
  readonly stores: readonly Store[];
  /** A library's name, where the device claimed this product. */
  readonly claim: string | null;
}

/**
 * Adds `value` to element offset + sum(position[i] * strides[i]) of `slot`, for every point of `axes`, where position is the point but for
 * `axis`, along which it is `index`. Where `index` is outside [0, length) nothing is added. The slot already holds the base.
 */
export interface ScatterKernel {
  readonly kind: 'scatter';
  readonly name: string;
  readonly axes: readonly number[];
  readonly axis: number;
  /** Length of the slot along `axis`. */
  readonly length: number;
  readonly index: Expression;
  readonly value: Expression;
  readonly slot: number;
  readonly strides: readonly number[];
  readonly offset: number;
}

/**
 * The escape for what the kernel language cannot say: source text per kind of device, written by whoever calls `custom`.
 * A device that finds no text of its kind refuses to compile.
 */
export interface CustomKernel {
  readonly kind: 'custom';
  readonly name: string;
  readonly inputs: readonly number[];
  readonly outputs: readonly number[];
  readonly sources: Readonly<Record<string, string>>;
}

export type Kernel = LoopKernel | MatmulKernel | ScatterKernel | CustomKernel;

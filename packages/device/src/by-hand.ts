/**
 * Programs written by hand, in few words, for the tests of devices: what a device must do whatever a compiler makes of it. Owns shorthand only; the words are
 * those of `expression.ts`, `kernel.ts` and `program.ts`.
 */
import type { DType } from './dtype.js';
import type { Expression, ScalarFunction } from './expression.js';
import type { Kernel, LoopKernel, MatmulKernel, Phase, Store } from './kernel.js';
import type { Program, Slot } from './program.js';

export const axis = (number: number): Expression => ({ kind: 'axis', dtype: 'int32', axis: number });
export const constant = (value: number | bigint, dtype: DType = 'float32'): Expression => ({
  kind: 'constant',
  dtype,
  value,
});
export const int = (value: number): Expression => constant(value, 'int32');
export const scalar = (slot: number, dtype: DType = 'float32'): Expression => ({ kind: 'scalar', dtype, slot });
export const result = (id: number, dtype: DType = 'float32'): Expression => ({ kind: 'result', dtype, id });

/** A scalar function; its dtype is the last argument's, but for comparisons and where it is given. */
export function fn(name: ScalarFunction, args: readonly Expression[], dtype?: DType): Expression {
  const own = name === 'lt' || name === 'eq' ? 'bool' : (args.at(-1) as Expression).dtype;
  return { kind: 'apply', dtype: dtype ?? own, fn: name, args };
}

export function load(slot: number, index: Expression, dtype: DType = 'float32'): Expression {
  return { kind: 'load', dtype, slot, index, mask: null, otherwise: 0 };
}

export function masked(slot: number, index: Expression, mask: Expression, otherwise: number): Expression {
  return { kind: 'load', dtype: 'float32', slot, index, mask, otherwise };
}

/** i * stride + j. */
export function at(i: Expression, stride: number, j: Expression): Expression {
  return fn('add', [fn('mul', [i, int(stride)]), j]);
}

export function store(slot: number, index: Expression, value: Expression, mask: Expression | null = null): Store {
  return { slot, index, value, mask };
}

export function phase(lengths: readonly number[], parts: Partial<Phase>): Phase {
  return { lengths, reductions: [], stores: [], ...parts };
}

export function loop(name: string, axes: readonly number[], ...phases: readonly Phase[]): LoopKernel {
  return { kind: 'loop', name, axes, phases };
}

/** slot[i] = value for each i below `size`. */
export function map(name: string, size: number, slot: number, value: Expression): LoopKernel {
  return loop(name, [size], phase([], { stores: [store(slot, axis(0), value)] }));
}

export function matmul(
  name: string,
  shape: readonly [number, number, number],
  parts: Partial<MatmulKernel>,
): MatmulKernel {
  const [m, n, k] = shape;
  return {
    kind: 'matmul',
    name,
    batch: [],
    m,
    n,
    k,
    a: load(0, at(axis(0), k, axis(2))),
    b: load(1, at(axis(2), n, axis(1))),
    dtype: 'float32',
    result: 0,
    stores: [store(2, at(axis(0), n, axis(1)), result(0))],
    claim: null,
    ...parts,
  };
}

type Access = 'read' | 'write' | 'readwrite';

/** `size` elements of outside buffer `index`. */
export function buffer(index: number, size: number, access: Access = 'readwrite', dtype: DType = 'float32'): Slot {
  return { kind: 'buffer', dtype, size, index, access };
}

export function host(index: number, size: number, dtype: DType = 'float32'): Slot {
  return { kind: 'host', dtype, size, index };
}

export function arena(offset: number, size: number, dtype: DType = 'float32'): Slot {
  return { kind: 'arena', dtype, size, segment: 0, offset };
}

export function program(
  name: string,
  slots: readonly Slot[],
  kernels: readonly Kernel[],
  rest: Partial<Pick<Program, 'scalars' | 'arena'>> = {},
): Program {
  return { name, slots, kernels, scalars: [], arena: [], ...rest };
}

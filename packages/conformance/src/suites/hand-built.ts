/**
 * Small programs written by hand, for what a device must do whatever the compiler makes of it. Owns the shorthand for expressions and the programs of the
 * device suite; running them is `device-suite.ts`.
 */
import type {
  DType,
  Expression,
  Kernel,
  LoopKernel,
  MatmulKernel,
  Program,
  ScalarFunction,
  Slot,
} from '@torchlet/device';

export const axis = (i: number): Expression => ({ kind: 'axis', dtype: 'int32', axis: i });
export const constant = (value: number | bigint, dtype: DType = 'float32'): Expression => ({
  kind: 'constant',
  dtype,
  value,
});
export const index = (value: number): Expression => constant(value, 'int32');
export const scalar = (slot: number, dtype: DType = 'float32'): Expression => ({ kind: 'scalar', dtype, slot });
export const result = (id: number, dtype: DType = 'float32'): Expression => ({ kind: 'result', dtype, id });

export function apply(fn: ScalarFunction, args: readonly Expression[], dtype: DType = 'float32'): Expression {
  return { kind: 'apply', dtype, fn, args };
}

export function load(slot: number, at: Expression, dtype: DType = 'float32'): Expression {
  return { kind: 'load', dtype, slot, index: at, mask: null, otherwise: 0 };
}

/** i * stride + j. */
export function rowMajor(i: Expression, stride: number, j: Expression): Expression {
  return apply('add', [apply('mul', [i, index(stride)], 'int32'), j], 'int32');
}

export function buffer(
  position: number,
  size: number,
  access: 'read' | 'write' | 'readwrite',
  dtype: DType = 'float32',
): Slot {
  return { kind: 'buffer', dtype, size, index: position, access };
}

export function host(position: number, size: number, dtype: DType = 'float32'): Slot {
  return { kind: 'host', dtype, size, index: position };
}

export function arena(segment: number, offset: number, size: number, dtype: DType = 'float32'): Slot {
  return { kind: 'arena', dtype, size, segment, offset };
}

/** slot[i] = value, for i below `size`. */
export function elementwise(name: string, size: number, slot: number, value: Expression): LoopKernel {
  return {
    kind: 'loop',
    name,
    axes: [size],
    phases: [{ lengths: [], reductions: [], stores: [{ slot, index: axis(0), value, mask: null }] }],
  };
}

/** The row kernel of softmax over [rows, columns]: maximum, sum of exponentials, quotient. */
export function softmaxKernel(rows: number, columns: number, from: number, to: number): LoopKernel {
  const x = load(from, rowMajor(axis(0), columns, axis(1)));
  const exponential = apply('exp', [apply('sub', [x, result(0)])]);
  const phase = { lengths: [columns], reductions: [], stores: [] };
  return {
    kind: 'loop',
    name: 'softmax',
    axes: [rows],
    phases: [
      { ...phase, reductions: [{ id: 0, combine: 'max', dtype: 'float32', of: x }] },
      { ...phase, reductions: [{ id: 1, combine: 'sum', dtype: 'float32', of: exponential }] },
      {
        ...phase,
        stores: [
          {
            slot: to,
            index: rowMajor(axis(0), columns, axis(1)),
            value: apply('div', [exponential, result(1)]),
            mask: null,
          },
        ],
      },
    ],
  };
}

/** slot 2 = relu(slot 0 @ slot 1), [m, k] by [k, n]. */
export function matmulKernel(m: number, n: number, k: number): MatmulKernel {
  const product = result(0);
  const negative = apply('lt', [product, constant(0)], 'bool');
  return {
    kind: 'matmul',
    name: 'matmul relu',
    batch: [],
    m,
    n,
    k,
    a: load(0, rowMajor(axis(0), k, axis(2))),
    b: load(1, rowMajor(axis(2), n, axis(1))),
    dtype: 'float32',
    result: 0,
    stores: [
      {
        slot: 2,
        index: rowMajor(axis(0), n, axis(1)),
        value: apply('where', [negative, constant(0), product]),
        mask: null,
      },
    ],
    claim: null,
  };
}

export function program(
  name: string,
  slots: readonly Slot[],
  kernels: readonly Kernel[],
  { scalars = [], arena: segments = [] }: { scalars?: readonly DType[]; arena?: readonly number[] } = {},
): Program {
  return { name, slots, scalars, kernels, arena: segments };
}

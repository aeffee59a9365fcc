/** Expressions by short names, for tests. */
import type { DType, Expression, ScalarFunction } from '@torchlet/device';

export function axis(number: number): Expression {
  return { kind: 'axis', dtype: 'int32', axis: number };
}

export function constant(value: number | bigint, dtype: DType = 'int32'): Expression {
  return { kind: 'constant', dtype, value };
}

export function apply(fn: ScalarFunction, dtype: DType, ...args: readonly Expression[]): Expression {
  return { kind: 'apply', dtype, fn, args };
}

export function load(slot: number, dtype: DType, index: Expression): Expression {
  return { kind: 'load', dtype, slot, index, mask: null, otherwise: 0 };
}

/** offset + sum of axis(i) * strides[i]. */
export function index(offset: number, strides: Readonly<Record<number, number>>): Expression {
  return Object.entries(strides).reduce<Expression>(
    (sum, [number, stride]) =>
      apply('add', 'int32', sum, apply('mul', 'int32', axis(Number(number)), constant(stride))),
    constant(offset),
  );
}

export function result(dtype: DType, id = 0): Expression {
  return { kind: 'result', dtype, id };
}

/** Short ways to write expressions, kernels and programs by hand. Owns no meaning. */
import type {
  Apply,
  DType,
  Expression,
  Kernel,
  Load,
  LoopKernel,
  Program,
  ScalarFunction,
  Slot,
  Store,
} from '@torchlet/device';

export function constant(dtype: DType, value: number | bigint): Expression {
  return { kind: 'constant', dtype, value };
}

export function axis(number: number): Expression {
  return { kind: 'axis', dtype: 'int32', axis: number };
}

const comparisons: ReadonlySet<ScalarFunction> = new Set(['lt', 'eq']);

/** The dtype is that of the last argument, or bool for comparisons. */
export function fn(name: Exclude<ScalarFunction, 'cast'>, ...args: readonly Expression[]): Apply {
  const last = args[args.length - 1] as Expression;
  return { kind: 'apply', dtype: comparisons.has(name) ? 'bool' : last.dtype, fn: name, args };
}

export function castTo(dtype: DType, x: Expression): Apply {
  return { kind: 'apply', dtype, fn: 'cast', args: [x] };
}

export function load(
  dtype: DType,
  slot: number,
  index: Expression,
  mask: Expression | null = null,
  otherwise = 0,
): Load {
  return { kind: 'load', dtype, slot, index, mask, otherwise };
}

export function result(dtype: DType, id: number): Expression {
  return { kind: 'result', dtype, id };
}

/** constant + sum of axis * stride, for the axes from `first` on. */
export function affine(strides: readonly number[], offset = 0, first = 0): Expression {
  return strides.reduce<Expression>(
    (sum, stride, i) => {
      if (stride === 0) return sum;
      const position = axis(first + i);
      const term = stride === 1 ? position : fn('mul', position, constant('int32', stride));
      return sum.kind === 'constant' && sum.value === 0 ? term : fn('add', sum, term);
    },
    constant('int32', offset),
  );
}

/** Row-major strides. */
export function strides(lengths: readonly number[]): number[] {
  return lengths.map((_, i) => lengths.slice(i + 1).reduce((size, length) => size * length, 1));
}

export function store(slot: number, index: Expression, value: Expression, mask: Expression | null = null): Store {
  return { slot, index, value, mask };
}

/** One value for every point of `axes`, stored in row-major order. */
export function mapKernel(name: string, axes: readonly number[], slot: number, value: Expression): LoopKernel {
  return {
    kind: 'loop',
    name,
    axes,
    phases: [{ lengths: [], reductions: [], stores: [store(slot, affine(strides(axes)), value)] }],
  };
}

export function buffer(
  dtype: DType,
  size: number,
  index: number,
  access: 'read' | 'write' | 'readwrite' = 'readwrite',
): Slot {
  return { kind: 'buffer', dtype, size, index, access };
}

/** A program whose slots are buffers in order. */
export function programOf(
  kernels: readonly Kernel[],
  slots: readonly (readonly [DType, number])[],
  scalars: readonly DType[] = [],
): Program {
  return {
    name: kernels.map(({ name }) => name).join('+'),
    slots: slots.map(([dtype, size], i) => buffer(dtype, size, i)),
    scalars,
    kernels,
    arena: [],
  };
}

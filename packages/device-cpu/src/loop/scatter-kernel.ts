/**
 * Scatter kernels: values added at indexed places. They are loops whose one store adds to what is there: points run in order, lane by lane where places may
 * meet. Owns the expression of the place.
 */
import type { Apply, Constant, DType, Expression, LoopKernel, ScatterKernel } from '@torchlet/device';
import type { KernelFunction, KernelSite } from '../kernel-function.js';
import { emitLoopKernel } from './loop-kernel.js';
import type { ElementStore } from './nest.js';

function constant(dtype: DType, value: number): Constant {
  return { kind: 'constant', dtype, value };
}

function apply(dtype: DType, fn: Apply['fn'], ...args: readonly Expression[]): Apply {
  return { kind: 'apply', dtype, fn, args };
}

/** The place that a point is added to, and whether it is one. */
function target(kernel: ScatterKernel): { place: Expression; isPlace: Expression } {
  const { index, axis, length, strides, offset } = kernel;
  const position = (i: number): Expression =>
    i === axis ? apply('int32', 'cast', index) : { kind: 'axis', dtype: 'int32', axis: i };
  const place = strides.reduce<Expression>(
    (sum, stride, i) => {
      if (kernel.axes[i] === 1 && i !== axis) return sum;
      return apply('int32', 'add', sum, apply('int32', 'mul', position(i), constant('int32', stride)));
    },
    constant('int32', offset),
  );
  const isPlace = apply(
    'bool',
    'and',
    apply('bool', 'lt', constant(index.dtype, -1), index),
    apply('bool', 'lt', index, constant(index.dtype, length)),
  );
  return { place, isPlace };
}

export function emitScatterKernel(site: KernelSite, kernel: ScatterKernel): KernelFunction {
  const { name, axes, slot, value } = kernel;
  const { place, isPlace } = target(kernel);
  const store: ElementStore = { slot, index: place, value, mask: isPlace, adds: true };
  const loop: LoopKernel = { kind: 'loop', name, axes, phases: [{ lengths: [], reductions: [], stores: [store] }] };
  // Threads would meet in memory: it is never worth their while.
  return { ...emitLoopKernel(site, loop), nanoseconds: 0 };
}

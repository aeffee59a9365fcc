/**
 * Scatter kernels: values added at indexed places. Points run in order, so places may meet; four at once are added only where the lanes
 * surely lie apart, that is where the index is the same for all of them. Owns the choice of lanes and the addition in memory.
 */
import {
  type Apply,
  type Constant,
  type DType,
  type Expression,
  postorder,
  type ScatterKernel,
} from '@torchlet/device';
import { type KernelFunction, type KernelSite, kernelFunction } from '../kernel-function.js';
import { i32 } from '../wasm/index.js';
import type { Variable } from './affine.js';
import { Emitter } from './emitter.js';
import { Interner } from './interner.js';
import { extract, splat } from './lanes.js';
import { loop, vectorLoop, type Work } from './nest.js';
import { Space } from './space.js';
import { vectorFunction } from './vector-functions.js';

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
  const interner = new Interner(kernel.axes.length);
  interner.enter(0);
  const found = target(kernel);
  const [place, isPlace, value] = [found.place, found.isPlace, kernel.value].map((expression) =>
    interner.intern(expression),
  ) as [Expression, Expression, Expression];
  const loads = postorder([place, isPlace, value]).flatMap((expression) =>
    expression.kind === 'load' ? [expression.slot] : [],
  );
  const slots = [...new Set([kernel.slot, ...loads])].sort((a, b) => a - b);
  const f = kernelFunction(site, kernel.name, slots);
  const points = kernel.axes.reduce((size, length) => size * length, 1);
  const result = { callee: f, slots, extent: 1, granule: 1, scratchBytes: 0, nanoseconds: 4 * points };
  if (points === 0) return result;

  const space = new Space(kernel.axes, [{ lengths: [], roots: [value, isPlace] }], [[place]]);
  const vector = lanesAlong(space, place, isPlace);
  const emitter = new Emitter(site, f, space, [vector]);
  const work: Work = {
    domain: 0,
    values: [value],
    stores: [{ slot: kernel.slot, index: place, value, mask: isPlace }],
  };
  const block = () => {
    for (emitter.block = 0; emitter.block < emitter.counts.length; emitter.block++)
      addBlock(emitter, kernel.slot, value, place, isPlace);
    emitter.block = 0;
  };
  const loops = (variables: readonly Variable[]): void => {
    const [first, ...rest] = variables;
    if (first !== undefined) return loop(emitter, first, { start: 0, end: first.length }, 1, [work], () => loops(rest));
    if (vector !== null) return vectorLoop(emitter, { variable: vector, unroll: 1 }, null, [work], block);
    emitter.counts = [1];
    block();
  };
  loops(space.parallel.filter((variable) => variable !== vector));
  return result;
}

/** The last variable along which places lie next to each other and the index stays; else the last. */
function lanesAlong(space: Space, place: Expression, isPlace: Expression): Variable | null {
  const { terms } = space.form(place, 0);
  const apart = space.parallel.filter(
    (variable) => terms.get(variable) === 1 && (space.dependencies(isPlace, 0) & variable.bit) === 0,
  );
  return apart[apart.length - 1] ?? space.parallel[space.parallel.length - 1] ?? null;
}

function addBlock(emitter: Emitter, slot: number, value: Expression, place: Expression, isPlace: Expression): void {
  const { f, site } = emitter;
  const memory = emitter.elements.memory(slot);
  const region = emitter.elements.region(slot);
  const form = emitter.laneForm(place);
  const added = emitter.pieces(value);
  const at = { site, f, dtype: value.dtype, operand: value.dtype, uniform: null };
  if (!emitter.varies(isPlace) && (form.stride === 1 || emitter.vector === null)) {
    const count = emitter.vector === null ? 1 : emitter.count;
    f.if(emitter.scalar(isPlace), () =>
      emitter.inside(new Map(), () => {
        const { pointer, offset } = emitter.addresses.address(region, form.address);
        const before = memory.load(pointer, offset, count).map((piece) => f.let('before', piece));
        memory.store(pointer, offset, vectorFunction(at, 'add', [before, added]), count);
      }),
    );
    return;
  }
  const bits = emitter.elements.laneBits(isPlace);
  emitter.elements.eachLane(region, form, (lane, pointer, offset) => {
    f.if(i32.and(bits, 1 << lane), () => {
      const one = splat(f, value.dtype, extract(value.dtype, added, lane)).map((piece) => f.let('one', piece));
      const before = memory.load(pointer, offset, 1).map((piece) => f.let('before', piece));
      memory.store(pointer, offset, vectorFunction(at, 'add', [before, one]), 1);
    });
  });
}

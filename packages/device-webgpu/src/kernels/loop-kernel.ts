/**
 * Loop kernels as WGSL: a thread does every pass of one point, or of four points next to each other where memory lies so. Owns that form; sharing a point
 * among the threads of a workgroup is `row-kernel.ts`, cutting long passes into dispatches of their own `split.ts`, the choice `strategy.ts`.
 */
import type { Expression, LoopKernel } from '@torchlet/device';
import { Emitter, Point, type Value } from '../wgsl/emitter.js';
import { type KernelCode, KernelModule, type KernelSite } from '../wgsl/kernel-module.js';
import type { Width } from '../wgsl/kinds.js';
import { type LaneAxis, LaneForms } from '@torchlet/device/analysis';
import { writePass } from './reduction.js';
import { storeRoots, Views, writtenSlots } from './slots.js';
import { axisName, product, writePositions, writeThread } from './threads.js';

/** Points from which on four a thread leave enough threads to fill an adapter. */
const pointsForLanes = { sharing: 32768, alone: 256 } as const;

/** What a loop kernel computes, phase by phase. */
export function loopRoots(kernel: LoopKernel): Expression[] {
  return kernel.phases.flatMap(({ reductions, stores }) => [...reductions.map(({ of }) => of), ...storeRoots(stores)]);
}

export function loopWritten(kernel: LoopKernel): Set<number> {
  return writtenSlots(kernel.phases.flatMap(({ stores }) => stores));
}

/** Lengths of the axes by number: inner axes differ from phase to phase, and the longest stands for all. */
export function axisLengths(kernel: LoopKernel): number[] {
  const inner = Math.max(0, ...kernel.phases.map(({ lengths }) => lengths.length));
  return [
    ...kernel.axes,
    ...Array.from({ length: inner }, (_, i) => Math.max(1, ...kernel.phases.map(({ lengths }) => lengths[i] ?? 1))),
  ];
}

/** One thread a point. */
export function threadKernel(site: KernelSite, kernel: LoopKernel): KernelCode {
  const roots = loopRoots(kernel);
  const written = loopWritten(kernel);
  const lengths = axisLengths(kernel);
  const lane = laneOf(site, kernel, lengths);
  const views = new Views(site.slots);
  const forms = lane === null ? null : new LaneForms(lane, lengths);
  for (const { reductions, stores } of kernel.phases) {
    views.loads(
      reductions.map(({ of }) => of),
      forms,
    );
    views.stores(stores, forms, true);
  }
  const module = new KernelModule(site, kernel.name, written, views.views);
  const emitter = new Emitter(module, lengths, written, roots);
  const step = lane === null ? 1 : 4;
  const count = product(kernel.axes) / step;
  const plain = step === 1 && kernel.axes.filter((length) => length > 1).length === 1;
  const thread = plain ? axisName(kernel.axes.findIndex((length) => length > 1)) : 'point';
  const { groups, builtins, threads } = writeThread(module, thread, count);
  const coordinates = writePositions(
    module,
    thread,
    kernel.axes,
    kernel.axes.map((_, i) => (i === kernel.axes.length - 1 ? step : 1)),
  );

  let point = new Point(coordinates, new Map<number, Value>(), lane);
  const varying = new VaryingResults(kernel, lane);
  for (const phase of kernel.phases) {
    const widths = phase.reductions.map(({ id }): Width => (varying.has(id) ? 4 : 1));
    const results = writePass(emitter, phase, point, kernel.axes.length, widths);
    for (const [id, value] of results) point = point.withResult(id, value);
  }
  const shape = lane === null ? 'one thread a point' : 'one thread for four points';
  return module.finish(`${kernel.name}: ${shape}`, threads, builtins, groups);
}

/** Lanes along the last axis, where that makes vectors in memory and leaves enough threads. */
function laneOf(site: KernelSite, kernel: LoopKernel, lengths: readonly number[]): LaneAxis | null {
  const axis = kernel.axes.length - 1;
  const length = kernel.axes[axis] ?? 1;
  const enough = pointsForLanes[site.target.sharing ? 'sharing' : 'alone'];
  if (length % 4 !== 0 || product(kernel.axes) < enough) return null;
  const lane: LaneAxis = { axis, count: 4 };
  const forms = new LaneForms(lane, lengths);
  const stores = kernel.phases.flatMap(({ stores }) => stores);
  return stores.every(({ index }) => forms.isVector(index)) && everyLoadFits(loopRoots(kernel), forms) ? lane : null;
}

/** Whether each load is of a vector, or of one element for all lanes. */
function everyLoadFits(roots: readonly Expression[], forms: LaneForms): boolean {
  const seen = new Set<Expression>();
  const stack = [...roots];
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
    if (seen.has(top)) continue;
    seen.add(top);
    if (top.kind === 'load') {
      if (forms.of(top.index).stride !== 0 && !forms.isVector(top.index)) return false;
      stack.push(top.index, ...(top.mask === null ? [] : [top.mask]));
    } else if (top.kind === 'apply') stack.push(...top.args);
  }
  return true;
}

/** Which results differ between lanes: those of values that do. */
class VaryingResults {
  readonly #varying = new Set<number>();

  constructor(kernel: LoopKernel, lane: LaneAxis | null) {
    if (lane === null) return;
    for (const { reductions } of kernel.phases) {
      for (const { id, of } of reductions) if (this.#varies(of, lane)) this.#varying.add(id);
    }
  }

  has(id: number): boolean {
    return this.#varying.has(id);
  }

  #varies(root: Expression, lane: LaneAxis): boolean {
    const seen = new Set<Expression>();
    const stack = [root];
    for (let top = stack.pop(); top !== undefined; top = stack.pop()) {
      if (seen.has(top)) continue;
      seen.add(top);
      if (top.kind === 'axis' && top.axis === lane.axis) return true;
      if (top.kind === 'result' && this.#varying.has(top.id)) return true;
      if (top.kind === 'load') stack.push(top.index, ...(top.mask === null ? [] : [top.mask]));
      if (top.kind === 'apply') stack.push(...top.args);
    }
    return false;
  }
}

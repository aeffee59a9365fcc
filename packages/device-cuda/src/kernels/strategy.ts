/**
 * How a loop kernel is best run on a card: how many threads share a point and in which order they lie, how many lanes a thread takes, or that long passes of
 * few points become kernels of their own. Owns the choice, by the kernel's shape and how its memory lies.
 */
import { type Expression, loadsIn, type LoopKernel, type Phase, postorder, type Store } from '@torchlet/device';
import { storedBytes } from '../ptx/dtypes.js';
import type { Sharing } from './accumulator.js';
import { LaneForms } from '@torchlet/device/analysis';
import { axisLengths, loopRoots, phaseRoots } from './roots.js';
import type { KernelSite } from './site.js';
import { product } from './threads.js';

/** Threads of a multiprocessor below which it waits for memory more than it works. */
const busyThreads = 512;
/** Positions of a pass that a thread does by itself in any case. */
const shortPass = 16;
/** Positions that each thread of a shared point should have. */
const positionsPerThread = 8;
const mostThreadsOfRow = 512;
/** Positions of a pass from which on few points are split over several blocks. */
export const longPass = 16384;
const threadsOfBlock = 256;
const columnsOfBlock = 32;
/** Bytes of the widest access. */
const accessBytes = 16;
/** Bytes that memory moves at once. */
const sectorBytes = 32;

export type Strategy =
  | { readonly kind: 'split' }
  | {
      readonly kind: 'shared';
      readonly sharing: Sharing;
      readonly lanes: number;
      /** The parallel axis along which a thread's lanes lie. */
      readonly laneAxis: number;
    };

function ceilingPower(value: number): number {
  return 2 ** Math.ceil(Math.log2(Math.max(1, value)));
}

function longestPass(kernel: LoopKernel): number {
  return Math.max(1, ...kernel.phases.map(({ lengths }) => product(lengths)));
}

export function strategyOf(kernel: LoopKernel, site: KernelSite): Strategy {
  const points = product(kernel.axes);
  const longest = longestPass(kernel);
  const enough = site.target.multiprocessors * busyThreads;
  const alone: Sharing = { threads: 1, points: threadsOfBlock, order: 'column' };
  const last = kernel.axes.length - 1;
  const laneAxis = last;
  if (points === 0 || longest <= shortPass) {
    const turned = turnedLanes(kernel, site, enough / 4);
    return {
      kind: 'shared',
      sharing: alone,
      ...(turned ?? { lanes: parallelLanes(kernel, site, enough / 2), laneAxis }),
    };
  }
  const isColumn = liesAlongPoints(kernel);
  if (longest >= longPass && points * (isColumn ? columnsOfBlock : mostThreadsOfRow) < enough / 2)
    return { kind: 'split' };
  if (isColumn) {
    const wanted = Math.min(enough / points, longest / positionsPerThread, columnsOfBlock);
    const threads = ceilingPower(wanted);
    if (threads <= 1) return { kind: 'shared', sharing: alone, lanes: parallelLanes(kernel, site, enough), laneAxis };
    return { kind: 'shared', sharing: { threads, points: columnsOfBlock, order: 'column' }, lanes: 1, laneAxis };
  }
  const threads = Math.min(mostThreadsOfRow, ceilingPower(longest / positionsPerThread));
  // A warp never holds parts of rows.
  const ofBlock = Math.max(1, threadsOfBlock / 2 / threads);
  return { kind: 'shared', sharing: { threads, points: threads > 32 ? 1 : ofBlock, order: 'row' }, lanes: 1, laneAxis };
}

/** Lanes that make accesses of 16 bytes of the widest elements; 1 where memory does not lie so or threads would be too few. */
function parallelLanes(kernel: LoopKernel, site: KernelSite, enough: number): number {
  const axis = kernel.axes.length - 1;
  const length = kernel.axes[axis] ?? 1;
  const points = product(kernel.axes);
  const stores = kernel.phases.flatMap((phase) => phase.stores);
  return mostLanes(site, loopRoots(kernel), stores, axis, axisLengths(kernel), (forms, lanes) => {
    if ((length % lanes !== 0 && length !== points) || points / lanes < enough) return false;
    return stores.every(({ index }) => forms.isVector(index));
  });
}

/**
 * Lanes along an axis that is not the last, where arrays are read whose neighbours lie along it: a transposition. A thread reads a whole sector of such an array,
 * and neighbouring threads still write neighbours.
 */
function turnedLanes(
  kernel: LoopKernel,
  site: KernelSite,
  enough: number,
): { readonly lanes: number; readonly laneAxis: number } | null {
  const lengths = axisLengths(kernel);
  const points = product(kernel.axes);
  const last = new LaneForms({ axis: kernel.axes.length - 1, count: 2 }, lengths);
  const turned = loadsIn(loopRoots(kernel)).filter(({ index }) => ![0, 1].includes(last.of(index).stride ?? -1));
  for (let axis = kernel.axes.length - 2; axis >= 0; axis--) {
    for (let lanes = 8; lanes > 1; lanes /= 2) {
      if ((kernel.axes[axis] as number) % lanes !== 0 || points / lanes < enough) continue;
      const forms = new LaneForms({ axis, count: lanes }, lengths);
      const isSector = ({ index, slot }: { readonly index: Expression; readonly slot: number }): boolean =>
        forms.isVector(index) && lanes * storedBytes(site.slots[slot]?.dtype ?? 'float32') <= sectorBytes;
      if (turned.some(isSector)) return { lanes, laneAxis: axis };
    }
  }
  return null;
}

/** Lanes of a pass along its last axis. */
export function passLanes(kernel: LoopKernel, site: KernelSite, { threads, order }: Sharing): (phase: Phase) => number {
  return (phase) => {
    const last = phase.lengths.at(-1);
    if (last === undefined || order === 'column') return 1;
    const axis = kernel.axes.length + phase.lengths.length - 1;
    const roots = phaseRoots(phase);
    return mostLanes(site, roots, phase.stores, axis, axisLengths(kernel), (forms, lanes) => {
      if (last % lanes !== 0 || product(phase.lengths) < threads * lanes) return false;
      const moving = loadsIn(roots).filter(({ index }) => forms.of(index).stride !== 0);
      const indices = [...moving.map(({ index }) => index), ...phase.stores.map(({ index }) => index)];
      return indices.length > 0 && indices.every((index) => forms.isVector(index));
    });
  };
}

/** Most lanes along an axis that fit, none of them making an access of more than 16 bytes: two for one vector would each touch half of every sector. */
function mostLanes(
  site: KernelSite,
  roots: readonly Expression[],
  stores: readonly Store[],
  axis: number,
  lengths: readonly number[],
  fits: (forms: LaneForms, lanes: number) => boolean,
): number {
  const pairs = new LaneForms({ axis, count: 2 }, lengths);
  const accesses = [...loadsIn(roots), ...stores].filter(({ index }) => pairs.of(index).stride !== 0);
  const widest = Math.max(1, ...accesses.map(({ slot }) => storedBytes(site.slots[slot]?.dtype ?? 'float32')));
  for (let lanes = Math.min(8, accessBytes / widest); lanes > 1; lanes /= 2) {
    if (fits(new LaneForms({ axis, count: lanes }, lengths), lanes)) return lanes;
  }
  return 1;
}

/**
 * Whether neighbouring points touch neighbouring elements more often than neighbouring positions of a pass do. What counts is touched anew at every position of
 * every point: what belongs to points alone, or to positions alone, is little.
 */
function liesAlongPoints(kernel: LoopKernel): boolean {
  const lengths = axisLengths(kernel);
  const rank = kernel.axes.length;
  const last = (before: number): number => {
    for (let axis = before - 1; axis >= 0; axis--) if ((lengths[axis] ?? 1) > 1) return axis;
    return -1;
  };
  const stores = kernel.phases.flatMap((phase) => phase.stores);
  const indices = [...loadsIn(loopRoots(kernel)), ...stores].map(({ index }) => index);
  const everywhere = indices.filter((index) => {
    const axes = postorder([index]).flatMap((node) => (node.kind === 'axis' ? [node.axis] : []));
    return axes.some((axis) => axis < rank) && axes.some((axis) => axis >= rank);
  });
  const count = (axis: number): number => {
    if (axis < 0) return 0;
    const forms = new LaneForms({ axis, count: 2 }, lengths);
    return everywhere.filter((index) => forms.of(index).stride === 1).length;
  };
  const [parallel, inner] = [last(rank), last(lengths.length)];
  return parallel >= 0 && count(parallel) >= count(inner) && count(parallel) > 0;
}

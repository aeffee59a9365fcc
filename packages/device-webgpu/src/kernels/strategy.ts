/**
 * How a loop kernel is best run on an adapter: a thread for each point, the threads of a workgroup for each point, or cut into kernels. Owns the
 * choice, by the shape of the kernel and by how its memory lies; the forms are in files of their own.
 */
import { type LoopKernel, postorder } from '@torchlet/device';
import type { Target } from '../wgsl/kernel-module.js';
import { LaneForms } from '@torchlet/device/analysis';
import { axisLengths, loopRoots } from './loop-kernel.js';
import { longPass } from './split.js';
import { product } from './threads.js';

export type Strategy = 'thread' | 'row' | 'split';

/** Positions of a pass that a thread does by itself in any case. */
const shortPass = 64;
/** Points that keep every thread of an adapter busy. */
const manyPoints = { sharing: 4096, alone: 128 } as const;
/** Points below which rows alone leave an adapter idle. */
const fewRows = 32;

export function strategyOf(kernel: LoopKernel, { sharing }: Target): Strategy {
  const points = product(kernel.axes);
  const longest = Math.max(0, ...kernel.phases.map(({ lengths }) => (lengths.length === 0 ? 0 : product(lengths))));
  if (points === 0 || longest <= shortPass) return 'thread';
  if (!sharing) return points < manyPoints.alone && longest >= longPass ? 'split' : 'thread';
  if (points < fewRows && longest >= 8 * longPass) return 'split';
  return points >= manyPoints.sharing && liesAlongPoints(kernel) ? 'thread' : 'row';
}

/** Whether neighbouring points read neighbouring elements more often than neighbouring positions of a pass do. */
function liesAlongPoints(kernel: LoopKernel): boolean {
  const lengths = axisLengths(kernel);
  const last = (before: number): number => {
    for (let axis = before - 1; axis >= 0; axis--) if ((lengths[axis] ?? 1) > 1) return axis;
    return -1;
  };
  const count = (axis: number): number => {
    const forms = new LaneForms({ axis, count: 2 }, lengths);
    return postorder(loopRoots(kernel)).filter((part) => part.kind === 'load' && forms.of(part.index).stride === 1)
      .length;
  };
  return count(last(kernel.axes.length)) >= count(last(lengths.length));
}

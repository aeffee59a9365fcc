/**
 * Loop kernels as PTX: element-wise work and reductions of one thread a point, and rows or columns that the threads of a block share. Owns the numbering of
 * threads and the order of the passes; a pass is `pass.ts`, the choice of the form `strategy.ts`, cutting long passes `split.ts`.
 */
import { loadsIn, type LoopKernel } from '@torchlet/device';
import { Body } from '../ptx/body.js';
import type { KernelCode } from '../ptx/module.js';
import { int32, type Operand } from '../ptx/register.js';
import type { Sharing } from './accumulator.js';
import { Emitter } from './emitter.js';
import { type Guard, Point } from './point.js';
import { passLanes } from './strategy.js';
import { axisLengths, loopWritten, phaseRoots } from './roots.js';
import type { KernelSite } from './site.js';
import { type Worker, writePass } from './pass.js';
import { bound, numberInGrid, positions, product, threadOfBlock } from './threads.js';
import { quotient, remainder, times } from './index-arithmetic.js';

/** @param laneAxis the parallel axis along which a thread takes `lanes` points; they divide its length where it is not the last. */
export function loopKernel(
  site: KernelSite,
  kernel: LoopKernel,
  sharing: Sharing,
  lanes: number,
  laneAxis: number,
): KernelCode {
  const written = loopWritten(kernel);
  const body = new Body();
  const emitter = new Emitter(site, body, { name: kernel.name, lengths: axisLengths(kernel), written });
  // Points past the last whole vector of a single axis are threads of their own.
  const points = product(kernel.axes);
  const vectors = Math.floor(points / lanes);
  const rest = points % lanes;
  const count = vectors + rest;
  const blocks = Math.ceil(count / sharing.points);
  const thread = threadOfBlock(body);
  const { within, member } = placeIn(body, thread, sharing);
  const number = numberInGrid(body, within, sharing.points, count, 'point');
  const { point: at, guard } = kept(body, number, count, sharing);
  const lengths = kernel.phases.map((phase) => phase.lengths.join()).filter((text) => text !== '');
  const worker: Worker = {
    sharing,
    thread,
    member,
    firstInner: kernel.axes.length,
    keepsRow: new Set(lengths).size < lengths.length,
  };
  const lanesOf = passLanes(kernel, site, sharing);
  const write = (first: Point): void => {
    let point = first;
    kernel.phases.forEach((phase, i) => {
      point = point.withResults(writePass(emitter, phase, point, worker, lanesOf));
      const stored = new Set(phase.stores.map(({ slot }) => slot));
      const readLater = kernel.phases.slice(i + 1).flatMap((later) => loadsIn(phaseRoots(later)));
      // What one thread stored another may read back.
      if (sharing.threads > 1 && readLater.some(({ slot }) => stored.has(slot))) {
        body.line(sharing.order === 'row' && sharing.threads <= 32 ? 'bar.warp.sync 0xffffffff' : 'bar.sync 0');
      }
    });
  };
  const vector = (): void => {
    const whole = kernel.axes.map((length, i) => (i === laneAxis ? (length - rest) / lanes : length));
    const found = positions(body, at, whole);
    const own = found.get(laneAxis);
    if (lanes > 1 && own !== undefined) {
      found.set(laneAxis, { ...own, operand: times(body, own.operand, int32(lanes), 'position') });
    }
    const first = Point.at(found).with({ guard });
    write(lanes === 1 ? first : first.with({ lanes: { axis: laneAxis, count: lanes } }));
  };
  const single = (): void => {
    const number = body.op('s32', 'add.s32', [at, int32(vectors * (lanes - 1))], 'single');
    write(Point.at(positions(body, number, kernel.axes)));
  };
  if (rest === 0) vector();
  else body.either(body.compare(`lt.${at.kind}`, at, bound(at, vectors), 'is_vector'), vector, single);
  return {
    name: kernel.name,
    comment: `${kernel.name} of [${kernel.axes.join(', ')}]: ${described(sharing, lanes, laneAxis === kernel.axes.length - 1)}`,
    body,
    grid: [blocks, 1, 1],
    block: [sharing.points * sharing.threads, 1, 1],
  };
}

function described({ threads, order }: Sharing, lanes: number, isLast: boolean): string {
  if (threads === 1)
    return lanes === 1 ? 'a thread a point' : `a thread for ${lanes} points${isLast ? '' : ', turned'}`;
  return order === 'row' ? `${threads} threads a row` : `${threads} threads a column`;
}

/** Which point of the block a thread belongs to, and which of its threads it is. */
function placeIn(
  body: Body,
  thread: Operand,
  { threads, points, order }: Sharing,
): { within: Operand; member: Operand } {
  if (threads === 1) return { within: thread, member: int32(0) };
  if (order === 'row') {
    if (points === 1) return { within: int32(0), member: thread };
    return { within: quotient(body, thread, threads, 'row'), member: remainder(body, thread, threads, 'member') };
  }
  return { within: remainder(body, thread, points, 'column'), member: quotient(body, thread, points, 'member') };
}

/** Threads past the last point leave; where they must stay for those beside them, they redo the last point and store nothing. */
function kept(
  body: Body,
  number: Operand,
  count: number,
  { threads, points, order }: Sharing,
): { point: Operand; guard: Guard | null } {
  if (count % points === 0) return { point: number, guard: null };
  const end = bound(number, count);
  const type = number.kind;
  const mayLeave = threads === 1 || (order === 'row' && threads >= 32);
  if (mayLeave) {
    const isPast = body.compare(`ge.${type}`, number, end, 'past');
    body.line(`@${isPast.text} ret`);
    return { point: number, guard: null };
  }
  const holds = body.compare(`lt.${type}`, number, end, 'is_point');
  const point = body.op(type, `min.${type}`, [number, bound(number, count - 1)], 'point');
  return { point, guard: { holds, axes: new Set() } };
}

/**
 * Scatter kernels without atomics: a thread owns a part of the slot that no other thread writes and goes through every point that may fall into it, in
 * order, so the sums are the same each time. Owns the choice of the parts: the positions off the scattered axis, and on adapters with many
 * threads ranges of places along it.
 */
import type { ScatterKernel } from '@torchlet/device';
import { type Coordinate, Emitter, Point } from '../wgsl/emitter.js';
import { loadText, storeLines } from '../wgsl/elements.js';
import { type KernelCode, KernelModule, type KernelSite } from '../wgsl/kernel-module.js';
import { kindOf } from '../wgsl/kinds.js';
import { spell } from '../wgsl/functions.js';
import { bare } from '../wgsl/writer.js';
import { axisName, product, writePositions, writeThread } from './threads.js';

/** Threads that adapters with workgroup memory should at least have; on others each more only reads every index once more. */
const threadsWanted = 8192;

export function scatterKernel(site: KernelSite, kernel: ScatterKernel): KernelCode {
  const { axes, axis, length, strides, slot } = kernel;
  const written = new Set([slot]);
  const module = new KernelModule(site, kernel.name, written, new Map());
  const emitter = new Emitter(module, axes, written, [kernel.index, kernel.value]);
  const { writer } = module;
  // Axes that move along the slot are shared out; the scattered one, and those along which many points have one place, are walked.
  const owned = axes.map((_, i) => i !== axis && strides[i] !== 0);
  const owners = product(axes.filter((_, i) => owned[i]));
  const ranges = site.target.sharing
    ? Math.max(1, Math.min(length, Math.ceil(threadsWanted / Math.max(1, owners))))
    : 1;
  const places = Math.ceil(length / ranges);
  const { groups, builtins, threads } = writeThread(module, 'thread', owners * ranges);
  const parts = axes.map((count, i) => (owned[i] ? count : 1));
  const coordinates = writePositions(module, 'thread', [ranges, ...parts], [], -1);
  const range = (coordinates.get(-1) as Coordinate).text;
  const walked = axes.flatMap((count, i) => (owned[i] ? [] : [{ axis: i, count }]));
  const visit = (depth: number, point: Point): void => {
    const next = walked[depth];
    if (next === undefined) {
      writeAddition(emitter, kernel, point, ranges === 1 ? null : { range, places });
      return;
    }
    if (next.count === 1) {
      visit(depth + 1, point.with(next.axis, { text: '0', scope: writer.scope }));
      return;
    }
    const name = axisName(next.axis);
    writer.block(`for (var ${name} = 0; ${name} < ${next.count}; ${name}++)`, () => {
      visit(depth + 1, point.with(next.axis, { text: name, scope: writer.scope }));
    });
  };
  visit(0, new Point(coordinates, new Map(), null));
  return module.finish(`${kernel.name}: one thread for each owner of places`, threads, builtins, groups);
}

/** Adds the value of a point at its place, where that is one of the thread's. */
function writeAddition(
  emitter: Emitter,
  { axes, axis, length, strides, offset, index, value, slot }: ScatterKernel,
  point: Point,
  part: { readonly range: string; readonly places: number } | null,
): void {
  const { module } = emitter;
  const { writer } = module;
  const place = emitter.named(index, point, 'place').text;
  const [least, end] =
    part === null
      ? ['0', String(length)]
      : [`${part.range} * ${part.places}`, `min(${part.range} * ${part.places} + ${part.places}, ${length})`];
  writer.block(`if (${place} >= ${least} && ${place} < ${end})`, () => {
    const terms = axes.flatMap((_, i) => {
      const position = i === axis ? place : point.coordinates.get(i)?.text;
      return strides[i] === 0 || position === '0'
        ? []
        : [strides[i] === 1 ? `${position}` : `${position} * ${strides[i]}`];
    });
    const at = [...(offset === 0 ? [] : [String(offset)]), ...terms].join(' + ') || '0';
    const target = writer.name('target');
    writer.line(`let ${target} = ${at};`);
    const elements = module.elements(slot);
    const { dtype } = elements;
    const added = emitter.value(value, point);
    const sum = spell('add', {
      args: [
        loadText(elements, target, module.helper),
        kindOf(value.dtype) === kindOf(dtype) ? added.text : `${kindOf(dtype)}(${bare(added.text)})`,
      ],
      width: 1,
      dtype,
      from: dtype,
      numbers: [],
      helper: module.helper,
    });
    const total = writer.name('sum');
    writer.line(`let ${total} = ${bare(sum)};`);
    for (const line of storeLines(elements, target, total, module.helper)) writer.line(line);
  });
}

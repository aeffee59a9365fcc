/**
 * Loop kernels whose every point is shared by the threads of a workgroup: each takes every n-th position of a pass, and results meet in workgroup
 * memory. For real adapters; on emulated ones barriers cost more than they save. Owns this form; `loop-kernel.ts` has the other.
 */
import type { LoopKernel, Phase } from '@torchlet/device';
import { Emitter, Point, type Value } from '../wgsl/emitter.js';
import { type KernelCode, KernelModule, type KernelSite } from '../wgsl/kernel-module.js';
import { kindOf, typeName } from '../wgsl/kinds.js';
import { axisLengths, loopRoots, loopWritten } from './loop-kernel.js';
import { joinLine, joinsTwice, resultValue, startText, writePass, writePoint } from './reduction.js';
import { product, spreadGroups, writePositions } from './threads.js';

/** Threads that share a row of `length` positions. */
export function rowThreads(length: number): number {
  if (length >= 2048) return 256;
  return length >= 512 ? 128 : 64;
}

export function rowKernel(site: KernelSite, kernel: LoopKernel): KernelCode {
  const written = loopWritten(kernel);
  const module = new KernelModule(site, kernel.name, written, new Map());
  const emitter = new Emitter(module, axisLengths(kernel), written, loopRoots(kernel));
  const { writer } = module;
  const rows = product(kernel.axes);
  const threads = rowThreads(Math.max(...kernel.phases.map(({ lengths }) => product(lengths))));
  const groups = spreadGroups(rows, site.target.maxGroupsPerDimension);
  writer.line(groups[1] === 1 ? 'let row = i32(group.x);' : `let row = i32(group.y * ${groups[0]}u + group.x);`);
  if (groups[0] * groups[1] !== rows) writer.block(`if (row >= ${rows})`, () => writer.line('return;'));
  const coordinates = writePositions(module, 'row', kernel.axes);
  let point = new Point(coordinates, new Map<number, Value>(), null);
  kernel.phases.forEach((phase, i) => {
    const later = kernel.phases.slice(i + 1);
    const results =
      phase.lengths.length === 0
        ? writeOnce(emitter, phase, point)
        : writeShared(emitter, kernel, phase, point, threads);
    for (const [id, value] of results) point = point.withResult(id, value);
    // What one thread stored another may read back.
    if (phase.stores.length > 0 && later.length > 0) writer.line('storageBarrier();');
  });
  const builtins = ['@builtin(workgroup_id) group: vec3<u32>', '@builtin(local_invocation_index) thread: u32'];
  return module.finish(`${kernel.name}: ${threads} threads a row`, threads, builtins, groups);
}

/** A pass of a single point: every thread computes it, the first one stores. */
function writeOnce(emitter: Emitter, phase: Phase, point: Point): Map<number, Value> {
  const { writer } = emitter.module;
  const widths = phase.reductions.map(() => 1 as const);
  const results = writePass(emitter, { ...phase, stores: [] }, point, 0, widths);
  if (phase.stores.length > 0) writer.block('if (thread == 0u)', () => emitter.store(phase.stores, point));
  emitter.nextPhase();
  return results;
}

function writeShared(
  emitter: Emitter,
  kernel: LoopKernel,
  phase: Phase,
  point: Point,
  threads: number,
): Map<number, Value> {
  const { module } = emitter;
  const { writer } = module;
  const scope = writer.scope;
  const count = product(phase.lengths);
  const { reductions } = phase;
  const accumulators = reductions.map(({ id }) => `r${id}`);
  const widths = reductions.map(() => 1 as const);
  reductions.forEach((reduction, i) => {
    writer.line(`var ${accumulators[i]}: ${kindOf(reduction.dtype)} = ${startText(module, reduction, 1)};`);
  });
  writer.block(`for (var at = i32(thread); at < ${count}; at += ${threads})`, () => {
    const inner = writePositions(module, 'at', phase.lengths, [], kernel.axes.length);
    let inside = point;
    for (const [axis, coordinate] of inner) inside = inside.with(axis, { ...coordinate, scope: writer.scope });
    writePoint(emitter, phase, inside, accumulators, widths);
  });
  emitter.nextPhase();
  if (reductions.length === 0) return new Map();
  const shared = reductions.map(({ id, dtype }) => {
    const name = `shared_r${id}`;
    module.shared(name, `array<${typeName(kindOf(dtype), 1)}, ${threads}>`);
    return name;
  });
  shared.forEach((name, i) => {
    writer.line(`${name}[thread] = ${accumulators[i]};`);
  });
  writer.line('workgroupBarrier();');
  writer.block(`for (var half = ${threads / 2}u; half > 0u; half /= 2u)`, () => {
    writer.block('if (thread < half)', () => {
      reductions.forEach(({ id, combine, dtype }, i) => {
        const other = `${shared[i]}[thread + half]`;
        const value = joinsTwice(combine, dtype) ? `other${id}` : other;
        if (value !== other) writer.line(`let ${value} = ${other};`);
        writer.line(joinLine(module, combine, dtype, `${shared[i]}[thread]`, value, 1));
      });
    });
    writer.line('workgroupBarrier();');
  });
  shared.forEach((name, i) => {
    writer.line(`${accumulators[i]} = ${name}[0];`);
  });
  return new Map(
    reductions.map(({ id, dtype }, i) => [id, resultValue(emitter, accumulators[i] as string, dtype, 1, scope)]),
  );
}

/**
 * How the points of a kernel are spread over threads: the dispatch, the thread's number, and its position along each parallel axis. Owns that
 * arithmetic, and what divides an axis into blocks of four.
 */
import type { KernelModule } from '../wgsl/kernel-module.js';
import type { Coordinate } from '../wgsl/emitter.js';

/** Threads of a workgroup that share nothing. */
const threadsPerGroup = 64;
/** Emulated adapters run workgroups side by side: few threads are spread over more of them. */
const fewThreads = 256;
const threadsOfSmallGroups = 16;

export interface Spread {
  readonly threads: number;
  readonly groups: readonly [x: number, y: number];
  readonly builtins: readonly string[];
}

/** The name of an axis as programs print it. */
export function axisName(axis: number): string {
  return axis < 18 ? String.fromCharCode(105 + axis) : `axis${axis}`;
}

export function product(lengths: readonly number[]): number {
  return lengths.reduce((size, length) => size * length, 1);
}

/** Numbers of workgroups along x and y for `count` of them. @throws RangeError where two dimensions do not hold them. */
export function spreadGroups(count: number, most: number): readonly [number, number] {
  const y = Math.max(1, Math.ceil(count / most));
  if (y > most) throw new RangeError(`it needs ${count} workgroups, and this adapter runs at most ${most} by ${most}`);
  return [Math.ceil(count / y), y];
}

/**
 * Writes the thread's number as `name` and lets superfluous threads return.
 *
 * @param count threads that have work.
 */
export function writeThread(module: KernelModule, name: string, count: number): Spread {
  const { sharing, maxGroupsPerDimension } = module.site.target;
  const threads = !sharing && count < fewThreads ? threadsOfSmallGroups : threadsPerGroup;
  const groups = spreadGroups(Math.ceil(count / threads), maxGroupsPerDimension);
  const row = groups[0] * threads;
  const { writer } = module;
  writer.line(groups[1] === 1 ? `let ${name} = i32(id.x);` : `let ${name} = i32(id.y * ${row}u + id.x);`);
  if (row * groups[1] !== count) writer.block(`if (${name} >= ${count})`, () => writer.line('return;'));
  return { threads, groups, builtins: ['@builtin(global_invocation_id) id: vec3<u32>'] };
}

/**
 * Writes the position along each axis, from the row-major number `from` of a point.
 *
 * @param steps positions of each axis that one point takes; 1 where it does not say. @returns coordinates by axis, the first of them `first`.
 */
export function writePositions(
  module: KernelModule,
  from: string,
  lengths: readonly number[],
  steps: readonly number[] = [],
  first = 0,
): Map<number, Coordinate> {
  const { writer } = module;
  const coordinates = new Map<number, Coordinate>();
  const counts = lengths.map((length, i) => Math.ceil(length / (steps[i] ?? 1)));
  const outermost = counts.findIndex((count) => count > 1);
  counts.forEach((count, i) => {
    if (count === 1) {
      coordinates.set(first + i, { text: '0', scope: writer.root });
      return;
    }
    const step = steps[i] ?? 1;
    const below = product(counts.slice(i + 1));
    const quotient = below === 1 ? from : `${from} / ${below}`;
    const part = i === outermost ? quotient : below === 1 ? `${from} % ${count}` : `(${quotient}) % ${count}`;
    const position = step === 1 ? part : part === from ? `${from} * ${step}` : `(${part}) * ${step}`;
    if (position === from) {
      coordinates.set(first + i, { text: from, scope: writer.scope });
      return;
    }
    const name = axisName(first + i);
    writer.line(`let ${name} = ${position};`);
    coordinates.set(first + i, { text: name, scope: writer.scope });
  });
  return coordinates;
}

/**
 * Reductions as WGSL: where they start, how a value joins them, and the loops of a pass with the accumulators in them. A float sum has an accumulator at
 * every level of the loops, long loops being cut into blocks, so no chain of additions is long. Owns the loops over inner axes of one
 * thread; sharing a pass among threads is `row-kernel.ts`.
 */
import { type Combine, isFloat, type DType, type Phase, type Reduction } from '@torchlet/device';
import type { Coordinate, Emitter, Point, Value } from '../wgsl/emitter.js';
import { wrapped } from '../wgsl/functions.js';
import type { KernelModule } from '../wgsl/kernel-module.js';
import { constantText, integerRange, kindOf, typeName, type Width } from '../wgsl/kinds.js';
import { bare } from '../wgsl/writer.js';
import { splat } from '../wgsl/functions.js';
import { axisName } from './threads.js';

/** Longest chain of additions to one accumulator. */
const longestChain = 256;

/** What a reduction over nothing gives, as text for `width` points. */
export function startText(
  module: KernelModule,
  { combine, dtype }: Pick<Reduction, 'combine' | 'dtype'>,
  width: Width,
): string {
  const value = combine === 'sum' ? 0 : combine === 'prod' ? 1 : leastOf(dtype);
  return splat(
    constantText(value, dtype, (name) => module.helper(name)),
    kindOf(dtype),
    width,
  );
}

function leastOf(dtype: DType): number {
  if (isFloat(dtype)) return -Infinity;
  return dtype === 'bool' ? 0 : integerRange(dtype)[0];
}

/** The line that joins `value` (cheap text) to the accumulator. */
export function joinLine(
  module: KernelModule,
  combine: Combine,
  dtype: DType,
  accumulator: string,
  value: string,
  width: Width,
): string {
  const kind = kindOf(dtype);
  if (kind === 'bool') return `${accumulator} = ${accumulator} ${combine === 'prod' ? '&' : '|'} ${value};`;
  switch (combine) {
    case 'sum':
      return `${accumulator} += ${bare(value)};`;
    case 'prod':
      return `${accumulator} *= ${value};`;
    case 'max':
      if (kind === 'i32') return `${accumulator} = max(${accumulator}, ${value});`;
      // A NaN stays: nothing is greater than it.
      return `${accumulator} = select(${accumulator}, ${value}, (${value} > ${accumulator}) | ${module.helper('is_nan', width)}(${value}));`;
    default: {
      const never: never = combine;
      return never;
    }
  }
}

/** Whether the text of a value appears more than once in `joinLine`. */
export function joinsTwice(combine: Combine, dtype: DType): boolean {
  return combine === 'max' && isFloat(dtype);
}

/** The finished accumulator: integers were summed without wrapping to their width. */
export function finished(accumulator: string, dtype: DType, width: Width): string {
  return kindOf(dtype) === 'i32' ? bare(wrapped(accumulator, dtype, width)) : accumulator;
}

interface Level {
  readonly axis: number;
  readonly length: number;
  /** Positions that one turn takes: the block of a long loop. */
  readonly step: number;
  /** Whether it walks the block that the level above is at. */
  readonly inBlock: boolean;
}

function levelsOf(lengths: readonly number[], first: number, sums: boolean): Level[] {
  return lengths.flatMap((length, i): Level[] => {
    const axis = first + i;
    if (!sums || length <= longestChain) return [{ axis, length, step: 1, inBlock: false }];
    const step = Math.min(longestChain, 2 ** Math.round(Math.log2(Math.sqrt(length))));
    return [
      { axis, length, step, inBlock: false },
      { axis, length, step, inBlock: true },
    ];
  });
}

function sumsFloats({ combine, dtype }: Reduction): boolean {
  return combine === 'sum' && isFloat(dtype);
}

/**
 * Writes one pass of one thread over the inner axes, with its stores.
 *
 * @param first number of the first inner axis. @param widths points that each reduction's value stands for.
 * @returns the results by id.
 */
export function writePass(
  emitter: Emitter,
  phase: Phase,
  point: Point,
  first: number,
  widths: readonly Width[],
): Map<number, Value> {
  const { module } = emitter;
  const { writer } = module;
  const { reductions, stores } = phase;
  if (reductions.length === 0 && stores.length === 0) return new Map();
  const scope = writer.scope;
  const levels = levelsOf(phase.lengths, first, reductions.some(sumsFloats));
  const declare = (name: string, i: number): void => {
    const { dtype } = reductions[i] as Reduction;
    const start = startText(module, reductions[i] as Reduction, widths[i] as Width);
    writer.line(`var ${name}: ${typeName(kindOf(dtype), widths[i] as Width)} = ${start};`);
  };
  const totals = reductions.map(({ id }) => `r${id}`);
  totals.forEach(declare);

  const visit = (depth: number, at: Point, accumulators: readonly string[]): void => {
    if (depth === levels.length) {
      writePoint(emitter, phase, at, accumulators, widths);
      return;
    }
    const level = levels[depth] as Level;
    writeLoop(emitter, level, at, (inside) => {
      const parts = accumulators.map((accumulator, i) => {
        if (depth + 1 === levels.length || !sumsFloats(reductions[i] as Reduction)) return accumulator;
        const part = writer.name('part');
        declare(part, i);
        return part;
      });
      visit(depth + 1, inside, parts);
      parts.forEach((part, i) => {
        if (part !== accumulators[i]) writer.line(`${accumulators[i]} += ${part};`);
      });
    });
  };
  visit(0, point, totals);
  if (stores.length > 0) emitter.nextPhase();
  return new Map(
    reductions.map(({ id, dtype }, i) => [
      id,
      resultValue(emitter, totals[i] as string, dtype, widths[i] as Width, scope),
    ]),
  );
}

/** A finished accumulator as a value that later phases name. */
export function resultValue(
  emitter: Emitter,
  accumulator: string,
  dtype: DType,
  width: Width,
  scope: Value['scope'],
): Value {
  const text = finished(accumulator, dtype, width);
  if (text !== accumulator) emitter.module.writer.line(`${accumulator} = ${text};`);
  return { text: accumulator, kind: kindOf(dtype), width, scope, simple: true };
}

/** What a pass does at one point of its inner axes. */
export function writePoint(
  emitter: Emitter,
  phase: Phase,
  at: Point,
  accumulators: readonly string[],
  widths: readonly Width[],
): void {
  const { module } = emitter;
  phase.reductions.forEach(({ combine, dtype, of }, i) => {
    const width = widths[i] as Width;
    const value = joinsTwice(combine, dtype) ? emitter.named(of, at, 'value') : emitter.value(of, at);
    module.writer.line(joinLine(module, combine, dtype, accumulators[i] as string, emitter.wide(value, width), width));
  });
  emitter.store(phase.stores, at);
}

function writeLoop(
  emitter: Emitter,
  { axis, length, step, inBlock }: Level,
  at: Point,
  body: (inside: Point) => void,
): void {
  const { writer } = emitter.module;
  const name = axisName(axis);
  if (length === 1) {
    body(at.with(axis, { text: '0', scope: writer.scope }));
    return;
  }
  const blocked = step > 1 && !inBlock;
  const counter = blocked ? `${name}_block` : name;
  const from = inBlock ? `${name}_block` : '0';
  const end = !inBlock
    ? String(length)
    : length % step === 0
      ? `${name}_block + ${step}`
      : `min(${name}_block + ${step}, ${length})`;
  const next = blocked ? `${counter} += ${step}` : `${counter}++`;
  writer.block(`for (var ${counter} = ${from}; ${counter} < ${end}; ${next})`, () => {
    const coordinate: Coordinate = { text: counter, scope: writer.scope };
    body(blocked ? at : at.with(axis, coordinate));
  });
}

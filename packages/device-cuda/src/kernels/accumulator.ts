/**
 * Accumulators of reductions: where they start, how a value joins them, and how the parts of several threads meet, through shuffles within a warp and shared
 * memory between warps, always in the same order. Owns these; the loops that fill them are `pass.ts`.
 */
import { type DType, isFloat, type Reduction } from '@torchlet/device';
import type { Body } from '../ptx/body.js';
import { constantOperand, kindOf, leastOf, wrapped } from '../ptx/dtypes.js';
import { int32, type Operand, type RegisterKind } from '../ptx/register.js';
import { applyFunction } from '../ptx/scalar-functions.js';

type Combined = Pick<Reduction, 'combine' | 'dtype'>;

const functions = { sum: 'add', max: 'max', prod: 'mul' } as const;

/** bool is accumulated as the integers 0 and 1, narrow integers without wrapping. */
function accumulatedDType(dtype: DType): DType {
  return isFloat(dtype) || dtype === 'int64' ? dtype : 'int32';
}

function accumulatorKind(dtype: DType): RegisterKind {
  return kindOf(accumulatedDType(dtype));
}

/** What a reduction over nothing gives, as its accumulator holds it. */
export function startOperand(body: Body, { combine, dtype }: Combined): Operand {
  const start = combine === 'sum' ? 0 : combine === 'prod' ? 1 : leastOf(dtype);
  return constantOperand(body, start, accumulatedDType(dtype));
}

export function newAccumulator(body: Body, reduction: Combined): Operand {
  const { combine, dtype } = reduction;
  const accumulator = body.register(accumulatorKind(dtype), combine);
  body.assign(accumulator, `mov.${accumulator.kind}`, [startOperand(body, reduction)]);
  return accumulator;
}

/** A value as an accumulator takes it; that of an empty reduction where `holds` (if given) does not. */
export function joining(body: Body, reduction: Combined, value: Operand, holds: Operand | null): Operand {
  const number = value.kind === 'pred' ? body.choose(value, int32(1), int32(0)) : value;
  return holds === null ? number : body.choose(holds, number, startOperand(body, reduction));
}

/** `accumulator` combined with `value`, both as accumulators hold them. */
export function combined(body: Body, { combine, dtype }: Combined, x: Operand, y: Operand): Operand {
  if (dtype === 'bool') return body.op('s32', combine === 'prod' ? 'and.b32' : 'or.b32', [x, y], combine);
  const at = accumulatedDType(dtype);
  return applyFunction(functions[combine], { body, args: [x, y], dtype: at, from: at });
}

/** Joins `value` to the accumulator. */
export function join(body: Body, reduction: Combined, accumulator: Operand, value: Operand): void {
  body.assign(accumulator, `mov.${accumulator.kind}`, [combined(body, reduction, accumulator, value)]);
}

/** All of `parts` combined pairwise. */
export function combinedAll(body: Body, reduction: Combined, parts: readonly Operand[]): Operand {
  let left = [...parts];
  while (left.length > 1) {
    const half = Math.ceil(left.length / 2);
    left = left.slice(0, half).map((part, i) => {
      const other = left[half + i];
      return other === undefined ? part : combined(body, reduction, part, other);
    });
  }
  return left[0] as Operand;
}

/** The value of a whole reduction: integers wrapped, bool as a predicate. */
export function finished(body: Body, dtype: DType, whole: Operand): Operand {
  if (dtype === 'bool') return body.compare('ne.s32', whole, int32(0), 'result');
  return kindOf(dtype) === 's32' ? wrapped(body, dtype, whole) : whole;
}

/** How threads share the passes of points. */
export interface Sharing {
  /** Threads of one point, a power of two. */
  readonly threads: number;
  /** Points of a block. */
  readonly points: number;
  /** `row`: the threads of a point are next to each other. `column`: those of neighbouring points are. */
  readonly order: 'row' | 'column';
}

const warp = 32;

/** The parts of a point's threads combined; every thread of the point gets the whole. */
export function shared(body: Body, reduction: Combined, part: Operand, thread: Operand, sharing: Sharing): Operand {
  const { threads, points, order } = sharing;
  if (threads === 1) return part;
  if (order === 'column') return throughMemory(body, reduction, part, thread, points, threads);
  let whole = part;
  for (let distance = Math.min(threads, warp) / 2; distance >= 1; distance /= 2) {
    whole = combined(body, reduction, whole, shuffled(body, whole, distance));
  }
  if (threads <= warp) return whole;
  const warps = threads / warp;
  const bytes = whole.kind === 's64' || whole.kind === 'f64' ? 8 : 4;
  const memory = body.shared('parts', bytes * warps);
  const number = body.op('s32', 'shr.u32', [thread, int32(5)], 'warp');
  const own = body.op('s32', 'mad.lo.s32', [number, int32(bytes), memory], 'own');
  const lane = body.op('s32', 'and.b32', [thread, int32(warp - 1)], 'lane');
  const isFirst = body.compare('eq.s32', lane, int32(0), 'is_first');
  body.line(`@${isFirst.text} st.shared.${whole.kind} [${own.text}], ${whole.text}`);
  body.line('bar.sync 0');
  const parts = Array.from({ length: warps }, (_, i) => fromShared(body, whole.kind, memory, i * bytes));
  return combinedAll(body, reduction, parts);
}

function throughMemory(
  body: Body,
  reduction: Combined,
  part: Operand,
  thread: Operand,
  points: number,
  threads: number,
): Operand {
  const bytes = part.kind === 's64' || part.kind === 'f64' ? 8 : 4;
  const memory = body.shared('parts', bytes * points * threads);
  const own = body.op('s32', 'mad.lo.s32', [thread, int32(bytes), memory], 'own');
  body.line(`st.shared.${part.kind} [${own.text}], ${part.text}`);
  body.line('bar.sync 0');
  const column = body.op('s32', 'and.b32', [thread, int32(points - 1)], 'column');
  const first = body.op('s32', 'mad.lo.s32', [column, int32(bytes), memory], 'first');
  const parts = Array.from({ length: threads }, (_, i) => fromShared(body, part.kind, first, i * points * bytes));
  return combinedAll(body, reduction, parts);
}

function fromShared(body: Body, kind: RegisterKind, address: Operand, offset: number): Operand {
  const value = body.register(kind, 'part');
  body.line(`ld.shared.${kind} ${value.text}, [${address.text}${offset === 0 ? '' : `+${offset}`}]`);
  return value;
}

/** The value that the lane `distance` away has; wide ones travel as two words. */
function shuffled(body: Body, value: Operand, distance: number): Operand {
  const from = (word: Operand): Operand => {
    const other = body.register(word.kind, 'other');
    body.line(`shfl.sync.bfly.b32 ${other.text}, ${word.text}, ${distance}, 31, 0xffffffff`);
    return other;
  };
  if (value.kind !== 's64' && value.kind !== 'f64') return from(value);
  const [low, high] = [body.register('b32', 'low'), body.register('b32', 'high')];
  body.line(`mov.b64 {${low.text}, ${high.text}}, ${value.text}`);
  const [otherLow, otherHigh] = [from(low), from(high)];
  const other = body.register(value.kind, 'other');
  body.line(`mov.b64 ${other.text}, {${otherLow.text}, ${otherHigh.text}}`);
  return other;
}

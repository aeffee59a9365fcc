/**
 * One pass over the inner axes of a kernel, as the threads of a point share it: each takes every n-th position (or vector of positions). Short passes are
 * written out position by position, so that a row stays in registers from pass to pass; long ones are loops with several accumulators, so
 * that no chain of additions is long. Owns the walk; what is done at a point is the emitter's, how parts meet `accumulator.ts`.
 */
import { isFloat, type Phase, postorder, type Reduction } from '@torchlet/device';
import { int32, type Operand } from '../ptx/register.js';
import { combinedAll, finished, join, joining, newAccumulator, type Sharing, shared } from './accumulator.js';
import type { Emitter } from './emitter.js';
import { plus, times } from './index-arithmetic.js';
import type { Guard, Point, Value } from './point.js';
import { phaseRoots } from './roots.js';
import { positions, product } from './threads.js';

/** Positions times expressions that are written out; more where passes may share what they computed. */
const writtenOut = { alone: 512, kept: 3072 } as const;
/** Positions that a thread keeps in registers. */
const mostKept = 32;
/** Positions that one turn of a loop takes, and longest chain of additions to one accumulator. */
const mostUnrolled = 4;
const longestChain = 256;

/** Where the threads of a point stand in it. */
export interface Worker {
  readonly sharing: Sharing;
  /** The thread's number in its block. */
  readonly thread: Operand;
  /** The thread's number among those of its point; a literal where there is one alone. */
  readonly member: Operand;
  /** Number of the first inner axis. */
  readonly firstInner: number;
  /** Whether several passes of the kernel walk the same axes. */
  readonly keepsRow: boolean;
}

/** Lanes of a pass along its last axis; 1 where the lanes of the point lie along a parallel axis. */
export type PassLanes = (phase: Phase) => number;

interface Plan {
  readonly total: number;
  readonly lanes: number;
  /** Positions from one turn of a thread to its next. */
  readonly stride: number;
  /** Turns in which every thread has positions, and whether there is one more for some. */
  readonly whole: number;
  readonly hasRest: boolean;
}

function planOf({ lengths }: Phase, lanes: number, { sharing }: Worker): Plan {
  const total = product(lengths);
  const stride = sharing.threads * lanes;
  const whole = Math.floor(total / stride);
  return { total, lanes, stride, whole, hasRest: whole * stride < total };
}

/** Writes a pass and gives its results by id, one for each lane of `point` that they vary in. */
export function writePass(
  emitter: Emitter,
  phase: Phase,
  point: Point,
  worker: Worker,
  lanesOf: PassLanes,
): Map<number, Value[]> {
  const { body } = emitter;
  if (phase.lengths.length === 0) return writeOnce(emitter, phase, point, worker);
  const plan = planOf(phase, point.lanes === null ? lanesOf(phase) : 1, worker);
  if (phase.reductions.length === 0 && phase.stores.length === 0) return new Map();
  const size = Math.max(1, postorder(phaseRoots(phase)).length);
  const turns = plan.whole + (plan.hasRest ? 1 : 0);
  const written = turns * plan.lanes * (point.lanes?.count ?? 1);
  const isShort = written <= mostKept && written * size <= (worker.keepsRow ? writtenOut.kept : writtenOut.alone);
  const unrolled = isShort ? turns : Math.max(1, Math.min(mostUnrolled, plan.whole, Math.floor(256 / size)));
  const wide = Math.max(1, Math.min(mostUnrolled, unrolled * plan.lanes));
  const pass = new Pass(emitter, phase, point, worker, plan);
  const accumulators = pass.accumulators(wide);
  const visit = (turn: number, at: Operand, isRest: boolean): void => pass.turn(at, turn, isRest, accumulators);
  const atTurn = (turn: number): Operand =>
    emitter.once(`at ${turn * plan.stride} ${plan.lanes}`, () =>
      plus(body, pass.start, int32(turn * plan.stride), 'at'),
    );
  if (isShort) for (let turn = 0; turn < turns; turn++) visit(turn, atTurn(turn), turn >= plan.whole);
  else {
    pass.loop(unrolled, accumulators);
    for (let turn = plan.whole - (plan.whole % unrolled); turn < turns; turn++) {
      visit(turn, atTurn(turn), turn >= plan.whole);
    }
  }
  if (phase.stores.length > 0) emitter.nextPhase();
  return pass.results(accumulators);
}

/** A pass of a single point: every thread of it computes, the first one stores. */
function writeOnce(
  emitter: Emitter,
  { reductions, stores }: Phase,
  point: Point,
  { sharing, member }: Worker,
): Map<number, Value[]> {
  const { body } = emitter;
  const results = reductions.map((reduction): [number, Value[]] => {
    const values = point.all.map((lane): Value => {
      const accumulator = newAccumulator(body, reduction);
      join(body, reduction, accumulator, joining(body, reduction, emitter.value(reduction.of, lane), null));
      return { operand: finished(body, reduction.dtype, accumulator), scope: body.scope };
    });
    return [reduction.id, values];
  });
  if (stores.length > 0) {
    const isFirst = sharing.threads === 1 ? null : body.compare('eq.s32', member, int32(0), 'is_first');
    const inside = point.guard?.holds ?? null;
    const both = isFirst !== null && inside !== null ? body.op('pred', 'and.pred', [inside, isFirst], 'both') : null;
    emitter.store(stores, point, both ?? isFirst ?? inside);
    emitter.nextPhase();
  }
  return new Map(results);
}

/** By reduction, by lane of the point, the accumulators that take turns. */
type Accumulators = readonly (readonly (readonly Operand[])[])[];

class Pass {
  readonly start: Operand;
  readonly #emitter: Emitter;
  readonly #phase: Phase;
  readonly #point: Point;
  readonly #worker: Worker;
  readonly #plan: Plan;

  constructor(emitter: Emitter, phase: Phase, point: Point, worker: Worker, plan: Plan) {
    this.#emitter = emitter;
    this.#phase = phase;
    this.#point = point;
    this.#worker = worker;
    this.#plan = plan;
    this.start = emitter.once(`start ${plan.lanes}`, () =>
      times(emitter.body, worker.member, int32(plan.lanes), 'start'),
    );
  }

  accumulators(wide: number): Accumulators {
    const { body } = this.#emitter;
    return this.#phase.reductions.map((reduction) =>
      Array.from({ length: this.#width(reduction) }, () =>
        Array.from({ length: wide }, () => newAccumulator(body, reduction)),
      ),
    );
  }

  /** Points of the lanes that a reduction differs in. */
  #width({ of }: Reduction): number {
    const { lanes, results } = this.#point;
    if (lanes === null) return 1;
    const { axes, results: ids } = this.#emitter.dependencies(of);
    const varies = axes.includes(lanes.axis) || ids.some((id) => (results.get(id)?.length ?? 1) > 1);
    return varies ? lanes.count : 1;
  }

  /** Turns by the loop: `unrolled` at a time, as often as all threads have so many. */
  loop(unrolled: number, accumulators: Accumulators): void {
    const { body } = this.#emitter;
    const { whole, stride } = this.#plan;
    const rounds = Math.floor(whole / unrolled);
    if (rounds === 0) return;
    const at = body.op('s32', 'mov.s32', [this.start], 'at');
    const walk = (end: Operand, into: Accumulators): void =>
      body.repeat('pass', () => {
        for (let turn = 0; turn < unrolled; turn++) {
          this.turn(plus(body, at, int32(turn * stride), 'next'), turn, false, into);
        }
        body.assign(at, 'add.s32', [at, int32(unrolled * stride)]);
        return body.compare('lt.s32', at, end, 'more');
      });
    const ends = (count: number): Operand => plus(body, this.start, int32(count * unrolled * stride), 'end');
    const sumsFloats = this.#phase.reductions.some(({ combine, dtype }) => combine === 'sum' && isFloat(dtype));
    if (!sumsFloats || rounds <= longestChain) {
      walk(ends(rounds), accumulators);
      return;
    }
    // Blocks of the square root of the rounds: sums of a block join those of all.
    const block = 2 ** Math.ceil(Math.log2(Math.sqrt(rounds)));
    const last = ends(rounds);
    body.repeat('blocks', () => {
      const parts = this.accumulators(accumulators[0]?.[0]?.length ?? 1);
      const end = body.op('s32', 'add.s32', [at, int32(block * unrolled * stride)], 'end');
      walk(body.op('s32', 'min.s32', [end, last], 'end'), parts);
      this.#each(accumulators, (reduction, accumulator, r, lane, i) => {
        join(body, reduction, accumulator, parts[r]?.[lane]?.[i] as Operand);
      });
      return body.compare('lt.s32', at, last, 'more');
    });
  }

  #each(
    accumulators: Accumulators,
    visit: (reduction: Reduction, accumulator: Operand, r: number, lane: number, i: number) => void,
  ): void {
    this.#phase.reductions.forEach((reduction, r) => {
      accumulators[r]?.forEach((lanes, lane) => {
        lanes.forEach((accumulator, i) => {
          visit(reduction, accumulator, r, lane, i);
        });
      });
    });
  }

  /** What is done at the positions from `at` on. */
  turn(at: Operand, turn: number, isRest: boolean, accumulators: Accumulators): void {
    const { body } = this.#emitter;
    const { lanes } = this.#plan;
    const { lengths, reductions, stores } = this.#phase;
    const { firstInner } = this.#worker;
    const coordinates = this.#coordinates(at);
    let inside = this.#point.withCoordinates(coordinates);
    if (lanes > 1) inside = inside.with({ lanes: { axis: firstInner + lengths.length - 1, count: lanes } });
    if (isRest) inside = inside.with({ guard: this.#guarded(at) });
    const holds = isRest && inside.guard !== null ? inside.guard.holds : null;
    reductions.forEach((reduction, r) => {
      const own = accumulators[r] as readonly (readonly Operand[])[];
      const along = lanes > 1 ? inside.all : null;
      own.forEach((parts, lane) => {
        const points = along ?? [inside.inLane(lane)];
        points.forEach((place, l) => {
          const value = this.#emitter.value(reduction.of, place);
          const accumulator = parts[(turn * lanes + l) % parts.length] as Operand;
          join(body, reduction, accumulator, joining(body, reduction, value, holds));
        });
      });
    });
    if (stores.length > 0) this.#emitter.store(stores, inside);
  }

  /** The registers of one position are the same in every pass over the same axes. */
  #coordinates(at: Operand): Map<number, Value> {
    const { lengths } = this.#phase;
    const { firstInner } = this.#worker;
    const make = (): Map<number, Value> => positions(this.#emitter.body, at, lengths, firstInner);
    return this.#emitter.once(`positions ${lengths.join('x')} ${at.text}`, make);
  }

  #guarded(at: Operand): Guard {
    const { guard } = this.#point;
    const { firstInner } = this.#worker;
    const { total } = this.#plan;
    const axes = new Set([...(guard?.axes ?? []), ...this.#phase.lengths.map((_, i) => firstInner + i)]);
    const { body } = this.#emitter;
    const holds = this.#emitter.once(`inside ${total} ${at.text}`, () => {
      const inside = body.compare('lt.s32', at, int32(total), 'inside');
      return guard === null ? inside : body.op('pred', 'and.pred', [guard.holds, inside], 'both');
    });
    return { holds, axes };
  }

  /** What the threads of a point found, together. */
  results(accumulators: Accumulators): Map<number, Value[]> {
    const { body } = this.#emitter;
    const { sharing, thread } = this.#worker;
    return new Map(
      this.#phase.reductions.map((reduction, r) => {
        const lanes = accumulators[r] as readonly (readonly Operand[])[];
        const values = lanes.map((parts): Value => {
          const own = combinedAll(body, reduction, parts);
          const whole = shared(body, reduction, own, thread, sharing);
          return { operand: finished(body, reduction.dtype, whole), scope: body.scope };
        });
        return [reduction.id, values];
      }),
    );
  }
}

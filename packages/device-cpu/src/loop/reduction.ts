/**
 * Accumulators of a phase's reductions: one per block of lanes, combined at the end. Sums of floats are kept short: after about 64
 * terms a partial sum goes into an outer one, so that the error grows with the logarithm of the length and not with the length. Owns
 * combining; loops are `nest.ts`.
 */
import type { Combine, DType, Expression, Reduction } from '@torchlet/device';
import type { Pieces } from '../kernel-function.js';
import { i32, type Local, type Operand, select, shuffleLanes, type Value, v128, vector } from '../wasm/index.js';
import type { Emitter } from './emitter.js';
import { floatsFor, splatConstant, vectorsFor } from './lanes.js';
import type { Control } from './nest.js';
import { vectorFunction } from './vector-functions.js';

const combineFunctions = { sum: 'add', max: 'max', prod: 'mul' } as const;

/** Terms that one accumulator takes before its sum goes outwards. */
const chain = 64;

const leastIntegers: Readonly<Partial<Record<DType, number | bigint>>> = {
  int64: -(2n ** 63n),
  int32: -(2 ** 31),
  int16: -(2 ** 15),
  int8: -(2 ** 7),
  uint8: 0,
  bool: 0,
};

/** What a reduction over nothing is. */
export function identity({ combine, dtype }: Reduction): number | bigint {
  switch (combine) {
    case 'sum':
      return 0;
    case 'prod':
      return 1;
    case 'max':
      return leastIntegers[dtype] ?? -Infinity;
    default: {
      const never: never = combine;
      return never;
    }
  }
}

/** What a reduction takes at the current block, in the dtype it combines in. */
function termOf(emitter: Emitter, { of, dtype }: Reduction): Pieces {
  const value = emitter.pieces(of);
  if (of.dtype === dtype) return value;
  const at = { site: emitter.site, f: emitter.f, dtype, operand: of.dtype };
  return vectorFunction(at, 'cast', [value]).map((piece) => emitter.f.let('term', piece));
}

function isFloatMaximum({ combine, dtype }: Reduction): boolean {
  return combine === 'max' && floatsFor(dtype) !== null;
}

/** By reduction, block and piece. */
type Level = readonly (readonly (readonly Local[])[])[];

export class Accumulators {
  readonly #emitter: Emitter;
  readonly #reductions: readonly Reduction[];
  readonly #blocks: number;
  readonly #lanesAreOne: boolean;
  /** Outermost first. */
  readonly #levels: Level[] = [];
  /** Of maxima of floats, where a NaN was met: the quick instruction for a maximum passes over it. */
  readonly #unordered: Level;

  /** @param lanesAreOne whether all blocks and lanes are combined in the end: then lanes past the count of a block are left out. */
  constructor(emitter: Emitter, reductions: readonly Reduction[], blocks: number, lanesAreOne: boolean) {
    this.#emitter = emitter;
    this.#reductions = reductions;
    this.#blocks = blocks;
    this.#lanesAreOne = lanesAreOne;
    this.#enter();
    this.#unordered = reductions.map((reduction) =>
      isFloatMaximum(reduction) ? this.#locals(reduction, 'unordered', 0) : [],
    );
  }

  /** Adds the values of the current block. */
  add(): void {
    const { block } = this.#emitter;
    const level = this.#levels[this.#levels.length - 1] as Level;
    this.#reductions.forEach((reduction, r) => {
      const accumulator = level[r]?.[block] as readonly Local[];
      this.#set(accumulator, this.#next(reduction, accumulator, this.#unordered[r]?.[block] ?? []));
    });
  }

  /** The loop of a reduction whose accumulators take `termsPerTurn` terms each turn of `step`. */
  control(turns: number, termsPerTurn: number, step: number): Control {
    const isSum = ({ combine, dtype }: Reduction) => combine === 'sum' && floatsFor(dtype) !== null;
    const sizes = this.#reductions.some(isSum) ? chainSizes(turns, termsPerTurn) : [];
    const { f } = this.#emitter;
    const write = (counter: Local, end: Operand, turn: () => void, level: number): void => {
      const size = sizes[level];
      f.loop((again) => {
        if (size === undefined) turn();
        else {
          const next = f.let('next', i32.add(counter, size * step));
          const stop = f.let('stop', select(next, end, i32.ltU(next, end)));
          this.#enter();
          write(counter, stop, turn, level + 1);
          this.#leave();
        }
        f.branchIf(again, i32.ltU(counter, end));
      });
    };
    return (counter, end, turn) => write(counter, end, turn, 0);
  }

  /** The results, by reduction and block; combined, one block with the same value in every lane. */
  results(): readonly (readonly Pieces[])[] {
    return this.#reductions.map((reduction, r) => {
      const blocks = this.#finished(reduction, r);
      return this.#lanesAreOne ? [this.#acrossLanes(reduction, this.#tree(reduction, blocks))] : blocks;
    });
  }

  #finished(reduction: Reduction, r: number): readonly Pieces[] {
    const name = `${reduction.combine}${reduction.id}`;
    const [outermost] = this.#levels as [Level, ...Level[]];
    return (outermost[r] as readonly Pieces[]).map((pieces, block) => {
      const met = this.#unordered[r]?.[block];
      if (met === undefined) return pieces;
      return pieces.map((piece, i) =>
        this.#emitter.f.let(name, v128.bitselect(vectorsFor(reduction.dtype).const(NaN), piece, met[i] as Local)),
      );
    });
  }

  #locals(reduction: Reduction, name: string, value: number | bigint): readonly (readonly Local[])[] {
    const { f } = this.#emitter;
    return Array.from({ length: this.#blocks }, () =>
      splatConstant(reduction.dtype, value).map((piece) => f.let(`${name}${reduction.id}`, piece)),
    );
  }

  #set(locals: readonly Local[], pieces: Pieces): void {
    locals.forEach((local, i) => {
      this.#emitter.f.set(local, pieces[i] as Value);
    });
  }

  #enter(): void {
    this.#levels.push(
      this.#reductions.map((reduction) => this.#locals(reduction, reduction.combine, identity(reduction))),
    );
  }

  #leave(): void {
    const inner = this.#levels.pop() as Level;
    this.#levels[this.#levels.length - 1]?.forEach((blocks, r) => {
      blocks.forEach((into, block) => {
        this.#set(into, this.#combined(this.#reductions[r] as Reduction, into, inner[r]?.[block] as Pieces));
      });
    });
  }

  /** What an accumulator becomes. A sum of products takes each product with a fused multiply-add where there is one. */
  #next(reduction: Reduction, accumulator: readonly Local[], unordered: readonly Local[]): Pieces {
    const { dtype } = reduction;
    const { f, counts, block } = this.#emitter;
    const count = counts[block] ?? 4;
    const isPart = this.#lanesAreOne && count < 4;
    const F = floatsFor(dtype);
    const factors = isPart ? null : this.#factors(reduction);
    if (factors !== null && F !== null) {
      const [a, b] = factors.map((factor) => this.#emitter.pieces(factor)) as [Pieces, Pieces];
      return accumulator.map((piece, i) => F.relaxedMadd(a[i] as Value, b[i] as Value, piece));
    }
    const all = termOf(this.#emitter, reduction);
    const term = isPart ? onlyFirst(all, splatConstant(dtype, identity(reduction)), count) : all;
    if (F === null || !isFloatMaximum(reduction)) return this.#combined(reduction, accumulator, term);
    return accumulator.map((piece, i) => {
      const value = f.held('term', term[i] as Value);
      const met = unordered[i] as Local;
      f.set(met, v128.or(met, F.ne(value, value)));
      return F.pmax(piece, value);
    });
  }

  #factors({ combine, dtype, of }: Reduction): readonly Expression[] | null {
    const { site, rows, scope, block } = this.#emitter;
    const plain = dtype === 'float32' || dtype === 'float64';
    if (!site.features.fma || combine !== 'sum' || !plain || of.dtype !== dtype || rows.has(of)) return null;
    return of.kind === 'apply' && of.fn === 'mul' && scope.known('pieces', of, block) === undefined ? of.args : null;
  }

  #combined({ combine, dtype }: Reduction, a: Pieces, b: Pieces): Pieces {
    const { site, f } = this.#emitter;
    return vectorFunction({ site, f, dtype, operand: dtype }, combineFunctions[combine satisfies Combine], [a, b]);
  }

  #tree(reduction: Reduction, blocks: readonly Pieces[]): Pieces {
    let level = blocks;
    while (level.length > 1) {
      level = level.flatMap((a, i) => {
        const b = level[i + 1];
        if (i % 2 === 1) return [];
        if (b === undefined) return [a];
        return [this.#combined(reduction, a, b).map((piece) => this.#emitter.f.let('partial', piece))];
      });
    }
    return level[0] as Pieces;
  }

  #acrossLanes(reduction: Reduction, pieces: Pieces): Pieces {
    const { f } = this.#emitter;
    const step = (a: Value, b: Value): Value =>
      f.let(`r${reduction.id}`, this.#combined(reduction, [a], [f.held('swapped', b)])[0] as Value);
    const orders =
      pieces.length === 2
        ? [[1, 0]]
        : [
            [2, 3, 0, 1],
            [1, 0, 3, 2],
          ];
    const all = orders.reduce((lanes, order) => step(lanes, shuffleLanes(lanes, lanes, order)), pieces.reduce(step));
    return pieces.map(() => all);
  }
}

/** The first `count` of four points, and of the others what `rest` gives. */
function onlyFirst(value: Pieces, rest: Pieces, count: number): Pieces {
  const lanes = 4 / value.length;
  return value.map((piece, i) => {
    const bits = Array.from({ length: lanes }, (_, lane) => (i * lanes + lane < count ? -1 : 0));
    return v128.bitselect(piece, rest[i] as Value, vector(value.length === 2 ? 'i64x2' : 'i32x4', ...bits));
  });
}

/** Turns after which partial sums go outwards, the outermost first; none if the chain is short anyway. */
function chainSizes(turns: number, termsPerTurn: number): number[] {
  if (turns * termsPerTurn <= 2 * chain) return [];
  const sizes = [Math.max(1, Math.floor(chain / termsPerTurn))];
  while (turns / (sizes[0] as number) > 2 * chain) sizes.unshift((sizes[0] as number) * chain);
  return sizes;
}

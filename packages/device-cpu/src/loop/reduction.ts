/**
 * Accumulators of a phase's reductions: one per block of lanes, combined at the end. Sums of floats are kept short: after about 64
 * terms a partial sum goes into an outer one, so that the error grows with the logarithm of the length and not with the length. Owns
 * combining; loops are `nest.ts`.
 */
import type { Combine, DType, Expression, Reduction } from '@torchlet/device';
import type { Pieces } from '../kernel-function.js';
import { f32x4, f64x2, i32, type Local, select, shuffleLanes, type Value, v128, vector } from '../wasm/index.js';
import type { Emitter } from './emitter.js';
import { laneClasses, splatConstant } from './lanes.js';
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
export function termOf(emitter: Emitter, { of, dtype }: Reduction): Pieces {
  const value = emitter.pieces(of);
  if (of.dtype === dtype) return value;
  const at = { site: emitter.site, f: emitter.f, dtype, operand: of.dtype, uniform: null };
  return vectorFunction(at, 'cast', [value]).map((piece) => emitter.f.let('term', piece));
}

function isFloatMaximum({ combine, dtype }: Reduction): boolean {
  return combine === 'max' && (laneClasses[dtype] === 'f32' || laneClasses[dtype] === 'f64');
}

type Level = readonly (readonly (readonly Local[])[])[];

export class Accumulators {
  readonly #emitter: Emitter;
  readonly #reductions: readonly Reduction[];
  readonly #blocks: number;
  /** Outermost first: reductions, blocks, pieces. */
  readonly #levels: Level[] = [];
  /** Of maxima of floats, where a NaN was met: the quick instruction for a maximum passes over it. */
  readonly #unordered: ReadonlyMap<Reduction, readonly (readonly Local[])[]>;

  constructor(emitter: Emitter, reductions: readonly Reduction[], blocks: number) {
    this.#emitter = emitter;
    this.#reductions = reductions;
    this.#blocks = blocks;
    this.#enter();
    this.#unordered = new Map(
      reductions.filter(isFloatMaximum).map((reduction) => [reduction, this.#locals(reduction, 'unordered', 0)]),
    );
  }

  get #needsShortChains(): boolean {
    return this.#reductions.some(
      ({ combine, dtype }) => combine === 'sum' && (laneClasses[dtype] === 'f32' || laneClasses[dtype] === 'f64'),
    );
  }

  /** Adds the values of the current block. Lanes past the count are left out where lanes will be combined. */
  add(lanesAreOne: boolean): void {
    const emitter = this.#emitter;
    const level = this.#levels[this.#levels.length - 1] as Level;
    this.#reductions.forEach((reduction, r) => {
      const accumulator = level[r]?.[emitter.block] as readonly Local[];
      const count = emitter.counts[emitter.block] ?? 4;
      const next =
        lanesAreOne && count < 4
          ? this.#taken(reduction, accumulator, this.#onlyFirst(reduction, termOf(this.#emitter, reduction), count))
          : this.#accumulated(reduction, accumulator);
      next.forEach((piece, i) => {
        emitter.f.set(accumulator[i] as Local, piece);
      });
    });
  }

  #locals(reduction: Reduction, name: string, value: number | bigint): readonly (readonly Local[])[] {
    const { f } = this.#emitter;
    return Array.from({ length: this.#blocks }, () =>
      splatConstant(reduction.dtype, value).map((piece) => f.let(`${name}${reduction.id}`, piece)),
    );
  }

  /** The loop of a reduction whose accumulators take `termsPerTurn` terms each turn of `step`. */
  control(turns: number, termsPerTurn: number, step: number): Control {
    const sizes = this.#needsShortChains ? chainSizes(turns, termsPerTurn) : [];
    const { f } = this.#emitter;
    const write = (counter: Local, end: Parameters<Control>[1], turn: () => void, level: number): void => {
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

  /** The results, by reduction and block. */
  byBlock(): readonly (readonly Pieces[])[] {
    return this.#reductions.map((reduction, r) => this.#finished(reduction, r));
  }

  /** The results with all blocks and lanes combined: the same value in every lane. */
  combined(): readonly Pieces[] {
    return this.#reductions.map((reduction, r) =>
      this.#acrossLanes(reduction, this.#tree(reduction, this.#finished(reduction, r))),
    );
  }

  #finished(reduction: Reduction, r: number): readonly Pieces[] {
    const blocks = (this.#levels[0] as Level)[r] as readonly Pieces[];
    const unordered = this.#unordered.get(reduction);
    if (unordered === undefined) return blocks;
    const notANumber = splatConstant(reduction.dtype, NaN);
    return blocks.map((pieces, block) =>
      pieces.map((piece, i) => {
        const met = unordered[block]?.[i] as Local;
        return this.#emitter.f.let(
          `${reduction.combine}${reduction.id}`,
          v128.bitselect(notANumber[i] as Value, piece, met),
        );
      }),
    );
  }

  #enter(): void {
    this.#levels.push(
      this.#reductions.map((reduction) => this.#locals(reduction, reduction.combine, identity(reduction))),
    );
  }

  #leave(): void {
    const inner = this.#levels.pop() as Level;
    const outer = this.#levels[this.#levels.length - 1] as Level;
    this.#reductions.forEach((reduction, r) => {
      for (let block = 0; block < this.#blocks; block++) {
        const into = outer[r]?.[block] as readonly Local[];
        this.#combined(reduction, into, inner[r]?.[block] as Pieces).forEach((piece, i) => {
          this.#emitter.f.set(into[i] as Local, piece);
        });
      }
    });
  }

  /** A sum of products takes each product with a fused multiply-add where there is one. */
  #accumulated(reduction: Reduction, accumulator: readonly Local[]): Pieces {
    if (isFloatMaximum(reduction)) return this.#maximum(reduction, accumulator, termOf(this.#emitter, reduction));
    const factors = this.#factors(reduction);
    if (factors === null) return this.#combined(reduction, accumulator, termOf(this.#emitter, reduction));
    const [a, b] = factors.map((factor) => this.#emitter.pieces(factor)) as [Pieces, Pieces];
    const F = reduction.dtype === 'float64' ? f64x2 : f32x4;
    return accumulator.map((piece, i) => F.relaxedMadd(a[i] as Value, b[i] as Value, piece));
  }

  #taken(reduction: Reduction, accumulator: readonly Local[], value: Pieces): Pieces {
    if (!isFloatMaximum(reduction)) return this.#combined(reduction, accumulator, value);
    return this.#maximum(
      reduction,
      accumulator,
      value.map((piece) => this.#emitter.f.let('term', piece)),
    );
  }

  #maximum(reduction: Reduction, accumulator: readonly Local[], value: Pieces): Pieces {
    const F = reduction.dtype === 'float64' ? f64x2 : f32x4;
    const unordered = this.#unordered.get(reduction)?.[this.#emitter.block] ?? [];
    unordered.forEach((met, i) => {
      const piece = value[i] as Value;
      this.#emitter.f.set(met, v128.or(met, F.ne(piece, piece)));
    });
    return accumulator.map((piece, i) => F.pmax(piece, value[i] as Value));
  }

  #factors({ combine, dtype, of }: Reduction): readonly Expression[] | null {
    const plain = dtype === 'float32' || dtype === 'float64';
    if (!this.#emitter.site.features.fma || combine !== 'sum' || !plain || of.dtype !== dtype) return null;
    if (this.#emitter.rows.has(of)) return null;
    return of.kind === 'apply' && of.fn === 'mul' && this.#emitter.scope.pieces(of, this.#emitter.block) === undefined
      ? of.args
      : null;
  }

  #combined({ combine, dtype }: Reduction, a: Pieces, b: Pieces): Pieces {
    const { site, f } = this.#emitter;
    const at = { site, f, dtype, operand: dtype, uniform: null };
    return vectorFunction(at, combineFunctions[combine satisfies Combine], [a, b]);
  }

  #onlyFirst(reduction: Reduction, value: Pieces, count: number): Pieces {
    const rest = splatConstant(reduction.dtype, identity(reduction));
    const lanes = value.length === 2 ? [0, 2] : [0];
    return lanes.map((first, i) =>
      v128.bitselect(value[i] as Value, rest[i] as Value, firstLanes(value.length, count - first)),
    );
  }

  #tree(reduction: Reduction, blocks: readonly Pieces[]): Pieces {
    const { f } = this.#emitter;
    let level = [...blocks];
    while (level.length > 1) {
      const next: Pieces[] = [];
      for (let i = 0; i < level.length; i += 2) {
        const [a, b] = [level[i] as Pieces, level[i + 1]];
        next.push(b === undefined ? a : this.#combined(reduction, a, b).map((piece) => f.let('partial', piece)));
      }
      level = next;
    }
    return level[0] ?? splatConstant(reduction.dtype, identity(reduction));
  }

  #acrossLanes(reduction: Reduction, pieces: Pieces): Pieces {
    const { f } = this.#emitter;
    if (pieces.length === 2) {
      const [low, high] = pieces as [Value, Value];
      const both = this.#halves(reduction, low, high);
      const all = this.#halves(reduction, both, shuffleLanes(both, both, [1, 0]));
      return [all, all];
    }
    const [lanes] = pieces as [Value];
    const pairs = this.#step(reduction, lanes, f.let('swapped', shuffleLanes(lanes, lanes, [2, 3, 0, 1])));
    return [this.#step(reduction, pairs, f.let('swapped', shuffleLanes(pairs, pairs, [1, 0, 3, 2])))];
  }

  #step(reduction: Reduction, a: Value, b: Value): Local {
    return this.#emitter.f.let(`r${reduction.id}`, this.#combined(reduction, [a], [b])[0] as Value);
  }

  /** Combines vectors of two 64-bit lanes, as the first of two pieces. */
  #halves(reduction: Reduction, a: Value, b: Value): Local {
    const { f } = this.#emitter;
    const second = f.let('other', b);
    return f.let(`r${reduction.id}`, this.#combined(reduction, [a], [second])[0] as Value);
  }
}

/** All bits of the first `count` lanes of a vector. */
function firstLanes(pieces: number, count: number): Value {
  if (pieces === 2) return vector('i64x2', count > 0 ? -1 : 0, count > 1 ? -1 : 0);
  return vector('i32x4', ...[0, 1, 2, 3].map((lane) => (lane < count ? -1 : 0)));
}

/** Turns after which partial sums go outwards, the outermost first; none if the chain is short anyway. */
function chainSizes(turns: number, termsPerTurn: number): number[] {
  if (turns * termsPerTurn <= 2 * chain) return [];
  const sizes = [Math.max(1, Math.floor(chain / termsPerTurn))];
  while (turns / (sizes[0] as number) > 2 * chain) sizes.unshift((sizes[0] as number) * chain);
  return sizes;
}

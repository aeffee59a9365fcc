/**
 * Rows that one phase leaves for the next: costly expressions that several phases of a domain use are computed in the first and kept in
 * scratch memory. Owns which expressions, and where they lie.
 */
import { type Expression, operands, postorder, type ScalarFunction } from '@torchlet/device';
import { i32, type Local, v128 } from '../wasm/index.js';
import { addressOf } from './addresses.js';
import type { Affine, Variable } from './affine.js';
import type { Emitter, KeptRow } from './emitter.js';
import { piecesOf } from './lanes.js';
import type { Work } from './nest.js';
import { isPureIndex } from './space.js';

/** Instructions that one vector of a function takes, about; the rest take one or two. */
const costs: Readonly<Partial<Record<ScalarFunction, number>>> = {
  exp: 22,
  expm1: 24,
  log: 28,
  log1p: 32,
  sin: 40,
  cos: 40,
  atan: 26,
  tanh: 26,
  erf: 30,
  pow: 90,
  div: 4,
  sqrt: 5,
  idiv: 30,
  mod: 30,
};

/** About how many instructions computing `fn` for four points takes. */
export function functionCost(fn: ScalarFunction): number {
  return costs[fn] ?? 1;
}

/** A kept row pays from here on. */
const worthKeeping = 8;

/** The expressions of a domain's phases that are worth keeping: computed in one phase, used again in a later one. */
export function rowsToKeep(
  emitter: Emitter,
  phases: readonly Work[],
  mustVary: number,
  stored: ReadonlySet<number>,
): Expression[] {
  const perPhase = phases.map(alwaysComputed);
  const uses = new Map<Expression, number>();
  for (const phase of perPhase) for (const expression of phase) uses.set(expression, (uses.get(expression) ?? 0) + 1);
  const shared = (expression: Expression) => (uses.get(expression) ?? 0) > 1;
  const kept = new Set<Expression>();
  phases.forEach((work, i) => {
    if (i === 0) return;
    const wanted = new Set<Expression>([...work.values, ...work.stores.map(({ value }) => value)]);
    for (const user of perPhase[i] ?? []) if (!shared(user)) for (const operand of operands(user)) wanted.add(operand);
    const earlier = perPhase.slice(0, i);
    for (const expression of wanted) {
      if (!earlier.some((phase) => phase.has(expression)) || expression.kind !== 'apply' || isPureIndex(expression))
        continue;
      if (
        (emitter.dependencies(expression) & mustVary) === mustVary &&
        cost(emitter, expression, mustVary, stored) >= worthKeeping
      )
        kept.add(expression);
    }
  });
  return [...kept];
}

/** What a phase computes at every point, whatever masks say: the index of a masked load is not among it. */
export function alwaysComputed({ values, stores }: Work): Set<Expression> {
  const found = new Set<Expression>();
  const stack = [...values, ...stores.map(({ value }) => value)];
  for (let next = stack.pop(); next !== undefined; next = stack.pop()) {
    if (found.has(next)) continue;
    found.add(next);
    if (next.kind === 'load' && next.mask !== null) stack.push(next.mask);
    else stack.push(...operands(next));
  }
  return found;
}

/** 0 for what reads slots that the kernel writes: such a value is not the same in every phase. */
function cost(emitter: Emitter, expression: Expression, varying: number, stored: ReadonlySet<number>): number {
  const parts = postorder([expression]);
  if (parts.some((part) => part.kind === 'load' && stored.has(part.slot))) return 0;
  return parts.reduce((sum, part) => {
    const inLoop = part.kind === 'apply' && (emitter.dependencies(part) & varying) !== 0;
    return inLoop ? sum + functionCost(part.fn) : sum;
  }, 0);
}

/** Where rows lie in the scratch memory of a call. */
export class RowScratch {
  readonly #emitter: Emitter;
  #bytes = 0;

  constructor(emitter: Emitter) {
    this.#emitter = emitter;
  }

  get bytes(): number {
    return this.#bytes;
  }

  /** Values along inner variables, lanes along the last of them. */
  alongRow(expression: Expression, variables: readonly Variable[]): KeptRow {
    const lanes = [...variables];
    const last = lanes.pop() as Variable;
    const width = 4 * piecesOf(expression.dtype);
    const pitch = Math.ceil(last.length / 4) * 4;
    const { terms, size } = strides(lanes, pitch);
    return this.#row(
      expression,
      { constant: 0, terms: new Map([...terms, [last, 1]]), atoms: new Map() },
      width,
      size * width,
      false,
    );
  }

  /** Whole blocks for every point of the inner variables. */
  perPoint(expression: Expression, variables: readonly Variable[], blocks: number): KeptRow {
    const bytes = 16 * piecesOf(expression.dtype) * blocks;
    const { terms, size } = strides(variables, bytes);
    return this.#row(expression, { constant: 0, terms, atoms: new Map() }, 1, size, true);
  }

  #row(expression: Expression, form: Affine, width: number, bytes: number, perBlock: boolean): KeptRow {
    const emitter = this.#emitter;
    const { f } = emitter;
    const scratch = f.params['scratch'] as Local;
    const region = { base: f.let('row', i32.add(scratch, this.#bytes)), width };
    this.#bytes += Math.ceil(bytes / 64) * 64;
    const pieces = piecesOf(expression.dtype);
    const at = (piece: number) => 16 * (piece + (perBlock ? emitter.block * pieces : 0));
    return {
      written: false,
      region,
      form,
      read() {
        const { pointer, offset } = addressOf(emitter, region, form);
        return Array.from({ length: pieces }, (_, piece) => v128.load(pointer, offset + at(piece)));
      },
      write(values) {
        const { pointer, offset } = addressOf(emitter, region, form);
        values.forEach((value, piece) => {
          f.do(v128.store(pointer, value, offset + at(piece)));
        });
      },
    };
  }
}

/** Row-major strides with `unit` between neighbours of the last variable, and the size of all. */
function strides(variables: readonly Variable[], unit: number): { terms: Map<Variable, number>; size: number } {
  const terms = new Map<Variable, number>();
  let size = unit;
  for (const variable of [...variables].reverse()) {
    terms.set(variable, size);
    size *= variable.length;
  }
  return { terms, size };
}

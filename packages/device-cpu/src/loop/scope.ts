/**
 * What is known at a place in the loops: the positions of the variables bound so far, and the values and addresses already in locals. Scopes
 * nest as loops and branches do; what an outer one knows, the inner ones know. Owns memory only; `emitter.ts` fills it.
 */
import type { Expression } from '@torchlet/device';
import type { Pieces, Position } from '../kernel-function.js';
import type { Local, Value } from '../wasm/index.js';
import type { Variable } from './affine.js';

export class Scope {
  readonly parent: Scope | null;
  /** Bits of the variables bound here and outside. */
  readonly bound: number;
  readonly #positions: ReadonlyMap<Variable, Position>;
  readonly #scalars = new Map<Expression, Value[]>();
  readonly #pieces = new Map<Expression, Pieces[]>();
  readonly #pointers = new Map<string, Local>();

  constructor(parent: Scope | null, positions: ReadonlyMap<Variable, Position>) {
    this.parent = parent;
    this.#positions = positions;
    let bound = parent?.bound ?? 0;
    for (const variable of positions.keys()) bound |= variable.bit;
    this.bound = bound;
  }

  position(variable: Variable): Position {
    for (const scope of this.chain()) {
      const position = scope.#positions.get(variable);
      if (position !== undefined) return position;
    }
    throw new RangeError(`cpu: loop variable ${variable.name} is not bound here`);
  }

  scalar(expression: Expression, block: number): Value | undefined {
    for (const scope of this.chain()) {
      const value = scope.#scalars.get(expression)?.[block];
      if (value !== undefined) return value;
    }
    return undefined;
  }

  setScalar(expression: Expression, block: number, value: Value): void {
    const blocks = this.#scalars.get(expression) ?? [];
    blocks[block] = value;
    this.#scalars.set(expression, blocks);
  }

  pieces(expression: Expression, block: number): Pieces | undefined {
    for (const scope of this.chain()) {
      const pieces = scope.#pieces.get(expression)?.[block];
      if (pieces !== undefined) return pieces;
    }
    return undefined;
  }

  setPieces(expression: Expression, block: number, pieces: Pieces): void {
    const blocks = this.#pieces.get(expression) ?? [];
    blocks[block] = pieces;
    this.#pieces.set(expression, blocks);
  }

  pointer(key: string): Local | undefined {
    for (const scope of this.chain()) {
      const pointer = scope.#pointers.get(key);
      if (pointer !== undefined) return pointer;
    }
    return undefined;
  }

  setPointer(key: string, pointer: Local): void {
    this.#pointers.set(key, pointer);
  }

  /** This scope, then those around it. */
  *chain(): Iterable<Scope> {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) yield scope;
  }
}

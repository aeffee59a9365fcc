/**
 * What is known at a place in the loops: the positions of the variables bound so far, and the values and addresses already in locals. Scopes
 * nest as loops and branches do; what an outer one knows, the inner ones know. Owns memory only; `emitter.ts` fills it.
 */
import type { Expression } from '@torchlet/device';
import type { Pieces, Position } from '../kernel-function.js';
import type { Local, Value } from '../wasm/index.js';
import type { Variable } from './affine.js';

/** Kinds of what is known, by expression and block; of pointers by a key. */
interface Known {
  readonly scalar: Value;
  readonly pieces: Pieces;
  readonly pointer: Local;
}

export class Scope {
  readonly parent: Scope | null;
  /** Bits of the variables bound here and outside. */
  readonly bound: number;
  readonly #positions: ReadonlyMap<Variable, Position>;
  readonly #known: { readonly [Kind in keyof Known]: Map<Expression | string, Known[Kind][]> } = {
    scalar: new Map(),
    pieces: new Map(),
    pointer: new Map(),
  };

  constructor(parent: Scope | null, positions: ReadonlyMap<Variable, Position>) {
    this.parent = parent;
    this.#positions = positions;
    this.bound = [...positions.keys()].reduce((bits, variable) => bits | variable.bit, parent?.bound ?? 0);
  }

  position(variable: Variable): Position {
    for (const scope of this.chain()) {
      const position = scope.#positions.get(variable);
      if (position !== undefined) return position;
    }
    throw new RangeError(`cpu: loop variable ${variable.name} is not bound here`);
  }

  known<Kind extends keyof Known>(kind: Kind, key: Expression | string, block = 0): Known[Kind] | undefined {
    for (const scope of this.chain()) {
      const value = scope.#known[kind].get(key)?.[block];
      if (value !== undefined) return value;
    }
    return undefined;
  }

  learn<Kind extends keyof Known>(kind: Kind, value: Known[Kind], key: Expression | string, block = 0): void {
    const blocks = this.#known[kind].get(key) ?? [];
    blocks[block] = value;
    this.#known[kind].set(key, blocks);
  }

  /** This scope, then those around it. */
  *chain(): Iterable<Scope> {
    for (let scope: Scope | null = this; scope !== null; scope = scope.parent) yield scope;
  }
}

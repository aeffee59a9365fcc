/**
 * Makes the expressions of one kernel. Owns sharing (equal expressions are one object, so that a device computes them once), the few
 * rewrites that need no graph, and the way from an index map to int32 arithmetic. What a node means in expressions is `lower.ts`.
 */
import {
  type Constant,
  type DType,
  dtypes,
  type Expression,
  type Load,
  type Result,
  type ScalarFunction,
} from '@torchlet/device';
import { type Atom, type Index, Indices } from './index-map.js';

/** An expression and, where it counts, a number that equal expressions share. */
export class Builder {
  readonly indices = new Indices();
  readonly #known = new Map<string, Expression>();
  readonly #ids = new Map<Expression, number>();
  readonly #loads = new Map<Expression, Index>();
  /** Every index that became arithmetic, those inside divisions included. */
  readonly used = new Map<string, Index>();

  /** Distinct expressions made so far. */
  get size(): number {
    return this.#ids.size;
  }

  id(expression: Expression): number {
    return this.#ids.get(expression) as number;
  }

  /** An int64 is a number where that is exact. */
  constant(given: number | bigint, dtype: DType): Constant {
    const exact = typeof given === 'bigint' && Number.isSafeInteger(Number(given));
    const value = exact ? Number(given) : given;
    const spelled = Object.is(value, -0) ? '-0' : `${value}${typeof value === 'bigint' ? 'n' : ''}`;
    return this.#share(`c${dtype}:${spelled}`, () => ({ kind: 'constant', dtype, value })) as Constant;
  }

  scalar(slot: number, dtype: DType): Expression {
    return this.#share(`s${slot}`, () => ({ kind: 'scalar', dtype, slot }));
  }

  result(id: number, dtype: DType): Result {
    return this.#share(`r${id}`, () => ({ kind: 'result', dtype, id })) as Result;
  }

  load(slot: number, dtype: DType, index: Index, mask: Expression | null): Load {
    const load = this.#load(slot, dtype, this.index(index), mask, 0);
    this.#loads.set(load, this.indices.expanded(index));
    return load;
  }

  /** The index of a load that was made here. */
  indexOf(load: Load): Index {
    return this.#loads.get(load) as Index;
  }

  /** The same load with another value where its mask does not hold. */
  loadOr(load: Load, otherwise: number): Load {
    const other = this.#load(load.slot, load.dtype, load.index, load.mask, otherwise);
    this.#loads.set(other, this.indexOf(load));
    return other;
  }

  #load(slot: number, dtype: DType, at: Expression, mask: Expression | null, otherwise: number): Load {
    const key = `l${slot}:${this.id(at)}:${mask === null ? '' : this.id(mask)}:${Object.is(otherwise, -0) ? '-0' : otherwise}`;
    return this.#share(key, () => ({ kind: 'load', dtype, slot, index: at, mask, otherwise })) as Load;
  }

  apply(fn: ScalarFunction, dtype: DType, args: readonly Expression[]): Expression {
    const simpler = this.#simpler(fn, dtype, args);
    if (simpler !== null) return simpler;
    const key = `${fn}:${dtype}:${args.map((arg) => this.id(arg)).join(',')}`;
    return this.#share(key, () => ({ kind: 'apply', dtype, fn, args }));
  }

  cast(x: Expression, dtype: DType): Expression {
    return x.dtype === dtype ? x : this.apply('cast', dtype, [x]);
  }

  /** int32 arithmetic that computes `index`. */
  index(given: Index): Expression {
    const index = this.indices.expanded(given);
    this.used.set(index.key, index);
    let sum: Expression | null = null;
    for (const { atom, times } of index.terms) {
      const base = this.#atom(atom);
      const term = times === 1 ? base : this.apply('mul', 'int32', [base, this.constant(times, 'int32')]);
      sum = sum === null ? term : this.apply('add', 'int32', [sum, term]);
    }
    if (sum === null) return this.constant(index.constant, 'int32');
    if (index.constant === 0) return sum;
    return this.apply('add', 'int32', [sum, this.constant(index.constant, 'int32')]);
  }

  /** The condition low <= index < high; null where it always holds. */
  inside(index: Index, low: number, high: number): Expression | null {
    const above =
      index.min >= low ? null : this.apply('lt', 'bool', [this.constant(low - 1, 'int32'), this.index(index)]);
    const below = index.max < high ? null : this.apply('lt', 'bool', [this.index(index), this.constant(high, 'int32')]);
    return this.both(above, below);
  }

  both(a: Expression | null, b: Expression | null): Expression | null {
    if (a === null || a === b) return b;
    if (b === null) return a;
    return this.apply('and', 'bool', [a, b]);
  }

  #atom(atom: Atom): Expression {
    switch (atom.kind) {
      case 'axis':
        return this.#share(`a${atom.axis}`, () => ({ kind: 'axis', dtype: 'int32', axis: atom.axis }));
      case 'data':
        return atom.expression;
      case 'bounded':
        return this.index(atom.of);
      case 'div':
        return this.apply('idiv', 'int32', [this.index(atom.of), this.constant(atom.by, 'int32')]);
      case 'mod':
        return this.apply('mod', 'int32', [this.index(atom.of), this.constant(atom.by, 'int32')]);
      default: {
        const never: never = atom;
        return never;
      }
    }
  }

  /** x + (-y) and (-x) + y are differences, to the bit; a constant condition has chosen already. */
  #simpler(fn: ScalarFunction, dtype: DType, args: readonly Expression[]): Expression | null {
    const [x, y, z] = args;
    if (fn === 'add' && dtypes[dtype].kind !== 'bool') {
      if (y?.kind === 'apply' && y.fn === 'neg') return this.apply('sub', dtype, [x as Expression, ...y.args]);
      if (x?.kind === 'apply' && x.fn === 'neg') return this.apply('sub', dtype, [y as Expression, ...x.args]);
    }
    if (fn === 'where' && x?.kind === 'constant') return (x.value ? y : z) as Expression;
    return null;
  }

  #share(key: string, make: () => Expression): Expression {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const made = make();
    this.#known.set(key, made);
    this.#ids.set(made, this.#ids.size);
    return made;
  }
}

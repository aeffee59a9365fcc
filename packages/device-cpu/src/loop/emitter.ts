/**
 * Turns expressions into code at a place in the loops: every value is computed once per scope, for four points at a time; a scalar is a
 * first lane, but for index arithmetic. Owns how an expression is computed; loads and stores are `elements.ts`, the loops around `nest.ts`,
 * the phases `loop-kernel.ts`, addresses `addresses.ts`.
 */
import type { Apply, Expression } from '@torchlet/device';
import { type KernelSite, type Pieces, scalarParam } from '../kernel-function.js';
import { constant, type FunctionBuilder, i32, i32x4, isConstant, type Value } from '../wasm/index.js';
import type { Affine, Variable } from './affine.js';
import type { AddressContext, Region } from './addresses.js';
import { loadElements } from './elements.js';
import { integerDivision } from './integer-division.js';
import { type Count, extract, floatsFor, isWide, loadScalar, splat, splatConstant } from './lanes.js';
import { Scope } from './scope.js';
import { isPureIndex, type Space } from './space.js';
import { vectorFunction } from './vector-functions.js';

/** An index form in two parts: what is one address for all lanes, and what differs between lanes. */
export interface LaneForm {
  readonly address: Affine;
  /** Elements between neighbouring lanes. */
  readonly stride: number;
  readonly laneAtoms: ReadonlyMap<Expression, number>;
}

/** Values of one expression that an earlier phase left for a later one. */
export interface KeptRow {
  /** Whether the phase that computes it is over. */
  written: boolean;
  readonly region: Region;
  readonly form: Affine;
  read(): Pieces;
  write(pieces: Pieces): void;
}

const oneBlock: readonly Count[] = [4];

export class Emitter implements AddressContext {
  readonly site: KernelSite;
  readonly f: FunctionBuilder;
  readonly space: Space;
  readonly results = new Map<number, Pieces[]>();
  readonly rows = new Map<Expression, KeptRow>();
  scope: Scope;
  /** Points of each block of lanes that is computed side by side. */
  counts: readonly Count[] = oneBlock;
  /** The block that is being written. */
  block = 0;
  /** The variable along which the blocks lie, one position apart; null where they follow each other along the vector variable. */
  across: Variable | null = null;
  readonly #vectors: readonly (Variable | null)[];
  #domain = 0;
  readonly #ids = new Map<Expression, number>();

  /** @param vectors the variable along which the lanes lie, by domain; null where every value is uniform. */
  constructor(site: KernelSite, f: FunctionBuilder, space: Space, vectors: readonly (Variable | null)[]) {
    this.site = site;
    this.f = f;
    this.space = space;
    this.#vectors = vectors;
    this.scope = new Scope(null, new Map());
  }

  /** Runs `write` in a scope of its own; what it learns is forgotten after it. */
  inside<T>(write: () => T, scope = new Scope(this.scope, new Map())): T {
    const outer = this.scope;
    this.scope = scope;
    const made = write();
    this.scope = outer;
    return made;
  }

  /** The same with a variable at one place. */
  fixed(variable: Variable, offset: number, write: () => void): void {
    this.inside(write, new Scope(this.scope, new Map([[variable, { local: null, offset }]])));
  }

  /** From here on inner axes are those of `domain`, and lanes lie along its vector variable. */
  enter(domain: number): void {
    this.#domain = domain;
  }

  get vector(): Variable | null {
    return this.#vectors[this.#domain] ?? null;
  }

  id(expression: Expression): number {
    const known = this.#ids.get(expression);
    if (known !== undefined) return known;
    this.#ids.set(expression, this.#ids.size);
    return this.#ids.size - 1;
  }

  dependencies(expression: Expression): number {
    return this.space.dependencies(expression, this.#domain);
  }

  within(expression: Expression, bits: number): boolean {
    return (this.dependencies(expression) & ~bits) === 0;
  }

  /** Whether the lanes of a value differ. */
  varies(expression: Expression): boolean {
    return this.vector !== null && (this.dependencies(expression) & this.vector.bit) !== 0;
  }

  /** Whether the blocks of a value differ. */
  differs(expression: Expression): boolean {
    return this.varies(expression) || (this.across !== null && (this.dependencies(expression) & this.across.bit) !== 0);
  }

  blockOffset(variable: Variable): number {
    const { offset } = this.scope.position(variable);
    if (this.across === null) return variable === this.vector ? offset + 4 * this.block : offset;
    return variable === this.across ? offset + this.block : offset;
  }

  /** Points of the current block. */
  get count(): Count {
    return this.counts[this.vector === null ? 0 : this.block] ?? 4;
  }

  /** Code for the values of the current block, or the values if they are known. */
  pieces(expression: Expression): Pieces {
    const block = this.differs(expression) ? this.block : 0;
    const known = this.scope.known('pieces', expression, block);
    if (known !== undefined) return known;
    const row = this.rows.get(expression);
    const values = row?.written ? row.read() : this.#computePieces(expression);
    const pieces = values.map((piece) => this.#held(nameOf(expression), piece));
    this.scope.learn('pieces', pieces, expression, block);
    if (row?.written === false) row.write(pieces);
    return pieces;
  }

  /** Code for an integer or bool as a scalar: the value of all lanes, or of the first. */
  scalar(expression: Expression): Value {
    const block = this.differs(expression) ? this.block : 0;
    const known = this.scope.known('scalar', expression, block);
    if (known !== undefined) return known;
    const value = this.#held(nameOf(expression), this.#computeScalar(expression));
    this.scope.learn('scalar', value, expression, block);
    return value;
  }

  laneForm(index: Expression): LaneForm {
    const form = this.space.form(index, this.#domain);
    const laneAtoms = new Map([...form.atoms].filter(([atom]) => this.varies(atom)));
    const atoms = new Map([...form.atoms].filter(([atom]) => !laneAtoms.has(atom)));
    const stride = this.vector === null ? 0 : (form.terms.get(this.vector) ?? 0);
    return { address: { ...form, atoms }, stride, laneAtoms };
  }

  #computePieces(expression: Expression): Pieces {
    switch (expression.kind) {
      case 'constant':
        return splatConstant(expression.dtype, expression.value);
      case 'scalar':
        return splat(
          this.f,
          expression.dtype,
          loadScalar(expression.dtype, this.f.param(scalarParam(expression.slot))),
        );
      case 'axis':
        return this.#formPieces(expression);
      case 'result': {
        const result = this.results.get(expression.id);
        const pieces = result?.[this.differs(expression) ? this.block : 0];
        if (pieces === undefined) throw new RangeError(`cpu: result ${expression.id} is read before it is computed`);
        return pieces;
      }
      case 'load':
        return loadElements(this, expression);
      case 'apply': {
        if (isPureIndex(expression) && !this.#isAtom(expression)) return this.#formPieces(expression);
        if (this.isUniformQuotient(expression)) return splat(this.f, expression.dtype, this.scalar(expression));
        return this.#applyPieces(expression);
      }
      default: {
        const never: never = expression;
        return never;
      }
    }
  }

  /** A quotient or remainder that all lanes share: it is computed as a scalar and then spread. */
  isUniformQuotient(expression: Expression): expression is Apply {
    return (
      expression.kind === 'apply' &&
      expression.fn in integerDivision &&
      (expression.dtype === 'int32' || expression.dtype === 'int64') &&
      !this.varies(expression)
    );
  }

  #applyPieces(expression: Apply): Pieces {
    const { fn, dtype } = expression;
    const args = expression.args.map((arg) => this.pieces(arg));
    const last = expression.args[expression.args.length - 1] as Expression;
    const second = expression.args[1];
    const byScalar = (fn === 'shl' || fn === 'shr' || fn in integerDivision) && floatsFor(last.dtype) === null;
    const uniform = byScalar && second !== undefined && !this.varies(second) ? this.scalar(second) : null;
    return vectorFunction({ site: this.site, f: this.f, dtype, operand: last.dtype, uniform }, fn, args);
  }

  /** Pure index arithmetic that is no sum of variables: it is computed from its operands. */
  #isAtom(expression: Expression): boolean {
    return this.space.form(expression, this.#domain).atoms.has(expression);
  }

  #formPieces(expression: Expression): Pieces {
    const { address, stride, laneAtoms } = this.laneForm(expression);
    let lanes: Value = i32x4.splat(this.#formScalar(address));
    if (stride !== 0) lanes = i32x4.add(lanes, i32x4.const(0, stride, 2 * stride, 3 * stride));
    for (const [atom, coefficient] of laneAtoms) {
      const [values] = this.pieces(atom) as [Value];
      lanes = i32x4.add(lanes, coefficient === 1 ? values : i32x4.mul(values, coefficient));
    }
    return [lanes];
  }

  /** The value of a form in the first lane. */
  #formScalar(form: Affine): Value {
    let constant = form.constant;
    let sum: Value | null = null;
    const add = (value: Value, coefficient: number) => {
      const term = coefficient === 1 ? value : i32.mul(value, coefficient);
      sum = sum === null ? term : i32.add(sum, term);
    };
    for (const [variable, coefficient] of form.terms) {
      const { local } = this.scope.position(variable);
      constant += coefficient * this.blockOffset(variable);
      if (local !== null) add(local, coefficient);
    }
    for (const [atom, coefficient] of form.atoms) add(this.scalar(atom), coefficient);
    if (sum === null) return i32.const(constant | 0);
    return constant === 0 ? sum : i32.add(sum, constant | 0);
  }

  #computeScalar(expression: Expression): Value {
    if (isPureIndex(expression) && !this.#isAtom(expression))
      return this.#formScalar(this.space.form(expression, this.#domain));
    if (expression.kind === 'constant') return constant(isWide(expression.dtype) ? 'i64' : 'i32', expression.value);
    if (!this.isUniformQuotient(expression)) return extract(expression.dtype, this.pieces(expression), 0);
    const [x, y] = expression.args.map((arg) => this.scalar(arg)) as [Value, Value];
    return integerDivision[expression.fn as keyof typeof integerDivision](this.f, x, y);
  }

  /** Constants stay constants, all else goes into a local. */
  #held(name: string, value: Value): Value {
    return isConstant(value) ? value : this.f.held(name, value);
  }
}

/** What generated code calls a value. */
function nameOf(expression: Expression): string {
  switch (expression.kind) {
    case 'apply':
      return expression.fn === 'cast' ? expression.dtype : expression.fn;
    case 'load':
      return `x${expression.slot}`;
    case 'result':
      return `r${expression.id}`;
    default:
      return expression.kind;
  }
}

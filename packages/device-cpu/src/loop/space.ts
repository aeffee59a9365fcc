/**
 * The loop variables of a kernel, one for each axis; phases with the same inner lengths share theirs, so that they share values. Owns variables, forms
 * of indices and what an expression depends on; the order of loops and the vector axis are `strategy.ts`.
 */
import { type Expression, operands } from '@torchlet/device';
import { type Affine, AffineForms, affineVariable, type Variable } from './affine.js';

const indexFunctions: ReadonlySet<string> = new Set(['add', 'sub', 'neg', 'mul', 'idiv', 'mod']);

/** Pure index arithmetic: axes and constants only. In values such expressions are computed as indices are. */
export function isPureIndex(expression: Expression): boolean {
  if (expression.kind === 'axis') return true;
  if (expression.dtype !== 'int32') return false;
  if (expression.kind === 'apply') return indexFunctions.has(expression.fn) && expression.args.every(isPureIndex);
  return expression.kind === 'constant';
}

export class Space {
  /** The variable of each parallel axis, and those that have more than one position. */
  readonly axes: readonly Variable[];
  readonly parallel: readonly Variable[];
  /** Inner variables of each domain. */
  readonly inner: readonly (readonly Variable[])[];
  readonly #forms: readonly AffineForms[];
  readonly #dependencies: readonly Map<Expression, number>[];

  /** @param domains inner lengths that some phases share. */
  constructor(axes: readonly number[], domains: readonly (readonly number[])[]) {
    let count = 0;
    const make = (length: number): Variable => {
      if (count === 31) throw new RangeError('cpu: a kernel has more than 31 axes');
      return { name: String.fromCharCode(105 + (count % 18)), length, bit: 1 << count++ };
    };
    this.axes = axes.map(make);
    this.parallel = this.axes.filter(isLong);
    const inner = domains.map((lengths) => lengths.map(make));
    this.inner = inner.map((variables) => variables.filter(isLong));
    this.#forms = inner.map((variables) => new AffineForms([...this.axes, ...variables].map(affineVariable)));
    this.#dependencies = domains.map(() => new Map());
  }

  /** Lengths of the axes. */
  get lengths(): readonly number[] {
    return this.axes.map(({ length }) => length);
  }

  /** The form of an int32 expression, in the variables of `domain`. */
  form(expression: Expression, domain: number): Affine {
    return (this.#forms[domain] as AffineForms).of(expression);
  }

  /** The bits of the variables that `expression` varies with. A result varies with every parallel one. */
  dependencies(expression: Expression, domain: number): number {
    const known = this.#dependencies[domain]?.get(expression) ?? this.#computed(expression, domain);
    this.#dependencies[domain]?.set(expression, known);
    return known;
  }

  #computed(expression: Expression, domain: number): number {
    const all = (parts: readonly Expression[]) =>
      parts.reduce((bits, part) => bits | this.dependencies(part, domain), 0);
    if (expression.kind === 'result') return this.parallel.reduce((bits, { bit }) => bits | bit, 0);
    if (!isPureIndex(expression)) return all(operands(expression));
    const { terms, atoms } = this.form(expression, domain);
    let bits = 0;
    for (const variable of terms.keys()) bits |= variable.bit;
    for (const atom of atoms.keys()) bits |= all(operands(atom));
    return bits;
  }
}

function isLong(variable: Variable): boolean {
  return variable.length > 1;
}

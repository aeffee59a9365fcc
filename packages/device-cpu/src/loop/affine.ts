/**
 * Index arithmetic as sums: constant + coefficients times loop variables + coefficients times atoms, which are expressions that are no such
 * sum (a loaded index, a runtime scalar, a quotient: whoever plans a kernel has split its axes so that few are left). Owns the algebra;
 * which variables there are is `space.ts`.
 */
import type { Expression } from '@torchlet/device';

/** One loop: its length, and its bit in sets of variables. */
export interface Variable {
  readonly name: string;
  readonly length: number;
  readonly bit: number;
}

export interface Affine {
  readonly constant: number;
  readonly terms: ReadonlyMap<Variable, number>;
  readonly atoms: ReadonlyMap<Expression, number>;
}

const none = new Map<never, number>();

function affineConstant(constant: number): Affine {
  return { constant, terms: none, atoms: none };
}

export function affineVariable(variable: Variable): Affine {
  return variable.length === 1 ? affineConstant(0) : { constant: 0, terms: new Map([[variable, 1]]), atoms: none };
}

function affineAtom(expression: Expression): Affine {
  return { constant: 0, terms: none, atoms: new Map([[expression, 1]]) };
}

/** a + factor * b, in int32 as the expressions are: coefficients wrap. */
function affineSum(a: Affine, b: Affine, factor: number): Affine {
  return {
    constant: (a.constant + Math.imul(factor, b.constant)) | 0,
    terms: sums(a.terms, b.terms, factor),
    atoms: sums(a.atoms, b.atoms, factor),
  };
}

function sums<K>(a: ReadonlyMap<K, number>, b: ReadonlyMap<K, number>, factor: number): ReadonlyMap<K, number> {
  if (b.size === 0 || factor === 0) return a;
  const sum = new Map(a);
  for (const [key, coefficient] of b) {
    const total = ((sum.get(key) ?? 0) + Math.imul(factor, coefficient)) | 0;
    if (total === 0) sum.delete(key);
    else sum.set(key, total);
  }
  return sum;
}

function isConstant(affine: Affine): boolean {
  return affine.terms.size === 0 && affine.atoms.size === 0;
}

/** Affine forms of expressions, for one meaning of the axes. */
export class AffineForms {
  readonly #axes: readonly Affine[];
  readonly #forms = new Map<Expression, Affine>();

  constructor(axes: readonly Affine[]) {
    this.#axes = axes;
  }

  /** The form of an int32 expression. */
  of(expression: Expression): Affine {
    const known = this.#forms.get(expression) ?? this.#compute(expression);
    this.#forms.set(expression, known);
    return known;
  }

  #compute(expression: Expression): Affine {
    if (expression.kind === 'axis') return this.#axes[expression.axis] ?? affineAtom(expression);
    if (expression.kind === 'constant') return affineConstant(Number(expression.value) | 0);
    if (expression.kind !== 'apply' || expression.dtype !== 'int32') return affineAtom(expression);
    const zero = affineConstant(0);
    const [x, y] = expression.args as [Expression, Expression];
    switch (expression.fn) {
      case 'add':
        return affineSum(this.of(x), this.of(y), 1);
      case 'sub':
        return affineSum(this.of(x), this.of(y), -1);
      case 'neg':
        return affineSum(zero, this.of(x), -1);
      case 'mul': {
        const [a, b] = [this.of(x), this.of(y)];
        if (isConstant(b)) return affineSum(zero, a, b.constant);
        return isConstant(a) ? affineSum(zero, b, a.constant) : affineAtom(expression);
      }
      default:
        return affineAtom(expression);
    }
  }
}

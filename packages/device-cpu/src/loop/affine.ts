/**
 * Index arithmetic as sums: constant + coefficients times loop variables + coefficients times atoms, which are expressions that are no such
 * sum (a loaded index, a runtime scalar, a quotient that does not divide). Quotients and remainders by constants are resolved where
 * the ranges of the variables allow. Owns the algebra; which variables there are is `space.ts`.
 */
import type { Apply, Expression } from '@torchlet/device';

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

export function affineConstant(constant: number): Affine {
  return { constant, terms: none, atoms: none };
}

export function affineVariable(variable: Variable): Affine {
  return variable.length === 1 ? affineConstant(0) : { constant: 0, terms: new Map([[variable, 1]]), atoms: none };
}

function affineAtom(expression: Expression): Affine {
  return { constant: 0, terms: none, atoms: new Map([[expression, 1]]) };
}

/** a + factor * b, in int32 as the expressions are: coefficients wrap. */
export function affineSum(a: Affine, b: Affine, factor: number): Affine {
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

export function isConstant(affine: Affine): boolean {
  return affine.terms.size === 0 && affine.atoms.size === 0;
}

/** A quotient or remainder that stayed an atom only because `variable` is not split at `factor`. */
export interface WantedSplit {
  readonly variable: Variable;
  readonly factor: number;
}

type Range = readonly [least: number, most: number];

/** Affine forms of expressions, for one meaning of the axes. */
export class AffineForms {
  readonly #axes: readonly Affine[];
  readonly #forms = new Map<Expression, Affine>();
  readonly #wanted: WantedSplit[] = [];

  constructor(axes: readonly Affine[]) {
    this.#axes = axes;
  }

  /** Splits of variables that would resolve an atom met so far. */
  get wanted(): readonly WantedSplit[] {
    return this.#wanted;
  }

  /** The form of an int32 expression. */
  of(expression: Expression): Affine {
    const known = this.#forms.get(expression);
    if (known !== undefined) return known;
    const form = this.#compute(expression);
    this.#forms.set(expression, form);
    return form;
  }

  #compute(expression: Expression): Affine {
    if (expression.kind === 'axis') return this.#axes[expression.axis] ?? affineAtom(expression);
    if (expression.kind === 'constant') return affineConstant(Number(expression.value) | 0);
    if (expression.kind !== 'apply' || expression.dtype !== 'int32') return affineAtom(expression);
    const [x, y] = expression.args as [Expression, Expression];
    switch (expression.fn) {
      case 'add':
        return affineSum(this.of(x), this.of(y), 1);
      case 'sub':
        return affineSum(this.of(x), this.of(y), -1);
      case 'neg':
        return affineSum(affineConstant(0), this.of(x), -1);
      case 'mul': {
        const [a, b] = [this.of(x), this.of(y)];
        if (isConstant(b)) return affineSum(affineConstant(0), a, b.constant);
        if (isConstant(a)) return affineSum(affineConstant(0), b, a.constant);
        return affineAtom(expression);
      }
      case 'idiv':
      case 'mod': {
        const divisor = this.of(y);
        if (!isConstant(divisor) || divisor.constant <= 0) return affineAtom(expression);
        return this.#divided(expression, this.of(x), divisor.constant);
      }
      default:
        return affineAtom(expression);
    }
  }

  /** x = d * quotient + rest with the parts that d divides taken out; resolved if the rest stays within [0, d), x is not negative and no sum wraps. */
  #divided(expression: Apply, x: Affine, d: number): Affine {
    if (d === 1) return expression.fn === 'idiv' ? x : affineConstant(0);
    let quotient = affineConstant(Math.floor(x.constant / d));
    let rest = affineConstant(x.constant - d * Math.floor(x.constant / d));
    for (const [variable, coefficient] of x.terms) {
      const whole = { constant: 0, terms: new Map([[variable, 1]]), atoms: none };
      if (coefficient % d === 0) quotient = affineSum(quotient, whole, coefficient / d);
      else rest = affineSum(rest, whole, coefficient);
    }
    for (const [atom, coefficient] of x.atoms) {
      if (coefficient % d === 0) quotient = affineSum(quotient, affineAtom(atom), coefficient / d);
      else rest = affineSum(rest, affineAtom(atom), coefficient);
    }
    const [least, most] = this.#range(rest);
    const [xLeast, xMost] = this.#range(x);
    const nonNegative = xLeast >= 0 && xMost < 2 ** 31;
    if (nonNegative && least >= 0 && most < d) return expression.fn === 'idiv' ? quotient : rest;
    if (nonNegative && least >= 0) this.#want(rest, d);
    return affineAtom(expression);
  }

  #want(rest: Affine, d: number): void {
    for (const [variable, coefficient] of rest.terms) {
      const factor = d / coefficient;
      if (coefficient > 0 && Number.isInteger(factor) && factor < variable.length && variable.length % factor === 0) {
        this.#wanted.push({ variable, factor });
      }
    }
  }

  #range(affine: Affine): Range {
    let [least, most] = [affine.constant, affine.constant];
    const add = ([low, high]: Range, coefficient: number) => {
      least += Math.min(low * coefficient, high * coefficient);
      most += Math.max(low * coefficient, high * coefficient);
    };
    for (const [variable, coefficient] of affine.terms) add([0, variable.length - 1], coefficient);
    for (const [atom, coefficient] of affine.atoms) add(this.#atomRange(atom), coefficient);
    return [least, most];
  }

  #atomRange(atom: Expression): Range {
    const anything: Range = [-Infinity, Infinity];
    if (atom.kind !== 'apply' || (atom.fn !== 'idiv' && atom.fn !== 'mod')) return anything;
    const [x, y] = atom.args as [Expression, Expression];
    const divisor = this.of(y);
    const [least, most] = this.#range(this.of(x));
    if (!isConstant(divisor) || divisor.constant <= 0 || least < 0 || most >= 2 ** 31) return anything;
    if (atom.fn === 'mod') return [0, Math.min(most, divisor.constant - 1)];
    return [Math.floor(least / divisor.constant), Math.floor(most / divisor.constant)];
  }
}

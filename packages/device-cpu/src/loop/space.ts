/**
 * The loop variables of a kernel: axes split where indices divide by constants, and neighbours joined where every index walks them as one.
 * Phases with the same inner lengths share their variables, so that they share values. Owns variables, forms of indices and what an
 * expression depends on; the order of loops and the vector axis are `strategy.ts`.
 */
import { type Expression, operands, postorder } from '@torchlet/device';
import { type Affine, AffineForms, affineSum, affineVariable, type Variable, type WantedSplit } from './affine.js';

/** Inner lengths that some phases share, and every expression of those phases. */
export interface InnerDomain {
  readonly lengths: readonly number[];
  readonly roots: readonly Expression[];
}

/** What each axis is in variables, and the variables of the two loop levels in loop order. */
interface Layout {
  readonly axes: readonly Variable[];
  readonly parallel: readonly Variable[];
  readonly inner: readonly (readonly Variable[])[];
  readonly parallelAxes: readonly Affine[];
  readonly innerAxes: readonly (readonly Affine[])[];
}

const indexFunctions: ReadonlySet<string> = new Set(['add', 'sub', 'neg', 'mul', 'idiv', 'mod']);

/** Pure index arithmetic: axes and constants only. In values such expressions are computed as indices are. */
export function isPureIndex(expression: Expression): boolean {
  if (expression.kind === 'axis') return true;
  if (expression.dtype !== 'int32') return false;
  if (expression.kind === 'apply') return indexFunctions.has(expression.fn) && expression.args.every(isPureIndex);
  return expression.kind === 'constant';
}

/** The expressions under `roots` that are computed as index forms: indices of loads, and pure index arithmetic elsewhere. */
function formRoots(roots: readonly Expression[], indices: readonly Expression[]): Set<Expression> {
  const found = new Set<Expression>(indices);
  const seen = new Set<Expression>();
  const stack = [...roots, ...indices.flatMap((index) => [...atomsUnder(index)])];
  while (stack.length > 0) {
    const expression = stack.pop() as Expression;
    if (seen.has(expression)) continue;
    seen.add(expression);
    if (expression.kind === 'load') {
      found.add(expression.index);
      stack.push(...atomsUnder(expression.index));
      if (expression.mask !== null) stack.push(expression.mask);
    } else if (expression.kind !== 'constant' && isPureIndex(expression)) {
      found.add(expression);
      stack.push(...atomsUnder(expression));
    } else stack.push(...operands(expression));
  }
  return found;
}

/** Operands of what may be an atom of an index: they are computed on their own. */
function atomsUnder(index: Expression): Expression[] {
  return postorder([index]).flatMap((e) => {
    if (e.kind === 'load') return [e];
    if (e.kind !== 'apply') return [];
    return e.fn === 'add' || e.fn === 'sub' || e.fn === 'neg' || (e.fn === 'mul' && e.dtype === 'int32')
      ? []
      : [...e.args];
  });
}

export class Space {
  readonly parallel: readonly Variable[];
  /** The variable of each parallel axis before any was split or joined. */
  readonly axes: readonly Variable[];
  /** Inner variables of each domain. */
  readonly inner: readonly (readonly Variable[])[];
  readonly #forms: readonly AffineForms[];
  /** Joined variables: (outer, inner) became one. */
  readonly #joins: { readonly outer: Variable; readonly inner: Variable; readonly joined: Variable }[] = [];
  readonly #dependencies: Map<Expression, number>[];
  readonly #joinedForms: Map<Expression, Affine>[];

  /** @param stores indices of stores, by domain: they are forms too. */
  constructor(
    axes: readonly number[],
    domains: readonly InnerDomain[],
    stores: readonly (readonly Expression[])[],
    join = true,
  ) {
    let layout = firstLayout(axes, domains);
    this.axes = layout.axes;
    const roots = domains.map((domain, i) => formRoots(domain.roots, stores[i] ?? []));
    for (;;) {
      const forms = domains.map((_, i) => new AffineForms([...layout.parallelAxes, ...(layout.innerAxes[i] ?? [])]));
      forms.forEach((form, i) => {
        for (const root of roots[i] ?? []) form.of(root);
      });
      const wanted = forms.flatMap((form) => form.wanted)[0];
      if (wanted === undefined || !join) {
        this.#forms = forms;
        break;
      }
      layout = splitLayout(layout, wanted);
    }
    this.#dependencies = domains.map(() => new Map());
    this.#joinedForms = domains.map(() => new Map());
    const formsOf = (i: number): Affine[] => [...(roots[i] ?? [])].map((root) => this.form(root, i));
    const everywhere = () => domains.flatMap((_, i) => formsOf(i));
    this.parallel = join ? this.#join(layout.parallel, everywhere) : layout.parallel;
    this.inner = layout.inner.map((variables, i) => (join ? this.#join(variables, () => formsOf(i)) : variables));
  }

  /** The form of an int32 expression, in the variables of `domain`. */
  form(expression: Expression, domain: number): Affine {
    const cache = this.#joinedForms[domain] as Map<Expression, Affine>;
    const known = cache.get(expression);
    if (known !== undefined) return known;
    const form = this.#joins.reduce(joinedForm, (this.#forms[domain] as AffineForms).of(expression));
    cache.set(expression, form);
    return form;
  }

  /** The bits of the variables that `expression` varies with. A result varies with every parallel one. */
  dependencies(expression: Expression, domain: number): number {
    const cache = this.#dependencies[domain] as Map<Expression, number>;
    const known = cache.get(expression);
    if (known !== undefined) return known;
    let bits = 0;
    if (expression.kind === 'result') for (const variable of this.parallel) bits |= variable.bit;
    if (expression.kind === 'load') bits = this.#formDependencies(expression.index, domain);
    if (expression.kind === 'load' && expression.mask !== null) bits |= this.dependencies(expression.mask, domain);
    if (expression.kind === 'axis') bits = this.#formDependencies(expression, domain);
    if (expression.kind === 'apply') {
      bits = isPureIndex(expression)
        ? this.#formDependencies(expression, domain)
        : expression.args.reduce((sum, arg) => sum | this.dependencies(arg, domain), 0);
    }
    cache.set(expression, bits);
    return bits;
  }

  #formDependencies(index: Expression, domain: number): number {
    const { terms, atoms } = this.form(index, domain);
    let bits = 0;
    for (const variable of terms.keys()) bits |= variable.bit;
    for (const atom of atoms.keys()) bits |= this.#atomDependencies(atom, domain);
    return bits;
  }

  /** Of an atom, which may be pure index arithmetic that did not resolve: then of its operands. */
  #atomDependencies(atom: Expression, domain: number): number {
    if (atom.kind !== 'apply' || !isPureIndex(atom)) return this.dependencies(atom, domain);
    return atom.args.reduce((sum, arg) => sum | this.dependencies(arg, domain), 0);
  }

  /** Joins neighbours from the innermost outwards while every form allows. */
  #join(variables: readonly Variable[], forms: () => Affine[]): Variable[] {
    const joined = [...variables];
    for (let i = joined.length - 2; i >= 0; i--) {
      const [outer, inner] = [joined[i] as Variable, joined[i + 1] as Variable];
      const as = (affine: Affine, variable: Variable) => affine.terms.get(variable) ?? 0;
      if (!forms().every((affine) => as(affine, outer) === as(affine, inner) * inner.length)) continue;
      const one = { name: `${outer.name}${inner.name}`, length: outer.length * inner.length, bit: outer.bit };
      this.#joins.push({ outer, inner, joined: one });
      for (const cache of this.#joinedForms) cache.clear();
      joined.splice(i, 2, one);
    }
    return joined;
  }
}

function joinedForm(affine: Affine, join: { outer: Variable; inner: Variable; joined: Variable }): Affine {
  const coefficient = affine.terms.get(join.inner);
  if (coefficient === undefined) return affine;
  const terms = new Map(affine.terms);
  terms.delete(join.outer);
  terms.delete(join.inner);
  terms.set(join.joined, coefficient);
  return { ...affine, terms };
}

function firstLayout(axes: readonly number[], domains: readonly InnerDomain[]): Layout {
  let count = 0;
  const make = (length: number): Variable => {
    if (count === 31) throw new RangeError('cpu: a kernel has more than 31 axes');
    const name = String.fromCharCode(105 + (count % 18));
    return { name, length, bit: 1 << count++ };
  };
  const parallel = axes.map(make);
  const inner = domains.map((domain) => domain.lengths.map(make));
  return {
    axes: parallel,
    parallel: parallel.filter(isLong),
    inner: inner.map((variables) => variables.filter(isLong)),
    parallelAxes: parallel.map(affineVariable),
    innerAxes: inner.map((variables) => variables.map(affineVariable)),
  };
}

function isLong(variable: Variable): boolean {
  return variable.length > 1;
}

function splitLayout(layout: Layout, { variable, factor }: WantedSplit): Layout {
  const all = [...layout.parallel, ...layout.inner.flat()];
  const free = Array.from({ length: 31 }, (_, i) => 1 << i).find((bit) => all.every((other) => other.bit !== bit));
  if (free === undefined) throw new RangeError('cpu: a kernel has more than 31 axes after splitting them');
  const outer = { name: `${variable.name}o`, length: variable.length / factor, bit: variable.bit };
  const inner = { name: `${variable.name}i`, length: factor, bit: free };
  const value = affineSum(affineVariable(inner), affineVariable(outer), factor);
  const variables = (list: readonly Variable[]) => list.flatMap((v) => (v === variable ? [outer, inner] : [v]));
  const form = (affine: Affine): Affine => {
    const coefficient = affine.terms.get(variable);
    if (coefficient === undefined) return affine;
    const terms = new Map(affine.terms);
    terms.delete(variable);
    return affineSum({ ...affine, terms }, value, coefficient);
  };
  return {
    axes: layout.axes,
    parallel: variables(layout.parallel),
    inner: layout.inner.map(variables),
    parallelAxes: layout.parallelAxes.map(form),
    innerAxes: layout.innerAxes.map((axes) => axes.map(form)),
  };
}

/** A space whose variables are the axes, none split or joined: for loops that another emitter has written. */
export function plainSpace(axes: readonly number[], roots: readonly Expression[]): Space {
  return new Space(axes, [{ lengths: [], roots }], [], false);
}

/**
 * What expressions depend on, and how often they are used: the two things that decide where an emitter writes them. Owns sets of axes and results, equal sets
 * being one object.
 */
import { type Expression, operands } from '../expression.js';

/** What a value is computed from. Equal sets are one object. */
export interface Dependencies {
  readonly axes: readonly number[];
  readonly results: readonly number[];
  /** Whether it reads a slot that the kernel writes. */
  readonly written: boolean;
}

export class DependencyTable {
  readonly #written: ReadonlySet<number>;
  readonly #dependencies = new Map<Expression, Dependencies>();
  readonly #interned = new Map<string, Dependencies>();

  /** @param written slots that the kernel stores to. */
  constructor(written: ReadonlySet<number>) {
    this.#written = written;
  }

  of(root: Expression): Dependencies {
    const known = this.#dependencies.get(root);
    if (known !== undefined) return known;
    const stack = [root];
    for (let top = stack.at(-1); top !== undefined; top = stack.at(-1)) {
      const missing = operands(top).filter((child) => !this.#dependencies.has(child));
      if (missing.length > 0) {
        stack.push(...missing);
        continue;
      }
      stack.pop();
      if (!this.#dependencies.has(top)) this.#dependencies.set(top, this.#combine(top));
    }
    return this.#dependencies.get(root) as Dependencies;
  }

  #combine(expression: Expression): Dependencies {
    const axes = new Set<number>();
    const results = new Set<number>();
    let written = expression.kind === 'load' && this.#written.has(expression.slot);
    if (expression.kind === 'axis') axes.add(expression.axis);
    if (expression.kind === 'result') results.add(expression.id);
    for (const child of operands(expression)) {
      const of = this.#dependencies.get(child) as Dependencies;
      for (const axis of of.axes) axes.add(axis);
      for (const id of of.results) results.add(id);
      written ||= of.written;
    }
    const sorted = { axes: [...axes].sort((a, b) => a - b), results: [...results].sort((a, b) => a - b), written };
    const key = `${sorted.axes.join()} ${sorted.results.join()} ${written}`;
    const interned = this.#interned.get(key);
    if (interned !== undefined) return interned;
    this.#interned.set(key, sorted);
    return sorted;
  }
}

/** How many times each expression is an operand or a root. */
export function countUses(roots: readonly Expression[]): Map<Expression, number> {
  const uses = new Map<Expression, number>();
  const stack: Expression[] = [];
  const use = (expression: Expression): void => {
    const known = uses.get(expression) ?? 0;
    uses.set(expression, known + 1);
    if (known === 0) stack.push(expression);
  };
  for (const root of roots) use(root);
  for (let top = stack.pop(); top !== undefined; top = stack.pop()) for (const operand of operands(top)) use(operand);
  return uses;
}

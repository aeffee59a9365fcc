/**
 * Makes structurally equal expressions one object, so that work shared by value is work shared by identity. One per kernel. The inner axes of
 * two domains have the same numbers but are different loops, so expressions of them are kept apart. Owns nothing else.
 */
import { type Expression, postorder, type Store } from '@torchlet/device';

export class Interner {
  readonly #parallelAxes: number;
  readonly #byKey = new Map<string, Expression>();
  readonly #ids = new Map<Expression, number>();
  #domain = 0;
  /** By domain. */
  readonly #canonicals: Map<Expression, Expression>[] = [];
  #canonical = new Map<Expression, Expression>();

  /** @param parallelAxes axes from this number on mean something else in each domain. */
  constructor(parallelAxes: number) {
    this.#parallelAxes = parallelAxes;
  }

  /** From here on, inner axes are those of `domain`. */
  enter(domain: number): void {
    this.#domain = domain;
    this.#canonicals[domain] ??= new Map();
    this.#canonical = this.#canonicals[domain];
  }

  intern(root: Expression): Expression {
    for (const expression of postorder([root])) this.#internOne(expression);
    return this.#canonicalOf(root);
  }

  store<S extends Store>(store: S): S {
    return {
      ...store,
      index: this.intern(store.index),
      value: this.intern(store.value),
      mask: store.mask === null ? null : this.intern(store.mask),
    };
  }

  #canonicalOf(expression: Expression): Expression {
    return this.#canonical.get(expression) ?? expression;
  }

  #id(expression: Expression): number {
    return this.#ids.get(this.#canonicalOf(expression)) ?? -1;
  }

  #internOne(expression: Expression): void {
    if (this.#canonical.has(expression)) return;
    const key = this.#key(expression);
    const known = this.#byKey.get(key);
    const made = known ?? this.#rebuilt(expression);
    this.#canonical.set(expression, made);
    if (known !== undefined) return;
    this.#canonical.set(made, made);
    this.#byKey.set(key, made);
    this.#ids.set(made, this.#ids.size);
  }

  #key(expression: Expression): string {
    switch (expression.kind) {
      case 'constant':
        return `c ${expression.dtype} ${Object.is(expression.value, -0) ? '-0' : expression.value}`;
      case 'axis':
        return expression.axis < this.#parallelAxes
          ? `a ${expression.axis}`
          : `a ${expression.axis} of ${this.#domain}`;
      case 'scalar':
        return `s ${expression.slot}`;
      case 'result':
        return `r ${expression.id}`;
      case 'load': {
        const mask = expression.mask === null ? '' : `${this.#id(expression.mask)} ${expression.otherwise}`;
        return `l ${expression.slot} ${this.#id(expression.index)} ${mask}`;
      }
      case 'apply':
        return `${expression.fn} ${expression.dtype} ${expression.args.map((arg) => this.#id(arg)).join()}`;
      default: {
        const never: never = expression;
        return never;
      }
    }
  }

  #rebuilt(expression: Expression): Expression {
    switch (expression.kind) {
      case 'constant':
      case 'scalar':
      case 'result':
        return expression;
      case 'axis':
        return { ...expression };
      case 'load': {
        const mask = expression.mask === null ? null : this.#canonicalOf(expression.mask);
        return { ...expression, index: this.#canonicalOf(expression.index), mask };
      }
      case 'apply':
        return { ...expression, args: expression.args.map((arg) => this.#canonicalOf(arg)) };
      default: {
        const never: never = expression;
        return never;
      }
    }
  }
}

/**
 * The leading digit of a dimension as an axis of the batch. The rows of a convolution are images times places: image by image its result lies in lines, its
 * tables of places are those of one image, and no index divides by the size of an image. Owns that rewriting of a kernel, whose meaning stays what it is.
 */
import { type Apply, type Expression, type MatmulKernel, postorder, rewriter, storeParts } from '@torchlet/device';
import { Space } from '../loop/space.js';
import { matmulAxes, strideOf } from './operand.js';

/** Fewer columns than this fill no tiles. */
const fewestPlaces = 24;

/** The same product, with images or the like in the batch where its stores gain by it. */
export function withLeadingDigit(kernel: MatmulKernel): MatmulKernel {
  const { m, n } = matmulAxes(kernel);
  return split(kernel, 'm', m) ?? split(kernel, 'n', n) ?? kernel;
}

function split(kernel: MatmulKernel, dimension: 'm' | 'n', axis: number): MatmulKernel | null {
  const length = kernel[dimension];
  if (!kernel.stores.some(({ index }) => !isLine(kernel, index, axis))) return null;
  for (const places of divisors(kernel, axis, length)) {
    const made = splitAt(kernel, dimension, axis, places);
    const moved = matmulAxes(made)[dimension];
    if (made.stores.every(({ index }) => isLine(made, index, moved))) return made;
  }
  return null;
}

function isLine(kernel: MatmulKernel, index: Expression, axis: number): boolean {
  const space = new Space([...kernel.batch, kernel.m, kernel.n, kernel.k], [[]]);
  return strideOf(space, index, axis) !== null;
}

/** What the position along `axis` is divided by, the largest first. */
function divisors(kernel: MatmulKernel, axis: number, length: number): number[] {
  const found = new Set<number>();
  for (const expression of postorder(storeParts(kernel.stores))) {
    if (expression.kind !== 'apply' || expression.fn !== 'idiv') continue;
    const [x, by] = expression.args as [Expression, Expression];
    if (x.kind === 'axis' && x.axis === axis && by.kind === 'constant') found.add(Number(by.value));
  }
  return [...found].filter((by) => by >= fewestPlaces && by < length && length % by === 0).sort((a, b) => b - a);
}

function splitAt(kernel: MatmulKernel, dimension: 'm' | 'n', axis: number, places: number): MatmulKernel {
  const outer = kernel.batch.length;
  const digits = new Digits(axisOf(outer), axisOf(axis + 1), places);
  const into = rewriter((expression) => {
    if (expression.kind === 'axis') {
      if (expression.axis === axis) return digits.whole;
      return expression.axis < outer ? expression : axisOf(expression.axis + 1);
    }
    return expression.kind === 'apply' ? digits.of(expression) : expression;
  });
  return {
    ...kernel,
    batch: [...kernel.batch, kernel[dimension] / places],
    [dimension]: places,
    a: into(kernel.a),
    b: into(kernel.b),
    stores: kernel.stores.map(({ slot, index, value, mask }) => ({
      slot,
      index: into(index),
      value: into(value),
      mask: mask === null ? null : into(mask),
    })),
  };
}

/** Quotients and remainders of outer * places + inner, without a division where the digits are apart. */
class Digits {
  readonly whole: Expression;
  readonly #outer: Expression;
  readonly #inner: Expression;
  readonly #places: number;
  /** What the whole was divided by for each quotient. */
  readonly #quotients = new Map<Expression, number>();

  constructor(outer: Expression, inner: Expression, places: number) {
    this.#outer = outer;
    this.#inner = inner;
    this.#places = places;
    this.whole = apply('add', apply('mul', outer, places), inner);
    this.#quotients.set(this.whole, 1);
  }

  of(expression: Apply): Expression {
    const [x, by] = expression.args;
    const divided = x === undefined ? undefined : this.#quotients.get(x);
    if (divided === undefined || by?.kind !== 'constant') return expression;
    const number = Number(by.value);
    if (expression.fn === 'mod') return this.#remainder(divided, number) ?? expression;
    if (expression.fn !== 'idiv') return expression;
    const quotient = this.#quotient(divided * number) ?? expression;
    this.#quotients.set(quotient, divided * number);
    return quotient;
  }

  #quotient(by: number): Expression | null {
    const places = this.#places;
    if (by % places === 0) return apply('idiv', this.#outer, by / places);
    if (places % by !== 0) return null;
    return apply('add', apply('mul', this.#outer, places / by), apply('idiv', this.#inner, by));
  }

  /** (whole div `divided`) mod `by`. */
  #remainder(divided: number, by: number): Expression | null {
    const places = this.#places;
    if (divided % places === 0) return apply('mod', apply('idiv', this.#outer, divided / places), by);
    if (places % divided !== 0) return null;
    const inner = apply('idiv', this.#inner, divided);
    if (divided * by === places) return inner;
    if (places % (divided * by) === 0) return apply('mod', inner, by);
    if ((divided * by) % places !== 0) return null;
    const outer = apply('mod', this.#outer, (divided * by) / places);
    return apply('add', apply('mul', outer, places / divided), inner);
  }
}

function axisOf(axis: number): Expression {
  return { kind: 'axis', dtype: 'int32', axis };
}

function apply(fn: 'add' | 'mul' | 'idiv' | 'mod', x: Expression, y: Expression | number): Expression {
  if (y === 1 && fn !== 'add' && fn !== 'mod') return x;
  const second: Expression = typeof y === 'number' ? { kind: 'constant', dtype: 'int32', value: y } : y;
  return { kind: 'apply', dtype: 'int32', fn, args: [x, second] };
}

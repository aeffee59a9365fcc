/**
 * How an index moves with the lane: points next to each other along one axis give indices base, base + stride, .... Owns that analysis, with what is known of
 * the base: its range and a number that divides it. It decides where elements are one vector in memory, and which numbers are surely not
 * negative; it writes no code.
 */
import type { Expression } from '../expression.js';

/** An int32 expression as base + stride * lane. `stride` is null where it is no such sum. */
export interface LaneForm {
  readonly stride: number | null;
  /** Divides the base; 0 where the base is 0. */
  readonly multiple: number;
  readonly least: number;
  readonly most: number;
}

/** The axis that lanes lie along, how many there are, and what divides the position of the first. */
export interface LaneAxis {
  readonly axis: number;
  readonly count: number;
}

const unknown: LaneForm = { stride: null, multiple: 1, least: -Infinity, most: Infinity };

function uniform(multiple: number, least: number, most: number): LaneForm {
  return { stride: 0, multiple, least, most };
}

function gcd(a: number, b: number): number {
  let [x, y] = [Math.abs(a), Math.abs(b)];
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

function isNumber(form: LaneForm): boolean {
  return form.stride === 0 && form.least === form.most;
}

export class LaneForms {
  readonly #lane: LaneAxis;
  readonly #lengths: readonly number[];
  readonly #forms = new Map<Expression, LaneForm>();

  /** @param lengths of the axes by number. */
  constructor(lane: LaneAxis, lengths: readonly number[]) {
    this.#lane = lane;
    this.#lengths = lengths;
  }

  of(root: Expression): LaneForm {
    const known = this.#forms.get(root);
    if (known !== undefined) return known;
    const form = this.#compute(root);
    this.#forms.set(root, form);
    return form;
  }

  /** Whether the lanes are elements next to each other from a multiple of their number on. */
  isVector(index: Expression): boolean {
    const { stride, multiple } = this.of(index);
    return stride === 1 && multiple % this.#lane.count === 0;
  }

  #compute(expression: Expression): LaneForm {
    switch (expression.kind) {
      case 'constant': {
        const value = Number(expression.value);
        return uniform(Math.abs(value), value, value);
      }
      case 'axis': {
        const most = (this.#lengths[expression.axis] ?? Infinity) - 1;
        if (expression.axis !== this.#lane.axis) return uniform(1, 0, most);
        return { stride: 1, multiple: this.#lane.count, least: 0, most };
      }
      case 'scalar':
        return uniform(1, -Infinity, Infinity);
      case 'result':
        return unknown;
      case 'load':
        return this.#same([expression.index, ...(expression.mask === null ? [] : [expression.mask])]);
      case 'apply':
        return this.#apply(expression.fn, expression.args);
      default: {
        const never: never = expression;
        return never;
      }
    }
  }

  #apply(fn: string, args: readonly Expression[]): LaneForm {
    const [x, y] = args.map((arg) => this.of(arg)) as [LaneForm, LaneForm];
    switch (fn) {
      case 'add':
        return sum(x, y, 1);
      case 'sub':
        return sum(x, y, -1);
      case 'neg':
        return sum(uniform(0, 0, 0), x, -1);
      case 'mul':
        if (isNumber(y)) return scaled(x, y.least);
        if (isNumber(x)) return scaled(y, x.least);
        return x.stride === 0 && y.stride === 0 ? uniform(x.multiple * y.multiple, -Infinity, Infinity) : unknown;
      case 'idiv':
      case 'mod':
        return this.#divided(fn, x, y);
      case 'lt':
        if (this.#splitsNoVector(x, y, 0) || this.#splitsNoVector(y, x, 1)) return uniform(1, 0, 1);
        return this.#same(args);
      default:
        return this.#same(args);
    }
  }

  /** Some function of operands: the same in every lane if they are. */
  #same(args: readonly Expression[]): LaneForm {
    return args.every((arg) => this.of(arg).stride === 0) ? uniform(1, -Infinity, Infinity) : unknown;
  }

  /** Whether all lanes of `x`, a vector, lie on one side of the number `edge + past`. */
  #splitsNoVector(x: LaneForm, edge: LaneForm, past: number): boolean {
    const { count } = this.#lane;
    return x.stride === 1 && x.multiple % count === 0 && isNumber(edge) && (edge.least + past) % count === 0;
  }

  /** A quotient or remainder by a positive number, where the lanes stay within one multiple of it. */
  #divided(fn: 'idiv' | 'mod', x: LaneForm, y: LaneForm): LaneForm {
    if (x.stride === 0 && y.stride === 0 && !isNumber(y)) return uniform(1, -Infinity, Infinity);
    const divisor = y.least;
    if (x.stride === null || !isNumber(y) || divisor <= 0) return unknown;
    const step = gcd(x.multiple, divisor);
    const within = x.stride === 0 || (x.least >= 0 && x.stride > 0 && (this.#lane.count - 1) * x.stride < step);
    const ranged = x.least >= 0 && Number.isFinite(x.most);
    if (!within) {
      if (!ranged) return unknown;
      const most = fn === 'mod' ? Math.min(x.most, divisor - 1) : Math.floor(x.most / divisor);
      return { stride: null, multiple: 1, least: 0, most };
    }
    if (fn === 'mod') {
      const most = ranged ? Math.min(x.most, divisor - 1) : divisor - 1;
      return { stride: x.stride, multiple: step, least: ranged ? 0 : 1 - divisor, most };
    }
    const multiple = x.multiple % divisor === 0 ? x.multiple / divisor : 1;
    if (!ranged) return uniform(multiple, -Infinity, Infinity);
    return uniform(multiple, Math.floor(x.least / divisor), Math.floor(x.most / divisor));
  }
}

function sum(x: LaneForm, y: LaneForm, sign: 1 | -1): LaneForm {
  const least = x.least + (sign === 1 ? y.least : -y.most);
  const most = x.most + (sign === 1 ? y.most : -y.least);
  if (x.stride === null || y.stride === null) return { ...unknown, least, most };
  return { stride: x.stride + sign * y.stride, multiple: gcd(x.multiple, y.multiple), least, most };
}

function scaled(x: LaneForm, factor: number): LaneForm {
  if (factor === 0) return uniform(0, 0, 0);
  const ends = [x.least * factor, x.most * factor];
  const range = { least: Math.min(...ends), most: Math.max(...ends) };
  if (x.stride === null) return { ...unknown, ...range };
  return { stride: x.stride * factor, multiple: x.multiple * Math.abs(factor), ...range };
}

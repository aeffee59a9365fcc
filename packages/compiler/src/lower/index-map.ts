/**
 * Index maps: where along an axis of a node a point of a kernel lands, as sums of multiples of atoms. Owns the arithmetic of movement:
 * splits and merges of contiguous axes leave no division behind, because every atom knows its range. Turns into expressions in
 * `builder.ts`; the movement primitives use it in `lower.ts`.
 */
import type { Expression } from '@torchlet/device';

/** What an index is a sum of: an axis of the kernel, a number computed from data, or what is left of a division. */
export type Atom =
  | { readonly kind: 'axis'; readonly id: number; readonly min: number; readonly max: number; readonly axis: number }
  | {
      readonly kind: 'data';
      readonly id: number;
      readonly min: number;
      readonly max: number;
      readonly expression: Expression;
    }
  | {
      /** `of`, where another condition rules out everything outside [min, max]. */
      readonly kind: 'bounded';
      readonly id: number;
      readonly min: number;
      readonly max: number;
      readonly of: Index;
    }
  | {
      readonly kind: 'div' | 'mod';
      readonly id: number;
      readonly min: number;
      readonly max: number;
      readonly of: Index;
      readonly by: number;
    };

type Division = Atom & { readonly kind: 'div' | 'mod' };

export interface Term {
  readonly atom: Atom;
  readonly times: number;
}

/** constant + sum of times * atom. Two indices of one `Indices` are equal exactly when their keys are. */
export interface Index {
  readonly key: string;
  readonly terms: readonly Term[];
  readonly constant: number;
  readonly min: number;
  readonly max: number;
}

function gcd(a: number, b: number): number {
  let x = Math.abs(a);
  let y = Math.abs(b);
  while (y !== 0) [x, y] = [y, x % y];
  return x;
}

/** The atom that is all of `index`, if one is. */
export function onlyAtom({ terms, constant }: Index): Atom | null {
  const [first] = terms;
  return terms.length === 1 && constant === 0 && first?.times === 1 ? first.atom : null;
}

/** Whether `div` is `of` divided by `by`, however the divisions are nested. */
function isQuotientOf(div: Division, of: Index, by: number): boolean {
  if (div.by === by) return div.of.key === of.key;
  const inner = onlyAtom(of);
  return inner?.kind === 'div' && div.by === by * inner.by && div.of.key === inner.of.key;
}

/** The indices of one kernel: makes atoms once, so that equal maps have equal keys. */
export class Indices {
  readonly #atoms = new Map<string, Atom>();
  readonly zero: Index = this.constant(0);

  constant(value: number): Index {
    return { key: String(value), terms: [], constant: value, min: value, max: value };
  }

  axis(axis: number, length: number): Index {
    if (length === 1) return this.zero;
    return this.#single(
      this.#atom(`a${axis}:${length}`, (id) => ({ kind: 'axis', id, min: 0, max: length - 1, axis })),
    );
  }

  /** A number that `expression` gives, known to be in [min, max]; `id` tells expressions apart. */
  data(expression: Expression, id: number, min: number, max: number): Index {
    if (min === max) return this.constant(min);
    return this.#single(
      this.#atom(`e${id}:${min}:${max}`, (number) => ({ kind: 'data', id: number, min, max, expression })),
    );
  }

  add(a: Index, b: Index): Index {
    if (a.terms.length === 0) return this.#shift(b, a.constant);
    if (b.terms.length === 0) return this.#shift(a, b.constant);
    const times = new Map<Atom, number>();
    for (const term of a.terms) times.set(term.atom, term.times);
    for (const term of b.terms) times.set(term.atom, (times.get(term.atom) ?? 0) + term.times);
    return this.#normal(times, a.constant + b.constant);
  }

  scale(a: Index, by: number): Index {
    if (by === 0) return this.zero;
    if (by === 1) return a;
    return this.#sum(
      a.terms.map(({ atom, times }) => ({ atom, times: times * by })),
      a.constant * by,
    );
  }

  /** The same index, where another condition already rules out everything outside [min, max]. */
  within(a: Index, min: number, max: number): Index {
    if (a.min >= min && a.max <= max) return a;
    return { ...a, min: Math.max(a.min, min), max: Math.min(a.max, max) };
  }

  /** The same where it is a part of other indices, which divisions then need not take apart; `expanded` undoes it. */
  bounded(a: Index, min: number, max: number): Index {
    const inside = this.within(a, min, max);
    if (inside === a) return a;
    const key = `bounded(${a.key}):${inside.min}:${inside.max}`;
    return this.#single(this.#atom(key, (id) => ({ kind: 'bounded', id, min: inside.min, max: inside.max, of: a })));
  }

  /** `a` as a sum of what it is made of. */
  expanded(a: Index): Index {
    if (!a.terms.some(({ atom }) => atom.kind === 'bounded')) return a;
    let sum = this.constant(a.constant);
    for (const { atom, times } of a.terms) {
      const part = atom.kind === 'bounded' ? this.expanded(atom.of) : this.#single(atom);
      sum = this.add(sum, this.scale(part, times));
    }
    return this.within(sum, a.min, a.max);
  }

  /** Quotient and remainder of a non-negative index. */
  divide(a: Index, by: number): readonly [Index, Index] {
    if (by === 1) return [a, this.zero];
    if (a.min >= 0 && a.max < by) return [this.zero, a];
    let quotient = this.#sum(
      a.terms.filter(({ times }) => times % by === 0).map(({ atom, times }) => ({ atom, times: times / by })),
      0,
    );
    let rest = this.#sum(
      a.terms.filter(({ times }) => times % by !== 0),
      a.constant,
    );
    if (quotient.terms.length === 0) rest = this.within(rest, a.min, a.max);
    const low = Math.floor(rest.min / by);
    quotient = this.#shift(quotient, low);
    rest = this.#shift(rest, -low * by);
    if (rest.max < by) return [quotient, rest];
    const [inner, remainder] = this.#divideRest(rest, by);
    return [this.add(quotient, inner), remainder];
  }

  /** `a` with every axis replaced by what `axes` says. */
  substitute(a: Index, axes: readonly Index[]): Index {
    let sum = this.constant(a.constant);
    for (const { atom, times } of a.terms) sum = this.add(sum, this.scale(this.#substituteAtom(atom, axes), times));
    return this.within(sum, a.min, a.max);
  }

  /** The position of `at` among the elements of a row-major array. */
  flatten(at: readonly Index[], shape: readonly number[]): Index {
    let sum = this.zero;
    let stride = 1;
    for (let axis = shape.length - 1; axis >= 0; axis--) {
      sum = this.add(sum, this.scale(at[axis] as Index, stride));
      stride *= shape[axis] as number;
    }
    return sum;
  }

  /** The point of `shape` whose row-major position is `flat`. */
  unflatten(flat: Index, shape: readonly number[]): Index[] {
    const at = new Array<Index>(shape.length);
    let rest = flat;
    let left = 1;
    for (const length of shape) left *= length;
    for (let axis = 0; axis < shape.length; axis++) {
      left /= shape[axis] as number;
      if (shape[axis] === 1) {
        at[axis] = this.zero;
        continue;
      }
      const [quotient, remainder] = this.divide(rest, left);
      at[axis] = quotient;
      rest = remainder;
    }
    return at;
  }

  #substituteAtom(atom: Atom, axes: readonly Index[]): Index {
    switch (atom.kind) {
      case 'axis':
        return axes[atom.axis] as Index;
      case 'data':
        return this.#single(atom);
      case 'bounded':
        return this.bounded(this.substitute(atom.of, axes), atom.min, atom.max);
      case 'div':
        return this.divide(this.substitute(atom.of, axes), atom.by)[0];
      case 'mod':
        return this.divide(this.substitute(atom.of, axes), atom.by)[1];
      default: {
        const never: never = atom;
        return never;
      }
    }
  }

  /** `rest` is non-negative and may reach `by`. Looks for a unit of which all but a small part is a multiple, and divides in that unit. */
  #divideRest(rest: Index, by: number): readonly [Index, Index] {
    const units = new Set(rest.terms.map(({ times }) => gcd(times, by)).filter((unit) => unit > 1));
    for (const unit of [...units].sort((a, b) => b - a)) {
      const small = this.#sum(
        rest.terms.filter(({ times }) => times % unit !== 0),
        ((rest.constant % unit) + unit) % unit,
      );
      if (small.min < 0 || small.max >= unit) continue;
      const large = this.#sum(
        rest.terms.filter(({ times }) => times % unit === 0).map(({ atom, times }) => ({ atom, times: times / unit })),
        Math.floor(rest.constant / unit),
      );
      const [quotient, remainder] = this.divide(large, by / unit);
      return [quotient, this.add(this.scale(remainder, unit), small)];
    }
    const only = onlyAtom(rest);
    if (only?.kind === 'div') {
      return [this.divide(only.of, only.by * by)[0], this.#single(this.#rest('mod', rest, by))];
    }
    if (only?.kind === 'mod' && only.by % by === 0) {
      const [quotient, remainder] = this.divide(only.of, by);
      return [this.divide(quotient, only.by / by)[1], remainder];
    }
    return [this.#single(this.#rest('div', rest, by)), this.#single(this.#rest('mod', rest, by))];
  }

  #rest(kind: 'div' | 'mod', of: Index, by: number): Atom {
    const max = kind === 'div' ? Math.floor(of.max / by) : by - 1;
    return this.#atom(`${kind}(${of.key}):${by}:${of.max}`, (id) => ({ kind, id, min: 0, max, of, by }));
  }

  #atom(key: string, make: (id: number) => Atom): Atom {
    const known = this.#atoms.get(key);
    if (known !== undefined) return known;
    const atom = make(this.#atoms.size);
    this.#atoms.set(key, atom);
    return atom;
  }

  #single(atom: Atom): Index {
    return this.#sum([{ atom, times: 1 }], 0);
  }

  #shift(a: Index, by: number): Index {
    if (by === 0) return a;
    const moved = this.#sum(a.terms, a.constant + by);
    return this.within(moved, a.min + by, a.max + by);
  }

  /** Joins what divisions took apart: by * (x div by) + (x mod by) is x, and by * ((x div by) mod more) + (x mod by) is x mod (by * more). */
  #normal(times: Map<Atom, number>, constant: number): Index {
    for (const [atom, count] of times) {
      if (atom.kind !== 'mod' || count === 0) continue;
      for (const [other, otherCount] of times) {
        const joined = otherCount === count * atom.by ? this.#joined(atom, other) : null;
        if (joined === null) continue;
        times.delete(atom);
        times.delete(other);
        return this.add(this.#fromMap(times, constant), this.scale(joined, count));
      }
    }
    return this.#fromMap(times, constant);
  }

  /** low + low.by * high, where that is one index. */
  #joined(low: Division, high: Atom): Index | null {
    if (high.kind === 'div') return isQuotientOf(high, low.of, low.by) ? low.of : null;
    if (high.kind !== 'mod') return null;
    const quotient = onlyAtom(high.of);
    if (quotient?.kind !== 'div' || !isQuotientOf(quotient, low.of, low.by)) return null;
    return this.#single(this.#rest('mod', low.of, low.by * high.by));
  }

  #fromMap(times: Map<Atom, number>, constant: number): Index {
    const terms: Term[] = [];
    for (const [atom, count] of times) if (count !== 0) terms.push({ atom, times: count });
    return this.#sum(terms, constant);
  }

  #sum(terms: readonly Term[], constant: number): Index {
    if (terms.length === 0) return this.constant(constant);
    const sorted = [...terms].sort((a, b) => a.atom.id - b.atom.id);
    let key = String(constant);
    let min = constant;
    let max = constant;
    for (const { atom, times } of sorted) {
      key += `+${times}*${atom.id}`;
      min += times > 0 ? times * atom.min : times * atom.max;
      max += times > 0 ? times * atom.max : times * atom.min;
    }
    return { key, terms: sorted, constant, min, max };
  }
}

/** Calls `visit` with every atom that `index` is made of, those inside divisions included. */
export function eachAtom(index: Index, visit: (atom: Atom) => void): void {
  for (const { atom } of index.terms) {
    visit(atom);
    if (atom.kind !== 'axis' && atom.kind !== 'data') eachAtom(atom.of, visit);
  }
}

/** Whether no division and nothing computed from memory is in the index: runtime scalars are allowed. */
export function isAffine(index: Index): boolean {
  return index.terms.every(
    ({ atom }) =>
      atom.kind === 'axis' ||
      (atom.kind === 'data' && atom.expression.kind === 'scalar') ||
      (atom.kind === 'bounded' && isAffine(atom.of)),
  );
}

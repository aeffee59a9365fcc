/**
 * Indices and masks as sums over digits of axes, `(axis / divisor) % length` each: how windows, paddings and permutations of an axis look in a kernel. Owns the
 * reading of expressions and the fewest digits that tell all of them apart; what the sums mean is `convolution.ts`.
 */
import type { Apply, Expression } from '@torchlet/device';

/** times * ((axis / divisor) % modulus); no remainder is taken where the modulus is infinite. */
interface Part {
  readonly axis: number;
  readonly divisor: number;
  readonly modulus: number;
  readonly times: number;
}

/** constant + the sum of parts. */
export interface Sum {
  readonly constant: number;
  readonly parts: readonly Part[];
}

/** A place in the mixed-radix number that a position along an axis is. */
export interface Digit {
  readonly axis: number;
  readonly divisor: number;
  /** More than 1. */
  readonly length: number;
}

/** constant + the sum of times[i] * digit i. */
export interface Form {
  readonly constant: number;
  readonly times: readonly number[];
}

/** @returns null where `index` is no such sum. */
export function sumOf(index: Expression): Sum | null {
  switch (index.kind) {
    case 'constant':
      return { constant: Number(index.value), parts: [] };
    case 'axis':
      return { constant: 0, parts: [{ axis: index.axis, divisor: 1, modulus: Number.POSITIVE_INFINITY, times: 1 }] };
    case 'scalar':
    case 'load':
    case 'result':
      return null;
    case 'apply':
      return applied(index);
    default: {
      const never: never = index;
      return never;
    }
  }
}

/** Sums that are all at least 0 exactly where `mask` holds; null where it is no conjunction of such comparisons. */
export function boundsOf(mask: Expression): readonly Sum[] | null {
  if (mask.kind !== 'apply') return null;
  if (mask.fn === 'and') {
    const sides = mask.args.map(boundsOf);
    return sides.includes(null) ? null : (sides as (readonly Sum[])[]).flat();
  }
  if (mask.fn !== 'lt') return null;
  const [low, high] = mask.args.map(sumOf);
  if (low === undefined || low === null || high === undefined || high === null) return null;
  const apart = plus(high, scaled(low, -1));
  return [{ ...apart, constant: apart.constant - 1 }];
}

/** The fewest digits of axes of `lengths` that all sums walk, and the sums in them; null where their divisions do not fit into each other. */
export function inDigits(
  sums: readonly Sum[],
  lengths: readonly number[],
): { readonly digits: readonly Digit[]; readonly forms: readonly Form[] } | null {
  let digits: Digit[] = [];
  for (const [axis, length] of lengths.entries()) {
    const cuts = cutsOf(sums, axis, length);
    for (const [i, divisor] of cuts.slice(0, -1).entries()) {
      const next = cuts[i + 1] as number;
      if (next % divisor !== 0) return null;
      digits.push({ axis, divisor, length: next / divisor });
    }
  }
  let forms = sums.map((sum) => formOf(sum, digits));
  for (let i = digits.length - 2; i >= 0; i--) {
    const [inner, outer] = [digits[i], digits[i + 1]] as [Digit, Digit];
    const walksOn = ({ times }: Form) => times[i + 1] === (times[i] as number) * inner.length;
    if (inner.axis !== outer.axis || !forms.every(walksOn)) continue;
    digits = digits.with(i, { ...inner, length: inner.length * outer.length });
    const isKept = (_: unknown, at: number) => at !== i + 1;
    digits = digits.filter(isKept);
    forms = forms.map(({ constant, times }) => ({ constant, times: times.filter(isKept) }));
  }
  return { digits, forms };
}

/** Where the digits of an axis begin, and its length. */
function cutsOf(sums: readonly Sum[], axis: number, length: number): number[] {
  const cuts = new Set([1, length]);
  for (const { parts } of sums) {
    for (const part of parts) {
      if (part.axis !== axis) continue;
      for (const cut of [part.divisor, part.divisor * part.modulus]) if (cut < length) cuts.add(cut);
    }
  }
  return [...cuts].sort((a, b) => a - b);
}

function formOf({ constant, parts }: Sum, digits: readonly Digit[]): Form {
  const times = digits.map((digit) => {
    let sum = 0;
    for (const { axis, divisor, modulus, times } of parts) {
      const isOfIt = axis === digit.axis && digit.divisor >= divisor && digit.divisor < divisor * modulus;
      if (isOfIt) sum += (times * digit.divisor) / divisor;
    }
    return sum;
  });
  return { constant, times };
}

function applied({ fn, args }: Apply): Sum | null {
  const [x, y] = args.map(sumOf);
  if (x === undefined || x === null || y === undefined || y === null) return null;
  if (fn === 'add') return plus(x, y);
  if (fn === 'sub') return plus(x, scaled(y, -1));
  if (fn === 'mul')
    return y.parts.length === 0 ? scaled(x, y.constant) : x.parts.length === 0 ? scaled(y, x.constant) : null;
  if (fn !== 'idiv' && fn !== 'mod') return null;
  const [part] = x.parts;
  // Positions are not negative, so that a division towards 0 takes the lower digits away.
  const isDigit = part !== undefined && x.parts.length === 1 && x.constant === 0 && part.times === 1;
  const by = y.constant;
  if (!isDigit || y.parts.length > 0 || !(by >= 1)) return null;
  const { modulus } = part;
  if (modulus !== Number.POSITIVE_INFINITY && modulus % by !== 0) return null;
  const rest = fn === 'mod' ? { modulus: by } : { divisor: part.divisor * by, modulus: modulus / by };
  return { constant: 0, parts: [{ ...part, ...rest }] };
}

function plus(x: Sum, y: Sum): Sum {
  return { constant: x.constant + y.constant, parts: [...x.parts, ...y.parts] };
}

function scaled({ constant, parts }: Sum, by: number): Sum {
  return { constant: constant * by, parts: parts.map((part) => ({ ...part, times: part.times * by })) };
}

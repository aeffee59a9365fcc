/**
 * What the scalar functions with one right answer mean, for one element: the definition that every device is measured by, and what the compiler folds
 * numbers with. Floats are float64 here (rounding to narrower ones is the reference evaluator's), integers wrap to their width, int64 is exact.
 * Owns neither the functions that devices approximate, `scalar-meaning.ts`, nor loops, `meaning.ts`.
 */
import { type DType, dtypes, isFloat, isInteger, type ScalarFunction } from '@torchlet/device';

/** One element: a bigint for int64, 0 or 1 for bool, a number for the rest. */
export type Element = number | bigint;

/** `dtype` is the result's, `from` that of the arguments (of the last, for `where`). */
export type ScalarMeaning = (args: readonly Element[], dtype: DType, from: DType) => Element;

export const exactMeanings = {
  neg: ([x], dtype) => wrapped(dtype, typeof x === 'bigint' ? -x : -number(x)),
  sqrt: ([x]) => Math.sqrt(number(x)),
  floor: ([x = 0]) => (typeof x === 'bigint' ? x : Math.floor(x)),
  cast: ([x = 0], dtype, from) => castElement(x, from, dtype),

  add: integerAware(
    (x, y) => x + y,
    (x, y) => x + y,
  ),
  sub: integerAware(
    (x, y) => x - y,
    (x, y) => x - y,
  ),
  mul: ([x, y], dtype) => {
    if (typeof x === 'bigint') return wrapped(dtype, x * bigint(y));
    return dtype === 'int32' ? Math.imul(number(x), number(y)) : wrapped(dtype, number(x) * number(y));
  },
  div: ([x, y]) => number(x) / number(y),
  idiv: integerAware(
    (x, y) => (y === 0 ? 0 : Math.trunc(x / y)),
    (x, y) => (y === 0n ? 0n : x / y),
  ),
  mod: integerAware(
    (x, y, dtype) => (y === 0 && !isFloat(dtype) ? x : x % y),
    (x, y) => (y === 0n ? x : x % y),
  ),
  max: ([x, y]) => {
    if (typeof x !== 'bigint') return Math.max(number(x), number(y));
    const other = bigint(y);
    if (x < other) return other;
    return x;
  },
  lt: ([x = 0, y = 0]) => (x < y ? 1 : 0),
  eq: ([x, y]) => (x === y ? 1 : 0),
  and: integerAware(
    (x, y) => x & y,
    (x, y) => x & y,
  ),
  or: integerAware(
    (x, y) => x | y,
    (x, y) => x | y,
  ),
  xor: integerAware(
    (x, y) => x ^ y,
    (x, y) => x ^ y,
  ),
  shl: integerAware(
    (x, y) => x << y,
    (x, y) => x << y,
  ),
  shr: integerAware(
    (x, y) => x >> y,
    (x, y) => x >> y,
  ),
  where: ([condition, x = 0, y = 0]) => (condition === 0 ? y : x),
} as const satisfies { readonly [Name in ScalarFunction]?: ScalarMeaning };

/** `value` as an element of `dtype`: a whole number becomes a bigint for int64, floats stay as they are. */
export function elementOf(value: number | bigint, dtype: DType): Element {
  if (dtype === 'int64') return BigInt.asIntN(64, BigInt(value));
  return wrapped(dtype, Number(value));
}

/** The least and greatest element of an integer dtype or bool. */
export function rangeOf(dtype: DType): { readonly least: Element; readonly greatest: Element } {
  if (isFloat(dtype)) return { least: -Infinity, greatest: Infinity };
  if (dtype === 'bool') return { least: 0, greatest: 1 };
  if (dtype === 'uint8') return { least: 0, greatest: 255 };
  if (dtype === 'int64') return { least: -(2n ** 63n), greatest: 2n ** 63n - 1n };
  const half = 2 ** (8 * dtypes[dtype].bytes - 1);
  return { least: -half, greatest: half - 1 };
}

function castElement(x: Element, from: DType, to: DType): Element {
  if (to === 'bool') return Number(x) === 0 ? 0 : 1;
  if (isFloat(to)) return Number(x);
  if (!isFloat(from)) return to === 'int64' ? BigInt(x) : wrapped(to, Number(BigInt.asIntN(32, BigInt(x))));
  const whole = Math.trunc(number(x));
  if (Number.isNaN(whole)) return elementOf(0, to);
  const { least, greatest } = rangeOf(to);
  if (whole <= least) return least;
  if (whole >= greatest) return greatest;
  // Adding 0 turns -0, which no integer dtype has, to 0.
  return to === 'int64' ? BigInt(whole) : whole + 0;
}

/** Modulo the width of an integer dtype; bool says whether it is not 0; floats stay. */
function wrapped(dtype: DType, x: Element): Element {
  if (typeof x === 'bigint') return BigInt.asIntN(64, x);
  if (isInteger(dtype)) {
    if (dtype === 'uint8') return x & 0xff;
    const unused = 32 - 8 * dtypes[dtype].bytes;
    return (x << unused) >> unused;
  }
  return dtype === 'bool' ? (x === 0 ? 0 : 1) : x;
}

function integerAware(
  fn: (x: number, y: number, dtype: DType) => number,
  ofInt64: (x: bigint, y: bigint) => bigint,
): ScalarMeaning {
  return ([x, y], dtype) => {
    if (typeof x === 'bigint') return BigInt.asIntN(64, ofInt64(x, bigint(y)));
    return wrapped(dtype, fn(number(x), number(y), dtype));
  };
}

export function number(x: Element | undefined): number {
  if (typeof x !== 'number')
    throw new TypeError(`expected a number, got ${typeof x}: int64 where another dtype should be`);
  return x;
}

function bigint(x: Element | undefined): bigint {
  if (typeof x !== 'bigint') throw new TypeError(`expected an int64, got ${typeof x}`);
  return x;
}

/**
 * Rows of functions of two numbers, and of three: arithmetic, powers, extremes, comparisons, logic, choice. Samples are the broadcasts.
 */
import { tensor, type Tensor, where } from '@torchlet/tensor';
import { plain, type Plain, zip } from './plain.js';
import {
  alwaysBool,
  around0,
  asFloat,
  bool,
  everything,
  float,
  int64,
  type DTypeRule,
  numbers,
  type OpRow,
  positive,
  type Range,
  random,
  randomIntegers,
  row,
  same,
  type Sample,
  sample,
} from './row.js';
import type { ToleranceName } from './tolerances.js';

interface BinaryOptions {
  readonly left?: Range;
  readonly right?: Range;
  readonly tolerance?: ToleranceName;
  readonly gradient?: boolean;
  readonly dtypes?: DTypeRule;
  /** False where the special numbers are another row's matter. */
  readonly special?: boolean;
}

const shapePairs: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [3, 4],
    [3, 4],
  ],
  [[3, 4], [4]],
  [
    [3, 1],
    [1, 4],
  ],
  [
    [2, 3, 4],
    [3, 1],
  ],
  [[], [2, 3]],
  [[], []],
  [[1], [5]],
  [
    [0, 3],
    [1, 3],
  ],
  [[33], [33]],
];

/** Every pair of numbers at which operators differ: signed zeros, infinities, NaN, ties. */
const edges = [0, -0, 1, -1, NaN, Infinity, -Infinity, 2.5];
const edgePairs = edges.flatMap((a) => edges.map((b) => [a, b] as const));

export function binary(
  name: string,
  run: (a: Tensor, b: Tensor) => Tensor,
  f: (a: number, b: number) => number,
  {
    left = around0,
    right = around0,
    tolerance = 'arithmetic',
    gradient = true,
    dtypes,
    special = true,
  }: BinaryOptions = {},
): OpRow {
  const samples: Sample[] = shapePairs.map(([a, b]) =>
    sample(`[${a.join(', ')}] with [${b.join(', ')}]`, [float(random(a, left, 1)), float(random(b, right, 2))]),
  );
  const firsts = plain(
    [edgePairs.length],
    edgePairs.map(([a]) => a),
  );
  const seconds = plain(
    [edgePairs.length],
    edgePairs.map(([, b]) => b),
  );
  if (special) samples.push(sample('special values', [float(firsts), float(seconds)], { smooth: false }));
  return row({
    name,
    run: ([a, b]) => run(a as Tensor, b as Tensor),
    reference: ([a, b]) => zip((x, y) => f(x as number, y as number), a as Plain, b as Plain),
    samples,
    tolerance,
    gradient,
    dtypes: dtypes ?? null,
    bad: [
      {
        note: 'shapes that do not broadcast',
        call: () => run(ones([2, 3]), ones([4, 3])),
        message: /\[2, 3\].*\[4, 3\]/,
      },
    ],
  });
}

function ones(shape: readonly number[]): Tensor {
  return tensor(new Float32Array(shape.reduce((size, length) => size * length, 1)).fill(1), { shape });
}

const keeps: DTypeRule = { inputs: everything, result: same };
const flags: DTypeRule = { inputs: everything, result: alwaysBool };

/** The larger; NaN if either is. */
const max = (a: number, b: number): number => (Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.max(a, b));
const min = (a: number, b: number): number => (Number.isNaN(a) || Number.isNaN(b) ? NaN : Math.min(a, b));

/** C's pow, where JavaScript's `**` gives NaN for 1 to infinite and NaN powers. */
const pow = (a: number, b: number): number =>
  a === 1 || b === 0 || (a === -1 && Math.abs(b) === Infinity) ? 1 : a ** b;

/** a - floor(a / b) * b, with the sign of b; exact. */
const remainder = (a: number, b: number): number => {
  const rest = a % b;
  return rest !== 0 && rest < 0 !== b < 0 ? rest + b : rest;
};

function compare(name: string, run: (a: Tensor, b: Tensor) => Tensor, f: (a: number, b: number) => boolean): OpRow {
  return binary(name, run, (a, b) => Number(f(a, b)), { tolerance: 'exact', gradient: false, dtypes: flags });
}

/** Integers bit by bit. */
function bits(name: string, run: (a: Tensor, b: Tensor) => Tensor, f: (a: number, b: number) => number): OpRow {
  return row({
    name,
    run: ([a, b]) => run(a as Tensor, b as Tensor),
    reference: ([a, b]) => zip((x, y) => f(x as number, y as number), a as Plain, b as Plain),
    samples: [
      sample('one shape', [int64(randomIntegers([7], 100)), int64(randomIntegers([7], 8, 2))]),
      sample('broadcast', [int64(randomIntegers([3, 1], 100)), int64(randomIntegers([4], 8, 2))]),
    ],
    tolerance: 'exact',
    gradient: false,
    bad: [{ note: 'floats', call: () => run(ones([2]), ones([2])), message: /float32/ }],
  });
}

export const binaryRows: readonly OpRow[] = [
  binary(
    'add',
    (a, b) => a.add(b),
    (a, b) => a + b,
    { dtypes: { inputs: numbers, result: same } },
  ),
  binary(
    'sub',
    (a, b) => a.sub(b),
    (a, b) => a - b,
    { dtypes: { inputs: numbers, result: same } },
  ),
  binary(
    'mul',
    (a, b) => a.mul(b),
    (a, b) => a * b,
    { dtypes: { inputs: numbers, result: same } },
  ),
  binary(
    'div',
    (a, b) => a.div(b),
    (a, b) => a / b,
    { right: positive, dtypes: { inputs: numbers, result: asFloat } },
  ),
  binary(
    'add alpha',
    (a, b) => a.add(b, { alpha: -1.5 }),
    (a, b) => a - 1.5 * b,
  ),
  binary('pow', (a, b) => a.pow(b), pow, { left: positive, tolerance: 'transcendental' }),
  binary('maximum', (a, b) => a.maximum(b), max, { tolerance: 'exact', dtypes: keeps }),
  binary('minimum', (a, b) => a.minimum(b), min, { tolerance: 'exact', dtypes: keeps }),
  binary('remainder', (a, b) => a.remainder(b), finiteOnly(remainder), {
    left: positive,
    right: { low: 4, high: 6 },
    tolerance: 'arithmetic',
  }),
  binary(
    'fmod',
    (a, b) => a.fmod(b),
    (a, b) => (b === 0 || Math.abs(a) === Infinity ? NaN : a % b),
    {
      left: positive,
      right: { low: 4, high: 6 },
      dtypes: { inputs: numbers, result: same },
    },
  ),
  binary(
    'floorDivide',
    (a, b) => a.floorDivide(b),
    (a, b) => Math.floor(a / b),
    {
      right: positive,
      gradient: false,
      dtypes: { inputs: numbers, result: same },
      special: false,
    },
  ),
  bits(
    'bitwiseAnd',
    (a, b) => a.bitwiseAnd(b),
    (a, b) => a & b,
  ),
  bits(
    'bitwiseOr',
    (a, b) => a.bitwiseOr(b),
    (a, b) => a | b,
  ),
  bits(
    'bitwiseXor',
    (a, b) => a.bitwiseXor(b),
    (a, b) => a ^ b,
  ),
  bits(
    'bitwiseLeftShift',
    (a, b) => a.bitwiseLeftShift(b),
    (a, b) => a << b,
  ),
  bits(
    'bitwiseRightShift',
    (a, b) => a.bitwiseRightShift(b),
    (a, b) => a >> b,
  ),
  row({
    name: 'isclose',
    run: ([a, b]) => (a as Tensor).isclose(b as Tensor, { rtol: 0.1, atol: 0.01 }),
    reference: ([a, b]) =>
      zip((x = 0, y = 0) => Number(x === y || Math.abs(x - y) <= 0.01 + 0.1 * Math.abs(y)), a as Plain, b as Plain),
    samples: [
      sample('near and far', [float(plain([4], [1, 1, 0, -2])), float(plain([4], [1.05, 1.3, 0.009, 2]))]),
      sample('NaN and equal infinities', [float(plain([2], [NaN, Infinity])), float(plain([2], [NaN, Infinity]))]),
    ],
    tolerance: 'exact',
    gradient: false,
    dtypes: { inputs: [], result: alwaysBool },
  }),
  compare(
    'eq',
    (a, b) => a.eq(b),
    (a, b) => a === b,
  ),
  compare(
    'ne',
    (a, b) => a.ne(b),
    (a, b) => a !== b,
  ),
  compare(
    'lt',
    (a, b) => a.lt(b),
    (a, b) => a < b,
  ),
  compare(
    'le',
    (a, b) => a.le(b),
    (a, b) => a <= b,
  ),
  compare(
    'gt',
    (a, b) => a.gt(b),
    (a, b) => a > b,
  ),
  compare(
    'ge',
    (a, b) => a.ge(b),
    (a, b) => a >= b,
  ),
  compare(
    'logicalAnd',
    (a, b) => a.logicalAnd(b),
    (a, b) => a !== 0 && b !== 0,
  ),
  compare(
    'logicalOr',
    (a, b) => a.logicalOr(b),
    (a, b) => a !== 0 || b !== 0,
  ),
  compare(
    'logicalXor',
    (a, b) => a.logicalXor(b),
    (a, b) => (a !== 0) !== (b !== 0),
  ),
  row({
    name: 'where',
    run: ([condition, a, b]) => where(condition as Tensor, a as Tensor, b as Tensor),
    reference: ([condition, a, b]) =>
      zip((c, x, y) => (c !== 0 ? (x as number) : (y as number)), condition as Plain, a as Plain, b as Plain),
    samples: [
      sample('one shape', [
        bool(plain([2, 2], [1, 0, 0, 1])),
        float(random([2, 2])),
        float(random([2, 2], around0, 2)),
      ]),
      sample('broadcast', [bool(plain([3, 1], [1, 0, 1])), float(random([4])), float(random([3, 4], around0, 2))]),
      sample(
        'the side not taken does not leak',
        [bool(plain([2], [1, 0])), float(plain([2], [1, NaN])), float(plain([2], [NaN, 2]))],
        { smooth: false },
      ),
    ],
    tolerance: 'exact',
    bad: [
      {
        note: 'a float condition',
        call: () => where(ones([2]), ones([2]), ones([2])),
        message: /where.*bool.*float32/,
      },
    ],
  }),
  row({
    name: 'lerp',
    run: ([a, b, weight]) => (a as Tensor).lerp(b as Tensor, weight as Tensor),
    reference: ([a, b, weight]) =>
      zip((x = 0, y = 0, w = 0) => x + w * (y - x), a as Plain, b as Plain, weight as Plain),
    samples: [
      sample('one shape', [float(random([5])), float(random([5], around0, 2)), float(random([5], positive, 3))]),
      sample('0-d weight', [float(random([2, 3])), float(random([2, 3], around0, 2)), float(plain([], [0.25]))]),
    ],
  }),
  row({
    name: 'clamp',
    run: ([x], [low, high]) => (x as Tensor).clamp(low as number | null, high as number | null),
    reference: ([x], [low, high]) =>
      zip((value = 0) => {
        if (Number.isNaN(value)) return NaN;
        return Math.min(Math.max(value, (low as number | null) ?? -Infinity), (high as number | null) ?? Infinity);
      }, x as Plain),
    samples: [
      sample('both bounds', [float(random([3, 4]))], { args: [-0.5, 0.75] }),
      sample('below only', [float(random([7]))], { args: [0.1, null] }),
      sample('above only', [float(random([7]))], { args: [null, 0.1] }),
      sample('on the bounds, NaN, infinities', [float(plain([6], [-1, 1, NaN, Infinity, -Infinity, -0]))], {
        args: [-1, 1],
        smooth: false,
      }),
    ],
    tolerance: 'exact',
  }),
];

/** A row's reference that is NaN where PyTorch's is, for functions that JavaScript's `%` does not define there. */
function finiteOnly(f: (a: number, b: number) => number): (a: number, b: number) => number {
  return (a, b) => (Number.isFinite(a) && b !== 0 && !Number.isNaN(b) ? f(a, b) : NaN);
}

/**
 * Rows of functions of one number: arithmetic, roots, logarithms, trigonometry, rounding, activations.
 */
import { elu, gelu, leakyRelu, logSigmoid, silu, softplus, type Tensor } from '@torchlet/tensor';
import { map, plain, type Plain } from './plain.js';
import {
  alwaysBool,
  around0,
  asFloat,
  bool,
  everything,
  float,
  numbers,
  type OpRow,
  positive,
  type Range,
  random,
  row,
  same,
  sample,
  special,
  unit,
} from './row.js';
import type { ToleranceName } from './tolerances.js';

interface UnaryOptions {
  readonly range?: Range;
  readonly tolerance?: ToleranceName;
  readonly gradient?: boolean;
  readonly dtypes?: OpRow['dtypes'];
  /** Points of the function that deserve a sample of their own: ties, corners, large arguments. */
  readonly corners?: readonly number[];
  /** False for functions of angles: at 3e38 their value is the rounding's, not the function's. */
  readonly huge?: boolean;
}

/** The samples of every function of one number: shapes first, then the special numbers. */
export function unary(
  name: string,
  run: (x: Tensor) => Tensor,
  f: (x: number) => number,
  {
    range = around0,
    tolerance = 'transcendental',
    gradient = true,
    dtypes = null,
    corners = [],
    huge = true,
  }: UnaryOptions = {},
): OpRow {
  const at = (x: Plain): readonly [ReturnType<typeof float>] => [float(x)];
  const points = plain([corners.length], corners);
  return row({
    name,
    run: ([x]) => run(x as Tensor),
    reference: ([x]) => map(x as Plain, f),
    samples: [
      sample('[3, 4]', at(random([3, 4], range))),
      sample('0-d', at(random([], range))),
      sample('[2, 1, 5]', at(random([2, 1, 5], range))),
      sample('longer than a vector', at(random([37], range))),
      sample('empty [0, 3]', at(plain([0, 3], []))),
      sample('special values', at(huge ? special : withoutHuge), { smooth: false }),
      ...(corners.length > 0 ? [sample('corners', at(points), { smooth: false })] : []),
    ],
    tolerance,
    gradient,
    dtypes,
  });
}

const withoutHuge = plain(
  [special.data.length - 2],
  special.data.filter((value) => !(Math.abs(value) > 1e38 && Number.isFinite(value))),
);

const toFloat = { inputs: everything, result: asFloat } as const;
const keeps = { inputs: numbers, result: same } as const;

/** Even to the nearest even, as IEEE 754 rounds. */
function roundToEven(x: number): number {
  const down = Math.floor(x);
  if (x - down !== 0.5) return Math.round(x);
  return down % 2 === 0 ? down : down + 1;
}

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));

/** erf by its series near 0 and its continued fraction far from it (Abramowitz and Stegun 7.1.5 and 7.1.14), to float64's precision. */
export function erf(x: number): number {
  if (Number.isNaN(x)) return NaN;
  const a = Math.abs(x);
  if (a > 6) return Math.sign(x);
  if (a < 3) {
    let term = x;
    let sum = x;
    for (let n = 1; Math.abs(term) > 1e-18; n++) {
      term *= (-x * x) / n;
      sum += term / (2 * n + 1);
    }
    return (2 / Math.sqrt(Math.PI)) * sum;
  }
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (a + fraction);
  return Math.sign(x) * (1 - Math.exp(-a * a) / Math.sqrt(Math.PI) / (a + fraction));
}

const geluOf = (x: number): number => (x === -Infinity ? NaN : (x / 2) * (1 + erf(x * Math.SQRT1_2)));
const geluTanhOf = (x: number): number =>
  (x / 2) * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x * x * x)));

export const unaryRows: readonly OpRow[] = [
  unary(
    'neg',
    (x) => x.neg(),
    (x) => -x,
    { tolerance: 'exact', dtypes: keeps },
  ),
  unary('abs', (x) => x.abs(), Math.abs, { tolerance: 'exact', dtypes: keeps, corners: [0, -0] }),
  unary(
    'sign',
    (x) => x.sign(),
    (x) => (Number.isNaN(x) ? 0 : Math.sign(x)),
    { tolerance: 'exact', dtypes: keeps },
  ),
  unary(
    'square',
    (x) => x.square(),
    (x) => x * x,
    { tolerance: 'arithmetic', dtypes: keeps },
  ),
  unary(
    'reciprocal',
    (x) => x.reciprocal(),
    (x) => 1 / x,
    { range: positive, tolerance: 'arithmetic' },
  ),
  unary('sqrt', (x) => x.sqrt(), Math.sqrt, { range: positive, tolerance: 'arithmetic', dtypes: toFloat }),
  unary(
    'rsqrt',
    (x) => x.rsqrt(),
    (x) => 1 / Math.sqrt(x),
    { range: positive, tolerance: 'arithmetic' },
  ),
  unary('exp', (x) => x.exp(), Math.exp, { dtypes: toFloat, corners: [88, -88, 89, -104, 1e-4] }),
  unary(
    'exp2',
    (x) => x.exp2(),
    (x) => 2 ** x,
    { corners: [127, -126, 128] },
  ),
  unary('expm1', (x) => x.expm1(), Math.expm1, { corners: [1e-6, -1e-6, 88, -20] }),
  unary('log', (x) => x.log(), Math.log, { range: positive, dtypes: toFloat, corners: [1.0001, 1e-30, 1e30] }),
  unary('log2', (x) => x.log2(), Math.log2, { range: positive }),
  unary('log10', (x) => x.log10(), Math.log10, { range: positive }),
  unary('log1p', (x) => x.log1p(), Math.log1p, { range: unit, corners: [1e-6, -1e-6, -1, -2] }),
  unary('sin', (x) => x.sin(), Math.sin, { huge: false, dtypes: toFloat, corners: [100, -1000, 1e-4] }),
  unary('cos', (x) => x.cos(), Math.cos, { huge: false, corners: [100, -1000] }),
  unary('tan', (x) => x.tan(), Math.tan, { huge: false, range: unit }),
  unary('atan', (x) => x.atan(), Math.atan, { corners: [1e30, -1e30, 1e-6] }),
  unary('tanh', (x) => x.tanh(), Math.tanh, { dtypes: toFloat, corners: [20, -20, 1e-5] }),
  unary('sigmoid', (x) => x.sigmoid(), sigmoid, { dtypes: toFloat, corners: [100, -100, -88] }),
  unary('erf', (x) => x.erf(), erf, { corners: [4, -4, 1e-5] }),
  unary('floor', (x) => x.floor(), Math.floor, { tolerance: 'exact', dtypes: keeps, corners: [2.5, -2.5, 3, -0.5] }),
  unary('ceil', (x) => x.ceil(), Math.ceil, { tolerance: 'exact', dtypes: keeps, corners: [2.5, -2.5, 3, -0.5] }),
  unary('trunc', (x) => x.trunc(), Math.trunc, { tolerance: 'exact', dtypes: keeps, corners: [2.5, -2.5, 3, -0.5] }),
  unary('round', (x) => x.round(), roundToEven, {
    tolerance: 'exact',
    dtypes: keeps,
    corners: [0.5, 1.5, 2.5, -0.5, -1.5, -2.5, 0.49999997],
  }),
  unary(
    'isnan',
    (x) => x.isnan(),
    (x) => Number(Number.isNaN(x)),
    flag(),
  ),
  unary(
    'isinf',
    (x) => x.isinf(),
    (x) => Number(Math.abs(x) === Infinity),
    flag(),
  ),
  unary(
    'isfinite',
    (x) => x.isfinite(),
    (x) => Number(Number.isFinite(x)),
    flag(),
  ),
  unary(
    'logicalNot',
    (x) => x.logicalNot(),
    (x) => Number(x === 0),
    flag(),
  ),
  row({
    name: 'bitwiseNot',
    run: ([x]) => (x as Tensor).bitwiseNot(),
    reference: ([x]) => map(x as Plain, (value) => 1 - value),
    samples: [sample('bool', [bool(plain([4], [0, 1, 1, 0]))])],
    tolerance: 'exact',
    gradient: false,
    bad: [],
  }),

  unary(
    'relu',
    (x) => x.relu(),
    (x) => Math.max(x, 0),
    { tolerance: 'exact', dtypes: keeps, corners: [0, -0] },
  ),
  unary('gelu', (x) => gelu(x), geluOf, { corners: [10, -10, 1e-4] }),
  unary('gelu tanh', (x) => gelu(x, { approximate: 'tanh' }), geluTanhOf, { corners: [10, -10, 1e-4] }),
  unary(
    'silu',
    (x) => silu(x),
    (x) => x * sigmoid(x),
    { corners: [50, -50] },
  ),
  unary(
    'softplus',
    (x) => softplus(x),
    (x) => (x > 20 ? x : Math.log1p(Math.exp(x))),
    { corners: [20, 21, -30] },
  ),
  unary(
    'leakyRelu',
    (x) => leakyRelu(x, { negativeSlope: 0.2 }),
    (x) => (x > 0 ? x : 0.2 * x),
    {
      tolerance: 'arithmetic',
      corners: [0],
    },
  ),
  unary(
    'elu',
    (x) => elu(x, { alpha: 0.5 }),
    (x) => (x > 0 ? x : 0.5 * Math.expm1(x)),
    { corners: [0, -40] },
  ),
  unary(
    'logSigmoid',
    (x) => logSigmoid(x),
    (x) => Math.min(x, 0) - Math.log1p(Math.exp(-Math.abs(x))),
    {
      corners: [50, -50],
    },
  ),
];

function flag(): UnaryOptions {
  return { tolerance: 'exact', gradient: false, dtypes: { inputs: everything, result: alwaysBool } };
}

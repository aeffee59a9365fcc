/** Rows of mathematical functions that are not methods: inverse and hyperbolic functions, angles, signs, sums of logarithms. */
import {
  acos,
  acosh,
  addcdiv,
  addcmul,
  asin,
  asinh,
  atan2,
  atanh,
  clampMax,
  clampMin,
  copysign,
  cosh,
  deg2rad,
  erfc,
  fmax,
  fmin,
  heaviside,
  hypot,
  isneginf,
  isposinf,
  logaddexp,
  logaddexp2,
  logit,
  nanToNum,
  rad2deg,
  rsub,
  signbit,
  sinc,
  sinh,
  type Tensor,
  xlogy,
} from '@torchlet/tensor';
import { binary } from './binary-rows.js';
import { type Plain, zip } from './plain.js';
import { alwaysBool, asFloat, everything, float, type OpRow, positive, random, row, sample, unit } from './row.js';
import { erf, unary } from './unary-rows.js';

const flag = { tolerance: 'exact', gradient: false, dtypes: { inputs: everything, result: alwaysBool } } as const;
const toFloat = { inputs: everything, result: asFloat } as const;

const isNegative = (x: number): boolean => x < 0 || Object.is(x, -0);

/** erfc by its continued fraction where 1 - erf has no digits left. */
function erfcOf(x: number): number {
  if (!(x > 3)) return 1 - erf(x);
  let fraction = 0;
  for (let n = 60; n > 0; n--) fraction = n / 2 / (x + fraction);
  return Math.exp(-x * x) / Math.sqrt(Math.PI) / (x + fraction);
}

const max = (a: number, b: number): number => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.max(a, b));
const min = (a: number, b: number): number => (Number.isNaN(a) ? b : Number.isNaN(b) ? a : Math.min(a, b));

/** log(base^a + base^b) with the larger taken out. */
const logSum =
  (base: number) =>
  (a: number, b: number): number => {
    const larger =
      Number.isNaN(a + b) && !(Math.abs(a) === Infinity && Math.abs(b) === Infinity) ? NaN : Math.max(a, b);
    if (Math.abs(larger) === Infinity) return larger;
    return larger + Math.log1p(base ** -Math.abs(a - b)) / Math.log(base);
  };

export const mathRows: readonly OpRow[] = [
  unary('asin', asin, Math.asin, { range: unit, dtypes: toFloat, corners: [1, -1, 1.5, 1e-6, 1 - 2 ** -12] }),
  unary('acos', acos, Math.acos, { range: unit, corners: [1, -1, 1.5, 1e-6, 1 - 2 ** -12] }),
  unary('asinh', asinh, Math.asinh, { corners: [1e-6, -1e-6, 1e10, -1e10] }),
  unary('acosh', acosh, Math.acosh, { range: { low: 1.2, high: 4 }, corners: [1, 1 + 2 ** -12, 1e10, 0.5] }),
  unary('atanh', atanh, Math.atanh, { range: unit, corners: [1, -1, 1e-6, 1 - 2 ** -12] }),
  unary('sinh', sinh, Math.sinh, { corners: [1e-6, 30, 50, -50, 80] }),
  unary('cosh', cosh, Math.cosh, { corners: [1e-6, 30, 50, -50, 80] }),
  unary('erfc', erfc, erfcOf, { corners: [3, 5, 8, -3] }),
  unary('sinc', sinc, (x) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x)), { huge: false }),
  unary('deg2rad', deg2rad, (x) => (x * Math.PI) / 180, { tolerance: 'arithmetic' }),
  unary('rad2deg', rad2deg, (x) => (x * 180) / Math.PI, { tolerance: 'arithmetic', huge: false }),
  unary('logit', logit, (x) => Math.log(x / (1 - x)), { range: { low: 0.1, high: 0.9 } }),
  unary('signbit', signbit, (x) => Number(isNegative(x)), flag),
  unary('isposinf', isposinf, (x) => Number(x === Infinity), flag),
  unary('isneginf', isneginf, (x) => Number(x === -Infinity), flag),
  unary(
    'clampMin',
    (x) => clampMin(x, 0.25),
    (x) => Math.max(x, 0.25),
    { tolerance: 'exact' },
  ),
  unary(
    'clampMax',
    (x) => clampMax(x, 0.25),
    (x) => Math.min(x, 0.25),
    { tolerance: 'exact' },
  ),
  unary('nanToNum', (x) => nanToNum(x, { nan: 2, posinf: 3 }), nanToNumOf, { tolerance: 'exact' }),

  binary('atan2', atan2, Math.atan2, { tolerance: 'transcendental' }),
  binary('hypot', hypot, Math.hypot, { tolerance: 'arithmetic' }),
  binary('copysign', copysign, (a, b) => (isNegative(a) === isNegative(b) ? a : -a), { tolerance: 'exact' }),
  binary('fmax', fmax, max, { tolerance: 'exact' }),
  binary('fmin', fmin, min, { tolerance: 'exact' }),
  binary('logaddexp', logaddexp, logSum(Math.E), { tolerance: 'transcendental' }),
  binary('logaddexp2', logaddexp2, logSum(2), { tolerance: 'transcendental' }),
  binary('xlogy', xlogy, (a, b) => (a === 0 && !Number.isNaN(b) ? 0 : a * Math.log(b)), {
    right: positive,
    tolerance: 'transcendental',
  }),
  binary('heaviside', heaviside, (a, b) => (a === 0 ? b : Number.isNaN(a) ? a : Number(a > 0)), {
    tolerance: 'exact',
    gradient: false,
  }),
  binary('rsub', rsub, (a, b) => b - a),

  ternary(
    'addcmul',
    (x, a, b) => addcmul(x, a, b, { value: -1.5 }),
    (x, a, b) => x - 1.5 * a * b,
  ),
  ternary(
    'addcdiv',
    (x, a, b) => addcdiv(x, a, b, { value: -1.5 }),
    (x, a, b) => x - (1.5 * a) / b,
  ),
];

function nanToNumOf(x: number): number {
  if (Number.isNaN(x)) return 2;
  return x === Infinity ? 3 : x === -Infinity ? -3.4028234663852886e38 : x;
}

function ternary(
  name: string,
  run: (x: Tensor, a: Tensor, b: Tensor) => Tensor,
  f: (x: number, a: number, b: number) => number,
): OpRow {
  const inputs = (x: readonly number[], a: readonly number[], b: readonly number[]) => [
    float(random(x, undefined, 1)),
    float(random(a, undefined, 2)),
    float(random(b, positive, 3)),
  ];
  return row({
    name,
    run: ([x, a, b]) => run(x as Tensor, a as Tensor, b as Tensor),
    reference: (values) => zip((x, a, b) => f(x as number, a as number, b as number), ...(values as readonly Plain[])),
    samples: [
      sample('one shape', inputs([3, 4], [3, 4], [3, 4])),
      sample('broadcast', inputs([3, 4], [4], [3, 1])),
      sample('0-d', inputs([], [], [])),
    ],
  });
}

/** Rows of the gamma function and its kin, of distances between rows, and of statistics of samples. */
import {
  cdist,
  corrcoef,
  cov,
  digamma,
  erfinv,
  isin,
  lgamma,
  logdet,
  mode,
  ones,
  pdist,
  slogdet,
  type Tensor,
  trapezoid,
} from '@torchlet/tensor';
import { at, build, lines, map, permute, type Plain, plain, product, reduce } from './plain.js';
import {
  alwaysBool,
  asFloat,
  everything,
  float,
  type OpRow,
  positive,
  random,
  randomIntegers,
  row,
  sample,
  unit,
} from './row.js';
import { erf, unary } from './unary-rows.js';

/** Stirling's series of a number that was raised above 30, and Euler's reflection below a half. */
function logGamma(x: number): number {
  if (x === Infinity || x === -Infinity) return Infinity;
  if (Number.isInteger(x) && x <= 0) return Infinity;
  if (x < 0.5) return Math.log(Math.PI / Math.abs(Math.sin(Math.PI * (x - Math.round(x))))) - logGamma(1 - x);
  if (x < 30) return logGamma(x + 1) - Math.log(x);
  return (x - 0.5) * Math.log(x) - x + Math.log(2 * Math.PI) / 2 + 1 / (12 * x) - 1 / (360 * x ** 3);
}

function psi(x: number): number {
  if (x === 0) return Object.is(x, -0) ? Infinity : -Infinity;
  if (x === -Infinity || (Number.isInteger(x) && x < 0)) return NaN;
  if (x < 0.5) return psi(1 - x) - Math.PI / Math.tan(Math.PI * (x - Math.round(x)));
  if (x < 30) return psi(x + 1) - 1 / x;
  return Math.log(x) - 1 / (2 * x) - 1 / (12 * x ** 2) + 1 / (120 * x ** 4);
}

/** Where erf is x, between bounds that are halved. */
function inverseErf(x: number): number {
  if (Math.abs(x) === 1) return x * Infinity;
  if (!(Math.abs(x) < 1)) return NaN;
  if (Math.abs(x) < 1e-7) return (x * Math.sqrt(Math.PI)) / 2;
  let [low, high] = [-6, 6];
  for (let step = 0; step < 100; step++) {
    const middle = (low + high) / 2;
    if (erf(middle) < x) low = middle;
    else high = middle;
  }
  return low;
}

const distance = (a: readonly number[], b: readonly number[], p: number): number => {
  const apart = a.map((value, i) => Math.abs(value - (b[i] as number)));
  if (p === Infinity) return Math.max(...apart);
  return apart.reduce((sum, d) => sum + d ** p, 0) ** (1 / p);
};
const rowOf = (x: Plain, i: number): number[] => Array.from({ length: x.shape[1] as number }, (_, j) => at(x, [i, j]));

const mean = (line: readonly number[]): number => line.reduce((sum, value) => sum + value, 0) / line.length;
function covariance(x: Plain, correction: number): Plain {
  const columns = x.shape[1] as number;
  const centred = lines(x, 1, (line) => line.map((value) => value - mean(line)));
  return map(product(centred, permute(centred, [1, 0])), (sum) => sum / (columns - correction));
}

const pairOf = (a: readonly number[], b: readonly number[]) => [float(random(a, unit, 1)), float(random(b, unit, 2))];

export const statisticsRows: readonly OpRow[] = [
  unary('lgamma', lgamma, logGamma, {
    range: { low: 0.6, high: 6 },
    dtypes: { inputs: everything, result: asFloat },
    corners: [0.3, -0.5, -2.5, 3, 100, 1e10],
  }),
  unary('digamma', digamma, psi, { range: { low: 0.6, high: 6 }, corners: [0.3, -0.5, -2.5, -3, 100, 1e10] }),
  unary('erfinv', erfinv, inverseErf, { range: unit, corners: [1e-10, 0.99, -0.999, 1.5] }),
  row({
    name: 'cdist',
    run: ([x, y], [p]) => cdist(x as Tensor, y as Tensor, p as number),
    reference: ([x, y], [p]) => {
      const [a, b] = [x as Plain, y as Plain];
      return build([a.shape[0] as number, b.shape[0] as number], ([i = 0, j = 0]) =>
        distance(rowOf(a, i), rowOf(b, j), p as number),
      );
    },
    samples: [
      sample('Euclidean', pairOf([3, 4], [5, 4]), { args: [2] }),
      sample('Euclidean, by a product', pairOf([30, 3], [2, 3]), { args: [2] }),
      sample('city blocks', pairOf([3, 4], [5, 4]), { args: [1] }),
      sample('largest', pairOf([3, 4], [5, 4]), { args: [Infinity] }),
      sample('p = 3', pairOf([2, 2], [3, 2]), { args: [3] }),
    ],
    tolerance: 'cancelling',
    bad: [{ note: 'other features', call: () => cdist(ones([2, 3]), ones([2, 4])), message: /cdist: expected rows/ }],
  }),
  row({
    name: 'pdist',
    run: ([x]) => pdist(x as Tensor),
    reference: ([x]) => {
      const given = x as Plain;
      const count = given.shape[0] as number;
      const values: number[] = [];
      for (let i = 0; i < count; i++)
        for (let j = i + 1; j < count; j++) values.push(distance(rowOf(given, i), rowOf(given, j), 2));
      return plain([values.length], values);
    },
    samples: [sample('[4, 3]', [float(random([4, 3]))])],
    tolerance: 'accumulated',
  }),
  row({
    name: 'cov',
    run: ([x], [options]) => cov(x as Tensor, options as { correction: number }),
    reference: ([x], [options]) => covariance(x as Plain, (options as { correction?: number }).correction ?? 1),
    samples: [
      sample('[3, 7]', [float(random([3, 7]))], { args: [{}] }),
      sample('uncorrected', [float(random([2, 5]))], { args: [{ correction: 0 }] }),
    ],
    tolerance: 'cancelling',
  }),
  row({
    name: 'corrcoef',
    run: ([x]) => corrcoef(x as Tensor),
    reference: ([x]) => {
      const c = covariance(x as Plain, 1);
      return build(c.shape, ([i = 0, j = 0]) => at(c, [i, j]) / Math.sqrt(at(c, [i, i]) * at(c, [j, j])));
    },
    // On its diagonal it is held at 1, where a slope is a convention.
    samples: [sample('[3, 7]', [float(random([3, 7]))], { smooth: false })],
    tolerance: 'cancelling',
  }),
  row({
    name: 'trapezoid',
    run: ([y, x]) => trapezoid(y as Tensor, x as Tensor),
    reference: ([y, x]) => {
      const points = (x as Plain).data;
      return reduce(y as Plain, [1], false, (line) =>
        line.slice(1).reduce((sum, value, i) => {
          const width = (points[i + 1] as number) - (points[i] as number);
          return sum + ((value + (line[i] as number)) / 2) * width;
        }, 0),
      );
    },
    samples: [sample('[3, 5] over 5 points', [float(random([3, 5])), float(random([5], positive))])],
    tolerance: 'accumulated',
  }),
  row({
    name: 'isin',
    run: ([x, members]) => isin(x as Tensor, members as Tensor),
    reference: ([x, members]) => map(x as Plain, (value) => Number((members as Plain).data.includes(value))),
    samples: [sample('[3, 4]', [float(randomIntegers([3, 4], 6)), float(randomIntegers([3], 6, 2))])],
    tolerance: 'exact',
    gradient: false,
    dtypes: { inputs: everything, result: alwaysBool },
  }),
  row({
    name: 'mode',
    run: ([x], [dim]) => mode(x as Tensor, dim as number).values,
    reference: ([x], [dim]) =>
      reduce(x as Plain, [dim as number], false, (line) => {
        const count = (value: number): number => line.filter((other) => other === value).length;
        return [...line].sort((a, b) => count(b) - count(a) || a - b)[0] as number;
      }),
    samples: [
      sample('along dim 1', [float(randomIntegers([4, 7], 3))], { args: [1], smooth: false }),
      sample('along dim 0', [float(randomIntegers([5, 2], 3))], { args: [0], smooth: false }),
    ],
    tolerance: 'exact',
  }),
  row({
    name: 'logdet',
    run: ([x]) => logdet(x as Tensor),
    reference: ([x]) => map(determinantOf2(x as Plain), Math.log),
    samples: [
      sample('above 0', [float(plain([2, 2], [2, 0.5, -1, 1.5]))]),
      sample('below 0', [float(plain([2, 2], [0.5, 2, 1.5, 1]))], { smooth: false }),
    ],
    tolerance: 'cancelling',
  }),
  row({
    name: 'slogdet',
    run: ([x]) => slogdet(x as Tensor)[0],
    reference: ([x]) => map(determinantOf2(x as Plain), Math.sign),
    samples: [
      sample('above 0', [float(plain([2, 2], [2, 0.5, -1, 1.5]))]),
      sample('below 0', [float(plain([2, 2], [0.5, 2, 1.5, 1]))]),
    ],
    tolerance: 'exact',
    gradient: false,
  }),
];

function determinantOf2({ data }: Plain): Plain {
  const [a = 0, b = 0, c = 0, d = 0] = data;
  return plain([], [a * d - b * c]);
}

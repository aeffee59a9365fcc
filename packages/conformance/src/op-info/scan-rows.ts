/** Rows of running sums and extremes, norms, sorting and what is read off a sorted line. */
import {
  argsort,
  cummax,
  cummin,
  cumprod,
  cumsum,
  diff,
  histc,
  kthvalue,
  logcumsumexp,
  median,
  nanmean,
  nansum,
  norm,
  quantile,
  searchsorted,
  sort,
  type Tensor,
  tensor,
  topk,
  vectorNorm,
} from '@torchlet/tensor';
import { lines, type Plain, plain, reduce } from './plain.js';
import { alwaysInt64, asSum, float, numbers, type OpRow, positive, random, row, sample } from './row.js';

type Line = (line: readonly number[]) => readonly number[];

interface LineOptions extends Partial<OpRow> {
  readonly special?: readonly number[];
}

/** An operation that replaces every line along a dim. */
function along(
  name: string,
  run: (x: Tensor, dim: number) => Tensor,
  f: Line,
  { special = [], ...options }: LineOptions = {},
): OpRow {
  return row({
    name,
    run: ([x], [dim]) => run(x as Tensor, dim as number),
    reference: ([x], [dim]) => lines(x as Plain, dim as number, f),
    samples: [
      sample('[3, 4], dim 1', [float(random([3, 4]))], { args: [1] }),
      sample('[5, 2, 3], dim 0', [float(random([5, 2, 3]))], { args: [0] }),
      sample('longer than a block', [float(random([70, 2], positive))], { args: [0], smooth: false }),
      sample('one element', [float(random([2, 1]))], { args: [1] }),
      ...(special.length > 0
        ? [sample('special values', [float(plain([special.length], special))], { args: [0], smooth: false })]
        : []),
    ],
    ...options,
  });
}

const running =
  (combine: (before: number, x: number) => number): Line =>
  (line) => {
    let sum: number | null = null;
    return line.map((x) => {
      sum = sum === null ? x : combine(sum, x);
      return sum;
    });
  };

/** NaN is larger than any number. */
const ascending = (a: number, b: number): number =>
  Number.isNaN(a) || Number.isNaN(b) ? Number(Number.isNaN(a)) - Number(Number.isNaN(b)) : a - b;
const sorted: Line = (line) => [...line].sort(ascending);

const summed = (dtypes: OpRow['dtypes'], tolerance: OpRow['tolerance']): LineOptions => ({
  tolerance,
  dtypes,
  special: [1, Infinity, 2, -Infinity, 0],
});

const p2 = (values: readonly number[], p: number): number =>
  values.reduce((sum, x) => sum + Math.abs(x) ** p, 0) ** (1 / p);

export const scanRows: readonly OpRow[] = [
  along(
    'cumsum',
    (x, dim) => cumsum(x, dim),
    running((a, b) => a + b),
    summed({ inputs: numbers, result: asSum }, 'accumulated'),
  ),
  along(
    'cumprod',
    (x, dim) => cumprod(x, dim),
    running((a, b) => a * b),
    { tolerance: 'accumulated', special: [2, 0, 3, 0, 1] },
  ),
  along(
    'logcumsumexp',
    logcumsumexp,
    running((a, b) => Math.max(a, b) + Math.log1p(Math.exp(-Math.abs(a - b)))),
    {
      tolerance: 'accumulated',
      special: [-500, 500, 499],
    },
  ),
  along('cummax', (x, dim) => cummax(x, dim).values, running(Math.max), { tolerance: 'exact', special: [1, NaN, 5] }),
  along('cummin', (x, dim) => cummin(x, dim).values, running(Math.min), { tolerance: 'exact', special: [1, NaN, 5] }),
  along(
    'diff',
    (x, dim) => diff(x, 1, dim),
    (line) => line.slice(1).map((x, i) => x - (line[i] as number)),
    { tolerance: 'arithmetic' },
  ),
  along('sort', (x, dim) => sort(x, dim).values, sorted, {
    tolerance: 'exact',
    special: [3, NaN, -Infinity, 3, Infinity, -0],
  }),
  along(
    'sort, descending',
    (x, dim) => sort(x, dim, { descending: true }).values,
    (line) => [...line].sort((a, b) => ascending(b, a)),
    {
      tolerance: 'exact',
      special: [3, NaN, -Infinity, 3, Infinity],
    },
  ),
  along(
    'argsort',
    (x, dim) => argsort(x, dim),
    (line) => line.map((_, i) => i).sort((i, j) => ascending(line[i] as number, line[j] as number) || i - j),
    {
      tolerance: 'exact',
      gradient: false,
      dtypes: { inputs: numbers, result: alwaysInt64 },
      special: [3, NaN, 1, 3, 1],
    },
  ),
  row({
    name: 'sort, by the network',
    run: ([x]) => sort(x as Tensor, 0).values,
    reference: ([x]) => lines(x as Plain, 0, sorted),
    samples: [sample('600 elements', [float(random([600]))])],
    tolerance: 'exact',
  }),
  along(
    'topk',
    (x, dim) => topk(x, 1, dim).values,
    (line) => [Math.max(...line)],
    {
      tolerance: 'exact',
      bad: [
        {
          note: 'more than there are',
          call: () => topk(tensor([1, 2.5]), 3),
          message: /topk: expected a k in \[0, 2\], got 3/,
        },
      ],
    },
  ),
  along(
    'kthvalue',
    (x, dim) => kthvalue(x, 1, dim, { keepdim: true }).values,
    (line) => [Math.min(...line)],
    { tolerance: 'exact' },
  ),
  along(
    'median',
    (x, dim) => median(x, dim, { keepdim: true }).values,
    (line) => [line.some(Number.isNaN) ? NaN : (sorted(line)[Math.floor((line.length - 1) / 2)] as number)],
    { tolerance: 'exact', special: [1, NaN, 5] },
  ),
  along(
    'quantile',
    (x, dim) => quantile(x, 0.3, dim, { keepdim: true }),
    (line) => {
      const place = 0.3 * (line.length - 1);
      const [low, high] = [Math.floor(place), Math.ceil(place)].map((i) => sorted(line)[i] as number) as [
        number,
        number,
      ];
      return [low + (high - low) * (place - Math.floor(place))];
    },
    { tolerance: 'arithmetic' },
  ),
  over(
    'norm',
    (x, dim) => norm(x, 2, dim),
    (values) => p2(values, 2),
  ),
  over(
    'vectorNorm 3',
    (x, dim) => vectorNorm(x, 3, dim),
    (values) => p2(values, 3),
  ),
  over(
    'vectorNorm 1',
    (x, dim) => vectorNorm(x, 1, dim),
    (values) => p2(values, 1),
  ),
  over(
    'vectorNorm infinity',
    (x, dim) => vectorNorm(x, Infinity, dim),
    (values) => Math.max(...values.map(Math.abs)),
  ),
  over(
    'nansum',
    (x, dim) => nansum(x, dim),
    (values) => values.reduce((sum, x) => (Number.isNaN(x) ? sum : sum + x), 0),
    [1, NaN, 2],
  ),
  over(
    'nanmean',
    (x, dim) => nanmean(x, dim),
    (values) => {
      const known = values.filter((x) => !Number.isNaN(x));
      return known.reduce((sum, x) => sum + x, 0) / known.length;
    },
    [1, NaN, 2],
  ),
  row({
    name: 'histc',
    run: ([x]) => histc(x as Tensor, 4, -1, 1),
    reference: ([x]) => {
      const counts = [0, 0, 0, 0];
      for (const value of (x as Plain).data) {
        if (!(value >= -1 && value <= 1)) continue;
        const bin = Math.min(3, Math.floor(((value + 1) / 2) * 4));
        counts[bin] = (counts[bin] as number) + 1;
      }
      return plain([4], counts);
    },
    samples: [sample('edges and beyond', [float(plain([7], [-1, -2, 1, 0.5, 0.25, 3, -0.75]))])],
    tolerance: 'exact',
    gradient: false,
  }),
  row({
    name: 'searchsorted',
    run: ([line, values]) => searchsorted(line as Tensor, values as Tensor),
    reference: ([line, values]) =>
      plain(
        (values as Plain).shape,
        (values as Plain).data.map((value) => (line as Plain).data.filter((x) => x < value).length),
      ),
    samples: [
      sample('between and beyond', [float(plain([4], [-1, 0, 0, 2])), float(plain([2, 3], [-2, 0, 1, 2, 3, -1]))]),
    ],
    tolerance: 'exact',
    gradient: false,
    dtypes: { inputs: [], result: alwaysInt64 },
  }),
];

/** An operation that combines a dim. */
function over(
  name: string,
  run: (x: Tensor, dim: number) => Tensor,
  f: (values: readonly number[]) => number,
  special: readonly number[] = [],
): OpRow {
  return row({
    name,
    run: ([x], [dim]) => run(x as Tensor, dim as number),
    reference: ([x], [dim]) => reduce(x as Plain, [dim as number], false, f),
    samples: [
      sample('[3, 4], dim 1', [float(random([3, 4]))], { args: [1] }),
      sample('[3, 4], dim 0', [float(random([3, 4]))], { args: [0] }),
      ...(special.length > 0
        ? [sample('special values', [float(plain([special.length], special))], { args: [0], smooth: false })]
        : []),
    ],
    tolerance: 'accumulated',
  });
}

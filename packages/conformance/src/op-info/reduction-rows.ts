/**
 * Rows of reductions: sums, extremes, moments, norms of probabilities, positions of extremes, running sums.
 */
import { ones, type Tensor } from '@torchlet/tensor';
import { axesOf, axisOf, lines, map, plain, type Plain, reduce } from './plain.js';
import {
  asTruth,
  alwaysInt64,
  around0,
  asSum,
  bool,
  type DTypeRule,
  everything,
  float,
  floats,
  numbers,
  type OpRow,
  random,
  row,
  same,
  type Sample,
  sample,
  unit,
} from './row.js';
import type { ToleranceName } from './tolerances.js';

interface ReductionOptions {
  readonly tolerance?: ToleranceName;
  readonly gradient?: boolean;
  readonly dtypes?: DTypeRule;
  /** What an empty line gives; undefined where the operation refuses it. */
  readonly ofNothing?: number;
  readonly extra?: readonly Sample[];
}

interface Options {
  readonly keepdim?: boolean;
}

type Dim = number | readonly number[] | undefined;

const x234 = [float(random([2, 3, 4]))];

/** The samples of every reduction over any dims. */
const overDims: readonly Sample[] = [
  sample('over everything', x234),
  sample('dim 0', x234, { args: [0] }),
  sample('dim 1', x234, { args: [1] }),
  sample('last dim, kept', x234, { args: [-1, { keepdim: true }] }),
  sample('two dims', x234, { args: [[0, 2]] }),
  sample('two dims, kept', x234, { args: [[1, -1], { keepdim: true }] }),
  sample('0-d', [float(random([]))]),
  sample('one element along the dim', [float(random([3, 1]))], { args: [1] }),
  sample('a longer line', [float(random([3, 130], unit))], { args: [1] }),
  sample('a longer first dim', [float(random([130, 3], unit))], { args: [0] }),
];

function reduction(
  name: string,
  run: (x: Tensor, dim: number | number[] | undefined, options: Options) => Tensor,
  f: (values: readonly number[]) => number,
  { tolerance = 'accumulated', gradient = true, dtypes, ofNothing, extra = [] }: ReductionOptions = {},
): OpRow {
  const empties = [
    sample('empty line', [float(plain([2, 0], []))], { args: [1] }),
    sample('no line', [float(plain([0, 3], []))], { args: [1] }),
  ];
  const special = sample('NaN and infinities', [float(plain([4, 2], [NaN, 1, 2, Infinity, -Infinity, 1, 0, -0]))], {
    args: [1],
    smooth: false,
  });
  return row({
    name,
    run: ([x], [dim, options]) => run(x as Tensor, dim as number | number[] | undefined, (options ?? {}) as Options),
    reference: ([x], [dim, options]) =>
      reduce(
        x as Plain,
        axesOf(dim as Dim, (x as Plain).shape.length),
        (options as Options | undefined)?.keepdim ?? false,
        (values) => (values.length === 0 ? (ofNothing ?? NaN) : f(values)),
      ),
    samples: [...overDims, special, ...(ofNothing === undefined ? empties.slice(1) : empties), ...extra],
    tolerance,
    gradient,
    dtypes: dtypes ?? null,
    bad: [
      { note: 'a dim outside', call: () => run(ones([2, 3]), 2, {}), message: /dim.*2/ },
      { note: 'a dim twice', call: () => run(ones([2, 3]), [0, 0], {}), message: /twice/ },
    ],
  });
}

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;
const biggest = (values: readonly number[]): number => values.reduce((a, b) => (b > a || Number.isNaN(b) ? b : a));
const smallest = (values: readonly number[]): number => values.reduce((a, b) => (b < a || Number.isNaN(b) ? b : a));

function variance(values: readonly number[], correction = 1): number {
  const center = mean(values);
  return sum(values.map((value) => (value - center) ** 2)) / Math.max(0, values.length - correction);
}

function logsumexp(values: readonly number[]): number {
  const top = biggest(values);
  if (!Number.isFinite(top)) return top;
  return top + Math.log(sum(values.map((value) => Math.exp(value - top))));
}

/** Where the extreme lies; the first of equals, the first NaN if there is one. */
function positionOf(values: readonly number[], better: (a: number, b: number) => boolean): number {
  const nan = values.findIndex(Number.isNaN);
  if (nan >= 0) return nan;
  return values.reduce((best, value, i) => (better(value, values[best] as number) ? i : best), 0);
}

const ties = sample('ties', [float(plain([2, 4], [1, 3, 3, 0, 2, 2, 2, 2]))], { args: [1], smooth: false });

const positionTies = [ties, sample('NaN among them', [float(plain([3], [1, NaN, 2]))], { smooth: false })];

function softmaxLine(line: readonly number[]): number[] {
  const top = biggest(line);
  const exponents = line.map((value) => Math.exp(value - top));
  return exponents.map((value) => value / sum(exponents));
}

interface LineOptions {
  readonly gradient?: boolean;
  readonly tolerance?: ToleranceName;
  readonly large?: boolean;
}

/** Operations that replace each line along a dim. */
function alongDim(
  name: string,
  run: (x: Tensor, dim: number) => Tensor,
  f: (line: readonly number[]) => readonly number[],
  { tolerance = 'transcendental', large = false }: LineOptions = {},
): OpRow {
  return row({
    name,
    run: ([x], [dim]) => run(x as Tensor, dim as number),
    reference: ([x], [dim]) => lines(x as Plain, axisOf(dim as number, (x as Plain).shape.length), f),
    samples: [
      sample('last dim', x234, { args: [-1] }),
      sample('first dim', x234, { args: [0] }),
      sample('middle dim', x234, { args: [1] }),
      sample('a longer line', [float(random([3, 130], unit))], { args: [1] }),
      sample('0-d', [float(random([]))], { args: [0] }),
      sample('empty', [float(plain([0, 3], []))], { args: [1] }),
      ...(large
        ? [sample('large numbers', [float(map(random([2, 5]), (v) => v * 500))], { args: [1], smooth: false })]
        : []),
    ],
    tolerance,
    bad: [{ note: 'a dim outside', call: () => run(ones([2, 3]), 2), message: /dim.*2/ }],
  });
}

const sums: DTypeRule = { inputs: everything, result: asSum };

export const reductionRows: readonly OpRow[] = [
  reduction('sum', (x, dim, o) => x.sum(dim, o), sum, { ofNothing: 0, dtypes: sums }),
  reduction(
    'prod',
    (x, dim, o) => x.prod(dim, o),
    (values) => values.reduce((p, v) => p * v, 1),
    {
      ofNothing: 1,
      dtypes: sums,
      extra: [sample('zeros among them', [float(plain([3, 3], [1, 0, 2, 0, 0, 3, 1, 2, 3]))], { args: [1] })],
    },
  ),
  reduction('mean', (x, dim, o) => x.mean(dim, o), mean, { ofNothing: NaN, dtypes: { inputs: floats, result: same } }),
  reduction('amax', (x, dim, o) => x.amax(dim, o), biggest, {
    tolerance: 'exact',
    dtypes: { inputs: everything, result: same },
    extra: [ties],
  }),
  reduction('amin', (x, dim, o) => x.amin(dim, o), smallest, {
    tolerance: 'exact',
    dtypes: { inputs: everything, result: same },
    extra: [ties],
  }),
  reduction(
    'var',
    (x, dim, o) => x.var(dim, o),
    (values) => variance(values),
    { tolerance: 'cancelling' },
  ),
  reduction(
    'var, biased',
    (x, dim, o) => x.var(dim, { ...o, correction: 0 }),
    (values) => variance(values, 0),
    {
      tolerance: 'cancelling',
    },
  ),
  reduction('logsumexp', (x, dim, o) => x.logsumexp(dim ?? everyDim(x), o), logsumexp, { ofNothing: -Infinity }),
  reduction(
    'any',
    (x, dim, o) => x.any(dim, o),
    (values) => Number(values.some((v) => v !== 0)),
    {
      tolerance: 'exact',
      gradient: false,
      ofNothing: 0,
      dtypes: { inputs: everything, result: asTruth },
      extra: [sample('bool', [bool(plain([2, 3], [0, 0, 0, 0, 1, 0]))], { args: [1] })],
    },
  ),
  reduction(
    'all',
    (x, dim, o) => x.all(dim, o),
    (values) => Number(values.every((v) => v !== 0)),
    {
      tolerance: 'exact',
      gradient: false,
      ofNothing: 1,
      dtypes: { inputs: everything, result: asTruth },
      extra: [sample('bool', [bool(plain([2, 3], [1, 1, 1, 0, 1, 1]))], { args: [1] })],
    },
  ),
  position(
    'argmax',
    (x, dim, o) => x.argmax(dim, o),
    (a, b) => a > b,
  ),
  position(
    'argmin',
    (x, dim, o) => x.argmin(dim, o),
    (a, b) => a < b,
  ),
  alongDim('softmax', (x, dim) => x.softmax(dim), softmaxLine, { large: true }),
  alongDim(
    'logSoftmax',
    (x, dim) => x.logSoftmax(dim),
    (line) => line.map((v) => v - logsumexp(line)),
    {
      tolerance: 'cancelling',
      large: true,
    },
  ),
  row({
    name: 'max over a dim, values',
    run: ([x]) => (x as Tensor).max(1).values,
    reference: ([x]) => reduce(x as Plain, [1], false, biggest),
    samples: [
      sample('[3, 4]', [float(random([3, 4]))]),
      sample('NaN', [float(plain([1, 3], [1, NaN, 2]))], { smooth: false }),
    ],
    tolerance: 'exact',
  }),
  row({
    name: 'min over a dim, positions',
    run: ([x]) => (x as Tensor).min(0, { keepdim: true }).indices,
    reference: ([x]) => reduce(x as Plain, [0], true, (values) => positionOf(values, (a, b) => a < b)),
    samples: [sample('[3, 4]', [float(random([3, 4]))]), ties],
    tolerance: 'exact',
    gradient: false,
    dtypes: { inputs: numbers, result: alwaysInt64 },
  }),
  row({
    name: 'countNonzero',
    run: ([x]) => (x as Tensor).countNonzero(1),
    reference: ([x]) => reduce(x as Plain, [1], false, (values) => values.filter((value) => value !== 0).length),
    samples: [sample('zeros and NaN', [float(plain([2, 3], [0, -0, 1, NaN, 0, 2]))])],
    tolerance: 'exact',
    gradient: false,
    dtypes: { inputs: everything, result: alwaysInt64 },
  }),
  row({
    name: 'std',
    run: ([x], [dim]) => (x as Tensor).std(dim as number),
    reference: ([x], [dim]) =>
      map(
        reduce(x as Plain, axesOf(dim as Dim, (x as Plain).shape.length), false, (v) => variance(v)),
        Math.sqrt,
      ),
    samples: [sample('dim 1', x234, { args: [1] }), sample('dim 0', [float(random([7, 2], around0))], { args: [0] })],
    tolerance: 'cancelling',
  }),
];

function everyDim(x: Tensor): number[] {
  return x.shape.map((_, axis) => axis);
}

/** The position of an extreme along one dim, or in the flattened tensor. */
function position(
  name: string,
  run: (x: Tensor, dim: number | undefined, options: Options) => Tensor,
  better: (a: number, b: number) => boolean,
): OpRow {
  return row({
    name,
    run: ([x], [dim, options]) => run(x as Tensor, dim as number | undefined, (options ?? {}) as Options),
    reference: ([x], [dim, options]) =>
      reduce(
        x as Plain,
        axesOf(dim as Dim, (x as Plain).shape.length),
        (options as Options | undefined)?.keepdim ?? false,
        (v) => positionOf(v, better),
      ),
    samples: [...overDims.filter(({ args: [dim] }) => !Array.isArray(dim)), ...positionTies],
    tolerance: 'exact',
    gradient: false,
    dtypes: { inputs: numbers, result: alwaysInt64 },
    bad: [{ note: 'nothing to choose from', call: () => run(ones([2, 0]), 1, {}), message: new RegExp(name) }],
  });
}

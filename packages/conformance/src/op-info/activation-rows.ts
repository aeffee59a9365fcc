/** Rows of activations beside the most used ones. */
import {
  celu,
  glu,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  mish,
  prelu,
  relu6,
  rrelu,
  selu,
  softmin,
  softshrink,
  softsign,
  type Tensor,
  tanhshrink,
  tensor,
  threshold,
} from '@torchlet/tensor';
import { at, build, lines, type Plain } from './plain.js';
import { float, type OpRow, random, row, sample } from './row.js';
import { unary } from './unary-rows.js';

const clamp = (x: number, low: number, high: number): number => Math.min(Math.max(x, low), high);
const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

export const activationRows: readonly OpRow[] = [
  unary(
    'hardtanh',
    (x) => hardtanh(x, { minVal: -0.5 }),
    (x) => clamp(x, -0.5, 1),
    {
      tolerance: 'exact',
      corners: [-0.5, 1],
    },
  ),
  unary('relu6', relu6, (x) => clamp(x, 0, 6), { tolerance: 'exact', corners: [6, 7] }),
  unary('hardsigmoid', hardsigmoid, (x) => clamp(x + 3, 0, 6) / 6, { tolerance: 'arithmetic', corners: [3, -3] }),
  unary('hardswish', hardswish, (x) => (x * clamp(x + 3, 0, 6)) / 6, {
    tolerance: 'arithmetic',
    corners: [3, -3, 5],
    huge: false,
  }),
  unary('hardshrink', hardshrink, (x) => (Math.abs(x) <= 0.5 ? 0 : x), { tolerance: 'exact', corners: [-0.5] }),
  unary('softshrink', softshrink, (x) => x - clamp(x, -0.5, 0.5), { tolerance: 'arithmetic', corners: [-0.5] }),
  unary('tanhshrink', tanhshrink, (x) => x - Math.tanh(x)),
  unary(
    'threshold',
    (x) => threshold(x, 0.1, -2),
    (x) => (x <= 0.1 ? -2 : x),
    { tolerance: 'exact' },
  ),
  unary('softsign', softsign, (x) => x / (1 + Math.abs(x)), { tolerance: 'arithmetic' }),
  unary('mish', mish, (x) => x * Math.tanh(x > 20 ? x : Math.log1p(Math.exp(x))), { corners: [30, -30] }),
  unary('selu', selu, (x) => seluScale * (x > 0 ? x : seluAlpha * Math.expm1(x)), { corners: [-30] }),
  unary(
    'celu',
    (x) => celu(x, { alpha: 2 }),
    (x) => (x > 0 ? x : 2 * Math.expm1(x / 2)),
    { corners: [-30] },
  ),
  unary(
    'rrelu',
    (x) => rrelu(x),
    (x) => (x > 0 ? x : (x * 11) / 48),
    { tolerance: 'arithmetic' },
  ),
  row({
    name: 'glu',
    run: ([x], [dim]) => glu(x as Tensor, dim as number),
    reference: ([x], [dim]) =>
      lines(x as Plain, dim as number, (line) =>
        line
          .slice(0, line.length / 2)
          .map((value, i) => value / (1 + Math.exp(-(line[line.length / 2 + i] as number)))),
      ),
    samples: [
      sample('[3, 4], dim 1', [float(random([3, 4]))], { args: [1] }),
      sample('[4, 3], dim 0', [float(random([4, 3]))], { args: [0] }),
    ],
    tolerance: 'transcendental',
    bad: [{ note: 'an odd length', call: () => glu(tensor([1, 2, 3.5])), message: /glu.*even.*\[3\]/ }],
  }),
  row({
    name: 'softmin',
    run: ([x], [dim]) => softmin(x as Tensor, dim as number),
    reference: ([x], [dim]) =>
      lines(x as Plain, dim as number, (line) => {
        const total = line.reduce((sum, value) => sum + Math.exp(-value), 0);
        return line.map((value) => Math.exp(-value) / total);
      }),
    samples: [sample('[3, 4]', [float(random([3, 4]))], { args: [1] })],
    tolerance: 'transcendental',
  }),
  row({
    name: 'prelu',
    run: ([x, weight]) => prelu(x as Tensor, weight as Tensor),
    reference: ([x, weight]) => {
      const [input, slopes] = [x as Plain, weight as Plain];
      return build(input.shape, (position) => {
        const value = at(input, position);
        const slope = slopes.data[slopes.data.length === 1 ? 0 : (position[1] as number)] as number;
        return value > 0 ? value : slope * value;
      });
    },
    samples: [
      sample('one slope', [float(random([3, 4])), float(random([1]))]),
      sample('a slope a channel', [float(random([2, 3, 4])), float(random([3]))]),
    ],
    bad: [
      {
        note: 'as many slopes as no dim has',
        call: () => prelu(tensor([[1, 2, 3.5]]), tensor([1, 0.5])),
        message: /prelu.*1 or 3 slopes, got 2/,
      },
    ],
  }),
];

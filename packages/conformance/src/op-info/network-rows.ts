/**
 * Rows of what networks are made of beyond products: normalisation, embeddings, losses by elements.
 */
import * as nn from '@torchlet/nn';
import { ones, type Tensor, tensor } from '@torchlet/tensor';
import { at, build, lines, map, type Plain, plain, zip } from './plain.js';
import { around0, float, int64, type OpRow, positive, random, randomIntegers, row, sample, unit } from './row.js';

interface Reduced {
  readonly reduction: 'mean' | 'sum' | 'none';
}

const reductions: readonly Reduced['reduction'][] = ['mean', 'sum', 'none'];

/** A loss that compares element by element, in its three reductions. */
function elementLoss(
  name: string,
  run: (x: Tensor, target: Tensor, options: Reduced) => Tensor,
  f: (x: number, target: number) => number,
  inputs: readonly ReturnType<typeof float>[] = [float(random([4, 3])), float(random([4, 3], around0, 2))],
): OpRow {
  return row({
    name,
    run: ([x, target], [options]) => run(x as Tensor, target as Tensor, options as Reduced),
    reference: ([x, target], [options]) => {
      const losses = zip((a = 0, b = 0) => f(a, b), x as Plain, target as Plain);
      const { reduction } = options as Reduced;
      if (reduction === 'none') return losses;
      const total = losses.data.reduce((sum, value) => sum + value, 0);
      return plain([], [reduction === 'sum' ? total : total / losses.data.length]);
    },
    samples: reductions.map((reduction) => sample(reduction, inputs, { args: [{ reduction }] })),
    tolerance: 'cancelling',
  });
}

const weights = [float(random([4], around0, 2)), float(random([4], around0, 3))];

export const networkRows: readonly OpRow[] = [
  row({
    name: 'layerNorm',
    run: ([x, weight, bias]) => nn.layerNorm(x as Tensor, [4], { weight: weight as Tensor, bias: bias as Tensor }),
    reference: ([x, weight, bias]) => {
      const axis = (x as Plain).shape.length - 1;
      const normal = lines(x as Plain, axis, (line) => {
        const mean = line.reduce((sum, value) => sum + value, 0) / line.length;
        const variance = line.reduce((sum, value) => sum + (value - mean) ** 2, 0) / line.length;
        return line.map((value) => (value - mean) / Math.sqrt(variance + 1e-5));
      });
      return zip((value = 0, w = 0, b = 0) => value * w + b, normal, weight as Plain, bias as Plain);
    },
    samples: [
      sample('[3, 4]', [float(random([3, 4])), ...weights]),
      sample('[2, 2, 4]', [float(random([2, 2, 4])), ...weights]),
      sample('far from 0', [float(map(random([3, 4]), (value) => value + 50)), ...weights], { smooth: false }),
    ],
    tolerance: 'cancelling',
    bad: [{ note: 'another shape', call: () => nn.layerNorm(ones([3, 4]), [5]), message: /layerNorm.*5\].*\[3, 4\]/ }],
  }),
  row({
    name: 'embedding',
    run: ([weight, index]) => nn.embedding(index as Tensor, weight as Tensor),
    reference: ([weight, index]) =>
      build([...(index as Plain).shape, (weight as Plain).shape[1] as number], (position) =>
        at(weight as Plain, [at(index as Plain, position.slice(0, -1)), position[position.length - 1] as number]),
      ),
    samples: [
      sample('[5]', [float(random([6, 3])), int64(randomIntegers([5], 6))]),
      sample('[2, 3], repeated', [float(random([3, 2])), int64(randomIntegers([2, 3], 3))]),
    ],
    tolerance: 'accumulated',
    bad: [
      {
        note: 'an index outside',
        call: () => nn.embedding(tensor([0, 1]), ones([1, 3])),
        message: /embedding/,
      },
    ],
  }),
  row({
    name: 'nllLoss',
    run: ([x, target]) => nn.nllLoss(x as Tensor, target as Tensor),
    reference: ([x, target]) => {
      const { data } = target as Plain;
      const total = data.reduce((sum, label, i) => sum - at(x as Plain, [i, label]), 0);
      return plain([], [total / data.length]);
    },
    samples: [sample('[5, 3]', [float(random([5, 3])), int64(randomIntegers([5], 3))])],
    tolerance: 'accumulated',
  }),
  elementLoss(
    'l1Loss',
    (x, target, options) => nn.l1Loss(x, target, options),
    (a, b) => Math.abs(a - b),
  ),
  elementLoss(
    'smoothL1Loss',
    (x, target, options) => nn.smoothL1Loss(x, target, options),
    (a, b) => {
      const distance = Math.abs(a - b);
      return distance < 1 ? 0.5 * distance ** 2 : distance - 0.5;
    },
  ),
  elementLoss(
    'huberLoss',
    (x, target, options) => nn.huberLoss(x, target, { ...options, delta: 0.5 }),
    (a, b) => {
      const distance = Math.abs(a - b);
      return distance < 0.5 ? 0.5 * distance ** 2 : 0.5 * (distance - 0.25);
    },
  ),
  elementLoss(
    'klDiv',
    (x, target, options) => nn.klDiv(x, target, options),
    (a, b) => b * (Math.log(b) - a),
    [float(random([4, 3])), float(random([4, 3], positive, 2))],
  ),
  elementLoss(
    'binaryCrossEntropyWithLogits',
    (x, target, options) => nn.binaryCrossEntropyWithLogits(x, target, options),
    (a, b) => Math.max(a, 0) - a * b + Math.log1p(Math.exp(-Math.abs(a))),
    [float(random([4, 3])), float(map(random([4, 3], unit, 2), Math.abs))],
  ),
];

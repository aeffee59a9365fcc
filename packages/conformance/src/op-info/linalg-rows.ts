/**
 * Rows of products of matrices, and of losses: what a network spends its time in.
 */
import * as nn from '@torchlet/nn';
import { linear, ones, type Tensor } from '@torchlet/tensor';
import { at, build, lines, map, permute, plain, type Plain, product, reduce } from './plain.js';
import { around0, float, floats, int64, type OpRow, random, randomIntegers, row, same, sample, unit } from './row.js';

/** matmul by PyTorch's rule: vectors are rows on the left and columns on the right, leading dims broadcast. */
function matmul(a: Plain, b: Plain): Plain {
  const left = a.shape.length === 1 ? plain([1, ...a.shape], a.data) : a;
  const right = b.shape.length === 1 ? plain([...b.shape, 1], b.data) : b;
  const [m = 0, k = 0] = left.shape.slice(-2);
  const n = right.shape[right.shape.length - 1] as number;
  const rank = Math.max(left.shape.length, right.shape.length) - 2;
  const lengthOf = (x: Plain, axis: number): number => x.shape[axis - rank + x.shape.length - 2] ?? 1;
  const batch = Array.from({ length: rank }, (_, axis) =>
    lengthOf(left, axis) === 1 ? lengthOf(right, axis) : lengthOf(left, axis),
  );
  const place = (x: Plain, position: readonly number[]): number[] =>
    x.shape
      .slice(0, -2)
      .map((length, axis) => (length === 1 ? 0 : (position[axis + rank - x.shape.length + 2] as number)));
  const full = build([...batch, m, n], (position) => {
    const [i = 0, j = 0] = position.slice(rank);
    let sum = 0;
    for (let p = 0; p < k; p++)
      sum += at(left, [...place(left, position), i, p]) * at(right, [...place(right, position), p, j]);
    return sum;
  });
  const shape = [...batch, ...(a.shape.length === 1 ? [] : [m]), ...(b.shape.length === 1 ? [] : [n])];
  return plain(shape, full.data);
}

const pair = (a: readonly number[], b: readonly number[]): [ReturnType<typeof float>, ReturnType<typeof float>] => [
  float(random(a, unit, 1)),
  float(random(b, unit, 2)),
];

const productShapes: readonly (readonly [readonly number[], readonly number[]])[] = [
  [
    [2, 3],
    [3, 4],
  ],
  [
    [1, 1],
    [1, 1],
  ],
  [[3], [3]],
  [[3], [3, 2]],
  [[2, 3], [3]],
  [
    [2, 2, 3],
    [3, 4],
  ],
  [
    [2, 1, 2, 3],
    [4, 3, 2],
  ],
  [
    [17, 33],
    [33, 9],
  ],
  [
    [1, 40],
    [40, 70],
  ],
  [
    [70, 40],
    [40, 1],
  ],
  [
    [100, 5],
    [5, 3],
  ],
  [
    [0, 3],
    [3, 2],
  ],
  [
    [2, 0],
    [0, 3],
  ],
];

interface LossOptions {
  readonly reduction?: 'mean' | 'sum' | 'none';
  readonly labelSmoothing?: number;
  readonly ignoreIndex?: number;
}

/** -log softmax(x)[t] for each row, smoothed towards the mean over classes, as PyTorch reduces it. */
function crossEntropy(
  x: Plain,
  targets: Plain,
  { reduction = 'mean', labelSmoothing = 0, ignoreIndex = -100 }: LossOptions,
): Plain {
  const logs = lines(x, 1, (line) => {
    const top = Math.max(...line);
    const total = Math.log(line.reduce((sum, value) => sum + Math.exp(value - top), 0)) + top;
    return line.map((value) => value - total);
  });
  const classes = x.shape[1] as number;
  const counted = targets.data.filter((target) => target !== ignoreIndex).length;
  const losses = build(targets.shape, ([i = 0]) => {
    const target = at(targets, [i]);
    if (target === ignoreIndex) return 0;
    const row = Array.from({ length: classes }, (_, c) => at(logs, [i, c]));
    const smooth = -row.reduce((sum, value) => sum + value, 0) / classes;
    return (1 - labelSmoothing) * -(row[target] as number) + labelSmoothing * smooth;
  });
  if (reduction === 'none') return losses;
  const total = losses.data.reduce((sum, value) => sum + value, 0);
  return plain([], [reduction === 'sum' ? total : total / counted]);
}

const logits = float(random([5, 4]));
const classes = int64(randomIntegers([5], 4));

export const linalgRows: readonly OpRow[] = [
  row({
    name: 'matmul',
    run: ([a, b]) => (a as Tensor).matmul(b as Tensor),
    reference: ([a, b]) => matmul(a as Plain, b as Plain),
    samples: productShapes.map(([a, b]) => sample(`[${a.join(', ')}] @ [${b.join(', ')}]`, pair(a, b))),
    tolerance: 'accumulated',
    dtypes: { inputs: floats, result: same },
    bad: [
      {
        note: 'inner dimensions differ',
        call: () => ones([100, 784]).matmul(ones([32, 10])),
        message: /matmul: inner dimensions differ: \[100, 784\] @ \[32, 10\] \(784 and 32\)/,
      },
      { note: '0-d', call: () => ones([]).matmul(ones([2])), message: /matmul/ },
    ],
  }),
  row({
    name: 'matmul of transposes',
    run: ([a, b]) => (a as Tensor).t().matmul((b as Tensor).t()),
    reference: ([a, b]) => product(permute(a as Plain, [1, 0]), permute(b as Plain, [1, 0])),
    samples: [
      sample('[3, 2]^T @ [4, 3]^T', pair([3, 2], [4, 3])),
      sample('[33, 17]^T @ [9, 33]^T', pair([33, 17], [9, 33])),
    ],
    tolerance: 'accumulated',
  }),
  row({
    name: 'linear',
    run: ([x, weight, bias]) => linear(x as Tensor, weight as Tensor, bias as Tensor),
    reference: ([x, weight, bias]) => {
      const result = matmul(x as Plain, permute(weight as Plain, [1, 0]));
      const last = result.shape.length - 1;
      return build(result.shape, (position) => at(result, position) + at(bias as Plain, [position[last] as number]));
    },
    samples: [
      sample('[5, 3] -> [5, 4]', [...pair([5, 3], [4, 3]), float(random([4], around0, 3))]),
      sample('3-d', [...pair([2, 2, 3], [4, 3]), float(random([4], around0, 3))]),
      sample('one row', [...pair([1, 20], [10, 20]), float(random([10], around0, 3))]),
    ],
    tolerance: 'accumulated',
  }),
  row({
    name: 'crossEntropy',
    run: ([x, target], [options]) => nn.crossEntropy(x as Tensor, target as Tensor, options as LossOptions),
    reference: ([x, target], [options]) => crossEntropy(x as Plain, target as Plain, options as LossOptions),
    samples: [
      sample('mean', [logits, classes], { args: [{}] }),
      sample('sum', [logits, classes], { args: [{ reduction: 'sum' }] }),
      sample('none', [logits, classes], { args: [{ reduction: 'none' }] }),
      sample('label smoothing', [logits, classes], { args: [{ labelSmoothing: 0.1 }] }),
      sample('an ignored class', [logits, int64(plain([5], [0, 3, -100, 1, 2]))], { args: [{}] }),
      sample('large logits', [float(map(random([3, 4]), (v) => v * 200)), int64(plain([3], [0, 1, 2]))], {
        args: [{}],
        smooth: false,
      }),
    ],
    tolerance: 'cancelling',
    bad: [
      {
        note: 'other batch',
        call: () => nn.crossEntropy(ones([3, 4]), ones([2], { dtype: 'int64' })),
        message: /crossEntropy/,
      },
    ],
  }),
  row({
    name: 'mseLoss',
    run: ([x, target]) => nn.mseLoss(x as Tensor, target as Tensor),
    reference: ([x, target]) => {
      const squares = build(
        (x as Plain).shape,
        (position) => (at(x as Plain, position) - at(target as Plain, position)) ** 2,
      );
      const { data } = reduce(
        squares,
        squares.shape.map((_, axis) => axis),
        false,
        (v) => v.reduce((s, w) => s + w, 0) / v.length,
      );
      return plain([], data);
    },
    samples: [sample('[4, 3]', pair([4, 3], [4, 3]))],
    tolerance: 'accumulated',
  }),
];

/** Rows of products by name, factorisations, and of what networks make of windows: convolutions, pools, resizing, attention. */
import * as nn from '@torchlet/nn';
import {
  addmm,
  cross,
  einsum,
  kron,
  linalg,
  matrixPower,
  outer,
  type Tensor,
  tensor,
  tensordot,
} from '@torchlet/tensor';
import { at, build, type Plain, plain, positions, product } from './plain.js';
import { float, type OpRow, random, row, type Sample, sample, type SampleInput } from './row.js';

const of = (shape: readonly number[], seed = 1): SampleInput => float(random(shape, undefined, seed));

/** Sums over `inner` of what `value` gives at each place of `shape`. */
function sums(
  shape: readonly number[],
  inner: readonly number[],
  value: (place: readonly number[], within: readonly number[]) => number,
): Plain {
  return build(shape, (place) => positions(inner).reduce((sum, within) => sum + value(place, within), 0));
}

const inside = (x: Plain, place: readonly number[]): number =>
  place.every((i, axis) => Number.isInteger(i) && i >= 0 && i < (x.shape[axis] as number)) ? at(x, place) : 0;

interface Conv {
  readonly stride: number;
  readonly padding: number;
  readonly dilation: number;
  readonly groups: number;
}

const convSamples: readonly Sample[] = [
  sample('plain', [of([1, 2, 5, 4]), of([3, 2, 2, 3], 2)], {
    args: [{ stride: 1, padding: 0, dilation: 1, groups: 1 }],
  }),
  sample('strided and padded', [of([2, 1, 5, 4]), of([2, 1, 3, 3], 2)], {
    args: [{ stride: 2, padding: 1, dilation: 1, groups: 1 }],
  }),
  sample('dilated, in groups', [of([1, 2, 5, 4]), of([4, 1, 2, 2], 2)], {
    args: [{ stride: 1, padding: 1, dilation: 2, groups: 2 }],
  }),
];

const transposeSamples: readonly Sample[] = [
  sample('plain', [of([1, 2, 2, 3]), of([2, 3, 2, 2], 2)], {
    args: [{ stride: 1, padding: 0, dilation: 1, groups: 1 }],
  }),
  sample('strided, padded, in groups', [of([1, 2, 3, 2]), of([2, 1, 3, 3], 2)], {
    args: [{ stride: 2, padding: 1, dilation: 1, groups: 2 }],
  }),
];

function conv2d(x: Plain, w: Plain, { stride, padding, dilation, groups }: Conv): Plain {
  const [n = 0, , h = 0, width = 0] = x.shape;
  const [out = 0, each = 0, kh = 0, kw = 0] = w.shape;
  const length = (l: number, k: number): number => Math.floor((l + 2 * padding - dilation * (k - 1) - 1) / stride) + 1;
  return sums(
    [n, out, length(h, kh), length(width, kw)],
    [each, kh, kw],
    ([b = 0, o = 0, i = 0, j = 0], [c = 0, p = 0, q = 0]) => {
      const channel = Math.floor(o / (out / groups)) * each + c;
      return (
        inside(x, [b, channel, i * stride + p * dilation - padding, j * stride + q * dilation - padding]) *
        at(w, [o, c, p, q])
      );
    },
  );
}

function convTranspose2d(x: Plain, w: Plain, { stride, padding, dilation, groups }: Conv): Plain {
  const [n = 0, channels = 0, h = 0, width = 0] = x.shape;
  const [, each = 0, kh = 0, kw = 0] = w.shape;
  const length = (l: number, k: number): number => (l - 1) * stride - 2 * padding + dilation * (k - 1) + 1;
  return sums(
    [n, each * groups, length(h, kh), length(width, kw)],
    [channels / groups, kh, kw],
    ([b = 0, o = 0, i = 0, j = 0], [c = 0, p = 0, q = 0]) => {
      const channel = Math.floor(o / each) * (channels / groups) + c;
      const place = [b, channel, (i + padding - p * dilation) / stride, (j + padding - q * dilation) / stride];
      return inside(x, place) * at(w, [channel, o % each, p, q]);
    },
  );
}

const identity = (n: number): Plain => build([n, n], ([i, j]) => Number(i === j));

/** Gauss and Jordan, with the largest pivot. */
function inverse(x: Plain): { inverse: Plain; det: number } {
  const n = x.shape[0] as number;
  const rows = Array.from({ length: n }, (_, i) => [
    ...x.data.slice(i * n, (i + 1) * n),
    ...identity(n).data.slice(i * n, (i + 1) * n),
  ]);
  let det = 1;
  for (let c = 0; c < n; c++) {
    const pivot = rows.reduce(
      (best, line, i) => (i >= c && Math.abs(line[c] as number) > Math.abs(rows[best]?.[c] as number) ? i : best),
      c,
    );
    if (pivot !== c) det = -det;
    [rows[c], rows[pivot]] = [rows[pivot] as number[], rows[c] as number[]];
    const top = rows[c] as number[];
    const scale = top[c] as number;
    det *= scale;
    rows.forEach((line, i) => {
      const factor = i === c ? 1 - 1 / scale : (line[c] as number) / scale;
      rows[i] = line.map((value, k) => value - factor * (top[k] as number));
    });
  }
  return {
    inverse: plain(
      [n, n],
      rows.flatMap((line) => line.slice(n)),
    ),
    det,
  };
}

const wellBehaved = float(plain([3, 3], [4, 1, -0.5, 1, 3, 0.75, -0.5, 0.75, 2]));
const transposedOf = (x: Plain): Plain => build(x.shape.toReversed(), (place) => at(x, place.toReversed()));

export const productRows: readonly OpRow[] = [
  row({
    name: 'outer',
    run: ([x, y]) => outer(x as Tensor, y as Tensor),
    reference: ([x, y]) => build([3, 2], ([i = 0, j = 0]) => at(x as Plain, [i]) * at(y as Plain, [j])),
    samples: [sample('3 by 2', [of([3]), of([2], 2)])],
    bad: [
      {
        note: 'a matrix',
        call: () => outer(tensor([[1.5]]), tensor([1.5])),
        message: /outer: expected tensors of 1 and 1 dims, got \[1, 1\] and \[1\]/,
      },
    ],
  }),
  row({
    name: 'addmm',
    run: ([base, x, y]) => addmm(base as Tensor, x as Tensor, y as Tensor, { beta: 0.5, alpha: 2 }),
    reference: ([base, x, y]) => {
      const whole = product(x as Plain, y as Plain);
      return build(whole.shape, (place) => 0.5 * at(base as Plain, [place[1] as number]) + 2 * at(whole, place));
    },
    samples: [sample('a row as base', [of([2]), of([3, 4], 2), of([4, 2], 3)])],
    tolerance: 'accumulated',
  }),
  row({
    name: 'tensordot',
    run: ([x, y]) =>
      tensordot(x as Tensor, y as Tensor, {
        dims: [
          [1, 2],
          [0, 2],
        ],
      }),
    reference: ([x, y]) =>
      sums([2, 4], [3, 2], ([i = 0, j = 0], [k = 0, l = 0]) => at(x as Plain, [i, k, l]) * at(y as Plain, [k, j, l])),
    samples: [sample('two dims', [of([2, 3, 2]), of([3, 4, 2], 2)])],
    tolerance: 'accumulated',
  }),
  row({
    name: 'einsum',
    run: ([x, y], [equation]) => einsum(equation as string, x as Tensor, y as Tensor),
    reference: ([x, y], [equation]) => {
      const [a, b] = [x as Plain, y as Plain];
      if (equation === 'bij,bjk->bki')
        return sums([2, 2, 3], [2], ([n = 0, k = 0, i = 0], [j = 0]) => at(a, [n, i, j]) * at(b, [n, j, k]));
      return sums([2], [3, 2], ([n = 0], [i = 0, k = 0]) => at(a, [n, i, i]) * at(b, [i, k]));
    },
    samples: [
      sample('a batch of products', [of([2, 3, 2]), of([2, 2, 2], 2)], { args: ['bij,bjk->bki'] }),
      sample('a diagonal, a sum, no output', [of([2, 3, 3]), of([3, 2], 2)], { args: ['nii,ik->n'] }),
    ],
    tolerance: 'accumulated',
    bad: [
      {
        note: 'an unknown letter',
        call: () => einsum('ij->ik', tensor([[1.5]])),
        message: /einsum: the output of 'ij->ik'.*'k'/,
      },
    ],
  }),
  row({
    name: 'kron',
    run: ([x, y]) => kron(x as Tensor, y as Tensor),
    reference: ([x, y]) =>
      build(
        [4, 6],
        ([i = 0, j = 0]) => at(x as Plain, [Math.floor(i / 2), Math.floor(j / 3)]) * at(y as Plain, [i % 2, j % 3]),
      ),
    samples: [sample('[2, 2] and [2, 3]', [of([2, 2]), of([2, 3], 2)])],
  }),
  row({
    name: 'cross',
    run: ([x, y]) => cross(x as Tensor, y as Tensor, { dim: -1 }),
    reference: ([x, y]) =>
      build([2, 3], ([n = 0, k = 0]) => {
        const [i, j] = [(k + 1) % 3, (k + 2) % 3];
        return at(x as Plain, [n, i]) * at(y as Plain, [n, j]) - at(x as Plain, [n, j]) * at(y as Plain, [n, i]);
      }),
    samples: [sample('two vectors', [of([2, 3]), of([2, 3], 2)])],
    tolerance: 'cancelling',
  }),
  row({
    name: 'matrixPower',
    run: ([x], [n]) => matrixPower(x as Tensor, n as number),
    reference: ([x], [n]) =>
      Array.from({ length: n as number }).reduce<Plain>((power) => product(power, x as Plain), identity(3)),
    samples: [1, 2, 5].map((n) => sample(`to the ${n}`, [of([3, 3])], { args: [n] })),
    tolerance: 'accumulated',
  }),
  row({
    name: 'linalg.det',
    run: ([x]) => linalg.det(x as Tensor),
    reference: ([x]) => plain([], [inverse(x as Plain).det]),
    samples: [sample('well behaved', [wellBehaved]), sample('with exchanges', [of([3, 3], 4)])],
    tolerance: 'cancelling',
  }),
  row({
    name: 'linalg.inv',
    run: ([x]) => linalg.inv(x as Tensor),
    reference: ([x]) => inverse(x as Plain).inverse,
    samples: [sample('well behaved', [wellBehaved])],
    tolerance: 'cancelling',
  }),
  row({
    name: 'linalg.cholesky, times itself',
    run: ([x]) => {
      const lower = linalg.cholesky((x as Tensor).matmul((x as Tensor).t()));
      return lower.matmul(lower.t());
    },
    reference: ([x]) => product(x as Plain, transposedOf(x as Plain)),
    samples: [sample('well behaved', [wellBehaved])],
    tolerance: 'cancelling',
  }),

  row({
    name: 'conv2d',
    run: ([x, w], [options]) => nn.conv2d(x as Tensor, w as Tensor, null, options as Conv),
    reference: ([x, w], [options]) => conv2d(x as Plain, w as Plain, options as Conv),
    samples: convSamples,
    tolerance: 'accumulated',
    bad: [
      {
        note: 'other channels',
        call: () => nn.conv2d(tensor([[[1.5]]]), tensor([[[[1.5]], [[1.5]]]])),
        message: /conv2d: expected 2 channels/,
      },
    ],
  }),
  row({
    name: 'convTranspose2d',
    run: ([x, w], [options]) => nn.convTranspose2d(x as Tensor, w as Tensor, null, options as Conv),
    reference: ([x, w], [options]) => convTranspose2d(x as Plain, w as Plain, options as Conv),
    samples: transposeSamples,
    tolerance: 'accumulated',
  }),
  row({
    name: 'maxPool2d',
    run: ([x]) => nn.maxPool2d(x as Tensor, 2, { stride: [2, 1] }),
    reference: ([x]) =>
      build([1, 2, 2, 3], ([n = 0, c = 0, i = 0, j = 0]) =>
        Math.max(...positions([2, 2]).map(([p = 0, q = 0]) => at(x as Plain, [n, c, 2 * i + p, j + q]))),
      ),
    samples: [sample('overlapping', [of([1, 2, 4, 4])])],
    tolerance: 'exact',
  }),
  row({
    name: 'avgPool2d',
    run: ([x]) => nn.avgPool2d(x as Tensor, 3, { stride: 2, padding: 1, countIncludePad: false }),
    reference: ([x]) => {
      const source = x as Plain;
      return build([1, 1, 2, 3], ([n = 0, c = 0, i = 0, j = 0]) => {
        const places = positions([3, 3]).map(([p = 0, q = 0]) => [n, c, 2 * i + p - 1, 2 * j + q - 1]);
        const known = places.filter((place) => place.every((k, axis) => k >= 0 && k < (source.shape[axis] as number)));
        return known.reduce((sum, place) => sum + at(source, place), 0) / known.length;
      });
    },
    samples: [sample('padding does not count', [of([1, 1, 4, 5])])],
  }),
  row({
    name: 'adaptiveAvgPool1d',
    run: ([x]) => nn.adaptiveAvgPool1d(x as Tensor, 3),
    reference: ([x]) =>
      build([1, 2, 3], ([n = 0, c = 0, i = 0]) => {
        const [start, end] = [Math.floor((i * 7) / 3), Math.ceil(((i + 1) * 7) / 3)];
        const values = Array.from({ length: end - start }, (_, k) => at(x as Plain, [n, c, start + k]));
        return values.reduce((sum, value) => sum + value, 0) / values.length;
      }),
    samples: [sample('7 to 3', [of([1, 2, 7])])],
  }),
  row({
    name: 'interpolate, linear',
    run: ([x]) => nn.interpolate(x as Tensor, { size: 5, mode: 'linear', alignCorners: true }),
    reference: ([x]) =>
      build([1, 1, 5], ([n = 0, c = 0, i = 0]) => {
        const place = (i * 2) / 4;
        const low = Math.floor(place);
        return (
          at(x as Plain, [n, c, low]) * (1 - (place - low)) +
          at(x as Plain, [n, c, Math.min(low + 1, 2)]) * (place - low)
        );
      }),
    samples: [sample('3 to 5', [of([1, 1, 3])])],
  }),
  row({
    name: 'fold of unfold',
    run: ([x]) => nn.fold(nn.unfold(x as Tensor, 2), [3, 3], 2),
    reference: ([x]) =>
      build([1, 1, 3, 3], (place) => at(x as Plain, place) * (place[2] === 1 ? 2 : 1) * (place[3] === 1 ? 2 : 1)),
    samples: [sample('counts the windows', [of([1, 1, 3, 3])])],
  }),
  row({
    name: 'scaledDotProductAttention',
    run: ([q, k, v]) => nn.scaledDotProductAttention(q as Tensor, k as Tensor, v as Tensor, { isCausal: true }),
    reference: ([q, k, v]) => {
      const weights = build([3, 3], ([i = 0, j = 0]) => {
        if (j > i) return 0;
        const score = (n: number): number =>
          Math.exp([0, 1].reduce((sum, d) => sum + at(q as Plain, [i, d]) * at(k as Plain, [n, d]), 0) / Math.SQRT2);
        return score(j) / Array.from({ length: i + 1 }, (_, n) => score(n)).reduce((sum, e) => sum + e, 0);
      });
      return product(weights, v as Plain);
    },
    samples: [sample('causal', [of([3, 2]), of([3, 2], 2), of([3, 4], 3)])],
    tolerance: 'cancelling',
  }),
];

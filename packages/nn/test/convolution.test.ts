/** Convolutions and their adjoints against the sum that defines them: values, and first and second derivatives by every operand. */
import { autocast, type Device, evaluate, grad, type Tensor, tensor } from '@torchlet/tensor';
import { beforeAll, describe, expect, test, vi } from 'vitest';
import * as nn from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, spreadNumbers } from './values.js';

let device: Device;

beforeAll(async () => {
  device = await openDevice();
});

const product = (lengths: readonly number[]): number => lengths.reduce((size, length) => size * length, 1);

/** Every point of `shape`, in row-major order. */
function points(shape: readonly number[]): number[][] {
  return shape.reduce<number[][]>(
    (found, length) => found.flatMap((point) => Array.from({ length }, (_, i) => [...point, i])),
    [[]],
  );
}

const flat = (point: readonly number[], shape: readonly number[]): number =>
  point.reduce((sum, i, axis) => sum * (shape[axis] as number) + i, 0);

interface Case {
  readonly name: string;
  readonly batch?: number;
  readonly channels: number;
  readonly out: number;
  readonly groups?: number;
  readonly lengths: readonly number[];
  readonly size: readonly number[];
  readonly stride?: readonly number[];
  readonly dilation?: readonly number[];
  readonly before?: readonly number[];
  /** Zeros after the input, where it is not those before. */
  readonly after?: readonly number[];
}

/** The sum over all (output, place of its window) of x * weight * y, by which of the three is left out. */
class Trilinear {
  readonly shapes: Record<'x' | 'weight' | 'y', readonly number[]>;
  readonly counts: readonly number[];
  readonly #terms: readonly (readonly [x: number, weight: number, y: number])[];

  constructor(given: Case) {
    const { batch = 2, channels, out, groups = 1, lengths, size } = given;
    const ones = size.map(() => 1);
    const { stride = ones, dilation = ones, before = size.map(() => 0), after = before } = given;
    const at = (list: readonly number[], i: number) => list[i] as number;
    this.counts = lengths.map((length, i) => {
      const room = length + at(before, i) + at(after, i) - at(dilation, i) * (at(size, i) - 1) - 1;
      return Math.floor(room / at(stride, i)) + 1;
    });
    const each = channels / groups;
    this.shapes = {
      x: [batch, channels, ...lengths],
      weight: [out, each, ...size],
      y: [batch, out, ...this.counts],
    };
    this.#terms = points(this.shapes.y).flatMap(([n, o, ...p]) =>
      points([each, ...size]).flatMap(([c, ...t]) => {
        const place = t.map((k, i) => at(stride, i) * at(p, i) + at(dilation, i) * k - at(before, i));
        if (place.some((i, axis) => i < 0 || i >= at(lengths, axis))) return [];
        const channel = Math.floor((o as number) / (out / groups)) * each + (c as number);
        const { x, weight, y } = this.shapes;
        return [
          [
            flat([n as number, channel, ...place], x),
            flat([o as number, c as number, ...t], weight),
            flat([n as number, o as number, ...p], y),
          ] as const,
        ];
      }),
    );
  }

  /** What the sum multiplies `of` by, for values of the other two, in the order x, weight, y. */
  factorOf(of: 'x' | 'weight' | 'y', first: readonly number[], second: readonly number[]): number[] {
    const [left, right, to] = of === 'x' ? [1, 2, 0] : of === 'weight' ? [0, 2, 1] : [0, 1, 2];
    const factor = new Array<number>(product(this.shapes[of])).fill(0);
    for (const term of this.#terms) {
      const value = (first[term[left as 0] as number] as number) * (second[term[right as 0] as number] as number);
      factor[term[to as 0] as number] = (factor[term[to as 0] as number] as number) + value;
    }
    return factor;
  }
}

const plus = (a: readonly number[], b: readonly number[]): number[] => a.map((value, i) => value + (b[i] as number));

const cases: readonly Case[] = [
  { name: 'a window of one', channels: 2, out: 3, lengths: [4], size: [1] },
  { name: '3 with zeros beside', channels: 2, out: 3, lengths: [5, 4], size: [3, 3], before: [1, 1] },
  { name: 'without zeros', channels: 2, out: 2, lengths: [5, 6], size: [3, 2] },
  {
    name: 'same, with one zero more after',
    channels: 1,
    out: 2,
    lengths: [5, 4],
    size: [2, 4],
    before: [0, 1],
    after: [1, 2],
  },
  { name: 'more zeros than the window', channels: 1, out: 2, lengths: [3], size: [2], before: [3] },
  { name: 'gaps', channels: 2, out: 2, lengths: [7, 6], size: [3, 2], dilation: [2, 3], before: [2, 1] },
  { name: 'stride 2, window 4', channels: 2, out: 3, lengths: [8, 6], size: [4, 4], stride: [2, 2], before: [1, 1] },
  {
    name: 'stride 2, window 3, even',
    channels: 2,
    out: 3,
    lengths: [6, 8],
    size: [3, 3],
    stride: [2, 2],
    before: [1, 1],
  },
  {
    name: 'stride 2, window 3, odd',
    channels: 2,
    out: 2,
    lengths: [7, 5],
    size: [3, 3],
    stride: [2, 2],
    before: [1, 0],
  },
  { name: 'stride 2, window 2', channels: 1, out: 2, lengths: [6, 7], size: [2, 2], stride: [2, 2] },
  { name: 'stride 2, window 7', channels: 1, out: 2, lengths: [9], size: [7], stride: [2], before: [3] },
  {
    name: 'a stride beyond the window',
    channels: 2,
    out: 2,
    lengths: [8, 9],
    size: [1, 2],
    stride: [2, 3],
    before: [0, 1],
  },
  {
    name: 'a stride beyond the window, moved',
    channels: 1,
    out: 1,
    lengths: [11],
    size: [2],
    stride: [5],
    before: [3],
  },
  { name: 'strides that leave elements over', channels: 1, out: 2, lengths: [10, 9], size: [3, 4], stride: [4, 3] },
  { name: 'one stride, one not', channels: 2, out: 2, lengths: [5, 6], size: [3, 3], stride: [1, 2], before: [1, 1] },
  {
    name: 'gaps and a stride',
    channels: 1,
    out: 2,
    lengths: [11, 9],
    size: [3, 2],
    stride: [2, 3],
    dilation: [3, 2],
    before: [2, 1],
  },
  {
    name: 'gaps and a stride alike',
    channels: 1,
    out: 1,
    lengths: [9],
    size: [3],
    stride: [2],
    dilation: [2],
    before: [1],
  },
  { name: 'groups', channels: 4, out: 6, groups: 2, lengths: [5, 4], size: [3, 3], before: [1, 1] },
  { name: 'groups and a stride', channels: 4, out: 2, groups: 2, lengths: [6], size: [4], stride: [2], before: [1] },
  { name: 'a group each', channels: 3, out: 3, groups: 3, lengths: [5, 5], size: [3, 3], before: [1, 1] },
  {
    name: 'two of a group each, with a stride',
    channels: 2,
    out: 4,
    groups: 2,
    lengths: [6, 6],
    size: [3, 3],
    stride: [2, 2],
    before: [1, 1],
  },
  {
    name: 'three dims',
    channels: 2,
    out: 2,
    lengths: [3, 4, 5],
    size: [2, 3, 2],
    stride: [1, 2, 2],
    before: [1, 1, 0],
  },
  {
    name: 'an empty batch',
    batch: 0,
    channels: 2,
    out: 3,
    lengths: [5, 4],
    size: [3, 3],
    stride: [2, 1],
    before: [1, 1],
  },
];

type Compute<Options> = (input: Tensor, weight: Tensor, bias: null, options: Options) => Tensor;
const convolutions: readonly Compute<nn.ConvOptions>[] = [nn.conv1d, nn.conv2d, nn.conv3d];
const adjoints: readonly Compute<nn.ConvTransposeOptions>[] = [
  nn.convTranspose1d,
  nn.convTranspose2d,
  nn.convTranspose3d,
];

function leaf(data: readonly number[], shape: readonly number[]): Tensor {
  return tensor(Float64Array.from(data), { shape, requiresGrad: true });
}

async function expectClose(actual: Tensor | null | undefined, expected: readonly number[]): Promise<void> {
  const data = await dataOf(actual ?? null);
  expect(data.length).toBe(expected.length);
  data.forEach((value, i) => {
    expect(value).toBeCloseTo(expected[i] as number, 10);
  });
}

/** Values and derivatives of what multiplies `of`, computed from the other two. */
async function check(sum: Trilinear, of: 'x' | 'y', compute: (first: Tensor, weight: Tensor) => Tensor): Promise<void> {
  const { shapes } = sum;
  const from = of === 'y' ? 'x' : 'y';
  const values = (name: 'x' | 'weight' | 'y', seed: number) => spreadNumbers(product(shapes[name]), seed);
  const [a, w, seed] = [values(from, 1), values('weight', 2), values(of, 3)];
  const [u, v] = [values(from, 4), values('weight', 5)];
  /** The factor of `name` for what stands for `from`, the weight and `of`; null for the one that is left out. */
  const factor = (first: number[] | null, weight: number[] | null, last: number[] | null): number[] => {
    const [x, y] = from === 'x' ? [first, last] : [last, first];
    if (weight === null) return sum.factorOf('weight', x as number[], y as number[]);
    return x === null ? sum.factorOf('x', weight, y as number[]) : sum.factorOf('y', x, weight);
  };
  const [ta, tw, tseed] = [leaf(a, shapes[from]), leaf(w, shapes.weight), leaf(seed, shapes[of])];
  const result = compute(ta, tw);
  expect(result.shape).toEqual(shapes[of]);
  await expectClose(result, factor(a, w, null));
  const [ga, gw] = grad(result, [ta, tw], { gradOutputs: [tseed], createGraph: true }) as [Tensor, Tensor];
  await expectClose(ga, factor(null, w, seed));
  await expectClose(gw, factor(a, null, seed));
  const weighted = ga
    .mul(tensor(Float64Array.from(u), { shape: shapes[from] }))
    .sum()
    .add(gw.mul(tensor(Float64Array.from(v), { shape: shapes.weight })).sum());
  const second = grad(weighted, [ta, tw, tseed]);
  await expectClose(second[0], factor(null, v, seed));
  await expectClose(second[1], factor(u, null, seed));
  await expectClose(second[2], plus(factor(u, w, null), factor(a, v, null)));
}

describe.each(cases)('$name', (given) => {
  const sum = new Trilinear(given);
  const { size, groups = 1, stride = size.map(() => 1), dilation = size.map(() => 1) } = given;
  const { before = size.map(() => 0), after = before, lengths } = given;
  const rank = size.length;
  const isSymmetric = before.every((count, i) => count === after[i]);

  test('a convolution', async () => {
    const compute = convolutions[rank - 1] as Compute<nn.ConvOptions>;
    const padding = isSymmetric ? before : 'same';
    await check(sum, 'y', (x, weight) => compute(x, weight, null, { stride, dilation, groups, padding }));
  });

  if (!isSymmetric) return;

  test('its adjoint', async () => {
    const compute = adjoints[rank - 1] as Compute<nn.ConvTransposeOptions>;
    const outputPadding = lengths.map((length, i) => {
      const reach = (dilation[i] as number) * ((size[i] as number) - 1) + 1;
      const least = ((sum.counts[i] as number) - 1) * (stride[i] as number) + reach - 2 * (before[i] as number);
      return length - least;
    });
    const options = { stride, dilation, groups, padding: before, outputPadding };
    await check(sum, 'x', (y, weight) => compute(y, weight, null, options));
  });
});

test('an adjoint may be longer than a step, behind gaps', async () => {
  // As a convolution it has a window more.
  const y = leaf([1, 2], [1, 1, 2]);
  const weight = leaf([3, 5], [1, 1, 2]);
  const x = nn.convTranspose1d(y, weight, null, { dilation: 3, outputPadding: 2 });
  await expectClose(x, [3, 6, 0, 5, 10, 0, 0]);
  const [ofY, ofWeight] = grad(x, [y, weight], {
    gradOutputs: [tensor([1, 2, 3, 4, 5, 6, 7], { shape: [1, 1, 7], dtype: 'float64' })],
  });
  await expectClose(ofY, [3 + 5 * 4, 3 * 2 + 5 * 5]);
  await expectClose(ofWeight, [1 + 2 * 2, 4 + 2 * 5]);
});

test('an adjoint without elements is refused', () => {
  const y = tensor([1, 2], { shape: [1, 1, 2] });
  expect(() => nn.convTranspose1d(y, tensor([1], { shape: [1, 1, 1] }), null, { padding: 1 })).toThrow(
    'convTranspose1d: expected outputs of at least one element, got [0]',
  );
});

test.each([
  ['convolution', (x: Tensor, weight: Tensor, bias: Tensor) => nn.conv1d(x, weight, bias, { stride: 2, padding: 1 })],
  ['adjoint', (x: Tensor, weight: Tensor, bias: Tensor) => nn.convTranspose1d(x, weight, bias, { stride: 2 })],
])('within autocast, gradients of the %s have the dtype of what they belong to', async (_, compute) => {
  const leaves = [[1, 1, 4], [1, 1, 3], [1]].map((shape) =>
    tensor(spreadNumbers(product(shape)), { shape, requiresGrad: true }),
  );
  const [x, weight, bias] = leaves as [Tensor, Tensor, Tensor];
  const y = autocast(device, 'bfloat16', () => compute(x, weight, bias));
  expect(y.dtype).toBe('bfloat16');
  y.sum().backward();
  for (const { grad, shape } of leaves) {
    expect(grad?.dtype).toBe('float32');
    expect(grad?.shape).toEqual(shape);
  }
  await expectClose(bias.grad, [y.size(-1)]);
});

test.each<[string, Compute<nn.ConvOptions & nn.ConvTransposeOptions>, object]>([
  ['convolution', nn.conv2d, { padding: 1 }],
  ['strided convolution', nn.conv2d, { padding: 1, stride: 2 }],
  ['convolution of groups', nn.conv2d, { padding: 1, groups: 4 }],
  ['adjoint', nn.convTranspose2d, { padding: 1, stride: 2, outputPadding: 1 }],
])('output and gradients of a %s are a product each, and no windows are stored', async (_, compute, options) => {
  const x = tensor(spreadNumbers(2 * 4 * 100), { shape: [2, 4, 10, 10], requiresGrad: true });
  const weight = tensor(spreadNumbers(4 * 4 * 9), { shape: [4, 4, 3, 3], requiresGrad: true });
  const ofGroup = 'groups' in options ? weight.detach().narrow(1, 0, 1).requiresGrad_() : weight;
  const compiled = vi.spyOn(device, 'compile');
  const y = compute(x, ofGroup, null, options);
  y.square().sum().backward();
  await evaluate(y, x.grad as Tensor, ofGroup.grad as Tensor);
  const programs = compiled.mock.calls.map(([program]) => program);
  compiled.mockRestore();
  expect(programs.flatMap(({ kernels }) => kernels.filter(({ kind }) => kind === 'matmul')).length).toBe(3);
  const largest = Math.max(...programs.flatMap(({ slots }) => slots.map(({ size }) => size)));
  expect(largest).toBeLessThanOrEqual(Math.max(x.numel(), y.numel()));
});

test('inputs that require no gradient get no product', async () => {
  const x = tensor(spreadNumbers(2 * 64), { shape: [2, 1, 8, 8] });
  const weight = tensor(spreadNumbers(3 * 9), { shape: [3, 1, 3, 3], requiresGrad: true });
  const compiled = vi.spyOn(device, 'compile');
  nn.conv2d(x, weight, null, { padding: 1 }).square().sum().backward();
  await evaluate(weight.grad as Tensor);
  const kernels = compiled.mock.calls.flatMap(([program]) => program.kernels);
  compiled.mockRestore();
  expect(kernels.filter(({ kind }) => kind === 'matmul').length).toBe(2);
});

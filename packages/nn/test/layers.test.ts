import type { Tensor } from '@torchlet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import * as nn from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, floats, indices, spreadNumbers } from './values.js';

beforeAll(openDevice);

/** The names of the module classes of the package. */
type LayerName = {
  [Name in keyof typeof nn]: (typeof nn)[Name] extends new (...args: never[]) => nn.Module ? Name : never;
}[keyof typeof nn];

interface Row {
  readonly make: () => nn.Module & { forward(...inputs: Tensor[]): Tensor };
  readonly inputs: () => Tensor[];
  readonly output: readonly number[];
  /** Keys of the state dict, as PyTorch has them. */
  readonly state: readonly string[];
  readonly printed: string;
}

const square = () => [floats(spreadNumbers(12), [3, 4])];
const pair = () => [floats(spreadNumbers(12), [3, 4]), floats(spreadNumbers(12, 2), [3, 4])];
const classes = () => [floats(spreadNumbers(12), [3, 4]), indices([0, 3, 1])];

function plain(make: () => nn.Module & { forward(input: Tensor): Tensor }, printed: string): Row {
  return { make, inputs: square, output: [3, 4], state: [], printed };
}

function loss(make: Row['make'], inputs: Row['inputs'], printed: string, state: readonly string[] = []): Row {
  return { make, inputs, output: [], state, printed };
}

/** Module info: what each layer is made with, takes, gives, keeps and prints. A new layer without a row is a type error. */
const rows: { readonly [Name in Exclude<LayerName, 'ModuleList' | 'ModuleDict'>]: Row } = {
  Linear: {
    make: () => new nn.Linear(4, 2),
    inputs: square,
    output: [3, 2],
    state: ['weight', 'bias'],
    printed: 'Linear(inFeatures=4, outFeatures=2, bias=true)',
  },
  Embedding: {
    make: () => new nn.Embedding(5, 2, { paddingIdx: 0 }),
    inputs: () => [indices([0, 4, 2, 2], [2, 2])],
    output: [2, 2, 2],
    state: ['weight'],
    printed: 'Embedding(5, 2, paddingIdx=0)',
  },
  LayerNorm: {
    make: () => new nn.LayerNorm(4),
    inputs: square,
    output: [3, 4],
    state: ['weight', 'bias'],
    printed: 'LayerNorm([4], eps=0.00001, elementwiseAffine=true)',
  },
  Sequential: {
    make: () => new nn.Sequential(new nn.Linear(4, 5), new nn.Tanh()),
    inputs: square,
    output: [3, 5],
    state: ['0.weight', '0.bias'],
    printed: 'Sequential(\n  (0): Linear(inFeatures=4, outFeatures=5, bias=true)\n  (1): Tanh()\n)',
  },
  Flatten: {
    make: () => new nn.Flatten(),
    inputs: () => [floats(spreadNumbers(12), [2, 3, 2])],
    output: [2, 6],
    state: [],
    printed: 'Flatten(startDim=1, endDim=-1)',
  },
  Identity: plain(() => new nn.Identity(), 'Identity()'),
  Dropout: plain(() => new nn.Dropout(), 'Dropout(p=0.5)'),
  ReLU: plain(() => new nn.ReLU(), 'ReLU()'),
  Sigmoid: plain(() => new nn.Sigmoid(), 'Sigmoid()'),
  Tanh: plain(() => new nn.Tanh(), 'Tanh()'),
  SiLU: plain(() => new nn.SiLU(), 'SiLU()'),
  GELU: plain(() => new nn.GELU({ approximate: 'tanh' }), "GELU(approximate='tanh')"),
  ELU: plain(() => new nn.ELU({ alpha: 2 }), 'ELU(alpha=2)'),
  LeakyReLU: plain(() => new nn.LeakyReLU(), 'LeakyReLU(negativeSlope=0.01)'),
  Softplus: plain(() => new nn.Softplus(), 'Softplus(beta=1, threshold=20)'),
  Softmax: plain(() => new nn.Softmax(1), 'Softmax(dim=1)'),
  LogSoftmax: plain(() => new nn.LogSoftmax(-1), 'LogSoftmax(dim=-1)'),
  CrossEntropyLoss: loss(
    () => new nn.CrossEntropyLoss({ weight: floats([1, 2, 3, 4]) }),
    classes,
    'CrossEntropyLoss()',
    ['weight'],
  ),
  NLLLoss: loss(() => new nn.NLLLoss(), classes, 'NLLLoss()'),
  MSELoss: loss(() => new nn.MSELoss(), pair, 'MSELoss()'),
  L1Loss: loss(() => new nn.L1Loss(), pair, 'L1Loss()'),
  SmoothL1Loss: loss(() => new nn.SmoothL1Loss(), pair, 'SmoothL1Loss()'),
  HuberLoss: loss(() => new nn.HuberLoss({ delta: 0.5 }), pair, 'HuberLoss()'),
  KLDivLoss: loss(() => new nn.KLDivLoss({ reduction: 'batchmean', logTarget: true }), pair, 'KLDivLoss()'),
  BCEWithLogitsLoss: loss(() => new nn.BCEWithLogitsLoss({ posWeight: floats([2]) }), pair, 'BCEWithLogitsLoss()', [
    'pos_weight',
  ]),
};

describe.each(Object.entries(rows))('%s', (_, { make, inputs, output, state, printed }) => {
  test('gives its shape, keeps its state, prints its options', async () => {
    const layer = make();
    const result = layer.forward(...inputs());
    expect(result.shape).toEqual(output);
    expect((await dataOf(result)).every(Number.isFinite)).toBe(true);
    expect(Object.keys(layer.stateDict())).toEqual(state);
    expect(String(layer)).toBe(printed);
  });

  test('passes gradients to its parameters and its first input', async () => {
    const layer = make();
    const [first, ...rest] = inputs() as [Tensor, ...Tensor[]];
    const leaves = [...layer.parameters(), ...(first.dtype === 'float32' ? [first.requiresGrad_()] : [])];
    layer
      .forward(first, ...rest)
      .square()
      .sum()
      .backward();
    for (const leaf of leaves) expect((await dataOf(leaf.grad)).some((x) => x !== 0)).toBe(true);
  });
});

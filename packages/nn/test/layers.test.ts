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

const image = () => [floats(spreadNumbers(96), [2, 2, 4, 6])];
const probabilities = () => [floats([0.2, 0.7, 0.4, 0.9]), floats([0, 1, 1, 0.5])];
const signs = () => [floats([0.2, -0.7, 0.4, 0.9]), floats([1, -1, -1, 1])];
const running = ['weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked'];
const cellKeys = ['weight_ih', 'weight_hh', 'bias_ih', 'bias_hh'];
function pool(make: Row['make'], inputs: Row['inputs'], output: Row['output'], printed: string): Row {
  return { make, inputs, output, state: [], printed };
}

function norm(
  make: Row['make'],
  inputs: Row['inputs'],
  output: Row['output'],
  state: Row['state'],
  printed: string,
): Row {
  return { make, inputs, output, state, printed };
}

function cell(make: Row['make'], printed: string, state: Row['state'] = cellKeys): Row {
  return { make, inputs: () => [...square(), floats(spreadNumbers(6, 2), [3, 2])], output: [3, 2], state, printed };
}

/** Modules that give several tensors, or take options or modules: `composite-layers.test.ts` has them. */
type Composite =
  | 'ModuleList'
  | 'ModuleDict'
  | 'ParameterList'
  | 'ParameterDict'
  | 'Transformer'
  | 'CTCLoss'
  | 'KVCache'
  | 'RNN'
  | 'GRU'
  | 'LSTM'
  | 'LSTMCell'
  | 'MultiheadAttention'
  | 'TransformerEncoderLayer'
  | 'TransformerDecoderLayer'
  | 'TransformerEncoder'
  | 'TransformerDecoder';

/** Module info: what each layer is made with, takes, gives, keeps and prints. A new layer without a row is a type error. */
const rows: { readonly [Name in Exclude<LayerName, Composite>]: Row } = {
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
  AlphaDropout: plain(() => new nn.AlphaDropout(0.1), 'AlphaDropout(p=0.1)'),
  Dropout1d: plain(() => new nn.Dropout1d(), 'Dropout1d(p=0.5)'),
  Dropout2d: pool(() => new nn.Dropout2d(), image, [2, 2, 4, 6], 'Dropout2d(p=0.5)'),
  Dropout3d: pool(() => new nn.Dropout3d(), image, [2, 2, 4, 6], 'Dropout3d(p=0.5)'),
  CircularPad1d: pool(() => new nn.CircularPad1d(1), image, [2, 2, 4, 8], 'CircularPad1d([1, 1])'),
  CircularPad2d: pool(() => new nn.CircularPad2d(1), image, [2, 2, 6, 8], 'CircularPad2d([1, 1, 1, 1])'),
  ConstantPad1d: pool(() => new nn.ConstantPad1d(1, 2), image, [2, 2, 4, 8], 'ConstantPad1d([1, 1], value=2)'),
  ConstantPad2d: pool(
    () => new nn.ConstantPad2d([0, 1, 2, 3], 2),
    image,
    [2, 2, 9, 7],
    'ConstantPad2d([0, 1, 2, 3], value=2)',
  ),
  ConstantPad3d: pool(
    () => new nn.ConstantPad3d(1, 2),
    image,
    [2, 4, 6, 8],
    'ConstantPad3d([1, 1, 1, 1, 1, 1], value=2)',
  ),
  ReflectionPad1d: pool(() => new nn.ReflectionPad1d(2), image, [2, 2, 4, 10], 'ReflectionPad1d([2, 2])'),
  ReflectionPad2d: pool(() => new nn.ReflectionPad2d(1), image, [2, 2, 6, 8], 'ReflectionPad2d([1, 1, 1, 1])'),
  ReplicationPad1d: pool(() => new nn.ReplicationPad1d(2), image, [2, 2, 4, 10], 'ReplicationPad1d([2, 2])'),
  ReplicationPad2d: pool(() => new nn.ReplicationPad2d(1), image, [2, 2, 6, 8], 'ReplicationPad2d([1, 1, 1, 1])'),
  ReplicationPad3d: pool(
    () => new nn.ReplicationPad3d([1, 1, 0, 0, 0, 1]),
    image,
    [2, 3, 4, 8],
    'ReplicationPad3d([1, 1, 0, 0, 0, 1])',
  ),
  ZeroPad1d: pool(() => new nn.ZeroPad1d(1), image, [2, 2, 4, 8], 'ZeroPad1d([1, 1])'),
  ZeroPad2d: pool(() => new nn.ZeroPad2d(1), image, [2, 2, 6, 8], 'ZeroPad2d([1, 1, 1, 1])'),
  ZeroPad3d: pool(() => new nn.ZeroPad3d(1), image, [2, 4, 6, 8], 'ZeroPad3d([1, 1, 1, 1, 1, 1])'),
  ChannelShuffle: pool(() => new nn.ChannelShuffle(2), image, [2, 2, 4, 6], 'ChannelShuffle(groups=2)'),
  Unflatten: pool(() => new nn.Unflatten(1, [2, 2]), square, [3, 2, 2], 'Unflatten(dim=1, sizes=[2, 2])'),
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
  ReLU6: plain(() => new nn.ReLU6(), 'ReLU6()'),
  Hardsigmoid: plain(() => new nn.Hardsigmoid(), 'Hardsigmoid()'),
  Hardswish: plain(() => new nn.Hardswish(), 'Hardswish()'),
  Mish: plain(() => new nn.Mish(), 'Mish()'),
  SELU: plain(() => new nn.SELU(), 'SELU()'),
  Softsign: plain(() => new nn.Softsign(), 'Softsign()'),
  Tanhshrink: plain(() => new nn.Tanhshrink(), 'Tanhshrink()'),
  LogSigmoid: plain(() => new nn.LogSigmoid(), 'LogSigmoid()'),
  Hardtanh: plain(() => new nn.Hardtanh({ maxVal: 2 }), 'Hardtanh(minVal=-1, maxVal=2)'),
  Hardshrink: plain(() => new nn.Hardshrink({ lambd: 0.25 }), 'Hardshrink(lambd=0.25)'),
  Softshrink: plain(() => new nn.Softshrink({ lambd: 0.25 }), 'Softshrink(lambd=0.25)'),
  CELU: plain(() => new nn.CELU({ alpha: 2 }), 'CELU(alpha=2)'),
  GLU: { make: () => new nn.GLU(1), inputs: square, output: [3, 2], state: [], printed: 'GLU(dim=1)' },
  Softmin: plain(() => new nn.Softmin(1), 'Softmin(dim=1)'),
  Threshold: plain(() => new nn.Threshold(0.1, 2), 'Threshold(limit=0.1, value=2)'),
  RReLU: plain(() => new nn.RReLU({ upper: 0.5 }), 'RReLU(lower=0.125, upper=0.5)'),
  PReLU: { ...plain(() => new nn.PReLU(), 'PReLU(numParameters=1)'), state: ['weight'] },
  BCELoss: loss(() => new nn.BCELoss({ weight: floats([2]) }), probabilities, 'BCELoss()', ['weight']),
  HingeEmbeddingLoss: loss(() => new nn.HingeEmbeddingLoss(), signs, 'HingeEmbeddingLoss()'),
  SoftMarginLoss: loss(() => new nn.SoftMarginLoss(), signs, 'SoftMarginLoss()'),
  MultiMarginLoss: loss(() => new nn.MultiMarginLoss({ p: 2 }), classes, 'MultiMarginLoss()'),
  MultiLabelSoftMarginLoss: loss(() => new nn.MultiLabelSoftMarginLoss(), probabilities, 'MultiLabelSoftMarginLoss()'),
  MultiLabelMarginLoss: loss(
    () => new nn.MultiLabelMarginLoss(),
    () => [floats(spreadNumbers(12), [3, 4]), indices([3, 0, -1, 1, 1, -1, 0, 2, -1, 0, 1, 2], [3, 4])],
    'MultiLabelMarginLoss()',
  ),
  TripletMarginWithDistanceLoss: loss(
    () => new nn.TripletMarginWithDistanceLoss({ distanceFunction: (x, y) => x.sub(y).abs().sum(-1) }),
    () => [...pair(), floats(spreadNumbers(12, 3), [3, 4])],
    'TripletMarginWithDistanceLoss()',
  ),
  PoissonNLLLoss: loss(() => new nn.PoissonNLLLoss({ full: true }), pair, 'PoissonNLLLoss()'),
  MarginRankingLoss: loss(
    () => new nn.MarginRankingLoss({ margin: 0.5 }),
    () => [...pair(), floats([1, -1, 1], [3, 1])],
    'MarginRankingLoss()',
  ),
  CosineEmbeddingLoss: loss(
    () => new nn.CosineEmbeddingLoss(),
    () => [...pair(), floats([1, 1, -1])],
    'CosineEmbeddingLoss()',
  ),
  TripletMarginLoss: loss(
    () => new nn.TripletMarginLoss({ swap: true, margin: 3 }),
    () => [...pair(), floats(spreadNumbers(12, 3), [3, 4])],
    'TripletMarginLoss()',
  ),
  GaussianNLLLoss: loss(
    () => new nn.GaussianNLLLoss({ full: true }),
    () => [...pair(), floats(new Array(12).fill(0.5), [3, 4])],
    'GaussianNLLLoss()',
  ),
  Conv1d: {
    make: () => new nn.Conv1d(2, 4, 3, { padding: 1, groups: 2 }),
    inputs: () => [floats(spreadNumbers(20), [2, 2, 5])],
    output: [2, 4, 5],
    state: ['weight', 'bias'],
    printed: 'Conv1d(2, 4, kernelSize=[3], padding=1, groups=2)',
  },
  Conv2d: {
    make: () => new nn.Conv2d(2, 3, [3, 2], { stride: 2, padding: 1, paddingMode: 'reflect', bias: false }),
    inputs: image,
    output: [2, 3, 2, 4],
    state: ['weight'],
    printed: 'Conv2d(2, 3, kernelSize=[3, 2], stride=2, padding=1, bias=false)',
  },
  Conv3d: {
    make: () => new nn.Conv3d(1, 2, 2, { dilation: [1, 2, 1] }),
    inputs: () => [floats(spreadNumbers(36), [1, 3, 4, 3])],
    output: [2, 2, 2, 2],
    state: ['weight', 'bias'],
    printed: 'Conv3d(1, 2, kernelSize=[2, 2, 2], dilation=[1, 2, 1])',
  },
  ConvTranspose1d: {
    make: () => new nn.ConvTranspose1d(2, 3, 3, { stride: 2, outputPadding: 1 }),
    inputs: () => [floats(spreadNumbers(20), [2, 2, 5])],
    output: [2, 3, 12],
    state: ['weight', 'bias'],
    printed: 'ConvTranspose1d(2, 3, kernelSize=[3], stride=2, outputPadding=1)',
  },
  ConvTranspose2d: {
    make: () => new nn.ConvTranspose2d(2, 4, 2, { groups: 2, bias: false }),
    inputs: image,
    output: [2, 4, 5, 7],
    state: ['weight'],
    printed: 'ConvTranspose2d(2, 4, kernelSize=[2, 2], groups=2, bias=false)',
  },
  ConvTranspose3d: {
    make: () => new nn.ConvTranspose3d(1, 2, 2),
    inputs: () => [floats(spreadNumbers(8), [1, 2, 2, 2])],
    output: [2, 3, 3, 3],
    state: ['weight', 'bias'],
    printed: 'ConvTranspose3d(1, 2, kernelSize=[2, 2, 2])',
  },
  MaxPool1d: pool(
    () => new nn.MaxPool1d(2),
    () => [floats(spreadNumbers(12), [1, 2, 6])],
    [1, 2, 3],
    'MaxPool1d(kernelSize=2)',
  ),
  MaxPool2d: pool(
    () => new nn.MaxPool2d(3, { stride: 2, padding: 1 }),
    image,
    [2, 2, 2, 3],
    'MaxPool2d(kernelSize=3, stride=2, padding=1)',
  ),
  MaxPool3d: pool(
    () => new nn.MaxPool3d(2),
    () => [floats(spreadNumbers(16), [1, 2, 2, 4])],
    [1, 1, 1, 2],
    'MaxPool3d(kernelSize=2)',
  ),
  AvgPool1d: pool(
    () => new nn.AvgPool1d(2),
    () => [floats(spreadNumbers(12), [1, 2, 6])],
    [1, 2, 3],
    'AvgPool1d(kernelSize=2)',
  ),
  AvgPool2d: pool(() => new nn.AvgPool2d([2, 3]), image, [2, 2, 2, 2], 'AvgPool2d(kernelSize=[2, 3])'),
  AvgPool3d: pool(
    () => new nn.AvgPool3d(2),
    () => [floats(spreadNumbers(16), [1, 2, 2, 4])],
    [1, 1, 1, 2],
    'AvgPool3d(kernelSize=2)',
  ),
  AdaptiveAvgPool1d: pool(
    () => new nn.AdaptiveAvgPool1d(4),
    () => [floats(spreadNumbers(12), [1, 2, 6])],
    [1, 2, 4],
    'AdaptiveAvgPool1d(outputSize=4)',
  ),
  AdaptiveAvgPool2d: pool(
    () => new nn.AdaptiveAvgPool2d([null, 1]),
    image,
    [2, 2, 4, 1],
    'AdaptiveAvgPool2d(outputSize=[, 1])',
  ),
  AdaptiveMaxPool1d: pool(
    () => new nn.AdaptiveMaxPool1d(4),
    () => [floats(spreadNumbers(12), [1, 2, 6])],
    [1, 2, 4],
    'AdaptiveMaxPool1d(outputSize=4)',
  ),
  AdaptiveMaxPool2d: pool(() => new nn.AdaptiveMaxPool2d(3), image, [2, 2, 3, 3], 'AdaptiveMaxPool2d(outputSize=3)'),
  Upsample: pool(
    () => new nn.Upsample({ scaleFactor: 2, mode: 'bilinear' }),
    image,
    [2, 2, 8, 12],
    'Upsample(scaleFactor=2, mode=bilinear)',
  ),
  PixelShuffle: pool(
    () => new nn.PixelShuffle(2),
    () => [floats(spreadNumbers(24), [4, 2, 3])],
    [1, 4, 6],
    'PixelShuffle(upscaleFactor=2)',
  ),
  PixelUnshuffle: pool(() => new nn.PixelUnshuffle(2), image, [2, 8, 2, 3], 'PixelUnshuffle(downscaleFactor=2)'),
  Unfold: pool(() => new nn.Unfold(2, { stride: 2 }), image, [2, 8, 6], 'Unfold(kernelSize=2, stride=2)'),
  Fold: pool(
    () => new nn.Fold([4, 5], 2),
    () => [floats(spreadNumbers(48), [1, 4, 12])],
    [1, 1, 4, 5],
    'Fold(outputSize=[4, 5], kernelSize=2)',
  ),
  BatchNorm1d: norm(
    () => new nn.BatchNorm1d(4),
    square,
    [3, 4],
    running,
    'BatchNorm1d(4, eps=0.00001, momentum=0.1, affine=true, trackRunningStats=true)',
  ),
  BatchNorm2d: norm(
    () => new nn.BatchNorm2d(2, { momentum: null }),
    image,
    [2, 2, 4, 6],
    running,
    'BatchNorm2d(2, eps=0.00001, momentum=null, affine=true, trackRunningStats=true)',
  ),
  BatchNorm3d: norm(
    () => new nn.BatchNorm3d(2, { affine: false, trackRunningStats: false }),
    () => [floats(spreadNumbers(48), [2, 2, 2, 2, 3])],
    [2, 2, 2, 2, 3],
    [],
    'BatchNorm3d(2, eps=0.00001, momentum=0.1, affine=false, trackRunningStats=false)',
  ),
  InstanceNorm1d: norm(
    () => new nn.InstanceNorm1d(2),
    () => [floats(spreadNumbers(12), [2, 6])],
    [2, 6],
    [],
    'InstanceNorm1d(2, eps=0.00001, momentum=0.1, affine=false, trackRunningStats=false)',
  ),
  InstanceNorm2d: norm(
    () => new nn.InstanceNorm2d(2, { affine: true, trackRunningStats: true }),
    image,
    [2, 2, 4, 6],
    running,
    'InstanceNorm2d(2, eps=0.00001, momentum=0.1, affine=true, trackRunningStats=true)',
  ),
  InstanceNorm3d: norm(
    () => new nn.InstanceNorm3d(2),
    () => [floats(spreadNumbers(48), [2, 2, 2, 2, 3])],
    [2, 2, 2, 2, 3],
    [],
    'InstanceNorm3d(2, eps=0.00001, momentum=0.1, affine=false, trackRunningStats=false)',
  ),
  GroupNorm: norm(
    () => new nn.GroupNorm(1, 2),
    image,
    [2, 2, 4, 6],
    ['weight', 'bias'],
    'GroupNorm(1, 2, eps=0.00001, affine=true)',
  ),
  RMSNorm: norm(() => new nn.RMSNorm(4), square, [3, 4], ['weight'], 'RMSNorm([4], eps=null, elementwiseAffine=true)'),
  RNNCell: cell(() => new nn.RNNCell(4, 2), 'RNNCell(4, 2)'),
  GRUCell: cell(() => new nn.GRUCell(4, 2, { bias: false }), 'GRUCell(4, 2)', ['weight_ih', 'weight_hh']),
  Bilinear: {
    make: () => new nn.Bilinear(4, 4, 2),
    inputs: pair,
    output: [3, 2],
    state: ['weight', 'bias'],
    printed: 'Bilinear(in1Features=4, in2Features=4, outFeatures=2, bias=true)',
  },
  CosineSimilarity: {
    make: () => new nn.CosineSimilarity(),
    inputs: pair,
    output: [3],
    state: [],
    printed: 'CosineSimilarity(dim=1, eps=1e-8)',
  },
  PairwiseDistance: {
    make: () => new nn.PairwiseDistance(),
    inputs: pair,
    output: [3],
    state: [],
    printed: 'PairwiseDistance()',
  },
  AdaptiveAvgPool3d: pool(
    () => new nn.AdaptiveAvgPool3d([1, 2, null]),
    image,
    [2, 1, 2, 6],
    'AdaptiveAvgPool3d(outputSize=[1, 2, ])',
  ),
  AdaptiveMaxPool3d: pool(() => new nn.AdaptiveMaxPool3d(2), image, [2, 2, 2, 2], 'AdaptiveMaxPool3d(outputSize=2)'),
  LPPool1d: pool(
    () => new nn.LPPool1d(2, 2),
    () => [floats(spreadNumbers(24), [2, 2, 6])],
    [2, 2, 3],
    'LPPool1d(normType=2, kernelSize=2)',
  ),
  LPPool2d: pool(
    () => new nn.LPPool2d(2, 2, { stride: 1 }),
    image,
    [2, 2, 3, 5],
    'LPPool2d(normType=2, kernelSize=2, stride=1)',
  ),
  LocalResponseNorm: pool(
    () => new nn.LocalResponseNorm(2, { alpha: 0.5 }),
    image,
    [2, 2, 4, 6],
    'LocalResponseNorm(2, alpha=0.5, beta=0.75, k=1)',
  ),
  Softmax2d: pool(() => new nn.Softmax2d(), image, [2, 2, 4, 6], 'Softmax2d()'),
  ReflectionPad3d: pool(() => new nn.ReflectionPad3d(1), image, [2, 4, 6, 8], 'ReflectionPad3d([1, 1, 1, 1, 1, 1])'),
  EmbeddingBag: {
    make: () => new nn.EmbeddingBag(5, 2, { mode: 'max' }),
    inputs: () => [indices([0, 4, 2, 2], [2, 2])],
    output: [2, 2],
    state: ['weight'],
    printed: "EmbeddingBag(5, 2, mode='max')",
  },
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

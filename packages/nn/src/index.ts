/** Modules, parameters, layers, losses and the functions behind them. Start reading at `module.ts`. */
export {
  celu,
  elu,
  gelu,
  glu,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  leakyRelu,
  linear,
  logSigmoid,
  logSoftmax,
  mish,
  oneHot,
  pad,
  prelu,
  relu,
  relu6,
  rrelu,
  selu,
  sigmoid,
  silu,
  softmax,
  softmin,
  softplus,
  softshrink,
  softsign,
  tanh,
  tanhshrink,
  threshold,
} from '@torchlet/tensor';
export { ModuleDict, ModuleList, ParameterDict, ParameterList, Sequential } from './containers.js';
export type { ForwardHook, ForwardPreHook } from './forward.js';
export {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  type OutputSize,
} from './functional/adaptive-pooling.js';
export { type AttentionOptions, scaledDotProductAttention } from './functional/attention.js';
export {
  type BatchNormFunctionOptions,
  batchNorm,
  groupNorm,
  type InstanceNormFunctionOptions,
  instanceNorm,
  type LocalResponseNormOptions,
  localResponseNorm,
  type RMSNormFunctionOptions,
  rmsNorm,
} from './functional/batch-normalization.js';
export { type CrossEntropyOptions, crossEntropy, type NLLOptions, nllLoss } from './functional/class-loss.js';
export {
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from './functional/convolution.js';
export { type CTCOptions, ctcLoss } from './functional/ctc-loss.js';
export { type DropoutOptions, dropout } from './functional/dropout.js';
export { alphaDropout, dropout1d, dropout2d, dropout3d } from './functional/feature-dropout.js';
export { affineGrid, type GridSampleOptions, gridSample } from './functional/grid-sample.js';
export { type GumbelSoftmaxOptions, gumbelSoftmax } from './functional/gumbel-softmax.js';
export {
  type EmbeddingBagFunctionOptions,
  type EmbeddingFunctionOptions,
  embedding,
  embeddingBag,
} from './functional/embedding.js';
export {
  binaryCrossEntropyWithLogits,
  type HuberOptions,
  huberLoss,
  type KLDivOptions,
  klDiv,
  l1Loss,
  mseLoss,
  type Reduction,
  type ReductionOptions,
  type SmoothL1Options,
  smoothL1Loss,
  type WithLogitsOptions,
} from './functional/loss.js';
export {
  binaryCrossEntropy,
  cosineEmbeddingLoss,
  type GaussianOptions,
  gaussianNllLoss,
  hingeEmbeddingLoss,
  type MarginOptions,
  type MultiMarginOptions,
  marginRankingLoss,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  type PoissonOptions,
  poissonNllLoss,
  softMarginLoss,
  type TripletDistanceOptions,
  type TripletOptions,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
  type WeightedOptions,
} from './functional/margin-loss.js';
export { type MaxUnpoolOptions, maxUnpool1d, maxUnpool2d, maxUnpool3d } from './functional/max-unpooling.js';
export { type LayerNormFunctionOptions, layerNorm } from './functional/normalization.js';
export {
  type AvgPoolOptions,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  type LpPoolOptions,
  lpPool1d,
  lpPool2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  maxPool3d,
  type Pooled,
} from './functional/pooling.js';
export {
  channelShuffle,
  fold,
  type InterpolateMode,
  type InterpolateOptions,
  interpolate,
  pixelShuffle,
  pixelUnshuffle,
  type UnfoldOptions,
  unfold,
} from './functional/resize.js';
export {
  bilinear,
  cosineSimilarity,
  type NormalizeOptions,
  normalize,
  type PairwiseDistanceOptions,
  pairwiseDistance,
} from './functional/similarity.js';
export type { PerDim } from './functional/spatial.js';
export * as init from './init.js';
export {
  ELU,
  GELU,
  LeakyReLU,
  LogSoftmax,
  ReLU,
  Sigmoid,
  SiLU,
  Softmax,
  Softmax2d,
  Softplus,
  Tanh,
} from './layers/activation.js';
export {
  type AttentionForwardOptions,
  MultiheadAttention,
  type MultiheadAttentionOptions,
} from './layers/attention.js';
export { type CachedAttention, KVCache, type KVCacheOptions } from './layers/kv-cache.js';
export {
  BatchNorm1d,
  BatchNorm2d,
  BatchNorm3d,
  type BatchNormOptions,
  GroupNorm,
  type GroupNormOptions,
  InstanceNorm1d,
  InstanceNorm2d,
  InstanceNorm3d,
  LocalResponseNorm,
  RMSNorm,
  type RMSNormOptions,
} from './layers/batch-normalization.js';
export {
  Conv1d,
  Conv2d,
  Conv3d,
  type ConvLayerOptions,
  ConvTranspose1d,
  ConvTranspose2d,
  ConvTranspose3d,
  type ConvTransposeLayerOptions,
} from './layers/convolution.js';
export {
  Bilinear,
  CosineSimilarity,
  EmbeddingBag,
  type EmbeddingBagOptions,
  PairwiseDistance,
} from './layers/distance.js';
export { AlphaDropout, Dropout, Dropout1d, Dropout2d, Dropout3d } from './layers/dropout.js';
export { Embedding, type EmbeddingOptions, Linear, type LinearOptions } from './layers/linear.js';
export {
  BCELoss,
  BCEWithLogitsLoss,
  CosineEmbeddingLoss,
  CTCLoss,
  CrossEntropyLoss,
  GaussianNLLLoss,
  HingeEmbeddingLoss,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  MarginRankingLoss,
  MSELoss,
  MultiLabelMarginLoss,
  MultiLabelSoftMarginLoss,
  MultiMarginLoss,
  NLLLoss,
  PoissonNLLLoss,
  SmoothL1Loss,
  SoftMarginLoss,
  TripletMarginLoss,
  TripletMarginWithDistanceLoss,
} from './layers/loss.js';
export {
  CELU,
  GLU,
  Hardshrink,
  Hardsigmoid,
  Hardswish,
  Hardtanh,
  LogSigmoid,
  Mish,
  PReLU,
  ReLU6,
  RReLU,
  SELU,
  Softmin,
  Softshrink,
  Softsign,
  Tanhshrink,
  Threshold,
} from './layers/more-activations.js';
export { LayerNorm, type LayerNormOptions } from './layers/normalization.js';
export {
  CircularPad1d,
  CircularPad2d,
  ConstantPad1d,
  ConstantPad2d,
  ConstantPad3d,
  type Padding,
  ReflectionPad1d,
  ReflectionPad2d,
  ReflectionPad3d,
  ReplicationPad1d,
  ReplicationPad2d,
  ReplicationPad3d,
  ZeroPad1d,
  ZeroPad2d,
  ZeroPad3d,
} from './layers/padding.js';
export {
  AdaptiveAvgPool1d,
  AdaptiveAvgPool2d,
  AdaptiveAvgPool3d,
  AdaptiveMaxPool1d,
  AdaptiveMaxPool2d,
  AdaptiveMaxPool3d,
  AvgPool1d,
  AvgPool2d,
  AvgPool3d,
  Fold,
  LPPool1d,
  LPPool2d,
  MaxPool1d,
  MaxPool2d,
  MaxPool3d,
  PixelShuffle,
  PixelUnshuffle,
  Unfold,
  Upsample,
} from './layers/pooling.js';
export {
  GRU,
  GRUCell,
  LSTM,
  LSTMCell,
  type LSTMOptions,
  RNN,
  RNNCell,
  type RNNOptions,
  type RecurrentOptions,
} from './layers/recurrent.js';
export { ChannelShuffle, Flatten, Identity, Unflatten } from './layers/shape.js';
export {
  causalMask,
  type DecoderMasks,
  type EncoderMasks,
  TransformerDecoder,
  TransformerDecoderLayer,
  TransformerEncoder,
  TransformerEncoderLayer,
  type TransformerLayerOptions,
} from './layers/transformer.js';
export { Transformer, type TransformerMasks, type TransformerOptions } from './layers/transformer-model.js';
export { type HookHandle, Module, type TensorModule } from './module.js';
export { Parameter } from './parameter.js';
export { parametersToVector, vectorToParameters } from './parameter-vector.js';
export type { LoadResult, StateDict } from './state-dict.js';

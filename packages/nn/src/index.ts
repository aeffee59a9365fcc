/** Modules, parameters, layers, losses and the functions behind them. Start reading at `module.ts`. */
export {
  elu,
  gelu,
  leakyRelu,
  linear,
  logSigmoid,
  logSoftmax,
  relu,
  sigmoid,
  silu,
  softmax,
  softplus,
  tanh,
} from '@torchlet/tensor';
export { ModuleDict, ModuleList, Sequential } from './containers.js';
export type { ForwardHook, ForwardPreHook } from './forward.js';
export { type CrossEntropyOptions, crossEntropy, type NLLOptions, nllLoss } from './functional/class-loss.js';
export { type DropoutOptions, dropout } from './functional/dropout.js';
export { type EmbeddingFunctionOptions, embedding } from './functional/embedding.js';
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
export { type LayerNormFunctionOptions, layerNorm } from './functional/normalization.js';
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
  Softplus,
  Tanh,
} from './layers/activation.js';
export { Dropout } from './layers/dropout.js';
export { Embedding, type EmbeddingOptions, Linear, type LinearOptions } from './layers/linear.js';
export {
  BCEWithLogitsLoss,
  CrossEntropyLoss,
  HuberLoss,
  KLDivLoss,
  L1Loss,
  MSELoss,
  NLLLoss,
  SmoothL1Loss,
} from './layers/loss.js';
export { LayerNorm, type LayerNormOptions } from './layers/normalization.js';
export { Flatten, Identity } from './layers/shape.js';
export { type HookHandle, Module, type TensorModule } from './module.js';
export { Parameter } from './parameter.js';
export type { LoadResult, StateDict } from './state-dict.js';

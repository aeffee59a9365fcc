/** Optimisers that follow PyTorch's, learning-rate schedules and gradient clipping. Start reading at `optimizer.ts`. */
export { Adam, type AdamOptions, AdamW } from './adam.js';
export { type ClipNormOptions, clipGradNorm_, clipGradValue_ } from './clip.js';
export {
  type BaseOptions,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamGroupOptions,
  type ParamState,
} from './optimizer.js';
export {
  ConstantLR,
  CosineAnnealingLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  type LinearLROptions,
  LRScheduler,
  MultiStepLR,
  type SchedulerState,
  StepLR,
} from './schedules.js';
export { SGD, type SGDOptions } from './sgd.js';

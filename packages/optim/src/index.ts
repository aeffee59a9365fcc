/** Optimisers that follow PyTorch's, learning-rate schedules and gradient clipping. Start reading at `optimizer.ts`. */
export {
  Adadelta,
  type AdadeltaOptions,
  Adagrad,
  type AdagradOptions,
  RMSprop,
  type RMSpropOptions,
  Rprop,
  type RpropOptions,
} from './accumulating.js';
export { Adam, type AdamOptions, AdamW } from './adam.js';
export {
  Adamax,
  type AdamaxOptions,
  ASGD,
  type ASGDOptions,
  NAdam,
  type NAdamOptions,
  RAdam,
  type RAdamOptions,
} from './adam-family.js';
export { type ClipNormOptions, clipGradNorm_, clipGradValue_ } from './clip.js';
export {
  ChainedScheduler,
  SequentialLR,
} from './combined-schedules.js';
export {
  CosineAnnealingWarmRestarts,
  CyclicLR,
  type CyclicOptions,
  MultiplicativeLR,
  OneCycleLR,
  type OneCycleOptions,
  type PlateauOptions,
  ReduceLROnPlateau,
  type WarmRestartsOptions,
} from './cyclic-schedules.js';
export { GradScaler, type GradScalerOptions, type GradScalerState } from './grad-scaler.js';
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
  type LambdaOptions,
  LambdaLR,
  LinearLR,
  type LinearLROptions,
  LRScheduler,
  MultiStepLR,
  PolynomialLR,
  type SchedulerState,
  StepLR,
} from './schedules.js';
export { SGD, type SGDOptions } from './sgd.js';
export { LBFGS, type LBFGSOptions } from './lbfgs.js';

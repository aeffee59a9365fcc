export type { Device, DType, HostArray, Opener } from '@torchlet/device';
export { dtypes } from '@torchlet/device';
export {
  getFloat32MatmulPrecision,
  isGradEnabled,
  type MatmulPrecision,
  setFloat32MatmulPrecision,
  type Shape,
  ShapeError,
} from '@torchlet/graph';
export * as distributions from './distributions/index.js';
export * from './dtype-names.js';
export * from './factories.js';
export * from './functions.js';
export * from './functions/activation.js';
export { autocast, type AutocastOptions, isAutocastEnabled } from './functions/autocast.js';
export { compile } from './functions/compile.js';
export * from './functions/differentiation.js';
export * from './functions/distances.js';
export * from './functions/elementwise.js';
export * from './functions/einsum.js';
export * from './functions/indexing.js';
export * from './functions/linalg.js';
export * as linalg from './functions/matrices.js';
export { cholesky, det, inv as inverse, logdet, slogdet } from './functions/matrices.js';
export * from './functions/methods.js';
export * from './functions/reduction.js';
export * from './functions/sampling.js';
export * from './functions/shape.js';
export * from './functions/sorting.js';
export * from './functions/statistics.js';
export type { BackwardOptions } from './differentiable.js';
export type { NestedArray, ReadableArray, TypedData } from './host-values.js';
export * from './modules.js';
export { ellipsis, newaxis, type Slice, slice } from './ops/indexing.js';
export type { PadMode } from './ops/movement.js';
export { type PlainNumber, promoteTypes, resultType } from './promotion.js';
export { defaultGenerator, Generator, manualSeed } from './random.js';
export { defaultDevice, setDefaultDevice } from './runtime/devices.js';
export { StaleValueError } from './runtime/storage.js';
export {
  type Index,
  type OfLastDim,
  type Operand,
  type Ordered,
  type SortOptions,
  Tensor,
  type TopkOptions,
} from './tensor.js';

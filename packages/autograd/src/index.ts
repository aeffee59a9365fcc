/** The derivative table of the primitives and the reverse walk over a graph. Start reading at `gradients.ts`. */
export type { GradientFunction } from './attach.js';
export { type DerivativeRule, type DifferentiablePrimitive, derivatives } from './derivatives.js';
export {
  addGradientHook,
  type Differentiated,
  differentiate,
  type GradientHook,
  type GradientOptions,
  gradients,
  leavesOf,
  type Tape,
  tapeOf,
  walk,
} from './gradients.js';

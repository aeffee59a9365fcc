/** Element-wise functions that are not methods: mathematics by name. What they compute is `ops/inverse-functions.ts` and `ops/pairwise.ts`. */
import type { Node } from '@torchlet/graph';
import { recordOperation } from '../functions.js';
import { wide } from '../ops/autocasting.js';
import * as comparison from '../ops/comparison.js';
import * as gamma from '../ops/gamma-functions.js';
import * as inverse from '../ops/inverse-functions.js';
import type { NodeOperand } from '../ops/operands.js';
import * as pairwise from '../ops/pairwise.js';
import type { Operand, Tensor } from '../tensor.js';

const on = (x: Tensor, build: (node: Node) => Node): Tensor => recordOperation([x], (node) => build(node as Node));
const onBoth = (x: Operand, y: Operand, build: (a: NodeOperand, b: NodeOperand) => Node): Tensor =>
  recordOperation([x, y], (a, b) => build(a as NodeOperand, b as NodeOperand));

export const asin = (x: Tensor): Tensor => on(x, (node) => inverse.asin(wide(node)));
export const acos = (x: Tensor): Tensor => on(x, (node) => inverse.acos(wide(node)));
export const asinh = (x: Tensor): Tensor => on(x, inverse.asinh);
export const acosh = (x: Tensor): Tensor => on(x, inverse.acosh);
export const atanh = (x: Tensor): Tensor => on(x, inverse.atanh);
export const sinh = (x: Tensor): Tensor => on(x, (node) => inverse.sinh(wide(node)));
export const cosh = (x: Tensor): Tensor => on(x, (node) => inverse.cosh(wide(node)));
/** 1 - erf(x), also where erf(x) is 1 to all digits. */
export const erfc = (x: Tensor): Tensor => on(x, inverse.erfc);
/** The inverse of erf: infinite at 1 and -1, NaN beyond. */
export const erfinv = (x: Tensor): Tensor => on(x, gamma.erfinv);
/** log |gamma(x)|: of x + 1, log of x factorial. */
export const lgamma = (x: Tensor): Tensor => on(x, (node) => gamma.lgamma(wide(node)));
/** The derivative of lgamma. */
export const digamma = (x: Tensor): Tensor => on(x, (node) => gamma.digamma(wide(node)));
/** sin(pi x) / (pi x). */
export const sinc = (x: Tensor): Tensor => on(x, inverse.sinc);
export const deg2rad = (x: Tensor): Tensor => x.mul(Math.PI / 180);
export const rad2deg = (x: Tensor): Tensor => x.mul(180 / Math.PI);

/** log(x / (1 - x)), with x held in [eps, 1 - eps] if there is an eps. */
export function logit(x: Tensor, eps: number | null = null): Tensor {
  const z = eps === null ? x : x.clamp(eps, 1 - eps);
  return z.div(z.neg().add(1)).log();
}

/** The angle of the points (x, y), in (-pi, pi]. */
export const atan2 = (y: Tensor, x: Operand): Tensor => onBoth(y, x, pairwise.atan2);
/** sqrt(x^2 + y^2). */
export const hypot = (x: Tensor, y: Operand): Tensor => onBoth(x, y, pairwise.hypot);
/** The magnitude of x with the sign of y. */
export const copysign = (x: Tensor, y: Operand): Tensor => onBoth(x, y, pairwise.copysign);
/** The larger of each two; a number where the other is NaN. */
export const fmax = (x: Tensor, y: Operand): Tensor => onBoth(x, y, (a, b) => pairwise.overNaN('fmax', a, b));
export const fmin = (x: Tensor, y: Operand): Tensor => onBoth(x, y, (a, b) => pairwise.overNaN('fmin', a, b));
/** log(e^x + e^y). */
export const logaddexp = (x: Tensor, y: Operand): Tensor =>
  onBoth(x, y, (a, b) => pairwise.logAddExp('logaddexp', a, b));
export const logaddexp2 = (x: Tensor, y: Operand): Tensor =>
  onBoth(x, y, (a, b) => pairwise.logAddExp('logaddexp2', a, b));
/** x * log(y), 0 where x is 0. */
export const xlogy = (x: Tensor, y: Operand): Tensor => onBoth(x, y, pairwise.xlogy);
/** 0 below 0, 1 above, y at 0. */
export const heaviside = (x: Tensor, y: Operand): Tensor => onBoth(x, y, pairwise.heaviside);
/** other - alpha * x. */
export const rsub = (x: Tensor, other: Operand, { alpha = 1 }: { alpha?: number } = {}): Tensor =>
  x.mul(-alpha).add(other);

export const signbit = (x: Tensor): Tensor => on(x, pairwise.signbit);
export const isposinf = (x: Tensor): Tensor => x.eq(Infinity);
export const isneginf = (x: Tensor): Tensor => x.eq(-Infinity);

/** x + value * a * b. */
export const addcmul = (x: Tensor, a: Tensor, b: Tensor, { value = 1 }: { value?: number } = {}): Tensor =>
  recordOperation([x, a, b], (...nodes) => pairwise.addcmul(...(nodes as [Node, Node, Node]), value));

/** x + value * a / b. @throws TypeError for integers. */
export const addcdiv = (x: Tensor, a: Tensor, b: Tensor, { value = 1 }: { value?: number } = {}): Tensor =>
  recordOperation([x, a, b], (...nodes) => pairwise.addcdiv(...(nodes as [Node, Node, Node]), value));

export const clampMin = (x: Tensor, min: Operand): Tensor => x.clamp(min);
export const clampMax = (x: Tensor, max: Operand): Tensor => x.clamp(null, max);
export const clip = (x: Tensor, min: Operand | null = null, max: Operand | null = null): Tensor => x.clamp(min, max);

export interface NanToNumOptions {
  /** Default 0. */
  readonly nan?: number | null;
  /** Default: the largest number of the dtype. */
  readonly posinf?: number | null;
  /** Default: the least number of the dtype. */
  readonly neginf?: number | null;
}

/** x with numbers for NaN and infinities. */
export const nanToNum = (x: Tensor, { nan = null, posinf = null, neginf = null }: NanToNumOptions = {}): Tensor =>
  on(x, (node) => pairwise.nanToNum(node, nan ?? 0, posinf, neginf));

export interface ClosenessOptions {
  readonly rtol?: number;
  readonly atol?: number;
  readonly equalNan?: boolean;
}

/** Whether all elements are close, as `isclose` has it. */
export async function allclose(x: Tensor, y: Tensor, options: ClosenessOptions = {}): Promise<boolean> {
  return (await x.isclose(y, options).all().item()) !== 0;
}

/** Whether two tensors have one shape and the same elements. */
export async function equal(x: Tensor, y: Tensor): Promise<boolean> {
  const sameShape = x.ndim === y.ndim && x.shape.every((length, axis) => length === y.shape[axis]);
  return (
    sameShape &&
    (await on(x, (node) => comparison.eq(node, y.node))
      .all()
      .item()) !== 0
  );
}

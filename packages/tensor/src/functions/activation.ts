/** Activations as functions; the formulas are in `ops/activation.ts`. */
import type { DType } from '@torchlet/device';
import { type Node, printShape, ShapeError } from '@torchlet/graph';
import { rand } from '../factories.js';
import { recordOperation, where } from '../functions.js';
import { composed } from '../modules.js';
import * as activation from '../ops/activation.js';
import type { Generator } from '../random.js';
import type { Tensor } from '../tensor.js';
import { inAutocast } from './autocast.js';

const on = (x: Tensor, build: (node: Node) => Node): Tensor => recordOperation([x], (node) => build(node as Node));

/** x held between `minVal` and `maxVal`. */
export const hardtanh = (x: Tensor, { minVal = -1, maxVal = 1 }: { minVal?: number; maxVal?: number } = {}): Tensor =>
  on(x, (node) => activation.hardtanh(node, minVal, maxVal));
/** x held between 0 and 6. */
export const relu6 = (x: Tensor): Tensor => on(x, (node) => activation.hardtanh(node, 0, 6));
export const hardsigmoid = (x: Tensor): Tensor => on(x, activation.hardsigmoid);
/** x * hardsigmoid(x). */
export const hardswish = (x: Tensor): Tensor => on(x, activation.hardswish);
/** x, but 0 within `lambd` of 0. */
export const hardshrink = (x: Tensor, { lambd = 0.5 }: { lambd?: number } = {}): Tensor =>
  on(x, (node) => activation.hardshrink(node, lambd));
/** x moved by `lambd` towards 0. */
export const softshrink = (x: Tensor, { lambd = 0.5 }: { lambd?: number } = {}): Tensor =>
  on(x, (node) => activation.softshrink(node, lambd));
/** x - tanh(x). */
export const tanhshrink = (x: Tensor): Tensor => on(x, activation.tanhshrink);
/** x above `limit`, else `value`. */
export const threshold = (x: Tensor, limit: number, value: number): Tensor =>
  on(x, (node) => activation.threshold(node, limit, value));
/** x / (1 + |x|). */
export const softsign = (x: Tensor): Tensor => on(x, activation.softsign);
/** x * tanh(softplus(x)). */
export const mish = (x: Tensor): Tensor => on(x, activation.mish);
export const selu = (x: Tensor): Tensor => on(x, activation.selu);
export const celu = (x: Tensor, { alpha = 1 }: { alpha?: number } = {}): Tensor =>
  on(x, (node) => activation.celu(node, alpha));
/** The first half along `dim` times the sigmoid of the second. @throws ShapeError for an odd length. */
export const glu = (x: Tensor, dim = -1): Tensor => on(x, (node) => activation.glu(node, dim));
/** Softmax of -x. */
export const softmin = (x: Tensor, dim: number, { dtype }: { dtype?: DType } = {}): Tensor =>
  x.neg().softmax(dim, dtype === undefined ? {} : { dtype });

/**
 * x above 0, weight * x below.
 *
 * @param weight one element, or one for each channel (dim 1). @throws ShapeError for another number.
 */
export function prelu(x: Tensor, weight: Tensor): Tensor {
  const channels = x.ndim > 1 ? x.size(1) : 1;
  const count = weight.numel();
  if (count !== 1 && count !== channels) {
    throw new ShapeError(
      `prelu: expected 1 or ${channels} slopes, got ${count} for an input of ${printShape(x.shape)}`,
    );
  }
  const after = x.shape.slice(2).map(() => 1);
  const slopes = count === 1 ? weight.reshape([]) : weight.reshape([count, ...after]);
  return composed(() => {
    const [y, slope] = [inAutocast(x), inAutocast(slopes)];
    return where(y.gt(0), y, slope.mul(y));
  });
}

export interface RReLUOptions {
  readonly lower?: number;
  readonly upper?: number;
  /** In training the slope is drawn for each element. Default false. */
  readonly training?: boolean;
  readonly generator?: Generator | undefined;
}

/** x above 0, x times a slope below: one drawn from [lower, upper) in training, else their mean (https://arxiv.org/abs/1505.00853). */
export function rrelu(
  x: Tensor,
  { lower = 1 / 8, upper = 1 / 3, training = false, generator }: RReLUOptions = {},
): Tensor {
  return composed(() => {
    const slope = training
      ? rand(x.shape, { generator, device: x.runtime?.device })
          .mul(upper - lower)
          .add(lower)
      : (lower + upper) / 2;
    return where(x.gt(0), x, x.mul(slope));
  });
}

/**
 * Loss functions between two tensors (https://pytorch.org/docs/stable/nn.functional.html#loss-functions); those of classes are in
 * `class-loss.ts`. Owns the reductions.
 */
import { inFullPrecision, logSigmoid, onesLike, type Tensor, where } from '@torchlet/tensor';

export type Reduction = 'mean' | 'sum' | 'none';

export interface ReductionOptions {
  /** `mean` over the elements (the default), their `sum`, or each by itself. */
  readonly reduction?: Reduction;
}

export function reduced(loss: Tensor, reduction: Reduction): Tensor {
  switch (reduction) {
    case 'mean':
      return loss.mean();
    case 'sum':
      return loss.sum();
    case 'none':
      return loss;
    default: {
      const never: never = reduction;
      throw new RangeError(`reduction: expected mean, sum or none, got ${never}`);
    }
  }
}

/** (input - target)^2. */
export function mseLoss(input: Tensor, target: Tensor, { reduction = 'mean' }: ReductionOptions = {}): Tensor {
  return reduced(inFullPrecision(input).sub(target).square(), reduction);
}

/** |input - target|. */
export function l1Loss(input: Tensor, target: Tensor, { reduction = 'mean' }: ReductionOptions = {}): Tensor {
  return reduced(inFullPrecision(input).sub(target).abs(), reduction);
}

export interface SmoothL1Options extends ReductionOptions {
  /** Where the square becomes a line; 0 gives `l1Loss`. Default 1. */
  readonly beta?: number;
}

/** d^2 / (2 beta) below beta, |d| - beta / 2 above (Girshick 2015, https://arxiv.org/abs/1504.08083). */
export function smoothL1Loss(
  input: Tensor,
  target: Tensor,
  { beta = 1, reduction = 'mean' }: SmoothL1Options = {},
): Tensor {
  if (beta < 0) throw new RangeError(`smoothL1Loss: expected a beta of at least 0, got ${beta}`);
  if (beta === 0) return l1Loss(input, target, { reduction });
  const distance = inFullPrecision(input).sub(target).abs();
  const square = distance.square().mul(0.5 / beta);
  return reduced(where(distance.lt(beta), square, distance.sub(0.5 * beta)), reduction);
}

export interface HuberOptions extends ReductionOptions {
  /** Where the square becomes a line. Default 1. */
  readonly delta?: number;
}

/** d^2 / 2 below delta, delta * (|d| - delta / 2) above (Huber 1964). */
export function huberLoss(input: Tensor, target: Tensor, { delta = 1, reduction = 'mean' }: HuberOptions = {}): Tensor {
  if (delta <= 0) throw new RangeError(`huberLoss: expected a delta above 0, got ${delta}`);
  const distance = input.sub(target).abs();
  const line = distance.sub(0.5 * delta).mul(delta);
  return reduced(where(distance.lt(delta), distance.square().mul(0.5), line), reduction);
}

export interface KLDivOptions {
  /** `batchmean` divides the sum by the first dim, which is the divergence's mathematical mean. */
  readonly reduction?: Reduction | 'batchmean';
  /** Whether the target is given as logarithms too. Default false. */
  readonly logTarget?: boolean;
}

/** target * (log target - input): the Kullback-Leibler divergence, with `input` as logarithms. */
export function klDiv(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean', logTarget = false }: KLDivOptions = {},
): Tensor {
  const x = inFullPrecision(input);
  const loss = logTarget ? target.exp().mul(target.sub(x)) : entropyTerm(target).sub(target.mul(x));
  if (reduction === 'batchmean') return loss.sum().div(input.size(0));
  return reduced(loss, reduction);
}

/** x * log(x), 0 at 0. */
function entropyTerm(x: Tensor): Tensor {
  const isZero = x.eq(0);
  return x.mul(x.maskedFill(isZero, 1).log());
}

export interface WithLogitsOptions extends ReductionOptions {
  /** Factor of each element's loss; broadcast. */
  readonly weight?: Tensor | null;
  /** Factor of what positive targets count; broadcast. */
  readonly posWeight?: Tensor | null;
}

/** Cross entropy of sigmoid(input) with targets in [0, 1], in the form that does not overflow. */
export function binaryCrossEntropyWithLogits(
  input: Tensor,
  target: Tensor,
  { weight = null, posWeight = null, reduction = 'mean' }: WithLogitsOptions = {},
): Tensor {
  const x = inFullPrecision(input);
  const negative = onesLike(target).sub(target).mul(x);
  const positive = logSigmoid(x);
  const factor = posWeight === null ? positive : positive.mul(posWeight.sub(1).mul(target).add(1));
  const loss = negative.sub(factor);
  return reduced(weight === null ? loss : loss.mul(weight), reduction);
}

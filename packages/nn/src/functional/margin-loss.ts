/** Losses of margins, distances and distributions beside those of `loss.ts` (https://pytorch.org/docs/stable/nn.functional.html#loss-functions). */
import {
  arange,
  composed,
  customFunction,
  inFullPrecision,
  isAutocastEnabled,
  logSigmoid,
  onesLike,
  softplus,
  type Tensor,
  where,
  zerosLike,
} from '@torchlet/tensor';
import { type ReductionOptions, reduced } from './loss.js';
import { printShape } from './shapes.js';
import { cosineSimilarity, pairwiseDistance } from './similarity.js';

export interface WeightedOptions extends ReductionOptions {
  /** Factor of each element's loss; broadcast. */
  readonly weight?: Tensor | null;
}

/** -(t log x + (1 - t) log(1 - x)), logarithms not below -100. The gradient is divided by x (1 - x), or by 1e-12 where that is less. */
const crossEntropyOfProbability = customFunction<[Tensor, Tensor]>({
  forward: (x, target) => {
    const logOf = (p: Tensor): Tensor => p.log().clamp(-100);
    return target
      .sub(1)
      .mul(logOf(onesLike(x).sub(x)))
      .sub(target.mul(logOf(x)));
  },
  backward: (grad, x, target) => [
    grad.mul(x.sub(target)).div(onesLike(x).sub(x).mul(x).clamp(1e-12)),
    grad.mul(onesLike(x).sub(x).log().clamp(-100).sub(x.log().clamp(-100))),
  ],
});

/** Cross entropy of probabilities with targets in [0, 1]. @throws RangeError for shapes that differ. */
export function binaryCrossEntropy(
  input: Tensor,
  target: Tensor,
  { weight = null, reduction = 'mean' }: WeightedOptions = {},
): Tensor {
  if (isAutocastEnabled()) {
    throw new TypeError(
      'binaryCrossEntropy: gradients of probabilities near 0 and 1 are lost in autocast; use binaryCrossEntropyWithLogits without the sigmoid',
    );
  }
  checkShapes('binaryCrossEntropy', input, target);
  return composed(() => {
    const loss = crossEntropyOfProbability(input, target);
    return reduced(weight === null ? loss : loss.mul(weight), reduction);
  });
}

function checkShapes(op: string, input: Tensor, target: Tensor): void {
  if (input.ndim === target.ndim && input.shape.every((n, axis) => n === target.shape[axis])) return;
  throw new RangeError(`${op}: expected targets of shape ${printShape(input.shape)}, got ${printShape(target.shape)}`);
}

export interface MarginOptions extends ReductionOptions {
  readonly margin?: number;
}

const above0 = (x: Tensor): Tensor => x.clamp(0);

/** x where the target is 1, max(0, margin - x) where it is -1. */
export function hingeEmbeddingLoss(
  input: Tensor,
  target: Tensor,
  { margin = 1, reduction = 'mean' }: MarginOptions = {},
): Tensor {
  return composed(() => {
    const x = inFullPrecision(input);
    const far = where(target.eq(1), 0, above0(x.neg().add(margin)));
    return reduced(far.add(where(target.eq(-1), 0, x)), reduction);
  });
}

/** max(0, -target * (x1 - x2) + margin). */
export function marginRankingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  { margin = 0, reduction = 'mean' }: MarginOptions = {},
): Tensor {
  return composed(() => reduced(above0(target.neg().mul(inFullPrecision(input1).sub(input2)).add(margin)), reduction));
}

/** 1 - cos(x1, x2) where the target is 1, max(0, cos - margin) where it is -1. */
export function cosineEmbeddingLoss(
  input1: Tensor,
  input2: Tensor,
  target: Tensor,
  { margin = 0, reduction = 'mean' }: MarginOptions = {},
): Tensor {
  return composed(() => {
    const cosine = cosineSimilarity(input1, input2, { dim: -1, eps: 1e-12 });
    const like = where(target.eq(1), cosine.neg().add(1), 0);
    return reduced(like.add(where(target.eq(-1), above0(cosine.sub(margin)), 0)), reduction);
  });
}

export interface TripletOptions extends MarginOptions {
  readonly p?: number;
  readonly eps?: number;
  /** Whether the distance from the positive to the negative counts if it is less. Default false. */
  readonly swap?: boolean;
}

/** max(0, d(anchor, positive) - d(anchor, negative) + margin). */
export function tripletMarginLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { margin = 1, p = 2, eps = 1e-6, swap = false, reduction = 'mean' }: TripletOptions = {},
): Tensor {
  return composed(() => {
    const from = inFullPrecision(anchor);
    const near = pairwiseDistance(from, positive, { p, eps });
    const direct = pairwiseDistance(from, negative, { p, eps });
    const far = swap ? direct.minimum(pairwiseDistance(positive, negative, { p, eps })) : direct;
    return reduced(above0(near.sub(far).add(margin)), reduction);
  });
}

export interface TripletDistanceOptions extends MarginOptions {
  /** Of the rows of two tensors. Default: the Euclidean one. */
  readonly distanceFunction?: ((x: Tensor, y: Tensor) => Tensor) | null;
  readonly swap?: boolean;
}

/** As `tripletMarginLoss`, by a distance of one's own. */
export function tripletMarginWithDistanceLoss(
  anchor: Tensor,
  positive: Tensor,
  negative: Tensor,
  { distanceFunction = null, margin = 1, swap = false, reduction = 'mean' }: TripletDistanceOptions = {},
): Tensor {
  return composed(() => {
    const distance = distanceFunction ?? pairwiseDistance;
    const direct = distance(anchor, negative);
    const far = swap ? direct.minimum(distance(positive, negative)) : direct;
    return reduced(above0(distance(anchor, positive).sub(far).add(margin)), reduction);
  });
}

/**
 * The mean over classes of max(0, 1 - x[target] + x[class]) for every target of a row and every class that is none.
 *
 * @param target class numbers in the shape of the input; a row's end at the first -1.
 */
export function multilabelMarginLoss(
  input: Tensor,
  target: Tensor,
  { reduction = 'mean' }: ReductionOptions = {},
): Tensor {
  return composed(() => {
    const x = inFullPrecision(input);
    const [rows, labels] = input.ndim === 1 ? [x.unsqueeze(0), target.unsqueeze(0)] : [x, target];
    const isLabel = labels.lt(0).to('int64').cumsum(1).eq(0);
    const places = where(isLabel, labels, 0);
    const classes = arange(rows.size(1), { device: input.runtime?.device });
    const isTarget = labels.unsqueeze(2).eq(classes).logicalAnd(isLabel.unsqueeze(2)).any(1);
    const beyond = above0(rows.unsqueeze(1).sub(rows.gather(1, places).unsqueeze(2)).add(1));
    const counted = isLabel.unsqueeze(2).logicalAnd(isTarget.logicalNot().unsqueeze(1));
    const loss = where(counted, beyond, 0).sum([1, 2]).div(rows.size(1));
    return reduced(input.ndim === 1 ? loss.squeeze(0) : loss, reduction);
  });
}

/** log(1 + e^(-target * x)). */
export function softMarginLoss(input: Tensor, target: Tensor, { reduction = 'mean' }: ReductionOptions = {}): Tensor {
  return composed(() => reduced(softplus(target.neg().mul(inFullPrecision(input)), { threshold: 50 }), reduction));
}

export interface MultiMarginOptions extends MarginOptions {
  readonly p?: number;
  /** A factor for each class. */
  readonly weight?: Tensor | null;
}

/** The mean over classes other than the target's of max(0, margin - x[target] + x[class])^p. */
export function multiMarginLoss(
  input: Tensor,
  target: Tensor,
  { p = 1, margin = 1, weight = null, reduction = 'mean' }: MultiMarginOptions = {},
): Tensor {
  return composed(() => {
    const x = inFullPrecision(input);
    const rows = input.ndim === 1 ? x.unsqueeze(0) : x;
    const classes = rows.size(1);
    const own = arange(classes, { device: input.runtime?.device }).eq(target.reshape([-1, 1]));
    const ofTarget = where(own, rows, 0).sum(1, { keepdim: true });
    const beyond = above0(rows.sub(ofTarget).add(margin)).pow(p);
    const weighted = weight === null ? beyond : beyond.mul(where(own, weight, 0).sum(1, { keepdim: true }));
    const loss = where(own, 0, weighted).sum(1).div(classes);
    return reduced(input.ndim === 1 ? loss.squeeze(0) : loss, reduction);
  });
}

/** The mean over classes of the cross entropy of sigmoid(x) with targets of 0 and 1. */
export function multilabelSoftMarginLoss(
  input: Tensor,
  target: Tensor,
  { weight = null, reduction = 'mean' }: WeightedOptions = {},
): Tensor {
  return composed(() => {
    const loss = target
      .mul(logSigmoid(input))
      .add(onesLike(target).sub(target).mul(logSigmoid(input.neg())))
      .neg();
    return reduced((weight === null ? loss : loss.mul(weight)).mean(-1), reduction);
  });
}

export interface PoissonOptions extends ReductionOptions {
  /** Whether the input is a logarithm. Default true. */
  readonly logInput?: boolean;
  /** Whether Stirling's term for the target's factorial is added. Default false. */
  readonly full?: boolean;
  readonly eps?: number;
}

/** e^x - target * x: counts with a Poisson distribution. */
export function poissonNllLoss(
  input: Tensor,
  target: Tensor,
  { logInput = true, full = false, eps = 1e-8, reduction = 'mean' }: PoissonOptions = {},
): Tensor {
  return composed(() => {
    const x = inFullPrecision(input);
    const loss = logInput ? x.exp().sub(target.mul(x)) : x.sub(target.mul(x.add(eps).log()));
    return reduced(full ? loss.add(stirling(target)) : loss, reduction);
  });
}

/** log(n!) for n above 1, else 0. */
function stirling(n: Tensor): Tensor {
  const above = n.gt(1);
  const safe = where(above, n, 2);
  const log = safe
    .mul(safe.log())
    .sub(safe)
    .add(
      safe
        .mul(2 * Math.PI)
        .log()
        .mul(0.5),
    );
  return where(above, log, zerosLike(log));
}

export interface GaussianOptions extends ReductionOptions {
  /** Whether the constant term is added. Default false. */
  readonly full?: boolean;
  /** The least variance. Default 1e-6. */
  readonly eps?: number;
}

/** (log(var) + (x - target)^2 / var) / 2: targets with a normal distribution of mean x and variance `variance`. */
export function gaussianNllLoss(
  input: Tensor,
  target: Tensor,
  variance: Tensor,
  { full = false, eps = 1e-6, reduction = 'mean' }: GaussianOptions = {},
): Tensor {
  return composed(() => {
    const spread = variance.ndim === input.ndim - 1 && input.ndim > 0 ? variance.unsqueeze(-1) : variance;
    // The bound holds for the value; the gradient goes to the variance as it is.
    const bounded = spread.add(spread.detach().clamp(eps).sub(spread.detach()));
    const loss = bounded.log().add(input.sub(target).square().div(bounded)).mul(0.5);
    return reduced(full ? loss.add(0.5 * Math.log(2 * Math.PI)) : loss, reduction);
  });
}

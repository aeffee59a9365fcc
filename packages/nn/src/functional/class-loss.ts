/**
 * Losses of classification. The class that a target names is picked by comparing positions, not by an index: then the loss and its gradient
 * are sums and products over rows of logits, which one kernel computes without a scatter. Owns `crossEntropy` and `nllLoss`.
 */
import { arange, composed, dtypes, inFullPrecision, noGrad, type Tensor, where, zerosLike } from '@torchlet/tensor';
import { checkHostIndices } from './host-indices.js';
import { type ReductionOptions, reduced } from './loss.js';
import { printShape } from './shapes.js';

export interface NLLOptions extends ReductionOptions {
  /** A factor for each class; the mean is then divided by the factors' sum. */
  readonly weight?: Tensor | null;
  /** Targets of this value count nothing. Default -100. */
  readonly ignoreIndex?: number;
}

export interface CrossEntropyOptions extends NLLOptions {
  /** The part of each target that is spread evenly over all classes. Default 0. */
  readonly labelSmoothing?: number;
}

/**
 * The negative logarithm of the probability that softmax gives the target.
 *
 * @param input logits [n, classes, ...], or [classes].
 * @param target class indices [n, ...] of an integer dtype, or probabilities of the input's shape.
 * @throws RangeError for shapes that do not fit, and for a class outside where targets are on the host; elsewhere such a loss is NaN.
 * @example const loss = crossEntropy(model.forward(images), labels);
 */
export function crossEntropy(input: Tensor, target: Tensor, options: CrossEntropyOptions = {}): Tensor {
  const { labelSmoothing = 0 } = options;
  if (!(labelSmoothing >= 0 && labelSmoothing <= 1)) {
    throw new RangeError(`crossEntropy: expected labelSmoothing in [0, 1], got ${labelSmoothing}`);
  }
  const dim = classDim('crossEntropy', input);
  return composed(() => crossEntropyAlong(dim, inFullPrecision(input), target, options));
}

function crossEntropyAlong(dim: number, input: Tensor, target: Tensor, options: CrossEntropyOptions): Tensor {
  const { labelSmoothing = 0 } = options;
  // The shift cancels in the result, so no gradient needs to pass through it.
  const shifted = input.sub(noGrad(() => input.amax(dim, { keepdim: true })));
  const normalizer = shifted.exp().sum(dim, { keepdim: true }).log();
  if (dtypes[target.dtype].kind === 'float') return ofProbabilities(shifted, normalizer, target, dim, options);
  const classes = classesOf('crossEntropy', input, target, dim, options);
  const picked = zeroUnless(classes.mask, shifted).sum(dim);
  const nll = reducedOver(classes, normalizer.squeeze(dim).sub(picked), classes.weight, options);
  if (labelSmoothing === 0) return nll;
  const smooth = reducedOver(classes, spread(shifted, normalizer, dim, options.weight ?? null), null, options);
  return nll.mul(1 - labelSmoothing).add(smooth.mul(labelSmoothing / input.size(dim)));
}

/** As `crossEntropy`, of logarithms of probabilities. */
export function nllLoss(input: Tensor, target: Tensor, options: NLLOptions = {}): Tensor {
  const dim = classDim('nllLoss', input);
  return composed(() => {
    const x = inFullPrecision(input);
    const classes = classesOf('nllLoss', x, target, dim, options);
    return reducedOver(classes, zeroUnless(classes.mask, x).sum(dim).neg(), classes.weight, options);
  });
}

interface Classes {
  /** Where the input holds the target's class: of the input's shape. */
  readonly mask: Tensor;
  /** Where the target counts; null where the host has seen that all do. */
  readonly counts: Tensor | null;
  /** Where the target names no class; null where the host has looked. */
  readonly outside: Tensor | null;
  /** Weight of each target's class; null where all weigh 1. */
  readonly weight: Tensor | null;
}

function classDim(op: string, input: Tensor): number {
  if (input.ndim > 0) return input.ndim === 1 ? 0 : 1;
  throw new RangeError(`${op}: expected an input of [n, classes, ...] or [classes], got ${printShape(input.shape)}`);
}

function classesOf(
  op: string,
  input: Tensor,
  target: Tensor,
  dim: number,
  { weight = null, ignoreIndex = -100 }: NLLOptions,
): Classes {
  const expected = input.shape.filter((_, axis) => axis !== dim);
  if (target.ndim !== expected.length || target.shape.some((length, axis) => length !== expected[axis])) {
    throw new RangeError(
      `${op}: expected targets of shape ${printShape(expected)} for an input of ${printShape(input.shape)}, got ${printShape(target.shape)}`,
    );
  }
  const count = input.size(dim);
  const known = checkHostIndices(op, target, count, ignoreIndex);
  const numbers = alongClasses(arange(count, { dtype: target.dtype, device: input.runtime?.device }), input, dim);
  const mask = numbers.eq(target.unsqueeze(dim));
  const counts = known === 'all in range' ? null : target.ne(ignoreIndex);
  const outside =
    known === 'nothing' && counts !== null ? target.lt(0).logicalOr(target.ge(count)).logicalAnd(counts) : null;
  const ofTarget = weight === null ? null : zeroUnless(mask, alongClasses(weight, input, dim)).sum(dim);
  return { mask, counts, outside, weight: ofTarget };
}

/** A row of one number a class, ready to be broadcast against the input. */
function alongClasses(row: Tensor, input: Tensor, dim: number): Tensor {
  const classes = input.size(dim);
  if (row.ndim !== 1 || row.size(0) !== classes) {
    throw new RangeError(`weight: expected one for each of ${classes} classes, got ${printShape(row.shape)}`);
  }
  const after = input.ndim - dim - 1;
  return after === 0 ? row : row.reshape([classes, ...new Array<number>(after).fill(1)]);
}

/** The loss of each target, weighted, where it counts; reduced. The mean is over the weights of those that count. */
function reducedOver(
  { counts, outside, weight }: Classes,
  loss: Tensor,
  factor: Tensor | null,
  { reduction = 'mean' }: ReductionOptions,
): Tensor {
  const weighted = factor === null ? loss : loss.mul(factor);
  const kept = counts === null ? weighted : zeroUnless(counts, weighted);
  const all = outside === null ? kept : kept.maskedFill(outside, Number.NaN);
  if (reduction !== 'mean') return reduced(all, reduction);
  if (counts === null) return weight === null ? all.mean() : all.sum().div(weight.sum());
  const total = weight === null ? counts.to(loss.dtype) : zeroUnless(counts, weight);
  return all.sum().div(total.sum());
}

/** Sum over all classes of the negative logarithms, each times its class's weight. */
function spread(shifted: Tensor, normalizer: Tensor, dim: number, weight: Tensor | null): Tensor {
  const negative = normalizer.sub(shifted);
  return (weight === null ? negative : negative.mul(alongClasses(weight, shifted, dim))).sum(dim);
}

function ofProbabilities(
  shifted: Tensor,
  normalizer: Tensor,
  target: Tensor,
  dim: number,
  { weight = null, labelSmoothing = 0, reduction = 'mean' }: CrossEntropyOptions,
): Tensor {
  if (target.ndim !== shifted.ndim || target.shape.some((length, axis) => length !== shifted.shape[axis])) {
    throw new RangeError(
      `crossEntropy: expected probabilities of shape ${printShape(shifted.shape)}, got ${printShape(target.shape)}`,
    );
  }
  const classes = shifted.size(dim);
  const wanted = labelSmoothing === 0 ? target : target.mul(1 - labelSmoothing).add(labelSmoothing / classes);
  const negative = normalizer.sub(shifted).mul(wanted);
  const loss = (weight === null ? negative : negative.mul(alongClasses(weight, shifted, dim))).sum(dim);
  return reduced(loss, reduction);
}

function zeroUnless(mask: Tensor, x: Tensor): Tensor {
  return where(mask, x, zerosLike(x));
}

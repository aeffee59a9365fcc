/** Normalisation by statistics of channels: over the batch, of each example, of groups of channels. Over the last dims it is `normalization.ts`. */
import { composed, inFullPrecision, noGrad, pad, type Shape, type Tensor, windows } from '@torchlet/tensor';
import { printShape } from './shapes.js';
import { range } from './spatial.js';

interface Affine {
  /** A factor for each channel. */
  readonly weight?: Tensor | null;
  /** Added to each channel. */
  readonly bias?: Tensor | null;
  readonly eps?: number;
}

export interface BatchNormFunctionOptions extends Affine {
  /** Whether the batch's own statistics are used, and the running ones updated. Default false. */
  readonly training?: boolean;
  /** How much the batch counts in the running statistics: a number, or a tensor that has one. Default 0.1. */
  readonly momentum?: number | Tensor;
}

function channelsOf(op: string, input: Tensor): number {
  if (input.ndim < 2)
    throw new RangeError(`${op}: expected an input of [n, channels, ...], got ${printShape(input.shape)}`);
  return input.size(1);
}

/** A value for each channel, ready to be broadcast against [n, channels, ...]. */
function alongChannels(x: Tensor, ndim: number): Tensor {
  return x.reshape([-1, ...new Array<number>(ndim - 2).fill(1)]);
}

function affine(x: Tensor, { weight = null, bias = null }: Affine): Tensor {
  const scaled = weight === null ? x : x.mul(alongChannels(weight, x.ndim));
  return bias === null ? scaled : scaled.add(alongChannels(bias, x.ndim));
}

/** In the input's dtype, where `autocast` computed in a wider one. */
const asInput = (output: Tensor, x: Tensor, input: Tensor): Tensor => (x === input ? output : output.to(input.dtype));

/** Moves running statistics towards those of a batch of `count` elements a channel. */
function update(running: Tensor | null, value: Tensor, momentum: number | Tensor): void {
  if (running === null) return;
  const kept = typeof momentum === 'number' ? 1 - momentum : momentum.neg().add(1);
  noGrad(() => running.copy_(running.mul(kept).add(value.detach().mul(momentum))));
}

/**
 * (x - mean) / sqrt(variance + eps) for each channel, times weight plus bias (Ioffe and Szegedy 2015, https://arxiv.org/abs/1502.03167). In training the mean and
 * variance are the batch's, and `runningMean` and `runningVar`, if given, move towards them in place.
 *
 * @throws RangeError for one element a channel in training, whose variance is nothing.
 */
export function batchNorm(
  input: Tensor,
  runningMean: Tensor | null,
  runningVar: Tensor | null,
  { training = false, momentum = 0.1, eps = 1e-5, ...options }: BatchNormFunctionOptions = {},
): Tensor {
  const channels = channelsOf('batchNorm', input);
  if (!training) {
    if (runningMean === null || runningVar === null) {
      throw new TypeError('batchNorm: expected running statistics outside of training, got none');
    }
    return composed(() => {
      const scale = alongChannels(runningVar.add(eps).rsqrt(), input.ndim);
      const x = inFullPrecision(input);
      return asInput(affine(x.sub(alongChannels(runningMean, input.ndim)).mul(scale), options), x, input);
    });
  }
  const count = input.numel() / Math.max(1, channels);
  if (count <= 1) {
    throw new RangeError(
      `batchNorm: expected more than 1 value per channel in training, got ${printShape(input.shape)}`,
    );
  }
  const dims = range(input.ndim).filter((dim) => dim !== 1);
  return composed(() => {
    const x = inFullPrecision(input);
    const mean = x.mean(dims, { keepdim: true });
    const centered = x.sub(mean);
    const variance = centered.square().mean(dims, { keepdim: true });
    update(runningMean, mean.reshape(-1), momentum);
    update(runningVar, variance.reshape(-1).mul(count / (count - 1)), momentum);
    return asInput(affine(centered.mul(variance.add(eps).rsqrt()), options), x, input);
  });
}

export interface InstanceNormFunctionOptions extends Affine {
  readonly runningMean?: Tensor | null;
  readonly runningVar?: Tensor | null;
  /** Whether each example's own statistics are used. Default true. */
  readonly useInputStats?: boolean;
  readonly momentum?: number | Tensor;
}

/** As `batchNorm`, with the statistics of each example by itself (https://arxiv.org/abs/1607.08022). */
export function instanceNorm(
  input: Tensor,
  {
    runningMean = null,
    runningVar = null,
    useInputStats = true,
    momentum = 0.1,
    eps = 1e-5,
    ...options
  }: InstanceNormFunctionOptions = {},
): Tensor {
  if (!useInputStats) return batchNorm(input, runningMean, runningVar, { eps, ...options });
  const channels = channelsOf('instanceNorm', input);
  const count = input.numel() / Math.max(1, input.size(0) * channels);
  if (count <= 1) {
    throw new RangeError(`instanceNorm: expected more than 1 spatial element, got ${printShape(input.shape)}`);
  }
  const dims = range(input.ndim - 2, 2);
  return composed(() => {
    const x = inFullPrecision(input);
    const mean = x.mean(dims, { keepdim: true });
    const centered = x.sub(mean);
    const variance = centered.square().mean(dims, { keepdim: true });
    update(runningMean, mean.flatten(1).mean(0), momentum);
    update(
      runningVar,
      variance
        .flatten(1)
        .mean(0)
        .mul(count / (count - 1)),
      momentum,
    );
    return asInput(affine(centered.mul(variance.add(eps).rsqrt()), options), x, input);
  });
}

/** As `instanceNorm`, with the statistics of groups of channels (Wu and He 2018, https://arxiv.org/abs/1803.08494). */
export function groupNorm(input: Tensor, numGroups: number, { eps = 1e-5, ...options }: Affine = {}): Tensor {
  const channels = channelsOf('groupNorm', input);
  if (!(numGroups > 0) || channels % numGroups !== 0) {
    throw new RangeError(
      `groupNorm: expected channels that ${numGroups} groups share evenly, got ${printShape(input.shape)}`,
    );
  }
  return composed(() => {
    const grouped = inFullPrecision(input).reshape([input.size(0), numGroups, -1]);
    const centered = grouped.sub(grouped.mean(-1, { keepdim: true }));
    const variance = centered.square().mean(-1, { keepdim: true });
    return affine(centered.mul(variance.add(eps).rsqrt()).reshape(input.shape), options);
  });
}

export interface RMSNormFunctionOptions {
  readonly weight?: Tensor | null;
  /** Default: the distance from 1 to the next number of the dtype. */
  readonly eps?: number | null;
}

const epsilons: Readonly<Record<string, number>> = {
  float64: 2 ** -52,
  float32: 2 ** -23,
  float16: 2 ** -10,
  bfloat16: 2 ** -7,
};

/** x / sqrt(mean(x^2) + eps) over the last dims, times weight (Zhang and Sennrich 2019, https://arxiv.org/abs/1910.07467). */
export function rmsNorm(
  input: Tensor,
  normalizedShape: Shape,
  { weight = null, eps = null }: RMSNormFunctionOptions = {},
): Tensor {
  const last = input.shape.slice(input.ndim - normalizedShape.length);
  if (
    normalizedShape.length === 0 ||
    last.length !== normalizedShape.length ||
    last.some((n, i) => n !== normalizedShape[i])
  ) {
    throw new RangeError(
      `rmsNorm: expected an input of shape [..., ${normalizedShape.join(', ')}], got ${printShape(input.shape)}`,
    );
  }
  const dims = normalizedShape.map((_, i) => i - normalizedShape.length);
  return composed(() => {
    const square = input.square().mean(dims, { keepdim: true });
    const output = input.mul(square.add(eps ?? epsilons[input.dtype] ?? 0).rsqrt());
    return weight === null ? output : output.mul(weight);
  });
}

export interface LocalResponseNormOptions {
  readonly alpha?: number;
  readonly beta?: number;
  readonly k?: number;
}

/** x / (k + alpha * mean of x^2 over `size` neighbouring channels)^beta. */
export function localResponseNorm(
  input: Tensor,
  size: number,
  { alpha = 1e-4, beta = 0.75, k = 1 }: LocalResponseNormOptions = {},
): Tensor {
  channelsOf('localResponseNorm', input);
  return composed(() => {
    const around = new Array<number>(2 * (input.ndim - 2)).fill(0);
    const padded = pad(input.square(), [...around, Math.floor(size / 2), Math.floor((size - 1) / 2)]);
    const mean = windows(padded, 1, size, 1).mean(-1);
    return input.div(mean.mul(alpha).add(k).pow(beta));
  });
}

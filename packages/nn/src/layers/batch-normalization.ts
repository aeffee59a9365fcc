/** Layers that normalise by statistics of channels. The formulas are `functional/batch-normalization.ts`; here are weights and running statistics. */
import { noGrad, ones, type Shape, type Tensor, tensor, zeros } from '@torchlet/tensor';
import { constantParameter } from '../drawn.js';
import {
  batchNorm,
  groupNorm,
  instanceNorm,
  type LocalResponseNormOptions,
  localResponseNorm,
  rmsNorm,
} from '../functional/batch-normalization.js';
import { printShape } from '../functional/shapes.js';
import { Module } from '../module.js';
import type { Parameter } from '../parameter.js';

export interface BatchNormOptions {
  readonly eps?: number;
  /** How much a batch counts in the running statistics; null for the mean of all batches. Default 0.1. */
  readonly momentum?: number | null;
  /** Whether there are a weight and a bias. */
  readonly affine?: boolean;
  /** Whether running statistics are kept, to be used in evaluation. */
  readonly trackRunningStats?: boolean;
}

/** What batch and instance norms share. State: weight, bias, running_mean, running_var, num_batches_tracked. */
abstract class RunningNorm extends Module {
  readonly numFeatures: number;
  readonly eps: number;
  readonly momentum: number | null;
  weight: Parameter | null;
  bias: Parameter | null;
  protected readonly runningMean: Tensor | null;
  protected readonly runningVar: Tensor | null;
  readonly #batches: Tensor | null;
  readonly #dims: readonly number[];

  protected constructor(
    dims: readonly number[],
    numFeatures: number,
    { eps = 1e-5, momentum = 0.1, affine = true, trackRunningStats = true }: BatchNormOptions,
  ) {
    super();
    this.#dims = dims;
    this.numFeatures = numFeatures;
    this.eps = eps;
    this.momentum = momentum;
    this.weight = affine ? constantParameter([numFeatures], 1) : null;
    this.bias = affine ? constantParameter([numFeatures], 0) : null;
    this.runningMean = trackRunningStats ? this.registerBuffer('running_mean', zeros([numFeatures])) : null;
    this.runningVar = trackRunningStats ? this.registerBuffer('running_var', ones([numFeatures])) : null;
    this.#batches = trackRunningStats ? this.registerBuffer('num_batches_tracked', tensor(0)) : null;
  }

  protected checkInput({ shape, ndim }: Tensor): void {
    const { name } = this.constructor;
    if (!this.#dims.includes(ndim)) {
      throw new RangeError(`${name}: expected an input of ${this.#dims.join(' or ')} dims, got ${printShape(shape)}`);
    }
  }

  /** Counts a batch, and tells how much it is to count. */
  protected counted(): number | Tensor {
    const batches = this.#batches;
    if (batches === null) return this.momentum ?? 0;
    noGrad(() => batches.add_(1));
    return this.momentum ?? batches.detach().to('float32').reciprocal();
  }

  override extraRepr(): string {
    const tracks = this.runningMean !== null;
    return `${this.numFeatures}, eps=${this.eps}, momentum=${this.momentum}, affine=${this.weight !== null}, trackRunningStats=${tracks}`;
  }
}

abstract class BatchNorm extends RunningNorm {
  override forward(input: Tensor): Tensor {
    this.checkInput(input);
    const { weight, bias, eps, runningMean, runningVar } = this;
    const training = this.training || runningMean === null;
    const momentum = this.training ? this.counted() : 0;
    return batchNorm(input, runningMean, runningVar, { weight, bias, eps, training, momentum });
  }
}

/** Mean 0 and variance 1 for each channel of [n, channels] or [n, channels, length] over the batch (https://arxiv.org/abs/1502.03167). */
export class BatchNorm1d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super([2, 3], numFeatures, options);
  }
}

/** Mean 0 and variance 1 for each channel of [n, channels, height, width] over the batch (https://arxiv.org/abs/1502.03167). */
export class BatchNorm2d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super([4], numFeatures, options);
  }
}

/** Mean 0 and variance 1 for each channel of [n, channels, depth, height, width] over the batch. */
export class BatchNorm3d extends BatchNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super([5], numFeatures, options);
  }
}

abstract class InstanceNorm extends RunningNorm {
  readonly #spatial: number;

  protected constructor(spatial: number, numFeatures: number, options: BatchNormOptions) {
    super([spatial + 1, spatial + 2], numFeatures, { affine: false, trackRunningStats: false, ...options });
    this.#spatial = spatial;
  }

  override forward(input: Tensor): Tensor {
    this.checkInput(input);
    const { weight, bias, eps, runningMean, runningVar } = this;
    const useInputStats = this.training || runningMean === null;
    const momentum = this.training ? this.counted() : 0;
    const options = { runningMean, runningVar, weight, bias, useInputStats, momentum, eps };
    if (input.ndim === this.#spatial + 2) return instanceNorm(input, options);
    return instanceNorm(input.unsqueeze(0), options).squeeze(0);
  }
}

/** Mean 0 and variance 1 for each channel of each example: [n, channels, length] (https://arxiv.org/abs/1607.08022). */
export class InstanceNorm1d extends InstanceNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super(1, numFeatures, options);
  }
}

/** Mean 0 and variance 1 for each channel of each image. */
export class InstanceNorm2d extends InstanceNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super(2, numFeatures, options);
  }
}

/** Mean 0 and variance 1 for each channel of each volume. */
export class InstanceNorm3d extends InstanceNorm {
  constructor(numFeatures: number, options: BatchNormOptions = {}) {
    super(3, numFeatures, options);
  }
}

export interface GroupNormOptions {
  readonly eps?: number;
  readonly affine?: boolean;
}

/** Mean 0 and variance 1 for groups of channels of each example (https://arxiv.org/abs/1803.08494). */
export class GroupNorm extends Module {
  readonly numGroups: number;
  readonly numChannels: number;
  readonly eps: number;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(numGroups: number, numChannels: number, { eps = 1e-5, affine = true }: GroupNormOptions = {}) {
    super();
    if (numChannels % numGroups !== 0) {
      throw new RangeError(`GroupNorm: expected channels that ${numGroups} groups share evenly, got ${numChannels}`);
    }
    this.numGroups = numGroups;
    this.numChannels = numChannels;
    this.eps = eps;
    this.weight = affine ? constantParameter([numChannels], 1) : null;
    this.bias = affine ? constantParameter([numChannels], 0) : null;
  }

  override forward(input: Tensor): Tensor {
    return groupNorm(input, this.numGroups, { weight: this.weight, bias: this.bias, eps: this.eps });
  }

  override extraRepr(): string {
    return `${this.numGroups}, ${this.numChannels}, eps=${this.eps}, affine=${this.weight !== null}`;
  }
}

export interface RMSNormOptions {
  /** Default: the distance from 1 to the next number of the dtype. */
  readonly eps?: number | null;
  readonly elementwiseAffine?: boolean;
}

/** x / sqrt(mean(x^2)) over the last dims, times weight (https://arxiv.org/abs/1910.07467). */
export class RMSNorm extends Module {
  readonly normalizedShape: Shape;
  readonly eps: number | null;
  weight: Parameter | null;

  constructor(normalizedShape: number | Shape, { eps = null, elementwiseAffine = true }: RMSNormOptions = {}) {
    super();
    this.normalizedShape = typeof normalizedShape === 'number' ? [normalizedShape] : [...normalizedShape];
    this.eps = eps;
    this.weight = elementwiseAffine ? constantParameter(this.normalizedShape, 1) : null;
  }

  override forward(input: Tensor): Tensor {
    return rmsNorm(input, this.normalizedShape, { weight: this.weight, eps: this.eps });
  }

  override extraRepr(): string {
    return `${printShape(this.normalizedShape)}, eps=${this.eps}, elementwiseAffine=${this.weight !== null}`;
  }
}

/** Divides by a power of the mean square over `size` neighbouring channels. */
export class LocalResponseNorm extends Module {
  readonly size: number;
  readonly options: Required<LocalResponseNormOptions>;

  constructor(size: number, { alpha = 1e-4, beta = 0.75, k = 1 }: LocalResponseNormOptions = {}) {
    super();
    this.size = size;
    this.options = { alpha, beta, k };
  }

  override forward(input: Tensor): Tensor {
    return localResponseNorm(input, this.size, this.options);
  }

  override extraRepr(): string {
    const { alpha, beta, k } = this.options;
    return `${this.size}, alpha=${alpha}, beta=${beta}, k=${k}`;
  }
}

/** Distributions of real numbers: normal, uniform, exponential, Laplace. Their draws pass gradients. */
import type { Shape } from '@torchlet/graph';
import { rand, randn } from '../factories.js';
import { where } from '../functions.js';
import { composed } from '../modules.js';
import type { Tensor } from '../tensor.js';
import { beside, type DistributionParameter, type DrawOptions, parameters, Reparameterized } from './distribution.js';

/**
 * The normal distribution with mean `loc` and standard deviation `scale`.
 *
 * @example
 * const policy = new distributions.Normal(mean, std);
 * const action = policy.sample();
 * const loss = policy.logProb(action).sum(-1).mul(advantage).neg().mean();
 */
export class Normal extends Reparameterized {
  readonly loc: Tensor;
  readonly scale: Tensor;

  constructor(loc: DistributionParameter, scale: DistributionParameter) {
    const [mean, std] = parameters(loc, scale) as [Tensor, Tensor];
    super(mean.shape);
    this.loc = mean;
    this.scale = std;
  }

  override get mean(): Tensor {
    return this.loc;
  }

  override get variance(): Tensor {
    return this.scale.square();
  }

  override get stddev(): Tensor {
    return this.scale;
  }

  protected override draw(shape: Shape, options: DrawOptions): Tensor {
    return randn(this.extended(shape), beside(this.loc, options)).mul(this.scale).add(this.loc);
  }

  override logProb(value: Tensor): Tensor {
    return composed(() => {
      const distance = value.sub(this.loc).square().div(this.variance.mul(-2));
      return distance.sub(this.scale.log()).sub(Math.log(2 * Math.PI) / 2);
    });
  }

  override entropy(): Tensor {
    return composed(() => this.scale.log().add(0.5 + Math.log(2 * Math.PI) / 2));
  }

  /** The probability of a draw up to `value`. */
  cdf(value: Tensor): Tensor {
    return composed(() => value.sub(this.loc).div(this.scale.mul(Math.SQRT2)).erf().add(1).mul(0.5));
  }
}

/** Equal density from `low` up to `high`. */
export class Uniform extends Reparameterized {
  readonly low: Tensor;
  readonly high: Tensor;

  constructor(low: DistributionParameter, high: DistributionParameter) {
    const [from, to] = parameters(low, high) as [Tensor, Tensor];
    super(from.shape);
    this.low = from;
    this.high = to;
  }

  override get mean(): Tensor {
    return this.low.add(this.high).mul(0.5);
  }

  override get variance(): Tensor {
    return this.high.sub(this.low).square().div(12);
  }

  protected override draw(shape: Shape, options: DrawOptions): Tensor {
    return rand(this.extended(shape), beside(this.low, options)).mul(this.high.sub(this.low)).add(this.low);
  }

  /** -Infinity outside. */
  override logProb(value: Tensor): Tensor {
    return composed(() => {
      const inside = value.ge(this.low).logicalAnd(value.lt(this.high));
      return where(inside, this.high.sub(this.low).log().neg(), -Infinity);
    });
  }

  override entropy(): Tensor {
    return composed(() => this.high.sub(this.low).log());
  }
}

/** Times between events of a `rate`. */
export class Exponential extends Reparameterized {
  readonly rate: Tensor;

  constructor(rate: DistributionParameter) {
    const [given] = parameters(rate) as [Tensor];
    super(given.shape);
    this.rate = given;
  }

  override get mean(): Tensor {
    return this.rate.reciprocal();
  }

  override get variance(): Tensor {
    return this.rate.pow(-2);
  }

  protected override draw(shape: Shape, options: DrawOptions): Tensor {
    return rand(this.extended(shape), beside(this.rate, options)).neg().log1p().neg().div(this.rate);
  }

  override logProb(value: Tensor): Tensor {
    return composed(() => this.rate.log().sub(this.rate.mul(value)));
  }

  override entropy(): Tensor {
    return composed(() => this.rate.log().neg().add(1));
  }
}

/** Two exponential distributions back to back around `loc`. */
export class Laplace extends Reparameterized {
  readonly loc: Tensor;
  readonly scale: Tensor;

  constructor(loc: DistributionParameter, scale: DistributionParameter) {
    const [mean, width] = parameters(loc, scale) as [Tensor, Tensor];
    super(mean.shape);
    this.loc = mean;
    this.scale = width;
  }

  override get mean(): Tensor {
    return this.loc;
  }

  override get variance(): Tensor {
    return this.scale.square().mul(2);
  }

  protected override draw(shape: Shape, options: DrawOptions): Tensor {
    const times = rand(this.extended(shape), beside(this.loc, options)).neg().log1p().neg();
    const sides = rand(this.extended(shape), beside(this.loc, options)).lt(0.5);
    return where(sides, times, times.neg()).mul(this.scale).add(this.loc);
  }

  override logProb(value: Tensor): Tensor {
    return composed(() => value.sub(this.loc).abs().div(this.scale).add(this.scale.mul(2).log()).neg());
  }

  override entropy(): Tensor {
    return composed(() => this.scale.mul(2).log().add(1));
  }
}

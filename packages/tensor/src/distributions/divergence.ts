/** How far two distributions lie apart, and several taken as one. */
import type { Shape } from '@torchlet/graph';
import { logSigmoid } from '../functions.js';
import { composed } from '../modules.js';
import type { Tensor } from '../tensor.js';
import { Normal } from './continuous.js';
import { Bernoulli, Categorical } from './discrete.js';
import { Distribution, type DrawOptions } from './distribution.js';

/**
 * The Kullback-Leibler divergence of q from p, for each of the batch.
 *
 * @throws TypeError for pairs whose divergence has no rule here.
 */
export function klDivergence(p: Distribution, q: Distribution): Tensor {
  if (p instanceof Normal && q instanceof Normal) {
    return composed(() => {
      const ratio = p.scale.div(q.scale).square();
      const shift = p.loc.sub(q.loc).div(q.scale).square();
      return ratio.add(shift).sub(1).sub(ratio.log()).mul(0.5);
    });
  }
  if (p instanceof Categorical && q instanceof Categorical) {
    return composed(() => p.probs.mul(p.logits.sub(q.logits)).sum(-1));
  }
  if (p instanceof Bernoulli && q instanceof Bernoulli) {
    // The cross-entropy of both less the entropy of one.
    return composed(() => q.logits.mul(p.probs.neg().add(1)).sub(logSigmoid(q.logits)).sub(p.entropy()));
  }
  if (p instanceof Independent && q instanceof Independent && p.dims === q.dims) {
    return composed(() => p.joint(klDivergence(p.base, q.base)));
  }
  throw new TypeError(`klDivergence: there is no rule for ${p.constructor.name} and ${q.constructor.name}`);
}

/** The last `dims` of the batch of `base` as one event: their log probabilities are summed. */
export class Independent extends Distribution {
  readonly base: Distribution;
  readonly dims: number;

  constructor(base: Distribution, dims: number) {
    const split = base.batchShape.length - dims;
    if (split < 0) throw new RangeError(`Independent: expected at most ${base.batchShape.length} dims, got ${dims}`);
    super(base.batchShape.slice(0, split), [...base.batchShape.slice(split), ...base.eventShape]);
    this.base = base;
    this.dims = dims;
  }

  /** The sum over the dims that are one event. */
  joint(values: Tensor): Tensor {
    return this.dims === 0 ? values : values.sum(Array.from({ length: this.dims }, (_, i) => -1 - i));
  }

  override get mean(): Tensor {
    return this.base.mean;
  }

  override get variance(): Tensor {
    return this.base.variance;
  }

  protected override draw(shape: Shape, options: DrawOptions): Tensor {
    return this.base.sample(shape, options);
  }

  override rsample(shape: Shape = [], options: DrawOptions = {}): Tensor {
    return this.base.rsample(shape, options);
  }

  override logProb(value: Tensor): Tensor {
    return composed(() => this.joint(this.base.logProb(value)));
  }

  override entropy(): Tensor {
    return composed(() => this.joint(this.base.entropy()));
  }
}

/** Distributions of whole numbers, given by probabilities or by logits: coins and categories. */
import { isFloat } from '@torchlet/device';
import { printShape, type Shape, ShapeError } from '@torchlet/graph';
import { rand } from '../factories.js';
import { logSigmoid } from '../functions.js';
import { multinomial } from '../functions/sampling.js';
import { composed } from '../modules.js';
import { broadcastShapes } from '../ops/operands.js';
import { Tensor } from '../tensor.js';
import { beside, Distribution, type DistributionParameter, type DrawOptions, parameters } from './distribution.js';

/** Probabilities, or the logits that they are the sigmoid or the softmax of. */
export type Odds<Parameter> = Parameter | { readonly probs: Parameter } | { readonly logits: Parameter };

function oddsOf<Parameter extends DistributionParameter>(odds: Odds<Parameter>): [Parameter, 'probs' | 'logits'] {
  if (typeof odds === 'number' || odds instanceof Tensor) return [odds as Parameter, 'probs'];
  const given = odds as { readonly probs?: Parameter; readonly logits?: Parameter };
  const kind = given.probs === undefined ? 'logits' : 'probs';
  return [given[kind] as Parameter, kind];
}

/** The distance from 1 to the next number: what keeps logarithms of probabilities finite. */
const nextTo1 = (x: Tensor): number => (x.dtype === 'float64' ? 2 ** -52 : 2 ** -23);
const heldInside = (probs: Tensor): Tensor => probs.clamp(nextTo1(probs), 1 - nextTo1(probs));

/**
 * 1 with the probability `probs`, else 0.
 *
 * @example new distributions.Bernoulli(0.3); new distributions.Bernoulli({ logits })
 */
export class Bernoulli extends Distribution {
  readonly probs: Tensor;
  readonly logits: Tensor;

  constructor(odds: Odds<DistributionParameter>) {
    const [given, kind] = oddsOf(odds);
    const [value] = parameters(given) as [Tensor];
    super(value.shape);
    this.probs = kind === 'probs' ? value : value.sigmoid();
    this.logits =
      kind === 'logits' ? value : composed(() => heldInside(value).log().sub(heldInside(value).neg().log1p()));
  }

  override get mean(): Tensor {
    return this.probs;
  }

  override get variance(): Tensor {
    return composed(() => this.probs.mul(this.probs.neg().add(1)));
  }

  protected override draw(shape: Shape, options: DrawOptions): Tensor {
    const { probs } = this;
    return rand(this.extended(shape), beside(probs, options)).lt(probs).to(probs.dtype);
  }

  override logProb(value: Tensor): Tensor {
    return composed(() => logSigmoid(this.logits).sub(this.logits.mul(value.neg().add(1))));
  }

  override entropy(): Tensor {
    return composed(() => this.logits.mul(this.probs.neg().add(1)).sub(logSigmoid(this.logits)));
  }
}

/**
 * The position of a category, of the last dim of `probs`, which are scaled to sum to 1.
 *
 * @throws ShapeError without a dim of categories.
 * @example
 * const policy = new distributions.Categorical({ logits: model.forward(state) });
 * const action = policy.sample();
 * const loss = policy.logProb(action).mul(reward).neg();
 */
export class Categorical extends Distribution {
  readonly probs: Tensor;
  /** Logarithms of the probabilities. */
  readonly logits: Tensor;

  constructor(odds: Odds<Tensor>) {
    const [value, kind] = oddsOf(odds);
    if (value.ndim < 1 || !isFloat(value.dtype)) {
      throw new ShapeError(
        `Categorical: expected floats with a last dim of categories, got ${value.dtype} ${printShape(value.shape)}`,
      );
    }
    super(value.shape.slice(0, -1));
    this.probs = kind === 'probs' ? composed(() => value.div(value.sum(-1, { keepdim: true }))) : value.softmax(-1);
    this.logits = kind === 'logits' ? value.logSoftmax(-1) : composed(() => heldInside(this.probs).log());
  }

  /** NaN: positions have no mean. */
  override get mean(): Tensor {
    return this.probs.sum(-1).mul(Number.NaN);
  }

  /** NaN: positions have no variance. */
  override get variance(): Tensor {
    return this.mean;
  }

  /** The most probable category. */
  get mode(): Tensor {
    return this.probs.argmax(-1);
  }

  protected override draw(shape: Shape, { generator }: DrawOptions): Tensor {
    const count = shape.reduce((product, length) => product * length, 1);
    const rows = this.probs.reshape([-1, this.probs.size(-1)]);
    const drawn = multinomial(rows, count, { replacement: true, ...(generator && { generator }) });
    return drawn.transpose(0, 1).reshape(this.extended(shape));
  }

  override logProb(value: Tensor): Tensor {
    return composed(() => {
      const shape = broadcastShapes('logProb', [value.shape, this.batchShape]);
      const places = value.to('int64').expand(shape).unsqueeze(-1);
      return this.logits
        .expand([...shape, this.logits.size(-1)])
        .gather(-1, places)
        .squeeze(-1);
    });
  }

  override entropy(): Tensor {
    return composed(() => this.logits.clamp(-3e38).mul(this.probs).sum(-1).neg());
  }
}

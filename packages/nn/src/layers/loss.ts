/** Losses as modules: each holds the options of a function. */
import type { Tensor } from '@torchlet/tensor';
import { type CrossEntropyOptions, crossEntropy, type NLLOptions, nllLoss } from '../functional/class-loss.js';
import { type CTCOptions, ctcLoss } from '../functional/ctc-loss.js';
import {
  binaryCrossEntropyWithLogits,
  type HuberOptions,
  huberLoss,
  type KLDivOptions,
  klDiv,
  l1Loss,
  mseLoss,
  type ReductionOptions,
  type SmoothL1Options,
  smoothL1Loss,
  type WithLogitsOptions,
} from '../functional/loss.js';
import {
  binaryCrossEntropy,
  cosineEmbeddingLoss,
  type GaussianOptions,
  gaussianNllLoss,
  hingeEmbeddingLoss,
  type MarginOptions,
  type MultiMarginOptions,
  marginRankingLoss,
  multilabelMarginLoss,
  multilabelSoftMarginLoss,
  multiMarginLoss,
  type PoissonOptions,
  poissonNllLoss,
  softMarginLoss,
  type TripletDistanceOptions,
  type TripletOptions,
  tripletMarginLoss,
  tripletMarginWithDistanceLoss,
  type WeightedOptions,
} from '../functional/margin-loss.js';
import { Module } from '../module.js';

type LossFunction<Options> = (input: Tensor, target: Tensor, options?: Options) => Tensor;

/** A module of a loss function: its options, and tensors among them as buffers, so that they move with the module. */
abstract class Loss<Options extends object> extends Module {
  readonly options: Options;
  readonly #compute: LossFunction<Options>;

  constructor(compute: LossFunction<Options>, options: Options) {
    super();
    this.#compute = compute;
    this.options = options;
  }

  override forward(input: Tensor, target: Tensor): Tensor {
    return this.#compute(input, target, this.options);
  }
}

export class CrossEntropyLoss extends Loss<CrossEntropyOptions> {
  constructor(options: CrossEntropyOptions = {}) {
    super(crossEntropy, options);
    if (options.weight != null) this.registerBuffer('weight', options.weight);
  }
}

export class NLLLoss extends Loss<NLLOptions> {
  constructor(options: NLLOptions = {}) {
    super(nllLoss, options);
    if (options.weight != null) this.registerBuffer('weight', options.weight);
  }
}

export class MSELoss extends Loss<ReductionOptions> {
  constructor(options: ReductionOptions = {}) {
    super(mseLoss, options);
  }
}

export class L1Loss extends Loss<ReductionOptions> {
  constructor(options: ReductionOptions = {}) {
    super(l1Loss, options);
  }
}

export class SmoothL1Loss extends Loss<SmoothL1Options> {
  constructor(options: SmoothL1Options = {}) {
    super(smoothL1Loss, options);
  }
}

export class HuberLoss extends Loss<HuberOptions> {
  constructor(options: HuberOptions = {}) {
    super(huberLoss, options);
  }
}

export class KLDivLoss extends Loss<KLDivOptions> {
  constructor(options: KLDivOptions = {}) {
    super(klDiv, options);
  }
}

export class BCEWithLogitsLoss extends Loss<WithLogitsOptions> {
  constructor(options: WithLogitsOptions = {}) {
    super(binaryCrossEntropyWithLogits, options);
    if (options.weight != null) this.registerBuffer('weight', options.weight);
    if (options.posWeight != null) this.registerBuffer('pos_weight', options.posWeight);
  }
}

export class BCELoss extends Loss<WeightedOptions> {
  constructor(options: WeightedOptions = {}) {
    super(binaryCrossEntropy, options);
    if (options.weight != null) this.registerBuffer('weight', options.weight);
  }
}

export class HingeEmbeddingLoss extends Loss<MarginOptions> {
  constructor(options: MarginOptions = {}) {
    super(hingeEmbeddingLoss, options);
  }
}

export class SoftMarginLoss extends Loss<ReductionOptions> {
  constructor(options: ReductionOptions = {}) {
    super(softMarginLoss, options);
  }
}

export class MultiMarginLoss extends Loss<MultiMarginOptions> {
  constructor(options: MultiMarginOptions = {}) {
    super(multiMarginLoss, options);
    if (options.weight != null) this.registerBuffer('weight', options.weight);
  }
}

export class MultiLabelSoftMarginLoss extends Loss<WeightedOptions> {
  constructor(options: WeightedOptions = {}) {
    super(multilabelSoftMarginLoss, options);
    if (options.weight != null) this.registerBuffer('weight', options.weight);
  }
}

export class PoissonNLLLoss extends Loss<PoissonOptions> {
  constructor(options: PoissonOptions = {}) {
    super(poissonNllLoss, options);
  }
}

/** A module of a loss between three tensors. */
abstract class TripleLoss<Options extends object> extends Module {
  readonly options: Options;
  readonly #compute: (a: Tensor, b: Tensor, c: Tensor, options: Options) => Tensor;

  protected constructor(compute: (a: Tensor, b: Tensor, c: Tensor, options: Options) => Tensor, options: Options) {
    super();
    this.#compute = compute;
    this.options = options;
  }

  override forward(a: Tensor, b: Tensor, c: Tensor): Tensor {
    return this.#compute(a, b, c, this.options);
  }
}

export class MarginRankingLoss extends TripleLoss<MarginOptions> {
  constructor(options: MarginOptions = {}) {
    super(marginRankingLoss, options);
  }
}

export class CosineEmbeddingLoss extends TripleLoss<MarginOptions> {
  constructor(options: MarginOptions = {}) {
    super(cosineEmbeddingLoss, options);
  }
}

export class TripletMarginLoss extends TripleLoss<TripletOptions> {
  constructor(options: TripletOptions = {}) {
    super(tripletMarginLoss, options);
  }
}

export class TripletMarginWithDistanceLoss extends TripleLoss<TripletDistanceOptions> {
  constructor(options: TripletDistanceOptions = {}) {
    super(tripletMarginWithDistanceLoss, options);
  }
}

export class MultiLabelMarginLoss extends Loss<ReductionOptions> {
  constructor(options: ReductionOptions = {}) {
    super(multilabelMarginLoss, options);
  }
}

export class GaussianNLLLoss extends TripleLoss<GaussianOptions> {
  constructor(options: GaussianOptions = {}) {
    super(gaussianNllLoss, options);
  }
}

/** The loss of labels without their places in time: see `ctcLoss`. */
export class CTCLoss extends Module {
  readonly options: CTCOptions;

  constructor(options: CTCOptions = {}) {
    super();
    this.options = options;
  }

  override forward(
    logProbs: Tensor,
    targets: Tensor,
    inputLengths: Tensor | readonly number[],
    targetLengths: Tensor | readonly number[],
  ): Tensor {
    return ctcLoss(logProbs, targets, inputLengths, targetLengths, this.options);
  }
}

/** Layers of two inputs: products with a weight, angles, distances; and bags of embeddings. */
import type { Tensor } from '@torchlet/tensor';
import { normalParameter, uniformParameter } from '../drawn.js';
import { embeddingBag } from '../functional/embedding.js';
import {
  bilinear,
  cosineSimilarity,
  type PairwiseDistanceOptions,
  pairwiseDistance,
} from '../functional/similarity.js';
import { Module } from '../module.js';
import type { Parameter } from '../parameter.js';
import type { EmbeddingOptions, LinearOptions } from './linear.js';

/** x1^T @ weight @ x2 + bias, with a weight of [out, in1, in2], uniform within 1 / sqrt(in1). */
export class Bilinear extends Module {
  readonly in1Features: number;
  readonly in2Features: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(
    in1Features: number,
    in2Features: number,
    outFeatures: number,
    { bias = true, ...draw }: LinearOptions = {},
  ) {
    super();
    const bound = 1 / Math.sqrt(in1Features);
    this.in1Features = in1Features;
    this.in2Features = in2Features;
    this.outFeatures = outFeatures;
    this.weight = uniformParameter([outFeatures, in1Features, in2Features], bound, draw);
    this.bias = bias ? uniformParameter([outFeatures], bound, draw) : null;
  }

  override forward(input1: Tensor, input2: Tensor): Tensor {
    return bilinear(input1, input2, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `in1Features=${this.in1Features}, in2Features=${this.in2Features}, outFeatures=${this.outFeatures}, bias=${this.bias !== null}`;
  }
}

/** The cosine of the angle between vectors along `dim`. */
export class CosineSimilarity extends Module {
  readonly dim: number;
  readonly eps: number;

  constructor({ dim = 1, eps = 1e-8 }: { readonly dim?: number; readonly eps?: number } = {}) {
    super();
    this.dim = dim;
    this.eps = eps;
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return cosineSimilarity(x1, x2, { dim: this.dim, eps: this.eps });
  }

  override extraRepr(): string {
    return `dim=${this.dim}, eps=${this.eps}`;
  }
}

/** The norm of the difference of vectors over the last dim. */
export class PairwiseDistance extends Module {
  readonly options: PairwiseDistanceOptions;

  constructor(options: PairwiseDistanceOptions = {}) {
    super();
    this.options = options;
  }

  override forward(x1: Tensor, x2: Tensor): Tensor {
    return pairwiseDistance(x1, x2, this.options);
  }
}

export interface EmbeddingBagOptions extends EmbeddingOptions {
  /** How the rows of a bag are combined. Default `mean`. */
  readonly mode?: 'sum' | 'mean' | 'max';
  readonly includeLastOffset?: boolean;
}

/** Sums, means or maxima of rows of a table: [bags, length] indices, or 1-d ones with the offsets where bags begin, to [bags, embeddingDim]. */
export class EmbeddingBag extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly mode: 'sum' | 'mean' | 'max';
  readonly includeLastOffset: boolean;
  readonly paddingIdx: number | null;
  weight: Parameter;

  constructor(
    numEmbeddings: number,
    embeddingDim: number,
    { mode = 'mean', includeLastOffset = false, paddingIdx = null, ...draw }: EmbeddingBagOptions = {},
  ) {
    super();
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.mode = mode;
    this.includeLastOffset = includeLastOffset;
    this.paddingIdx = paddingIdx;
    this.weight = normalParameter([numEmbeddings, embeddingDim], draw, paddingIdx);
  }

  override forward(indices: Tensor, offsets: Tensor | null = null, perSampleWeights: Tensor | null = null): Tensor {
    const { mode, includeLastOffset, paddingIdx } = this;
    return embeddingBag(indices, this.weight, offsets, { mode, includeLastOffset, paddingIdx, perSampleWeights });
  }

  override extraRepr(): string {
    return `${this.numEmbeddings}, ${this.embeddingDim}, mode='${this.mode}'`;
  }
}

/** Layers that multiply by a weight: Linear, Embedding. */
import { linear, type Tensor } from '@torchlet/tensor';
import { normalParameter, uniformParameter } from '../drawn.js';
import { embedding } from '../functional/embedding.js';
import type { DrawOptions } from '../init.js';
import { Module } from '../module.js';
import type { Parameter } from '../parameter.js';

export interface LinearOptions extends DrawOptions {
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean;
}

/**
 * y = x @ weight^T + bias, over the last dim (https://pytorch.org/docs/stable/generated/torch.nn.Linear.html).
 * The weight is [outFeatures, inFeatures], drawn first; then the bias; both uniform within 1 / sqrt(inFeatures).
 *
 * @example new Linear(784, 32).forward(images.flatten(1)) // [n, 784] -> [n, 32]
 */
export class Linear extends Module {
  readonly inFeatures: number;
  readonly outFeatures: number;
  weight: Parameter;
  bias: Parameter | null;

  constructor(inFeatures: number, outFeatures: number, { bias = true, ...options }: LinearOptions = {}) {
    super();
    const bound = 1 / Math.sqrt(inFeatures);
    this.inFeatures = inFeatures;
    this.outFeatures = outFeatures;
    this.weight = uniformParameter([outFeatures, inFeatures], bound, options);
    this.bias = bias ? uniformParameter([outFeatures], bound, options) : null;
  }

  override forward(input: Tensor): Tensor {
    return linear(input, this.weight, this.bias);
  }

  override extraRepr(): string {
    return `inFeatures=${this.inFeatures}, outFeatures=${this.outFeatures}, bias=${this.bias !== null}`;
  }
}

export interface EmbeddingOptions extends DrawOptions {
  /** The row of this index is zero at first and gets no gradient. */
  readonly paddingIdx?: number | null;
}

/** A table of vectors, read by index: weight [numEmbeddings, embeddingDim], standard normal. Indices [...] -> [..., embeddingDim]. */
export class Embedding extends Module {
  readonly numEmbeddings: number;
  readonly embeddingDim: number;
  readonly paddingIdx: number | null;
  weight: Parameter;

  constructor(numEmbeddings: number, embeddingDim: number, { paddingIdx = null, ...options }: EmbeddingOptions = {}) {
    super();
    this.numEmbeddings = numEmbeddings;
    this.embeddingDim = embeddingDim;
    this.paddingIdx = paddingIdx;
    this.weight = normalParameter([numEmbeddings, embeddingDim], options, paddingIdx);
  }

  override forward(indices: Tensor): Tensor {
    return embedding(indices, this.weight, { paddingIdx: this.paddingIdx });
  }

  override extraRepr(): string {
    const padding = this.paddingIdx === null ? '' : `, paddingIdx=${this.paddingIdx}`;
    return `${this.numEmbeddings}, ${this.embeddingDim}${padding}`;
  }
}

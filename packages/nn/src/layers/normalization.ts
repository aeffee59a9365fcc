/** Layers that normalise. */
import type { Shape, Tensor } from '@torchlet/tensor';
import { constantParameter } from '../drawn.js';
import { layerNorm } from '../functional/normalization.js';
import { Module } from '../module.js';
import type { Parameter } from '../parameter.js';

export interface LayerNormOptions {
  readonly eps?: number;
  /** Whether there are a weight and a bias. Default true. */
  readonly elementwiseAffine?: boolean;
  /** Whether there is a bias beside the weight. Default true. */
  readonly bias?: boolean;
}

/** Mean 0 and variance 1 over the last dims, then weight and bias (Ba et al. 2016, https://arxiv.org/abs/1607.06450). */
export class LayerNorm extends Module {
  readonly normalizedShape: Shape;
  readonly eps: number;
  weight: Parameter | null;
  bias: Parameter | null;

  constructor(
    normalizedShape: number | Shape,
    { eps = 1e-5, elementwiseAffine = true, bias = true }: LayerNormOptions = {},
  ) {
    super();
    this.normalizedShape = typeof normalizedShape === 'number' ? [normalizedShape] : [...normalizedShape];
    this.eps = eps;
    this.weight = elementwiseAffine ? constantParameter(this.normalizedShape, 1) : null;
    this.bias = elementwiseAffine && bias ? constantParameter(this.normalizedShape, 0) : null;
  }

  override forward(input: Tensor): Tensor {
    return layerNorm(input, this.normalizedShape, { weight: this.weight, bias: this.bias, eps: this.eps });
  }

  override extraRepr(): string {
    return `[${this.normalizedShape.join(', ')}], eps=${this.eps}, elementwiseAffine=${this.weight !== null}`;
  }
}

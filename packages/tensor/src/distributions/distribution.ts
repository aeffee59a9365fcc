/**
 * What a probability distribution is: parameters of one batch shape, draws, densities (https://pytorch.org/docs/stable/distributions.html). Owns what the
 * distributions share; they are `continuous.ts` and `discrete.ts`, how far two lie apart is `divergence.ts`.
 */
import type { Shape } from '@torchlet/graph';
import { full, type RandomOptions } from '../factories.js';
import { noGrad } from '../functions.js';
import { broadcastTensors } from '../functions/shape.js';
import { composed } from '../modules.js';
import type { Generator } from '../random.js';
import { Tensor } from '../tensor.js';

/** A parameter: a tensor, or a number for all. */
export type DistributionParameter = Tensor | number;

export interface DrawOptions {
  readonly generator?: Generator | undefined;
}

/** Parameters in their common shape. Numbers become float32, or of the dtype and device of the tensors among them. */
export function parameters(...given: readonly DistributionParameter[]): Tensor[] {
  const like = given.find((value) => value instanceof Tensor);
  const options = { dtype: like?.dtype ?? 'float32', device: like?.runtime?.device } as const;
  return composed(() =>
    broadcastTensors(...given.map((value) => (value instanceof Tensor ? value : full([], value, options)))),
  );
}

export abstract class Distribution {
  /** The shape of the parameters: independent distributions. */
  readonly batchShape: Shape;
  /** The shape of one draw of one of them. */
  readonly eventShape: Shape;

  protected constructor(batchShape: Shape, eventShape: Shape = []) {
    this.batchShape = batchShape;
    this.eventShape = eventShape;
  }

  abstract get mean(): Tensor;
  abstract get variance(): Tensor;
  /** The logarithm of the density, or of the probability, at `value`. */
  abstract logProb(value: Tensor): Tensor;
  abstract entropy(): Tensor;
  /** Draws of `shape` for each of the batch, `[...shape, ...batchShape, ...eventShape]`. */
  protected abstract draw(shape: Shape, options: DrawOptions): Tensor;

  get stddev(): Tensor {
    return this.variance.sqrt();
  }

  /** Draws without gradients. */
  sample(shape: Shape = [], options: DrawOptions = {}): Tensor {
    return noGrad(() => composed(() => this.draw(shape, options)));
  }

  /**
   * Draws that pass gradients to the parameters (https://arxiv.org/abs/1312.6114).
   *
   * @throws TypeError for distributions of whole numbers.
   */
  rsample(_shape: Shape = [], _options: DrawOptions = {}): Tensor {
    throw new TypeError(`rsample: ${this.constructor.name} has no draws that pass gradients; use sample and logProb`);
  }

  /** The shape of draws. */
  protected extended(shape: Shape): Shape {
    return [...shape, ...this.batchShape, ...this.eventShape];
  }
}

/** One whose draws are functions of its parameters and of numbers that do not depend on them. */
export abstract class Reparameterized extends Distribution {
  override rsample(shape: Shape = [], options: DrawOptions = {}): Tensor {
    return composed(() => this.draw(shape, options));
  }
}

/** Options for numbers drawn beside a parameter. */
export const beside = (parameter: Tensor, { generator }: DrawOptions): RandomOptions => ({
  generator,
  dtype: parameter.dtype,
  device: parameter.runtime?.device,
});

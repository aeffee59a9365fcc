/** Dropout as layers. */
import type { Tensor } from '@torchlet/tensor';
import { checkProbability, type DropoutOptions, dropout } from '../functional/dropout.js';
import { alphaDropout, dropout1d, dropout2d, dropout3d } from '../functional/feature-dropout.js';
import { Module } from '../module.js';

/** In training, zeroes each element with probability p and scales the others by 1 / (1 - p); in evaluation, nothing. */
export class Dropout extends Module {
  readonly p: number;

  /** @throws RangeError unless p is in [0, 1]. */
  constructor(p = 0.5) {
    super();
    this.p = checkProbability('Dropout', p);
  }

  override forward(input: Tensor): Tensor {
    return dropout(input, { p: this.p, training: this.training });
  }

  override extraRepr(): string {
    return `p=${this.p}`;
  }
}

/** What the others share: a probability, and a function. */
abstract class DropoutOf extends Module {
  readonly p: number;
  readonly #drop: (input: Tensor, options: DropoutOptions) => Tensor;

  protected constructor(drop: (input: Tensor, options: DropoutOptions) => Tensor, p: number) {
    super();
    this.p = checkProbability(this.constructor.name, p);
    this.#drop = drop;
  }

  override forward(input: Tensor): Tensor {
    return this.#drop(input, { p: this.p, training: this.training });
  }

  override extraRepr(): string {
    return `p=${this.p}`;
  }
}

/** In training, zeroes whole channels of [n, channels, length]. */
export class Dropout1d extends DropoutOf {
  /** @throws RangeError unless p is in [0, 1]. */
  constructor(p = 0.5) {
    super(dropout1d, p);
  }
}

/** In training, zeroes whole channels of [n, channels, height, width]. */
export class Dropout2d extends DropoutOf {
  /** @throws RangeError unless p is in [0, 1]. */
  constructor(p = 0.5) {
    super(dropout2d, p);
  }
}

/** In training, zeroes whole channels of [n, channels, depth, height, width]. */
export class Dropout3d extends DropoutOf {
  /** @throws RangeError unless p is in [0, 1]. */
  constructor(p = 0.5) {
    super(dropout3d, p);
  }
}

/** In training, dropout that keeps mean and variance after `selu`. */
export class AlphaDropout extends DropoutOf {
  /** @throws RangeError unless p is in [0, 1]. */
  constructor(p = 0.5) {
    super(alphaDropout, p);
  }
}

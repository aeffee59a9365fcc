/** Dropout as a layer. */
import type { Tensor } from '@torchlet/tensor';
import { checkProbability, dropout } from '../functional/dropout.js';
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

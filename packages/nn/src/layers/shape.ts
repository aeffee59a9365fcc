/** Layers that only change shapes, or nothing. */
import type { Tensor } from '@torchlet/tensor';
import { Module } from '../module.js';

/** The dims from `startDim` to `endDim` joined; by default all but the batch. */
export class Flatten extends Module {
  readonly startDim: number;
  readonly endDim: number;

  constructor(startDim = 1, endDim = -1) {
    super();
    this.startDim = startDim;
    this.endDim = endDim;
  }

  override forward(input: Tensor): Tensor {
    return input.flatten(this.startDim, this.endDim);
  }

  override extraRepr(): string {
    return `startDim=${this.startDim}, endDim=${this.endDim}`;
  }
}

/** Its input, unchanged. */
export class Identity extends Module {
  override forward(input: Tensor): Tensor {
    return input;
  }
}

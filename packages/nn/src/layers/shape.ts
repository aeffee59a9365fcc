/** Layers that only change shapes, or nothing. */
import { type Tensor, unflatten } from '@torchlet/tensor';
import { channelShuffle } from '../functional/resize.js';
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

/** One dim as several: `sizes` of which one may be -1. */
export class Unflatten extends Module {
  readonly dim: number;
  readonly sizes: readonly number[];

  constructor(dim: number, sizes: readonly number[]) {
    super();
    this.dim = dim;
    this.sizes = [...sizes];
  }

  override forward(input: Tensor): Tensor {
    return unflatten(input, this.dim, this.sizes);
  }

  override extraRepr(): string {
    return `dim=${this.dim}, sizes=[${this.sizes.join(', ')}]`;
  }
}

/** The channels of [n, channels, ...] in `groups`, dealt out one by one (Zhang et al. 2018, https://arxiv.org/abs/1707.01083). */
export class ChannelShuffle extends Module {
  readonly groups: number;

  constructor(groups: number) {
    super();
    this.groups = groups;
  }

  override forward(input: Tensor): Tensor {
    return channelShuffle(input, this.groups);
  }

  override extraRepr(): string {
    return `groups=${this.groups}`;
  }
}

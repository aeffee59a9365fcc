/** Pools and resizing as layers: each holds the arguments of a function. */
import type { Tensor } from '@torchlet/tensor';
import {
  adaptiveAvgPool1d,
  adaptiveAvgPool2d,
  adaptiveAvgPool3d,
  adaptiveMaxPool1d,
  adaptiveMaxPool2d,
  adaptiveMaxPool3d,
  type OutputSize,
} from '../functional/adaptive-pooling.js';
import {
  type AvgPoolOptions,
  avgPool1d,
  avgPool2d,
  avgPool3d,
  type LpPoolOptions,
  lpPool1d,
  lpPool2d,
  type MaxPoolOptions,
  maxPool1d,
  maxPool2d,
  maxPool3d,
} from '../functional/pooling.js';
import {
  fold,
  type InterpolateOptions,
  interpolate,
  pixelShuffle,
  pixelUnshuffle,
  type UnfoldOptions,
  unfold,
} from '../functional/resize.js';
import { type PerDim, type Placed, placed } from '../functional/spatial.js';
import { Module } from '../module.js';

const shown = (value: unknown): string => (Array.isArray(value) ? `[${value.join(', ')}]` : String(value));
const list = (options: object): string =>
  Object.entries(options)
    .map(([name, value]) => `${name}=${shown(value)}`)
    .join(', ');

/** A pool of windows of one size. */
abstract class WindowPool<Options extends object> extends Module {
  readonly kernelSize: PerDim;
  readonly options: Options;
  readonly #compute: (input: Tensor, kernelSize: PerDim, options: Options) => Tensor;

  protected constructor(
    compute: (input: Tensor, kernelSize: PerDim, options: Options) => Tensor,
    kernelSize: PerDim,
    options: Options,
  ) {
    super();
    this.#compute = compute;
    this.kernelSize = kernelSize;
    this.options = options;
  }

  override forward(input: Tensor): Tensor {
    return this.#compute(input, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return list({ kernelSize: this.kernelSize, ...this.options });
  }
}

/** The largest of each window of [n, channels, length]. */
export class MaxPool1d extends WindowPool<MaxPoolOptions> {
  constructor(kernelSize: PerDim, ...given: Placed<MaxPoolOptions>) {
    super((input, size, options) => maxPool1d(input, size, options), kernelSize, placed(given));
  }
}

/** The largest of each window of [n, channels, height, width]. */
export class MaxPool2d extends WindowPool<MaxPoolOptions> {
  constructor(kernelSize: PerDim, ...given: Placed<MaxPoolOptions>) {
    super((input, size, options) => maxPool2d(input, size, options), kernelSize, placed(given));
  }
}

/** The largest of each window of [n, channels, depth, height, width]. */
export class MaxPool3d extends WindowPool<MaxPoolOptions> {
  constructor(kernelSize: PerDim, ...given: Placed<MaxPoolOptions>) {
    super((input, size, options) => maxPool3d(input, size, options), kernelSize, placed(given));
  }
}

/** A pool of norms: (sum x^p)^(1/p) of each window. */
abstract class LPPool extends WindowPool<LpPoolOptions> {
  readonly normType: number;

  protected constructor(compute: typeof lpPool2d, normType: number, kernelSize: PerDim, options: LpPoolOptions) {
    super((input, size, given) => compute(input, normType, size, given), kernelSize, options);
    this.normType = normType;
  }

  override extraRepr(): string {
    return `normType=${this.normType}, ${super.extraRepr()}`;
  }
}

/** The p-norm of each window of [n, channels, length]. */
export class LPPool1d extends LPPool {
  constructor(normType: number, kernelSize: PerDim, options: LpPoolOptions = {}) {
    super(lpPool1d, normType, kernelSize, options);
  }
}

/** The p-norm of each window of [n, channels, height, width]. */
export class LPPool2d extends LPPool {
  constructor(normType: number, kernelSize: PerDim, options: LpPoolOptions = {}) {
    super(lpPool2d, normType, kernelSize, options);
  }
}

/** The mean of each window of [n, channels, length]. */
export class AvgPool1d extends WindowPool<AvgPoolOptions> {
  constructor(kernelSize: PerDim, ...given: Placed<AvgPoolOptions>) {
    super(avgPool1d, kernelSize, placed(given));
  }
}

/** The mean of each window of [n, channels, height, width]. */
export class AvgPool2d extends WindowPool<AvgPoolOptions> {
  constructor(kernelSize: PerDim, ...given: Placed<AvgPoolOptions>) {
    super(avgPool2d, kernelSize, placed(given));
  }
}

/** The mean of each window of [n, channels, depth, height, width]. */
export class AvgPool3d extends WindowPool<AvgPoolOptions> {
  constructor(kernelSize: PerDim, ...given: Placed<AvgPoolOptions>) {
    super(avgPool3d, kernelSize, placed(given));
  }
}

/** A pool to an output of given lengths. */
abstract class AdaptivePool extends Module {
  readonly outputSize: OutputSize;
  readonly #compute: (input: Tensor, outputSize: OutputSize) => Tensor;

  protected constructor(compute: (input: Tensor, outputSize: OutputSize) => Tensor, outputSize: OutputSize) {
    super();
    this.#compute = compute;
    this.outputSize = outputSize;
  }

  override forward(input: Tensor): Tensor {
    return this.#compute(input, this.outputSize);
  }

  override extraRepr(): string {
    return list({ outputSize: this.outputSize });
  }
}

/** Means over [n, channels, length] to `outputSize` of them. */
export class AdaptiveAvgPool1d extends AdaptivePool {
  constructor(outputSize: OutputSize) {
    super(adaptiveAvgPool1d, outputSize);
  }
}

/** Means over images to an image of `outputSize`. */
export class AdaptiveAvgPool2d extends AdaptivePool {
  constructor(outputSize: OutputSize) {
    super(adaptiveAvgPool2d, outputSize);
  }
}

/** Means over [n, channels, depth, height, width] to a volume of `outputSize`. */
export class AdaptiveAvgPool3d extends AdaptivePool {
  constructor(outputSize: OutputSize) {
    super(adaptiveAvgPool3d, outputSize);
  }
}

/** Largest elements over [n, channels, length] to `outputSize` of them. */
export class AdaptiveMaxPool1d extends AdaptivePool {
  constructor(outputSize: OutputSize) {
    super((input, size) => adaptiveMaxPool1d(input, size), outputSize);
  }
}

/** Largest elements over images to an image of `outputSize`. */
export class AdaptiveMaxPool2d extends AdaptivePool {
  constructor(outputSize: OutputSize) {
    super((input, size) => adaptiveMaxPool2d(input, size), outputSize);
  }
}

/** Largest elements over [n, channels, depth, height, width] to a volume of `outputSize`. */
export class AdaptiveMaxPool3d extends AdaptivePool {
  constructor(outputSize: OutputSize) {
    super((input, size) => adaptiveMaxPool3d(input, size), outputSize);
  }
}

/** [n, channels, ...spatial] in other lengths. */
export class Upsample extends Module {
  readonly options: InterpolateOptions;

  constructor(options: InterpolateOptions) {
    super();
    this.options = options;
  }

  override forward(input: Tensor): Tensor {
    return interpolate(input, this.options);
  }

  override extraRepr(): string {
    return list(this.options);
  }
}

/** Channels to places: [.., c * r^2, h, w] to [.., c, h * r, w * r]. */
export class PixelShuffle extends Module {
  readonly upscaleFactor: number;

  constructor(upscaleFactor: number) {
    super();
    this.upscaleFactor = upscaleFactor;
  }

  override forward(input: Tensor): Tensor {
    return pixelShuffle(input, this.upscaleFactor);
  }

  override extraRepr(): string {
    return list({ upscaleFactor: this.upscaleFactor });
  }
}

/** The reverse of `PixelShuffle`. */
export class PixelUnshuffle extends Module {
  readonly downscaleFactor: number;

  constructor(downscaleFactor: number) {
    super();
    this.downscaleFactor = downscaleFactor;
  }

  override forward(input: Tensor): Tensor {
    return pixelUnshuffle(input, this.downscaleFactor);
  }

  override extraRepr(): string {
    return list({ downscaleFactor: this.downscaleFactor });
  }
}

/** Windows of images as columns. */
export class Unfold extends Module {
  readonly kernelSize: PerDim;
  readonly options: UnfoldOptions;

  constructor(kernelSize: PerDim, options: UnfoldOptions = {}) {
    super();
    this.kernelSize = kernelSize;
    this.options = options;
  }

  override forward(input: Tensor): Tensor {
    return unfold(input, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return list({ kernelSize: this.kernelSize, ...this.options });
  }
}

/** Columns summed back to images of `outputSize`. */
export class Fold extends Module {
  readonly outputSize: PerDim;
  readonly kernelSize: PerDim;
  readonly options: UnfoldOptions;

  constructor(outputSize: PerDim, kernelSize: PerDim, options: UnfoldOptions = {}) {
    super();
    this.outputSize = outputSize;
    this.kernelSize = kernelSize;
    this.options = options;
  }

  override forward(input: Tensor): Tensor {
    return fold(input, this.outputSize, this.kernelSize, this.options);
  }

  override extraRepr(): string {
    return list({ outputSize: this.outputSize, kernelSize: this.kernelSize, ...this.options });
  }
}

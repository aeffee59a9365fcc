/** Convolutions as layers. The products are `functional/convolution.ts`; here are weights, their first values, and padding that is not zeros. */
import { composed, pad, type PadMode, type Tensor } from '@torchlet/tensor';
import { uniformParameter } from '../drawn.js';
import {
  type ConvOptions,
  type ConvTransposeOptions,
  conv1d,
  conv2d,
  conv3d,
  convTranspose1d,
  convTranspose2d,
  convTranspose3d,
} from '../functional/convolution.js';
import { type PerDim, type Placed, perDim, placed, product } from '../functional/spatial.js';
import type { DrawOptions } from '../init.js';
import { Module } from '../module.js';
import type { Parameter } from '../parameter.js';

export interface ConvLayerOptions extends ConvOptions, DrawOptions {
  /** Whether a bias is added. Default true. */
  readonly bias?: boolean;
  /** What lies beside the input. Default `zeros`. */
  readonly paddingMode?: 'zeros' | Exclude<PadMode, 'constant'>;
}

type ConvFunction = (input: Tensor, weight: Tensor, bias: Tensor | null, options: ConvOptions) => Tensor;

/** What the convolutions of 1, 2 and 3 dims share. The weight is [outChannels, inChannels / groups, ...kernelSize]. */
abstract class Conv extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly options: ConvOptions;
  readonly paddingMode: NonNullable<ConvLayerOptions['paddingMode']>;
  weight: Parameter;
  bias: Parameter | null;
  readonly #compute: ConvFunction;

  protected constructor(
    compute: ConvFunction,
    rank: number,
    inChannels: number,
    outChannels: number,
    kernelSize: PerDim,
    { bias = true, paddingMode = 'zeros', generator, ...options }: ConvLayerOptions,
  ) {
    super();
    const { groups = 1 } = options;
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new RangeError(
        `Conv: expected channels that ${groups} groups share evenly, got ${inChannels} and ${outChannels}`,
      );
    }
    this.#compute = compute;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perDim('Conv', 'kernelSize', kernelSize, rank, 1);
    this.options = options;
    this.paddingMode = paddingMode;
    const bound = 1 / Math.sqrt((inChannels / groups) * product(this.kernelSize));
    this.weight = uniformParameter([outChannels, inChannels / groups, ...this.kernelSize], bound, { generator });
    this.bias = bias ? uniformParameter([outChannels], bound, { generator }) : null;
  }

  override forward(input: Tensor): Tensor {
    if (this.paddingMode === 'zeros') return this.#compute(input, this.weight, this.bias, this.options);
    const mode = this.paddingMode;
    return composed(() =>
      this.#compute(pad(input, this.#sides(), { mode }), this.weight, this.bias, { ...this.options, padding: 0 }),
    );
  }

  /** Counts for `pad`, from the last dim backwards. */
  #sides(): number[] {
    const { padding = 0, dilation = 1 } = this.options;
    const rank = this.kernelSize.length;
    if (padding === 'valid') return this.kernelSize.flatMap(() => [0, 0]);
    const gaps = perDim('Conv', 'dilation', dilation, rank, 1);
    const sides =
      padding === 'same'
        ? this.kernelSize.map((length, i) => {
            const total = (gaps[i] as number) * (length - 1);
            return [Math.floor(total / 2), Math.ceil(total / 2)];
          })
        : perDim('Conv', 'padding', padding, rank, 0).map((side) => [side, side]);
    return sides.toReversed().flat();
  }

  override extraRepr(): string {
    return `${this.inChannels}, ${this.outChannels}, ${described(this.kernelSize, this.options, this.bias !== null)}`;
  }
}

function described(kernelSize: readonly number[], options: object, bias: boolean): string {
  const given = Object.entries(options).map(
    ([name, value]) => `, ${name}=${Array.isArray(value) ? `[${value.join(', ')}]` : value}`,
  );
  return `kernelSize=[${kernelSize.join(', ')}]${given.join('')}${bias ? '' : ', bias=false'}`;
}

/** Windows of [n, channels, length] times a weight [outChannels, inChannels / groups, kernelSize]. */
export class Conv1d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, ...given: Placed<ConvLayerOptions>) {
    super(conv1d, 1, inChannels, outChannels, kernelSize, placed(given));
  }
}

/**
 * Windows of [n, channels, height, width] times a weight [outChannels, inChannels / groups, ...kernelSize]; weight and bias uniform within 1 / sqrt(fan in)
 * (https://pytorch.org/docs/stable/generated/torch.nn.Conv2d.html).
 *
 * @example new Conv2d(1, 8, 5, 2, 2) or new Conv2d(1, 8, 5, { stride: 2, padding: 2 }).forward(images) // [n, 1, 28, 28] -> [n, 8, 14, 14]
 */
export class Conv2d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, ...given: Placed<ConvLayerOptions>) {
    super(conv2d, 2, inChannels, outChannels, kernelSize, placed(given));
  }
}

/** Windows of [n, channels, depth, height, width] times a weight. */
export class Conv3d extends Conv {
  constructor(inChannels: number, outChannels: number, kernelSize: PerDim, ...given: Placed<ConvLayerOptions>) {
    super(conv3d, 3, inChannels, outChannels, kernelSize, placed(given));
  }
}

export interface ConvTransposeLayerOptions extends ConvTransposeOptions, DrawOptions {
  readonly bias?: boolean;
}

type TransposeFunction = (input: Tensor, weight: Tensor, bias: Tensor | null, options: ConvTransposeOptions) => Tensor;

/** What the transposed convolutions share. The weight is [inChannels, outChannels / groups, ...kernelSize]. */
abstract class ConvTranspose extends Module {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly kernelSize: readonly number[];
  readonly options: ConvTransposeOptions;
  weight: Parameter;
  bias: Parameter | null;
  readonly #compute: TransposeFunction;

  protected constructor(
    compute: TransposeFunction,
    rank: number,
    inChannels: number,
    outChannels: number,
    kernelSize: PerDim,
    { bias = true, generator, ...options }: ConvTransposeLayerOptions,
  ) {
    super();
    const { groups = 1 } = options;
    if (inChannels % groups !== 0 || outChannels % groups !== 0) {
      throw new RangeError(
        `ConvTranspose: expected channels that ${groups} groups share evenly, got ${inChannels} and ${outChannels}`,
      );
    }
    this.#compute = compute;
    this.inChannels = inChannels;
    this.outChannels = outChannels;
    this.kernelSize = perDim('ConvTranspose', 'kernelSize', kernelSize, rank, 1);
    this.options = options;
    const bound = 1 / Math.sqrt((outChannels / groups) * product(this.kernelSize));
    this.weight = uniformParameter([inChannels, outChannels / groups, ...this.kernelSize], bound, { generator });
    this.bias = bias ? uniformParameter([outChannels], bound, { generator }) : null;
  }

  override forward(input: Tensor): Tensor {
    return this.#compute(input, this.weight, this.bias, this.options);
  }

  override extraRepr(): string {
    return `${this.inChannels}, ${this.outChannels}, ${described(this.kernelSize, this.options, this.bias !== null)}`;
  }
}

/** The adjoint of `Conv1d`: longer outputs from shorter inputs. */
export class ConvTranspose1d extends ConvTranspose {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerDim,
    ...given: Placed<ConvTransposeLayerOptions>
  ) {
    super(convTranspose1d, 1, inChannels, outChannels, kernelSize, placed(given));
  }
}

/** The adjoint of `Conv2d`: larger images from smaller ones. */
export class ConvTranspose2d extends ConvTranspose {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerDim,
    ...given: Placed<ConvTransposeLayerOptions>
  ) {
    super(convTranspose2d, 2, inChannels, outChannels, kernelSize, placed(given));
  }
}

/** The adjoint of `Conv3d`. */
export class ConvTranspose3d extends ConvTranspose {
  constructor(
    inChannels: number,
    outChannels: number,
    kernelSize: PerDim,
    ...given: Placed<ConvTransposeLayerOptions>
  ) {
    super(convTranspose3d, 3, inChannels, outChannels, kernelSize, placed(given));
  }
}

/** Activations as layers, beside the most used ones of `activation.ts`: each is one line over a function. */
import {
  celu,
  glu,
  hardshrink,
  hardsigmoid,
  hardswish,
  hardtanh,
  logSigmoid,
  mish,
  prelu,
  relu6,
  rrelu,
  selu,
  softmin,
  softshrink,
  softsign,
  type Tensor,
  tanhshrink,
  threshold,
} from '@torchlet/tensor';
import { constantParameter } from '../drawn.js';
import { Module } from '../module.js';
import type { Parameter } from '../parameter.js';

/** x held between 0 and 6. */
export class ReLU6 extends Module {
  override forward(input: Tensor): Tensor {
    return relu6(input);
  }
}

/** max(0, min(6, x + 3)) / 6. */
export class Hardsigmoid extends Module {
  override forward(input: Tensor): Tensor {
    return hardsigmoid(input);
  }
}

/** x * hardsigmoid(x). */
export class Hardswish extends Module {
  override forward(input: Tensor): Tensor {
    return hardswish(input);
  }
}

/** x * tanh(softplus(x)). */
export class Mish extends Module {
  override forward(input: Tensor): Tensor {
    return mish(input);
  }
}

/** elu scaled so that means and variances settle. */
export class SELU extends Module {
  override forward(input: Tensor): Tensor {
    return selu(input);
  }
}

/** x / (1 + |x|). */
export class Softsign extends Module {
  override forward(input: Tensor): Tensor {
    return softsign(input);
  }
}

/** x - tanh(x). */
export class Tanhshrink extends Module {
  override forward(input: Tensor): Tensor {
    return tanhshrink(input);
  }
}

/** log(sigmoid(x)). */
export class LogSigmoid extends Module {
  override forward(input: Tensor): Tensor {
    return logSigmoid(input);
  }
}

/** x held between `minVal` and `maxVal`. */
export class Hardtanh extends Module {
  readonly minVal: number;
  readonly maxVal: number;

  constructor({ minVal = -1, maxVal = 1 }: { readonly minVal?: number; readonly maxVal?: number } = {}) {
    super();
    this.minVal = minVal;
    this.maxVal = maxVal;
  }

  override forward(input: Tensor): Tensor {
    return hardtanh(input, { minVal: this.minVal, maxVal: this.maxVal });
  }

  override extraRepr(): string {
    return `minVal=${this.minVal}, maxVal=${this.maxVal}`;
  }
}

/** A layer of one number. */
abstract class WithNumber extends Module {
  readonly #name: string;
  readonly #value: number;
  readonly #compute: (input: Tensor, value: number) => Tensor;

  protected constructor(compute: (input: Tensor, value: number) => Tensor, name: string, value: number) {
    super();
    this.#compute = compute;
    this.#name = name;
    this.#value = value;
  }

  override forward(input: Tensor): Tensor {
    return this.#compute(input, this.#value);
  }

  override extraRepr(): string {
    return `${this.#name}=${this.#value}`;
  }
}

/** x, but 0 within `lambd` of 0. */
export class Hardshrink extends WithNumber {
  constructor({ lambd = 0.5 }: { readonly lambd?: number } = {}) {
    super((input, value) => hardshrink(input, { lambd: value }), 'lambd', lambd);
  }
}

/** x moved by `lambd` towards 0. */
export class Softshrink extends WithNumber {
  constructor({ lambd = 0.5 }: { readonly lambd?: number } = {}) {
    super((input, value) => softshrink(input, { lambd: value }), 'lambd', lambd);
  }
}

/** max(0, x) + min(0, alpha * (e^(x / alpha) - 1)). */
export class CELU extends WithNumber {
  constructor({ alpha = 1 }: { readonly alpha?: number } = {}) {
    super((input, value) => celu(input, { alpha: value }), 'alpha', alpha);
  }
}

/** The first half along `dim` times the sigmoid of the second. */
export class GLU extends WithNumber {
  constructor(dim = -1) {
    super(glu, 'dim', dim);
  }
}

/** Softmax of -x. */
export class Softmin extends WithNumber {
  constructor(dim: number) {
    super((input, value) => softmin(input, value), 'dim', dim);
  }
}

/** x above `limit`, else `value`. */
export class Threshold extends Module {
  readonly limit: number;
  readonly value: number;

  constructor(limit: number, value: number) {
    super();
    this.limit = limit;
    this.value = value;
  }

  override forward(input: Tensor): Tensor {
    return threshold(input, this.limit, this.value);
  }

  override extraRepr(): string {
    return `limit=${this.limit}, value=${this.value}`;
  }
}

/** x above 0, x times a random slope below: drawn for each element in training, their mean in evaluation. */
export class RReLU extends Module {
  readonly lower: number;
  readonly upper: number;

  constructor({ lower = 1 / 8, upper = 1 / 3 }: { readonly lower?: number; readonly upper?: number } = {}) {
    super();
    this.lower = lower;
    this.upper = upper;
  }

  override forward(input: Tensor): Tensor {
    return rrelu(input, { lower: this.lower, upper: this.upper, training: this.training });
  }

  override extraRepr(): string {
    return `lower=${this.lower}, upper=${this.upper}`;
  }
}

/** x above 0, x times a learned slope below: one, or one for each channel (https://arxiv.org/abs/1502.01852). */
export class PReLU extends Module {
  readonly numParameters: number;
  weight: Parameter;

  constructor({ numParameters = 1, init = 0.25 }: { readonly numParameters?: number; readonly init?: number } = {}) {
    super();
    this.numParameters = numParameters;
    this.weight = constantParameter([numParameters], init);
  }

  override forward(input: Tensor): Tensor {
    return prelu(input, this.weight);
  }

  override extraRepr(): string {
    return `numParameters=${this.numParameters}`;
  }
}

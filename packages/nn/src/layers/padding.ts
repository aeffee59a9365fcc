/** Padding as layers: of one, two or three spatial dims, by a constant, by reflection, by the edge, or around. One line each over `pad`. */
import { type PadMode, pad, type Tensor } from '@torchlet/tensor';
import { printShape } from '../functional/shapes.js';
import { Module } from '../module.js';

/** One number for all sides, or (before, after) of each dim, the last dim first. */
export type Padding = number | readonly number[];

abstract class Pad extends Module {
  readonly padding: readonly number[];
  readonly #mode: PadMode;
  readonly #value: number;

  protected constructor(rank: number, padding: Padding, mode: PadMode, value = 0) {
    super();
    this.padding = typeof padding === 'number' ? new Array<number>(2 * rank).fill(padding) : [...padding];
    if (this.padding.length !== 2 * rank || !this.padding.every(Number.isInteger)) {
      throw new RangeError(
        `${this.constructor.name}: expected a whole number, or ${2 * rank} of them, got ${printShape(this.padding)}`,
      );
    }
    this.#mode = mode;
    this.#value = value;
  }

  override forward(input: Tensor): Tensor {
    return pad(input, this.padding, { mode: this.#mode, value: this.#value });
  }

  override extraRepr(): string {
    const value = this.#value === 0 ? '' : `, value=${this.#value}`;
    return `[${this.padding.join(', ')}]${value}`;
  }
}

/** Pads the last dim with a number. */
export class ConstantPad1d extends Pad {
  constructor(padding: Padding, value: number) {
    super(1, padding, 'constant', value);
  }
}

/** Pads the last two dims with a number. */
export class ConstantPad2d extends Pad {
  constructor(padding: Padding, value: number) {
    super(2, padding, 'constant', value);
  }
}

/** Pads the last three dims with a number. */
export class ConstantPad3d extends Pad {
  constructor(padding: Padding, value: number) {
    super(3, padding, 'constant', value);
  }
}

/** Pads the last dim with zeros. */
export class ZeroPad1d extends Pad {
  constructor(padding: Padding) {
    super(1, padding, 'constant');
  }
}

/** Pads the last two dims with zeros. */
export class ZeroPad2d extends Pad {
  constructor(padding: Padding) {
    super(2, padding, 'constant');
  }
}

/** Pads the last three dims with zeros. */
export class ZeroPad3d extends Pad {
  constructor(padding: Padding) {
    super(3, padding, 'constant');
  }
}

/** Pads the last dim with its mirror image, the edge not repeated. */
export class ReflectionPad1d extends Pad {
  constructor(padding: Padding) {
    super(1, padding, 'reflect');
  }
}

/** Pads the last two dims with their mirror image, the edge not repeated. */
export class ReflectionPad2d extends Pad {
  constructor(padding: Padding) {
    super(2, padding, 'reflect');
  }
}

/** Pads the last three dims with their mirror image, the edge not repeated. */
export class ReflectionPad3d extends Pad {
  constructor(padding: Padding) {
    super(3, padding, 'reflect');
  }
}

/** Pads the last dim with its edge. */
export class ReplicationPad1d extends Pad {
  constructor(padding: Padding) {
    super(1, padding, 'replicate');
  }
}

/** Pads the last two dims with their edge. */
export class ReplicationPad2d extends Pad {
  constructor(padding: Padding) {
    super(2, padding, 'replicate');
  }
}

/** Pads the last three dims with their edge. */
export class ReplicationPad3d extends Pad {
  constructor(padding: Padding) {
    super(3, padding, 'replicate');
  }
}

/** Pads the last dim with its other end. */
export class CircularPad1d extends Pad {
  constructor(padding: Padding) {
    super(1, padding, 'circular');
  }
}

/** Pads the last two dims with their other ends. */
export class CircularPad2d extends Pad {
  constructor(padding: Padding) {
    super(2, padding, 'circular');
  }
}

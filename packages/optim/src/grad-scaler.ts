/**
 * Loss scaling for training in float16: small gradients are kept from becoming 0, and a step whose gradients overflow is left out. Owns the scale, which
 * is stored state advanced on the device: no step waits for a value. What computes in float16 is `autocast` of `@torchlet/tensor`.
 */
import { composed, noGrad, stack, Tensor, tensor, where } from '@torchlet/tensor';
import { type BaseOptions, counterFor, type Optimizer } from './optimizer.js';

export interface GradScalerOptions {
  /** Default 65536. */
  readonly initScale?: number;
  /** Factor of the scale after `growthInterval` steps without an infinite gradient. Default 2. */
  readonly growthFactor?: number;
  /** Factor of the scale after an infinite gradient. Default 0.5. */
  readonly backoffFactor?: number;
  /** Default 2000. */
  readonly growthInterval?: number;
  /** False makes every method do nothing but `step`, which steps. Default true. */
  readonly enabled?: boolean;
}

/** By PyTorch's names; empty for a scaler that is not enabled. */
export interface GradScalerState {
  readonly scale?: Tensor;
  readonly growth_factor?: number;
  readonly backoff_factor?: number;
  readonly growth_interval?: number;
  readonly _growth_tracker?: Tensor;
}

/** What is stored, beside the first loss that is scaled. */
interface Stored {
  readonly scale: Tensor;
  /** Steps without an infinite gradient since the scale changed. */
  readonly growthTracker: Tensor;
  /** 1 where a gradient since the last update is infinite or NaN. */
  readonly found: Tensor;
}

type AnyOptimizer = Optimizer<BaseOptions>;

/**
 * Scales losses, and optimisers' gradients back (https://pytorch.org/docs/stable/amp.html#gradient-scaling).
 *
 * @example
 * const scaler = new GradScaler();
 * const loss = autocast(device, 'float16', () => crossEntropy(model.forward(images), labels));
 * scaler.scale(loss).backward();
 * scaler.step(optimizer);
 * scaler.update();
 * optimizer.zeroGrad();
 */
export class GradScaler {
  readonly #enabled: boolean;
  #growthFactor: number;
  #backoffFactor: number;
  #growthInterval: number;
  /** Values that `#stored` begins with. */
  #first: { readonly scale: Tensor | number; readonly growthTracker: Tensor | number };
  #stored: Stored | null = null;
  /** Whether the scale is to be advanced before it is used again. It waits, so that this is part of the next step's program. */
  #due = false;
  /** Optimisers since the last update: whether a gradient is infinite, and whether they stepped. */
  readonly #seen = new Map<object, { readonly found: Tensor; stepped: boolean }>();

  /** @throws RangeError for a growthFactor of at most 1, or a backoffFactor of at least 1. */
  constructor({
    initScale = 65536,
    growthFactor = 2,
    backoffFactor = 0.5,
    growthInterval = 2000,
    enabled = true,
  }: GradScalerOptions = {}) {
    if (!(growthFactor > 1)) throw new RangeError(`GradScaler: expected a growthFactor above 1, got ${growthFactor}`);
    if (!(backoffFactor < 1))
      throw new RangeError(`GradScaler: expected a backoffFactor below 1, got ${backoffFactor}`);
    this.#enabled = enabled;
    this.#growthFactor = growthFactor;
    this.#backoffFactor = backoffFactor;
    this.#growthInterval = growthInterval;
    this.#first = { scale: initScale, growthTracker: 0 };
  }

  isEnabled(): boolean {
    return this.#enabled;
  }

  /** `loss` times the scale: call `backward()` on it. */
  scale(loss: Tensor): Tensor {
    if (!this.#enabled) return loss;
    const { scale } = this.#ready(loss);
    return loss.mul(scale);
  }

  /**
   * Divides the gradients of an optimiser by the scale, to clip them before `step`.
   *
   * @throws Error if they were already, since the last `update()`. @throws TypeError for gradients of two bytes, which cannot hold the quotients.
   */
  unscale_(optimizer: Pick<AnyOptimizer, 'paramGroups'>): void {
    if (!this.#enabled) return;
    const seen = this.#seen.get(optimizer);
    if (seen?.stepped) throw new Error('GradScaler.unscale_: expected a call before step(), got one after it');
    if (seen !== undefined) {
      throw new Error(
        'GradScaler.unscale_: the gradients were unscaled since the last update(); call update() after each step',
      );
    }
    const grads = optimizer.paramGroups.flatMap(({ params }) => params.flatMap(({ grad }) => grad ?? []));
    const narrow = grads.find(({ dtype }) => dtype === 'float16' || dtype === 'bfloat16');
    if (narrow !== undefined) {
      throw new TypeError(`GradScaler.unscale_: expected gradients of float32 parameters, got ${narrow.dtype}`);
    }
    const [first] = grads;
    if (first === undefined)
      throw new Error('GradScaler.unscale_: expected a parameter with a gradient; call it after backward()');
    const { scale, found } = this.#ready(first);
    const overflow = composed(() =>
      noGrad(() => {
        const isOverflow = stack(grads.map((grad) => grad.isfinite().all()))
          .all()
          .logicalNot();
        const inverse = scale.reciprocal();
        for (const grad of grads) grad.mul_(inverse);
        found.copy_(where(isOverflow, 1, found));
        return isOverflow;
      }),
    );
    this.#seen.set(optimizer, { found: overflow, stepped: false });
  }

  /**
   * `optimizer.step()`, which changes nothing where a gradient is infinite or NaN. Unscales first, unless `unscale_` did.
   *
   * @throws Error for a second call before `update()`.
   */
  step(optimizer: Pick<AnyOptimizer, 'paramGroups' | 'foundInf' | 'step'>): void {
    if (!this.#enabled) {
      optimizer.step();
      return;
    }
    if (this.#seen.get(optimizer)?.stepped) {
      throw new Error('GradScaler.step: expected update() between two steps, got a second step');
    }
    if (!this.#seen.has(optimizer)) this.unscale_(optimizer);
    const seen = this.#seen.get(optimizer) as { readonly found: Tensor; stepped: boolean };
    optimizer.foundInf = seen.found;
    try {
      optimizer.step();
    } finally {
      optimizer.foundInf = null;
    }
    seen.stepped = true;
  }

  /**
   * Ends a step: the scale shrinks if a gradient was infinite or NaN, and grows after enough steps without. With `newScale` it becomes that.
   *
   * @throws Error if no gradients were looked at since the last call.
   */
  update(newScale?: number): void {
    if (!this.#enabled) return;
    if (newScale !== undefined) {
      this.#first = { ...this.#first, scale: newScale };
      const stored = this.#stored;
      if (stored !== null) noGrad(() => stored.scale.fill_(newScale) && stored.found.zero_());
      this.#due = false;
    } else {
      if (this.#seen.size === 0) throw new Error('GradScaler.update: expected a step() or unscale_() before, got none');
      this.#due = true;
    }
    this.#seen.clear();
  }

  /** The scale that the next loss is multiplied by. */
  async getScale(): Promise<number> {
    if (!this.#enabled) return 1;
    this.#advance();
    const { scale } = this.#values();
    return await scale.item();
  }

  /** The tensors are the scaler's own: they change with the next step. */
  stateDict(): GradScalerState {
    if (!this.#enabled) return {};
    this.#advance();
    const { scale, growthTracker } = this.#values();
    return {
      scale,
      growth_factor: this.#growthFactor,
      backoff_factor: this.#backoffFactor,
      growth_interval: this.#growthInterval,
      _growth_tracker: growthTracker,
    };
  }

  /** @throws Error for the state of a scaler that was not enabled. */
  loadStateDict(state: GradScalerState): void {
    if (!this.#enabled) return;
    const { scale, _growth_tracker: growthTracker } = state;
    if (scale === undefined || growthTracker === undefined) {
      throw new Error('GradScaler.loadStateDict: expected the state of an enabled scaler, got none');
    }
    this.#growthFactor = state.growth_factor ?? this.#growthFactor;
    this.#backoffFactor = state.backoff_factor ?? this.#backoffFactor;
    this.#growthInterval = state.growth_interval ?? this.#growthInterval;
    this.#first = { scale, growthTracker };
    this.#due = false;
    this.#seen.clear();
    const stored = this.#stored;
    if (stored === null) return;
    noGrad(() => {
      stored.scale.copy_(scale);
      stored.growthTracker.copy_(growthTracker);
      stored.found.zero_();
    });
  }

  #values(): Pick<Stored, 'scale' | 'growthTracker'> {
    const { scale, growthTracker } = this.#stored ?? this.#first;
    const asTensor = (value: Tensor | number): Tensor =>
      value instanceof Tensor ? value : tensor(value, { dtype: 'float32' });
    return { scale: asTensor(scale), growthTracker: asTensor(growthTracker) };
  }

  /** The stored values, advanced. */
  #ready(beside: Tensor): Stored {
    if (this.#stored === null) {
      const stored = { scale: counterFor(beside), growthTracker: counterFor(beside), found: counterFor(beside) };
      const { scale, growthTracker } = this.#first;
      noGrad(() => {
        stored.scale.copy_(scale);
        stored.growthTracker.copy_(growthTracker);
      });
      this.#stored = stored;
    }
    this.#advance();
    return this.#stored;
  }

  #advance(): void {
    const stored = this.#stored;
    if (!this.#due || stored === null) return;
    this.#due = false;
    composed(() =>
      noGrad(() => {
        const { scale, growthTracker, found } = stored;
        const overflowed = found.ne(0);
        const steps = growthTracker.add(1);
        const grows = steps.eq(this.#growthInterval);
        const larger = scale.mul(this.#growthFactor);
        const kept = where(grows.logicalAnd(larger.isfinite()), larger, scale);
        growthTracker.copy_(where(overflowed.logicalOr(grows), 0, steps));
        scale.copy_(where(overflowed, scale.mul(this.#backoffFactor), kept));
        found.zero_();
      }),
    );
  }
}

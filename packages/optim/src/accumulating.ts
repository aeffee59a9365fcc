/** Optimisers that scale each element's step by what its gradients were: RMSprop, Adagrad, Adadelta, Rprop. */
import { type Tensor, where, zerosLike } from '@torchlet/tensor';
import {
  type BaseOptions,
  counterFor,
  filledFor,
  Optimizer,
  type ParamGroup,
  type ParamGroupOptions,
  type ParamState,
  type Update,
  zerosFor,
} from './optimizer.js';

interface DecayOptions extends BaseOptions {
  /** Part of the parameter that is added to its gradient. Default 0. */
  weightDecay: number;
  /** Climbs instead. Default false. */
  maximize: boolean;
}

/** The gradient with what the options add to it. */
export function directionOf({ param, grad }: Update, { weightDecay, maximize }: DecayOptions): Tensor {
  const direction = maximize ? grad.neg() : grad;
  return weightDecay === 0 ? direction : direction.add(param.mul(weightDecay));
}

/** Names the first option that is below 0. */
export function negative(options: Readonly<Record<string, number>>): string | null {
  const found = Object.entries(options).find(([, value]) => !(value >= 0));
  return found === undefined ? null : `expected ${found[0]} of at least 0, got ${found[1]}`;
}

export interface RMSpropOptions extends DecayOptions {
  /** How much of the running mean of the squares is kept. Default 0.99. */
  alpha: number;
  eps: number;
  momentum: number;
  /** Whether the squares' mean is centred, to a variance. Default false. */
  centered: boolean;
}

const rmspropDefaults = {
  lr: 1e-2,
  alpha: 0.99,
  eps: 1e-8,
  weightDecay: 0,
  momentum: 0,
  centered: false,
  maximize: false,
};

/**
 * v = alpha * v + (1 - alpha) * g^2, p -= lr * g / (sqrt(v) + eps) (https://pytorch.org/docs/stable/generated/torch.optim.RMSprop.html).
 *
 * @example const optimizer = new RMSprop(model.parameters(), { lr: 1e-2 });
 */
export class RMSprop extends Optimizer<RMSpropOptions> {
  constructor(
    params: Iterable<Tensor> | Iterable<ParamGroupOptions<RMSpropOptions>>,
    options: Partial<RMSpropOptions> = {},
  ) {
    super(params, { ...rmspropDefaults, ...options });
  }

  protected override check({ lr, alpha, eps, weightDecay, momentum }: RMSpropOptions): string | null {
    return negative({ lr, alpha, eps, weightDecay, momentum });
  }

  protected override initialState(param: Tensor, { momentum, centered }: RMSpropOptions): ParamState {
    const state: ParamState = { square_avg: zerosFor(param) };
    if (momentum > 0) state['momentum_buffer'] = zerosFor(param);
    if (centered) state['grad_avg'] = zerosFor(param);
    return state;
  }

  protected override update(updates: readonly Update[], group: ParamGroup<RMSpropOptions>): void {
    const { lr, alpha, eps, momentum, centered } = group;
    for (const update of updates) {
      const { param, state } = update;
      const g = directionOf(update, group);
      const square = (state['square_avg'] as Tensor).mul(alpha).add(g.mul(g).mul(1 - alpha));
      (state['square_avg'] as Tensor).copy_(square);
      let spread = square;
      if (centered) {
        state['grad_avg'] ??= zerosFor(param);
        const mean = state['grad_avg'].mul(alpha).add(g.mul(1 - alpha));
        state['grad_avg'].copy_(mean);
        spread = square.sub(mean.mul(mean));
      }
      let step = g.div(spread.sqrt().add(eps));
      if (momentum > 0) {
        state['momentum_buffer'] ??= zerosFor(param);
        step = state['momentum_buffer'].mul(momentum).add(step);
        state['momentum_buffer'].copy_(step);
      }
      param.sub_(step.mul(lr));
    }
  }
}

export interface AdagradOptions extends DecayOptions {
  lrDecay: number;
  /** What the sums of squares begin at. Default 0. */
  initialAccumulatorValue: number;
  eps: number;
}

const adagradDefaults = {
  lr: 1e-2,
  lrDecay: 0,
  weightDecay: 0,
  initialAccumulatorValue: 0,
  eps: 1e-10,
  maximize: false,
};

/** s += g^2, p -= lr / (1 + t * lrDecay) * g / (sqrt(s) + eps) (Duchi et al. 2011, https://jmlr.org/papers/v12/duchi11a.html). */
export class Adagrad extends Optimizer<AdagradOptions> {
  constructor(
    params: Iterable<Tensor> | Iterable<ParamGroupOptions<AdagradOptions>>,
    options: Partial<AdagradOptions> = {},
  ) {
    super(params, { ...adagradDefaults, ...options });
  }

  protected override check({ lr, lrDecay, weightDecay, initialAccumulatorValue, eps }: AdagradOptions): string | null {
    return negative({ lr, lrDecay, weightDecay, initialAccumulatorValue, eps });
  }

  protected override initialState(param: Tensor, { initialAccumulatorValue }: AdagradOptions): ParamState {
    return { step: counterFor(param), sum: filledFor(param, initialAccumulatorValue) };
  }

  protected override update(updates: readonly Update[], group: ParamGroup<AdagradOptions>): void {
    const { lr, lrDecay, eps } = group;
    for (const update of updates) {
      const { param, state } = update;
      const g = directionOf(update, group);
      const before = state['step'] as Tensor;
      const rate = before.mul(lrDecay).add(1).reciprocal().mul(lr);
      const sum = (state['sum'] as Tensor).add(g.mul(g));
      before.copy_(before.add(1));
      (state['sum'] as Tensor).copy_(sum);
      param.sub_(g.mul(rate).div(sum.sqrt().add(eps)));
    }
  }
}

export interface AdadeltaOptions extends DecayOptions {
  /** How much of the running means is kept. Default 0.9. */
  rho: number;
  eps: number;
}

const adadeltaDefaults = { lr: 1, rho: 0.9, eps: 1e-6, weightDecay: 0, maximize: false };

/** Steps scaled by the ratio of the running root mean squares of steps and gradients (Zeiler 2012, https://arxiv.org/abs/1212.5701). */
export class Adadelta extends Optimizer<AdadeltaOptions> {
  constructor(
    params: Iterable<Tensor> | Iterable<ParamGroupOptions<AdadeltaOptions>>,
    options: Partial<AdadeltaOptions> = {},
  ) {
    super(params, { ...adadeltaDefaults, ...options });
  }

  protected override check({ lr, rho, eps, weightDecay }: AdadeltaOptions): string | null {
    if (!(rho >= 0 && rho <= 1)) return `expected rho in [0, 1], got ${rho}`;
    return negative({ lr, eps, weightDecay });
  }

  protected override initialState(param: Tensor): ParamState {
    return { square_avg: zerosFor(param), acc_delta: zerosFor(param) };
  }

  protected override update(updates: readonly Update[], group: ParamGroup<AdadeltaOptions>): void {
    const { lr, rho, eps } = group;
    for (const update of updates) {
      const { param, state } = update;
      const g = directionOf(update, group);
      const [squares, deltas] = [state['square_avg'] as Tensor, state['acc_delta'] as Tensor];
      const square = squares.mul(rho).add(g.mul(g).mul(1 - rho));
      const delta = deltas.add(eps).sqrt().div(square.add(eps).sqrt()).mul(g);
      squares.copy_(square);
      deltas.copy_(deltas.mul(rho).add(delta.mul(delta).mul(1 - rho)));
      param.sub_(delta.mul(lr));
    }
  }
}

export interface RpropOptions extends BaseOptions {
  /** Factors of the step where the gradient changed its sign, and where it kept it. Default [0.5, 1.2]. */
  etas: readonly [number, number];
  /** The least and the largest step. Default [1e-6, 50]. */
  stepSizes: readonly [number, number];
  maximize: boolean;
}

const rpropDefaults = { lr: 1e-2, etas: [0.5, 1.2], stepSizes: [1e-6, 50], maximize: false } as const;

/** Steps by the gradient's sign alone, that grow while it stays (Riedmiller and Braun 1993). The first steps are lr. */
export class Rprop extends Optimizer<RpropOptions> {
  constructor(
    params: Iterable<Tensor> | Iterable<ParamGroupOptions<RpropOptions>>,
    options: Partial<RpropOptions> = {},
  ) {
    super(params, { ...rpropDefaults, ...options });
  }

  protected override check({ lr, etas: [less, more] }: RpropOptions): string | null {
    if (!(less > 0 && less < 1 && more > 1)) return `expected etas in (0, 1) and above 1, got ${less} and ${more}`;
    return negative({ lr });
  }

  protected override initialState(param: Tensor, { lr }: RpropOptions): ParamState {
    return { prev: zerosFor(param), step_size: filledFor(param, lr) };
  }

  protected override update(updates: readonly Update[], group: ParamGroup<RpropOptions>): void {
    const [less, more] = group.etas;
    const [least, most] = group.stepSizes;
    for (const { param, grad, state } of updates) {
      const given = group.maximize ? grad.neg() : grad;
      const [prev, size] = [state['prev'] as Tensor, state['step_size'] as Tensor];
      const agreement = given.mul(prev).sign();
      const factor = where(agreement.gt(0), more, where(agreement.lt(0), less, 1));
      const step = size.mul(factor).clamp(least, most);
      // Where the sign changed, the step is left out, and counts as none the next time.
      const g = where(agreement.lt(0), zerosLike(given), given);
      size.copy_(step);
      prev.copy_(g);
      param.sub_(g.sign().mul(step));
    }
  }
}

/** Adam's relatives: Adamax, NAdam, RAdam; and averaged gradient descent. Each parameter counts its own steps, on the device. */
import { type Tensor, where } from '@torchlet/tensor';
import { directionOf, negative } from './accumulating.js';
import {
  type BaseOptions,
  counterFor,
  Optimizer,
  type ParamGroup,
  type ParamGroupOptions,
  type ParamState,
  type Update,
  zerosFor,
} from './optimizer.js';

interface MomentOptions extends BaseOptions {
  /** How much of the running moments is kept. Default [0.9, 0.999]. */
  betas: readonly [number, number];
  eps: number;
  weightDecay: number;
  maximize: boolean;
}

function checkMoments({ lr, betas: [beta1, beta2], eps, weightDecay }: MomentOptions): string | null {
  if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1))
    return `expected betas in [0, 1), got ${beta1} and ${beta2}`;
  return negative({ lr, eps, weightDecay });
}

/** 1 - beta^t, without the digits that the subtraction would lose. */
const correction = (t: Tensor, beta: number): Tensor => t.mul(Math.log(beta)).expm1().neg();

function counted(state: ParamState): Tensor {
  const step = state['step'] as Tensor;
  const t = step.add(1);
  step.copy_(t);
  return t;
}

/** The running mean of `key`, moved towards `value`. */
function moved(state: ParamState, key: string, value: Tensor, beta: number): Tensor {
  const running = state[key] as Tensor;
  const next = running.mul(beta).add(value.mul(1 - beta));
  running.copy_(next);
  return next;
}

export type AdamaxOptions = MomentOptions;

const adamaxDefaults = { lr: 2e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false } as const;

/** Adam with the largest gradient so far, slowly forgotten, in place of the mean square (https://arxiv.org/abs/1412.6980). */
export class Adamax extends Optimizer<AdamaxOptions> {
  constructor(
    params: Iterable<Tensor> | Iterable<ParamGroupOptions<AdamaxOptions>>,
    options: Partial<AdamaxOptions> = {},
  ) {
    super(params, { ...adamaxDefaults, ...options });
  }

  protected override check(options: AdamaxOptions): string | null {
    return checkMoments(options);
  }

  protected override initialState(param: Tensor): ParamState {
    return { step: counterFor(param), exp_avg: zerosFor(param), exp_inf: zerosFor(param) };
  }

  protected override update(updates: readonly Update[], group: ParamGroup<AdamaxOptions>): void {
    const { lr, betas, eps } = group;
    const [beta1, beta2] = betas;
    for (const update of updates) {
      const { param, state } = update;
      const g = directionOf(update, group);
      const t = counted(state);
      const mean = moved(state, 'exp_avg', g, beta1);
      const largest = (state['exp_inf'] as Tensor).mul(beta2).maximum(g.abs().add(eps));
      (state['exp_inf'] as Tensor).copy_(largest);
      param.sub_(mean.mul(correction(t, beta1).reciprocal().mul(lr)).div(largest));
    }
  }
}

export interface NAdamOptions extends MomentOptions {
  /** How fast the momentum reaches beta1. Default 4e-3. */
  momentumDecay: number;
}

const nadamDefaults = {
  lr: 2e-3,
  betas: [0.9, 0.999],
  eps: 1e-8,
  weightDecay: 0,
  momentumDecay: 4e-3,
  maximize: false,
} as const;

/** Adam that looks ahead along the momentum (Dozat 2016, https://openreview.net/forum?id=OM0jvwB8jIp57ZJjtNEZ). */
export class NAdam extends Optimizer<NAdamOptions> {
  constructor(
    params: Iterable<Tensor> | Iterable<ParamGroupOptions<NAdamOptions>>,
    options: Partial<NAdamOptions> = {},
  ) {
    super(params, { ...nadamDefaults, ...options });
  }

  protected override check(options: NAdamOptions): string | null {
    return checkMoments(options) ?? negative({ momentumDecay: options.momentumDecay });
  }

  protected override initialState(param: Tensor): ParamState {
    return {
      step: counterFor(param),
      mu_product: counterFor(param, 1),
      exp_avg: zerosFor(param),
      exp_avg_sq: zerosFor(param),
    };
  }

  protected override update(updates: readonly Update[], group: ParamGroup<NAdamOptions>): void {
    const { lr, betas, eps, momentumDecay } = group;
    const [beta1, beta2] = betas;
    const momentum = (t: Tensor): Tensor =>
      t
        .mul(momentumDecay * Math.log(0.96))
        .exp()
        .mul(-0.5)
        .add(1)
        .mul(beta1);
    for (const update of updates) {
      const { param, state } = update;
      const g = directionOf(update, group);
      const t = counted(state);
      const [mu, next] = [momentum(t), momentum(t.add(1))];
      const product = (state['mu_product'] as Tensor).mul(mu);
      (state['mu_product'] as Tensor).copy_(product);
      const mean = moved(state, 'exp_avg', g, beta1);
      const square = moved(state, 'exp_avg_sq', g.mul(g), beta2);
      const spread = square.mul(correction(t, beta2).reciprocal()).sqrt().add(eps);
      const ofGradient = mu.neg().add(1).div(product.neg().add(1)).mul(lr);
      const ofMean = next.div(product.mul(next).neg().add(1)).mul(lr);
      param.sub_(g.mul(ofGradient).add(mean.mul(ofMean)).div(spread));
    }
  }
}

export type RAdamOptions = MomentOptions;

const radamDefaults = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, maximize: false } as const;

/** Adam that scales only once the variance of its scale can be told (Liu et al. 2020, https://arxiv.org/abs/1908.03265). */
export class RAdam extends Optimizer<RAdamOptions> {
  constructor(
    params: Iterable<Tensor> | Iterable<ParamGroupOptions<RAdamOptions>>,
    options: Partial<RAdamOptions> = {},
  ) {
    super(params, { ...radamDefaults, ...options });
  }

  protected override check(options: RAdamOptions): string | null {
    return checkMoments(options);
  }

  protected override initialState(param: Tensor): ParamState {
    return { step: counterFor(param), exp_avg: zerosFor(param), exp_avg_sq: zerosFor(param) };
  }

  protected override update(updates: readonly Update[], group: ParamGroup<RAdamOptions>): void {
    const { lr, betas, eps } = group;
    const [beta1, beta2] = betas;
    const longest = 2 / (1 - beta2) - 1;
    for (const update of updates) {
      const { param, state } = update;
      const g = directionOf(update, group);
      const t = counted(state);
      const mean = moved(state, 'exp_avg', g, beta1);
      const square = moved(state, 'exp_avg_sq', g.mul(g), beta2);
      const unbiased = mean.mul(correction(t, beta1).reciprocal());
      const second = correction(t, beta2);
      // The length of the simple moving average that the exponential one stands for.
      const length = t.mul(second.neg().add(1)).mul(2).div(second).neg().add(longest);
      const known = length.gt(5);
      const safe = where(known, length, 6);
      const rectified = safe
        .sub(4)
        .mul(safe.sub(2))
        .mul(longest)
        .div(safe.mul((longest - 4) * (longest - 2)))
        .sqrt();
      const adaptive = second.sqrt().div(square.sqrt().add(eps)).mul(rectified);
      param.sub_(unbiased.mul(where(known, adaptive, 1)).mul(lr));
    }
  }
}

export interface ASGDOptions extends BaseOptions {
  /** Decay of the parameters. Default 1e-4. */
  lambd: number;
  /** Power by which the rate decays. Default 0.75. */
  alpha: number;
  /** The step from which on parameters are averaged. Default 1e6. */
  t0: number;
  weightDecay: number;
  maximize: boolean;
}

const asgdDefaults = { lr: 1e-2, lambd: 1e-4, alpha: 0.75, t0: 1e6, weightDecay: 0, maximize: false };

/** Gradient descent with a rate that decays, and the mean of the parameters from step t0 on as `ax` (Polyak and Juditsky 1992). */
export class ASGD extends Optimizer<ASGDOptions> {
  constructor(params: Iterable<Tensor> | Iterable<ParamGroupOptions<ASGDOptions>>, options: Partial<ASGDOptions> = {}) {
    super(params, { ...asgdDefaults, ...options });
  }

  protected override check({ lr, weightDecay }: ASGDOptions): string | null {
    return negative({ lr, weightDecay });
  }

  protected override initialState(param: Tensor, { lr }: ASGDOptions): ParamState {
    return {
      step: counterFor(param),
      eta: counterFor(param, lr),
      mu: counterFor(param, 1),
      ax: zerosFor(param),
    };
  }

  protected override update(updates: readonly Update[], group: ParamGroup<ASGDOptions>): void {
    const { lr, lambd, alpha, t0 } = group;
    for (const update of updates) {
      const { param, state } = update;
      const g = directionOf(update, group);
      const t = counted(state);
      const [eta, mu, mean] = [state['eta'] as Tensor, state['mu'] as Tensor, state['ax'] as Tensor];
      const next = param.mul(eta.mul(-lambd).add(1)).sub(g.mul(eta));
      mean.copy_(where(mu.eq(1), next, mean.add(next.sub(mean).mul(mu))));
      eta.copy_(
        t
          .mul(lambd * lr)
          .add(1)
          .log()
          .mul(-alpha)
          .exp()
          .mul(lr),
      );
      mu.copy_(t.sub(t0).clamp(1).reciprocal());
      param.copy_(next);
    }
  }
}

/** Adam and AdamW: steps scaled by running moments of the gradient. */
import type { Tensor } from '@torchlet/tensor';
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

export interface AdamOptions extends BaseOptions {
  /** How much of the running mean of the gradient, and of its square, is kept. Default [0.9, 0.999]. */
  betas: readonly [number, number];
  /** Added to the root of the second moment. Default 1e-8. */
  eps: number;
  /** Default 0 for Adam, where it is added to the gradient, and 0.01 for AdamW, where it shrinks the parameter. */
  weightDecay: number;
  /** Scales by the largest second moment so far (Reddi et al. 2018, https://openreview.net/forum?id=ryQu7f-RZ). Default false. */
  amsgrad: boolean;
  /** Climbs instead. Default false. */
  maximize: boolean;
}

const defaults = { lr: 1e-3, betas: [0.9, 0.999], eps: 1e-8, weightDecay: 0, amsgrad: false, maximize: false } as const;

/**
 * m = beta1 * m + (1 - beta1) * g, v = beta2 * v + (1 - beta2) * g^2, p -= lr * m^ / (sqrt(v^) + eps), with m^ and v^ corrected for starting at 0
 * (Kingma and Ba 2015, https://arxiv.org/abs/1412.6980).
 *
 * @example const optimizer = new Adam(model.parameters(), { lr: 1e-3 });
 */
export class Adam extends Optimizer<AdamOptions> {
  constructor(params: Iterable<Tensor> | Iterable<ParamGroupOptions<AdamOptions>>, options: Partial<AdamOptions> = {}) {
    super(params, { ...defaults, ...options });
  }

  protected override check({ lr, betas: [beta1, beta2], eps, weightDecay }: AdamOptions): string | null {
    if (!(lr >= 0)) return `expected an lr of at least 0, got ${lr}`;
    if (!(beta1 >= 0 && beta1 < 1 && beta2 >= 0 && beta2 < 1))
      return `expected betas in [0, 1), got ${beta1} and ${beta2}`;
    if (!(eps >= 0)) return `expected an eps of at least 0, got ${eps}`;
    if (!(weightDecay >= 0)) return `expected a weightDecay of at least 0, got ${weightDecay}`;
    return null;
  }

  /** Whether weight decay shrinks the parameter itself, rather than being part of its gradient. */
  protected get decoupled(): boolean {
    return false;
  }

  protected override initialState(param: Tensor, { amsgrad }: AdamOptions, group: readonly Tensor[]): ParamState {
    // Parameters that always step together count together.
    const [first] = group;
    const step = (first !== undefined && this.state.get(first)?.['step']) || counterFor(param);
    const state: ParamState = { step, exp_avg: zerosFor(param), exp_avg_sq: zerosFor(param) };
    if (amsgrad) state['max_exp_avg_sq'] = zerosFor(param);
    return state;
  }

  protected override update(updates: readonly Update[], group: ParamGroup<AdamOptions>): void {
    this.#separate(updates, group);
    const together = new Map<Tensor, Update[]>();
    for (const update of updates) {
      const step = update.state['step'] as Tensor;
      const others = together.get(step);
      if (others === undefined) together.set(step, [update]);
      else others.push(update);
    }
    for (const [step, members] of together) {
      const t = step.add(1);
      step.copy_(t);
      const [beta1, beta2] = group.betas;
      const scale = correction(t, beta1).reciprocal().mul(group.lr);
      const spread = correction(t, beta2).rsqrt();
      for (const update of members) this.#move(update, scale, spread, group);
    }
  }

  /** Parameters without a gradient in this step keep their count. */
  #separate(updates: readonly Update[], { params }: ParamGroup<AdamOptions>): void {
    if (updates.length === params.length) return;
    const moving = new Set(updates.map(({ param }) => param));
    const counters = new Set(updates.map(({ state }) => state['step']));
    for (const param of params) {
      const state = this.stateOf(param);
      if (!moving.has(param) && counters.has(state['step'])) state['step'] = (state['step'] as Tensor).clone().store();
    }
  }

  /** @param scale lr / (1 - beta1^t) @param spread 1 / sqrt(1 - beta2^t) */
  #move({ param, grad, state }: Update, scale: Tensor, spread: Tensor, group: ParamGroup<AdamOptions>): void {
    const { lr, betas, eps, weightDecay, amsgrad, maximize } = group;
    const [beta1, beta2] = betas;
    const { exp_avg: mean, exp_avg_sq: square } = state as { exp_avg: Tensor; exp_avg_sq: Tensor };
    let g = maximize ? grad.neg() : grad;
    let p = param;
    if (weightDecay !== 0 && this.decoupled) p = param.mul(1 - lr * weightDecay);
    else if (weightDecay !== 0) g = g.add(param.mul(weightDecay));
    const m = mean.mul(beta1).add(g.mul(1 - beta1));
    const v = square.mul(beta2).add(g.mul(g).mul(1 - beta2));
    let largest = v;
    if (amsgrad) {
      state['max_exp_avg_sq'] ??= zerosFor(param);
      largest = state['max_exp_avg_sq'].maximum(v);
      state['max_exp_avg_sq'].copy_(largest);
    }
    mean.copy_(m);
    square.copy_(v);
    param.copy_(p.sub(m.mul(scale).div(largest.sqrt().mul(spread).add(eps))));
  }
}

/** 1 - beta^t, without the digits that the subtraction would lose. */
function correction(t: Tensor, beta: number): Tensor {
  return t.mul(Math.log(beta)).expm1().neg();
}

/**
 * Adam with weight decay apart from the gradient: p -= lr * weightDecay * p (Loshchilov and Hutter 2019, https://arxiv.org/abs/1711.05101).
 *
 * @example const optimizer = new AdamW(model.parameters(), { lr: 1e-3, weightDecay: 0.01 });
 */
export class AdamW extends Adam {
  constructor(params: Iterable<Tensor> | Iterable<ParamGroupOptions<AdamOptions>>, options: Partial<AdamOptions> = {}) {
    super(params, { weightDecay: 0.01, ...options });
  }

  protected override get decoupled(): boolean {
    return true;
  }
}

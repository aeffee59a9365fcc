/** Stochastic gradient descent with momentum. */
import type { Tensor } from '@torchlet/tensor';
import {
  type BaseOptions,
  Optimizer,
  type OptimizerState,
  type ParamGroup,
  type ParamGroupOptions,
  type ParamState,
  type Update,
  zerosFor,
} from './optimizer.js';

export interface SGDOptions extends BaseOptions {
  /** Part of the last update's direction that is kept. Default 0. */
  momentum: number;
  /** Part of the gradient that momentum leaves out. Default 0. */
  dampening: number;
  /** Part of the parameter that is added to its gradient. Default 0. */
  weightDecay: number;
  /** Looks ahead along the momentum (Nesterov). Default false. */
  nesterov: boolean;
  /** Climbs instead. Default false. */
  maximize: boolean;
}

const defaults = { momentum: 0, dampening: 0, weightDecay: 0, nesterov: false, maximize: false };

/**
 * p -= lr * g, or along a running direction b = momentum * b + (1 - dampening) * g (https://pytorch.org/docs/stable/generated/torch.optim.SGD.html).
 *
 * @example const optimizer = new SGD(model.parameters(), { lr: 0.1, momentum: 0.9 });
 */
export class SGD extends Optimizer<SGDOptions> {
  /** Parameters whose running direction has begun: the first gradient begins it undamped. */
  readonly #begun = new Set<Tensor>();

  constructor(
    params: Iterable<Tensor> | Iterable<ParamGroupOptions<SGDOptions>>,
    options: Partial<SGDOptions> & { readonly lr: number },
  ) {
    super(params, { ...defaults, ...options });
  }

  protected override check({ lr, momentum, dampening, weightDecay, nesterov }: SGDOptions): string | null {
    if (!(lr >= 0)) return `expected an lr of at least 0, got ${lr}`;
    if (!(momentum >= 0)) return `expected a momentum of at least 0, got ${momentum}`;
    if (!(weightDecay >= 0)) return `expected a weightDecay of at least 0, got ${weightDecay}`;
    if (nesterov && (momentum === 0 || dampening !== 0)) return 'nesterov needs a momentum and no dampening';
    return null;
  }

  protected override initialState(param: Tensor, { momentum }: SGDOptions): ParamState {
    return momentum === 0 ? {} : { momentum_buffer: zerosFor(param) };
  }

  protected override update(updates: readonly Update[], group: ParamGroup<SGDOptions>): void {
    const { lr, momentum, dampening, weightDecay, nesterov, maximize } = group;
    for (const { param, grad, state } of updates) {
      let direction = maximize ? grad.neg() : grad;
      if (weightDecay !== 0) direction = direction.add(param.mul(weightDecay));
      if (momentum !== 0) {
        state['momentum_buffer'] ??= zerosFor(param);
        const kept = dampening === 0 ? direction : direction.mul(this.#begun.has(param) ? 1 - dampening : 1);
        const buffer = state['momentum_buffer'].mul(momentum).add(kept);
        state['momentum_buffer'].copy_(buffer);
        this.#begun.add(param);
        direction = nesterov ? direction.add(buffer.mul(momentum)) : buffer;
      }
      param.sub_(direction.mul(lr));
    }
  }

  /** Without running directions that have not begun. */
  override stateDict(): OptimizerState {
    const { state, paramGroups } = super.stateDict();
    const begun = [...this.state.keys()].map(
      (param, i) => [i, this.#begun.has(param) ? (state[i] ?? {}) : {}] as const,
    );
    return { state: Object.fromEntries(begun), paramGroups };
  }

  override loadStateDict(saved: OptimizerState): void {
    super.loadStateDict(saved);
    [...this.state.keys()].forEach((param, i) => {
      if (saved.state[i]?.['momentum_buffer'] === undefined) this.#begun.delete(param);
      else this.#begun.add(param);
    });
  }
}

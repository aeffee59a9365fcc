/**
 * What optimisers share: groups of parameters with options, state by parameter, and a step that evaluates. As in PyTorch
 * (https://pytorch.org/docs/stable/optim.html). Owns the bookkeeping and state dicts; each algorithm is a file of its own.
 */
import {
  compiledWhile,
  dtypes,
  enableGrad,
  fromHost,
  noGrad,
  type Shape,
  spendGradients,
  composed,
  type DType,
  Tensor,
  tensor as tensorOf,
  where,
} from '@torchlet/tensor';

/** Options of an algorithm: numbers that schedules may change, and flags. */
export interface BaseOptions {
  /** Learning rate. */
  lr: number;
}

/** Parameters that share options. Changing an option takes effect with the next step. */
export type ParamGroup<Options extends BaseOptions> = Options & { readonly params: readonly Tensor[] };

/** Parameters with options that differ from the defaults. */
export type ParamGroupOptions<Options extends BaseOptions> = Partial<Options> & { readonly params: Iterable<Tensor> };

/** State of one parameter by PyTorch's names: `exp_avg`, `momentum_buffer`. Tensors are stored, and updated in place; parameters may share one. */
export type ParamState = Record<string, Tensor>;

/** As PyTorch's: parameters by their position over all groups. */
export interface OptimizerState {
  readonly state: Readonly<Record<number, Readonly<ParamState>>>;
  readonly paramGroups: readonly (Readonly<Record<string, unknown>> & { readonly params: readonly number[] })[];
}

/** A parameter, its gradient in this step, and its state. */
export interface Update {
  readonly param: Tensor;
  readonly grad: Tensor;
  readonly state: ParamState;
}

export abstract class Optimizer<Options extends BaseOptions = BaseOptions> {
  readonly paramGroups: ParamGroup<Options>[] = [];
  readonly state = new Map<Tensor, ParamState>();
  /** A 0-d bool: where it is true `step()` changes nothing. A `GradScaler` sets it for a step; nothing is read to decide. */
  foundInf: Tensor | null = null;
  readonly #defaults: Options;

  /**
   * @param params parameters, or groups of them with options of their own.
   * @throws TypeError without parameters, or for one that is the result of an operation.
   */
  constructor(params: Iterable<Tensor> | Iterable<ParamGroupOptions<Options>>, defaults: Options) {
    this.#defaults = defaults;
    const given = [...params];
    if (given.length === 0) throw new TypeError(`${this.constructor.name}: expected parameters, got none`);
    const groups = given.filter((entry): entry is ParamGroupOptions<Options> => 'params' in entry);
    if (groups.length === 0) this.addParamGroup({ params: given } as unknown as ParamGroupOptions<Options>);
    else for (const group of groups) this.addParamGroup(group);
  }

  /** Names a problem with an option. */
  protected abstract check(options: Options): string | null;

  /** The state of a parameter before the first step. It exists from the beginning, so that the first step has the plan of the thousandth. */
  protected abstract initialState(param: Tensor, options: Options, group: readonly Tensor[]): ParamState;

  /** Records the new values of `updates` with in-place operations. Gradients are not recorded here. */
  protected abstract update(updates: readonly Update[], group: ParamGroup<Options>): void;

  /** Adds parameters to be trained from now on. @throws TypeError for a parameter that is here already. */
  addParamGroup({ params, ...options }: ParamGroupOptions<Options>): void {
    const group = { ...this.#defaults, ...options, params: [...params] } as unknown as ParamGroup<Options>;
    const problem = this.check(group);
    const { name } = this.constructor;
    if (problem !== null) throw new RangeError(`${name}: ${problem}`);
    for (const param of group.params) {
      const shape = `[${param.shape.join(', ')}]`;
      if (!param.isLeaf)
        throw new TypeError(`${name}: expected leaves, got the result of an operation, of shape ${shape}`);
      if (this.state.has(param)) throw new TypeError(`${name}: a parameter of shape ${shape} is given twice`);
      this.state.set(param, this.initialState(param, group, group.params));
    }
    this.paramGroups.push(group);
  }

  /**
   * Updates every parameter that has a gradient, and evaluates: forward pass, backward pass and updates run as one program. Gradients that were
   * not read before are fused into the update and can't be read afterwards.
   *
   * @param closure computes the loss and its gradients anew.
   * @returns what the closure returned
   */
  step(): undefined;
  step(closure: () => Tensor): Tensor;
  step(closure?: () => Tensor): Tensor | undefined {
    const loss = closure === undefined ? undefined : enableGrad(closure);
    const spent: Tensor[] = [];
    const record = () => {
      for (const group of this.paramGroups) {
        const updates: Update[] = [];
        for (const param of group.params) {
          const { grad } = param;
          if (grad === null) continue;
          updates.push({ param, grad, state: this.stateOf(param) });
          spent.push(param);
        }
        if (updates.length > 0) this.#updateUnlessFound(updates, group);
      }
    };
    compiledWhile(this, () => this.#conditions());
    composed(() => noGrad(record));
    spendGradients(spent);
    return loss;
  }

  /** What decides the updates besides tensors. */
  #conditions(): unknown[] {
    return [this.foundInf, ...this.paramGroups.flatMap((group) => Object.values(group).flat())];
  }

  #updateUnlessFound(updates: readonly Update[], group: ParamGroup<Options>): void {
    const { foundInf } = this;
    if (foundInf === null) {
      this.update(updates, group);
      return;
    }
    const written = new Set(updates.flatMap(({ param, state }) => [param, ...Object.values(state)]));
    const before = [...written].map((target) => [target, new Tensor(target.node, target.runtime)] as const);
    this.update(updates, group);
    for (const [target, value] of before) target.copy_(where(foundInf, value, target));
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const { params } of this.paramGroups) for (const param of params) param.grad = null;
  }

  /** @throws RangeError for a parameter that is not trained here. */
  protected stateOf(param: Tensor): ParamState {
    const state = this.state.get(param);
    if (state === undefined) throw new RangeError(`${this.constructor.name}: no such parameter`);
    return state;
  }

  /** Options and state, by PyTorch's names. The tensors are the optimiser's own: they change with the next step. */
  stateDict(): OptimizerState {
    const positions = new Map([...this.state.keys()].map((param, position) => [param, position]));
    const state = Object.fromEntries([...this.state.values()].map((entries, position) => [position, { ...entries }]));
    const paramGroups = this.paramGroups.map(({ params, ...options }) => ({
      ...options,
      params: params.map((param) => positions.get(param) as number),
    }));
    return { state, paramGroups };
  }

  /**
   * Takes over options and state of an optimiser of the same kind with the same groups.
   *
   * @throws Error that says what differs: numbers of groups or parameters, names or shapes of state.
   */
  loadStateDict({ state, paramGroups }: OptimizerState): void {
    const { name } = this.constructor;
    const sizes = (groups: readonly { readonly params: readonly unknown[] }[]) =>
      groups.map(({ params }) => params.length).join(', ');
    if (sizes(paramGroups) !== sizes(this.paramGroups)) {
      throw new Error(
        `${name}.loadStateDict: expected groups of ${sizes(this.paramGroups)} parameters, got ${sizes(paramGroups)}`,
      );
    }
    const own = [...this.state.values()];
    for (const [position, entries] of own.entries()) checkState(name, position, entries, state[position] ?? {});
    const sources = new Map<Tensor, Tensor>();
    noGrad(() => {
      own.forEach((entries, position) => {
        for (const [key, value] of Object.entries(state[position] ?? {})) {
          const present = entries[key] as Tensor;
          const shared = sources.has(present) && sources.get(present) !== value;
          const target = shared ? stored(present.shape, present.dtype, present) : present;
          entries[key] = target.copy_(value);
          sources.set(target, value);
        }
      });
    });
    paramGroups.forEach(({ params: _, ...options }, i) => {
      Object.assign(this.paramGroups[i] as object, options);
    });
  }
}

function checkState(name: string, position: number, own: Readonly<ParamState>, given: Readonly<ParamState>): void {
  for (const [key, { shape }] of Object.entries(given)) {
    const expected = own[key]?.shape;
    if (expected === undefined) {
      throw new Error(
        `${name}.loadStateDict: parameter ${position} has no state ${key}, but ${Object.keys(own).join(', ') || 'none'}`,
      );
    }
    if (expected.length !== shape.length || expected.some((length, axis) => length !== shape[axis])) {
      throw new Error(
        `${name}.loadStateDict: expected ${key} of parameter ${position} of shape [${expected.join(', ')}], got [${shape.join(', ')}]`,
      );
    }
  }
}

/** `value` everywhere, with an address of its own, of a parameter's shape and dtype and on its device. */
export function filledFor(param: Tensor, value: number): Tensor {
  return stored(param.shape, param.dtype, param, value);
}

export function zerosFor(param: Tensor): Tensor {
  return stored(param.shape, param.dtype, param);
}

/** A stored 0-d number beside a parameter. */
export function counterFor(param: Tensor, value = 0): Tensor {
  return stored([], 'float32', param, value);
}

function stored(shape: Shape, dtype: DType, beside: Tensor, value = 0): Tensor {
  const size = shape.reduce((product, length) => product * length, 1);
  const device = beside.runtime?.device;
  if (value === 0) return fromHost(dtypes[dtype].zeros(size), shape, dtype, { device }).store();
  return tensorOf(new Float64Array(size).fill(value), { shape, dtype, device }).store();
}

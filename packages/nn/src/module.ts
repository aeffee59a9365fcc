/**
 * Module: what has parameters and a `forward`. As in PyTorch (https://pytorch.org/docs/stable/generated/torch.nn.Module.html), but parameters and
 * modules belong to it by being its fields. Owns the tree: names, modes, moving, state dicts, printing. The way around `forward` is `forward.ts`,
 * how members are found is `members.ts`.
 */
import { type Device, noGrad, type Tensor } from '@torchlet/tensor';
import { type ForwardHook, type ForwardPreHook, type Hooks, wrapped } from './forward.js';
import { announce, isModule, membersOf, type Named } from './members.js';
import { Parameter } from './parameter.js';
import { checkStateDict, type LoadResult, type StateDict } from './state-dict.js';

/** A module from one tensor to one tensor, as most layers are. */
export interface TensorModule extends Module {
  forward(input: Tensor): Tensor;
}

interface Buffer {
  readonly tensor: Tensor;
  readonly persistent: boolean;
}

/** Takes a hook away again. */
export interface HookHandle {
  remove(): void;
}

/**
 * The base of layers and models. Assign parameters, modules, or arrays of them to fields, and write `forward`.
 *
 * @example
 * class Classifier extends Module {
 *   readonly hidden = new Linear(784, 32);
 *   readonly output = new Linear(32, 10);
 *   forward(images: Tensor): Tensor {
 *     return this.output.forward(relu(this.hidden.forward(images.flatten(1))));
 *   }
 * }
 */
export abstract class Module {
  /** Whether layers such as dropout behave as in training. Set it with `train()` and `eval()`. */
  training = true;
  readonly #hooks: Hooks = { before: new Set(), after: new Set() };
  readonly #buffers = new Map<string, Buffer>();
  readonly #bufferSet = new Set<object>();

  constructor() {
    announce(this);
    // An own property shadows the method of the class, whichever subclass wrote it; `super.forward` still reaches the bare one.
    Object.defineProperty(this, 'forward', {
      value: wrapped(this, this.forward, this.#hooks),
      configurable: true,
      writable: true,
      enumerable: false,
    });
  }

  /**
   * Computes the module's output: synchronous, since it records and never waits. When called from outside any module, what was pending is evaluated first,
   * and the results stay readable until the module's next ones.
   */
  abstract forward(...inputs: never[]): unknown;

  /** Names and values in which members are looked for. A container that keeps its modules elsewhere gives them here. */
  fields(): Iterable<Named<unknown>> {
    return Object.entries(this);
  }

  /** What stands between the brackets when the module is printed, for layers: `inFeatures=784, outFeatures=32`. */
  extraRepr(): string {
    return '';
  }

  /** Direct members that are modules. */
  namedChildren(): [string, Module][] {
    const children: [string, Module][] = [];
    for (const [name, member] of membersOf(this.fields())) if (isModule(member)) children.push([name, member]);
    return children;
  }

  children(): Module[] {
    return this.namedChildren().map(([, child]) => child);
  }

  /** This module (named `''`) and all below it, parents first, each once. */
  namedModules(): [string, Module][] {
    const seen = new Set<Module>();
    const found: [string, Module][] = [];
    for (const [name, module] of everyModule(this)) {
      if (seen.has(module)) continue;
      seen.add(module);
      found.push([name, module]);
    }
    return found;
  }

  modules(): Module[] {
    return this.namedModules().map(([, module]) => module);
  }

  /** Parameters with their names in the state dict, each once; with `recurse: false`, those of this module alone. */
  namedParameters({ recurse = true }: { readonly recurse?: boolean } = {}): [string, Parameter][] {
    const seen = new Set<Parameter>();
    const modules: Named<Module>[] = recurse ? this.namedModules() : [['', this]];
    const found: [string, Parameter][] = [];
    for (const [name, parameter] of modules.flatMap(([prefix, module]) => ownParameters(module, prefix))) {
      if (seen.has(parameter)) continue;
      seen.add(parameter);
      found.push([name, parameter]);
    }
    return found;
  }

  parameters(): Parameter[] {
    return this.namedParameters().map(([, parameter]) => parameter);
  }

  /** State that is not trained, such as running statistics. */
  namedBuffers({ recurse = true }: { readonly recurse?: boolean } = {}): [string, Tensor][] {
    const modules: Named<Module>[] = recurse ? this.namedModules() : [['', this]];
    return modules.flatMap(([prefix, module]) =>
      [...module.#buffers].map(([name, { tensor }]): [string, Tensor] => [joined(prefix, name), tensor]),
    );
  }

  buffers(): Tensor[] {
    return this.namedBuffers().map(([, buffer]) => buffer);
  }

  /** The registered buffers of this module alone. */
  buffersOf(): ReadonlySet<object> {
    return this.#bufferSet;
  }

  /**
   * Makes `tensor` part of the state dict under `name`, and moves it with the module. It is stored at an address of its own, to be changed in place.
   *
   * @param options.persistent false keeps it out of the state dict.
   * @returns the tensor
   */
  registerBuffer(name: string, tensor: Tensor, { persistent = true }: { readonly persistent?: boolean } = {}): Tensor {
    this.#buffers.set(name, { tensor: tensor.store(), persistent });
    this.#bufferSet.add(tensor);
    return tensor;
  }

  /** The module at a dotted path, such as `layers.0`. @throws RangeError where there is none. */
  getSubmodule(path: string): Module {
    const found = everyModule(this).find(([name]) => name === path);
    if (found === undefined) throw new RangeError(`getSubmodule: ${this.constructor.name} has no module '${path}'`);
    return found[1];
  }

  /** Runs `fn` on every module, children before parents. */
  apply(fn: (module: Module) => void): this {
    for (const child of this.children()) child.apply(fn);
    fn(this);
    return this;
  }

  /** Sets the mode of this module and all below: training, or evaluation with `false`. */
  train(mode = true): this {
    for (const module of this.modules()) module.training = mode;
    return this;
  }

  eval(): this {
    return this.train(false);
  }

  /** Whether all parameters are to be trained. */
  requiresGrad_(requiresGrad = true): this {
    for (const parameter of this.parameters()) parameter.requiresGrad_(requiresGrad);
    return this;
  }

  /** Forgets the gradients of all parameters. */
  zeroGrad(): void {
    for (const parameter of this.parameters()) parameter.grad = null;
  }

  /** Moves parameters and buffers to a device. They stay the same objects, so that optimisers made before keep them. */
  to(device: Device): this {
    for (const tensor of [...this.parameters(), ...this.buffers()]) tensor.to_(device);
    return this;
  }

  registerForwardPreHook(hook: ForwardPreHook): HookHandle {
    return added(this.#hooks.before, hook);
  }

  registerForwardHook(hook: ForwardHook): HookHandle {
    return added(this.#hooks.after, hook);
  }

  /** Parameters and persistent buffers by their names: PyTorch's keys. The tensors are the module's own: they change as it trains; `clone()` keeps a moment. */
  stateDict(): StateDict {
    const state: StateDict = {};
    for (const [prefix, module] of everyModule(this)) {
      for (const [name, parameter] of ownParameters(module, prefix)) state[name] = parameter;
      for (const [name, { tensor, persistent }] of module.#buffers) {
        if (persistent) state[joined(prefix, name)] = tensor;
      }
    }
    return state;
  }

  /**
   * Copies values into parameters and buffers, by name; dtypes are converted.
   *
   * @param options.strict false lets keys be missing or unexpected, and tells them.
   * @throws Error that lists every missing or unexpected key and every shape that does not fit; nothing is copied then.
   */
  loadStateDict(state: Readonly<StateDict>, { strict = true }: { readonly strict?: boolean } = {}): LoadResult {
    const own = this.stateDict();
    const result = checkStateDict(this.constructor.name, own, state, strict);
    noGrad(() => {
      for (const [name, tensor] of Object.entries(own)) {
        const value = state[name];
        if (value !== undefined) tensor.copy_(value);
      }
    });
    return result;
  }

  /** As PyTorch prints a module: its layers, one a line. */
  toString(): string {
    const extra = this.extraRepr();
    const children = this.namedChildren().map(([name, child]) => `(${name}): ${indented(child.toString())}`);
    const { name } = this.constructor;
    if (children.length === 0) return `${name}(${extra})`;
    const lines = extra === '' ? children : [extra, ...children];
    return `${name}(\n  ${lines.join('\n  ')}\n)`;
  }

  /** What `console.log` shows in Node. */
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
}

/** `module` and all below it under every name they have. */
function everyModule(module: Module, name = ''): Named<Module>[] {
  const below = module.namedChildren().flatMap(([key, child]) => everyModule(child, joined(name, key)));
  return [[name, module], ...below];
}

function ownParameters(module: Module, prefix: string): [string, Parameter][] {
  const found: [string, Parameter][] = [];
  for (const [name, member] of membersOf(module.fields())) {
    if (member instanceof Parameter) found.push([joined(prefix, name), member]);
  }
  return found;
}

function joined(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}.${name}`;
}

function indented(text: string): string {
  return text.replaceAll('\n', '\n  ');
}

function added<T>(hooks: Set<T>, hook: T): HookHandle {
  hooks.add(hook);
  return { remove: () => hooks.delete(hook) };
}

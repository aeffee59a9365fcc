/** Modules made of modules or parameters: one after the other, a list, a dictionary. Names are PyTorch's: positions or the given keys. */
import type { Tensor } from '@torchlet/tensor';
import type { Named } from './members.js';
import { Module, type TensorModule } from './module.js';
import type { Parameter } from './parameter.js';

/**
 * Layers, each fed with the output of the one before.
 *
 * @example
 * new Sequential(new Linear(784, 32), new ReLU(), new Linear(32, 10));
 * new Sequential({ hidden: new Linear(784, 32), act: new ReLU(), output: new Linear(32, 10) });
 */
export class Sequential extends Module {
  readonly #layers: Named<TensorModule>[];

  constructor(named: Readonly<Record<string, TensorModule>>);
  constructor(...layers: readonly TensorModule[]);
  constructor(...layers: readonly (TensorModule | Readonly<Record<string, TensorModule>>)[]) {
    super();
    const [first] = layers;
    const named = layers.length === 1 && first !== undefined && !(first instanceof Module);
    this.#layers = Object.entries(
      named ? (first as Readonly<Record<string, TensorModule>>) : (layers as TensorModule[]),
    );
  }

  get length(): number {
    return this.#layers.length;
  }

  /** @throws RangeError outside; negative positions count from the end. */
  at(position: number): TensorModule {
    const found = this.#layers.at(position);
    if (found === undefined)
      throw new RangeError(`Sequential: expected a position below ${this.length}, got ${position}`);
    return found[1];
  }

  append(layer: TensorModule): this {
    this.#layers.push([String(this.length), layer]);
    return this;
  }

  override fields(): Iterable<Named<unknown>> {
    return this.#layers;
  }

  override forward(input: Tensor): Tensor {
    let output = input;
    for (const [, layer] of this.#layers) output = layer.forward(output);
    return output;
  }

  [Symbol.iterator](): Iterator<TensorModule> {
    return this.#layers.map(([, layer]) => layer)[Symbol.iterator]();
  }
}

/** Modules in a list, for a model to call as it likes. An array in a field does the same. */
export class ModuleList<M extends Module = Module> extends Module {
  readonly #modules: M[];

  constructor(modules: Iterable<M> = []) {
    super();
    this.#modules = [...modules];
  }

  get length(): number {
    return this.#modules.length;
  }

  /** @throws RangeError outside; negative positions count from the end. */
  at(position: number): M {
    const found = this.#modules.at(position);
    if (found === undefined)
      throw new RangeError(`ModuleList: expected a position below ${this.length}, got ${position}`);
    return found;
  }

  append(module: M): this {
    this.#modules.push(module);
    return this;
  }

  override fields(): Iterable<Named<unknown>> {
    return Object.entries(this.#modules);
  }

  /** @throws TypeError always: the model that holds the list calls its modules. */
  override forward(): never {
    throw new TypeError('ModuleList: expected its modules to be called, got a call of the list itself');
  }

  [Symbol.iterator](): Iterator<M> {
    return this.#modules[Symbol.iterator]();
  }
}

/** Modules by name, for a model to call as it likes. */
export class ModuleDict<M extends Module = Module> extends Module {
  readonly #modules: Map<string, M>;

  constructor(modules: Readonly<Record<string, M>> = {}) {
    super();
    this.#modules = new Map(Object.entries(modules));
  }

  /** @throws RangeError where there is none of that name. */
  get(name: string): M {
    const found = this.#modules.get(name);
    if (found === undefined) {
      throw new RangeError(`ModuleDict: expected one of ${[...this.#modules.keys()].join(', ')}, got ${name}`);
    }
    return found;
  }

  set(name: string, module: M): this {
    this.#modules.set(name, module);
    return this;
  }

  override fields(): Iterable<Named<unknown>> {
    return this.#modules;
  }

  /** @throws TypeError always: the model that holds the dictionary calls its modules. */
  override forward(): never {
    throw new TypeError('ModuleDict: expected its modules to be called, got a call of the dictionary itself');
  }

  [Symbol.iterator](): Iterator<[string, M]> {
    return this.#modules[Symbol.iterator]();
  }
}

/** Parameters in a list, for a model to use as it likes. An array in a field does the same. */
export class ParameterList extends Module {
  readonly #parameters: Parameter[];

  constructor(parameters: Iterable<Parameter> = []) {
    super();
    this.#parameters = [...parameters];
  }

  get length(): number {
    return this.#parameters.length;
  }

  /** @throws RangeError outside; negative positions count from the end. */
  at(position: number): Parameter {
    const found = this.#parameters.at(position);
    if (found === undefined)
      throw new RangeError(`ParameterList: expected a position below ${this.length}, got ${position}`);
    return found;
  }

  append(parameter: Parameter): this {
    this.#parameters.push(parameter);
    return this;
  }

  override fields(): Iterable<Named<unknown>> {
    return Object.entries(this.#parameters);
  }

  /** @throws TypeError always: the model that holds the list uses its parameters. */
  override forward(): never {
    throw new TypeError('ParameterList: expected its parameters to be used, got a call of the list itself');
  }

  [Symbol.iterator](): Iterator<Parameter> {
    return this.#parameters[Symbol.iterator]();
  }
}

/** Parameters by name, for a model to use as it likes. */
export class ParameterDict extends Module {
  readonly #parameters: Map<string, Parameter>;

  constructor(parameters: Readonly<Record<string, Parameter>> = {}) {
    super();
    this.#parameters = new Map(Object.entries(parameters));
  }

  /** @throws RangeError where there is none of that name. */
  get(name: string): Parameter {
    const found = this.#parameters.get(name);
    if (found === undefined) {
      throw new RangeError(`ParameterDict: expected one of ${[...this.#parameters.keys()].join(', ')}, got ${name}`);
    }
    return found;
  }

  set(name: string, parameter: Parameter): this {
    this.#parameters.set(name, parameter);
    return this;
  }

  override fields(): Iterable<Named<unknown>> {
    return this.#parameters;
  }

  /** @throws TypeError always: the model that holds the dictionary uses its parameters. */
  override forward(): never {
    throw new TypeError('ParameterDict: expected its parameters to be used, got a call of the dictionary itself');
  }

  [Symbol.iterator](): Iterator<[string, Parameter]> {
    return this.#parameters[Symbol.iterator]();
  }
}

/**
 * Arguments of the golden format as what Torchlet's functions take: tensors with their views applied, numbers, dtypes, indices. Owns decoding,
 * and which tensors gradients are asked of; how a call is made of them is `call.ts`.
 */
import type { HostTensor } from '@torchlet/data';
import { ellipsis, newaxis, slice, Tensor, tensor } from '@torchlet/tensor';
import type { Argument, IndexItem, TensorArgument, Value, ViewStep } from './cases.js';
import { Unsupported } from './unsupported.js';

/** A Python float: JavaScript's 2 does not say whether it was 2 or 2.0, and type promotion asks. */
export class PythonFloat {
  readonly value: number;
  constructor(value: number) {
    this.value = value;
  }
}

/** An index expression, to be spread into `at` or handed to `setAt`. */
export class Index {
  readonly items: readonly unknown[];
  constructor(items: readonly unknown[]) {
    this.items = items;
  }
}

/** `torch.tensor`'s argument with Python's spelling of it. */
export class Literal {
  readonly value: Value;
  readonly spelling: string;
  constructor(value: Value, spelling: string) {
    this.value = value;
    this.spelling = spelling;
  }
}

const specialNumbers: Readonly<Record<string, number>> = { nan: NaN, inf: Infinity, '-inf': -Infinity };

/** Decodes the arguments of one case, and remembers the tensors that require gradients by their path. */
export class ArgumentDecoder {
  /** The stored tensors, before their views. */
  readonly leaves = new Map<string, Tensor>();
  readonly #tensors: ReadonlyMap<string, HostTensor>;
  readonly #named: ReadonlyMap<string, unknown>;

  /** @param named what `{"ref": name}` means; programs have some. */
  constructor(tensors: ReadonlyMap<string, HostTensor>, named: ReadonlyMap<string, unknown> = new Map()) {
    this.#tensors = tensors;
    this.#named = named;
  }

  decode(argument: Argument, path: string): unknown {
    if ('tensor' in argument) return this.tensor(argument, path);
    if ('ref' in argument) return this.#ref(argument.ref);
    if ('list' in argument) return argument.list.map((item, i) => this.decode(item, `${path}.${i}`));
    if ('dtype' in argument) return argument.dtype;
    if ('index' in argument) return new Index(argument.index.map((item, i) => this.#indexItem(item, `${path}.${i}`)));
    if (argument.literal !== undefined) return new Literal(argument.value, argument.literal);
    if (argument.type === 'float') return new PythonFloat(toNumber(argument.value));
    return argument.value;
  }

  decodeNamed(kwargs: Readonly<Record<string, Argument>>): Map<string, unknown> {
    return new Map(Object.entries(kwargs).map(([name, argument]) => [name, this.decode(argument, name)]));
  }

  /** The tensor of an argument, its view steps applied; the stored one is remembered where it requires a gradient. */
  tensor(argument: TensorArgument, path: string): Tensor {
    const stored = this.stored(argument.tensor, argument.requiresGrad === true);
    if (argument.requiresGrad === true) this.leaves.set(path, stored);
    return (argument.view ?? []).reduce(applyView, stored);
  }

  /** A fresh tensor with the values of `key`. */
  stored(key: string, requiresGrad = false): Tensor {
    return tensorOf(this.host(key), requiresGrad);
  }

  host(key: string): HostTensor {
    const host = this.#tensors.get(key);
    if (host === undefined) throw new Error(`there is no tensor ${key}`);
    return host;
  }

  #ref(name: string): unknown {
    if (!this.#named.has(name)) throw new Error(`no value is called ${name}`);
    return this.#named.get(name);
  }

  #indexItem(item: IndexItem, path: string): unknown {
    if ('slice' in item) return slice(...item.slice);
    if ('ellipsis' in item) return ellipsis;
    if ('newaxis' in item) return newaxis;
    if ('tensor' in item) return this.tensor(item, path);
    return item.value;
  }
}

export function tensorOf({ data, shape, dtype }: HostTensor, requiresGrad = false): Tensor {
  return tensor(data, { shape, dtype, requiresGrad });
}

/** What a tensor holds, read from its device. */
export async function hostOf(value: Tensor): Promise<HostTensor> {
  return { dtype: value.dtype, shape: [...value.shape], data: await value.data() };
}

function toNumber(value: Value): number {
  if (typeof value === 'string') {
    const special = specialNumbers[value];
    if (special !== undefined) return special;
  }
  if (typeof value !== 'number') throw new Error(`expected a number, got ${JSON.stringify(value)}`);
  return value;
}

function applyView(value: Tensor, [name, ...numbers]: ViewStep): Tensor {
  if (name === 'slice') {
    const [dim = 0, ...bounds] = numbers;
    return value.at(...Array.from({ length: dim }, () => slice()), slice(...bounds));
  }
  return callMethod(value, name, numbers) as Tensor;
}

/**
 * Calls the method `name` of `self`.
 *
 * @throws Unsupported where there is none.
 */
export function callMethod(self: object, name: string, args: readonly unknown[]): unknown {
  const method: unknown = Reflect.get(self, name);
  if (typeof method !== 'function') {
    const owner = self instanceof Tensor ? 'Tensor' : self.constructor.name;
    throw new Unsupported(`there is no method ${owner}.${name}`);
  }
  return Reflect.apply(method, self, args);
}

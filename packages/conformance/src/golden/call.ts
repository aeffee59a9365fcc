/**
 * PyTorch's operations as calls of Torchlet's public API: finds the function or method by its camelCase name, arranges the arguments, and flattens
 * what comes back. Owns the way from a name to a result; parameter names are in `signatures.ts`, the few operations that no rule covers in
 * `exceptions.ts`.
 */
import * as nnApi from '@torchlet/nn';
import * as tensorApi from '@torchlet/tensor';
import { Tensor, tensor } from '@torchlet/tensor';
import { callMethod, PythonFloat } from './arguments.js';
import { exceptions } from './exceptions.js';
import { argumentList, camelCase, functionSignature } from './signatures.js';
import { Unsupported } from './unsupported.js';

/** Where a prefix of PyTorch's names leads: the modules that are searched, in order, for the rest of the name. */
const namespaces: readonly (readonly [prefix: string, modules: readonly object[]])[] = [
  ['torch.', [tensorApi, nnApi]],
  ['nn.functional.', [nnApi, tensorApi]],
];

/** Names whose capitals PyTorch runs together, or that Torchlet spells as a word of its own. */
const aliases: Readonly<Record<string, string>> = {
  logsigmoid: 'logSigmoid',
};

const nameOf = (name: string): string => camelCase(aliases[name] ?? name);

/**
 * Calls an operation by PyTorch's name with decoded arguments.
 *
 * @returns what the call returned; a promise is awaited by `flatten`.
 * @throws Unsupported where Torchlet has no such function, and whatever the function throws.
 */
export function callOperation(op: string, args: readonly unknown[], kwargs: ReadonlyMap<string, unknown>): unknown {
  const exception = Object.hasOwn(exceptions, op) ? exceptions[op] : undefined;
  if (exception !== undefined) return exception(args, kwargs);
  const plain = args.map((value) => plainValue(op, value, args));
  const named = new Map([...kwargs].map(([name, value]) => [name, plainValue(op, value, args)]));
  const list = argumentList(functionSignature(op), plain, named);
  if (op.startsWith('Tensor.')) return callOnTensor(op, op.slice('Tensor.'.length), list);
  for (const [prefix, modules] of namespaces) {
    if (!op.startsWith(prefix)) continue;
    const path = op.slice(prefix.length).split('.').map(nameOf);
    const found = modules.map((module) => lookUp(module, path)).find((value) => typeof value === 'function');
    if (found !== undefined) return Reflect.apply(found as (...list: unknown[]) => unknown, undefined, list);
    // Only torch's own functions are methods as well: unfold of nn.functional is not Tensor.unfold.
    const isMethod = prefix === 'torch.' && path.length === 1 && list[0] instanceof Tensor;
    if (isMethod) return callOnTensor(op, op.slice(prefix.length), list);
    throw new Unsupported(`there is no function for ${op}`);
  }
  throw new Unsupported(`there is no rule for ${op}`);
}

function callOnTensor(op: string, name: string, [self, ...rest]: readonly unknown[]): unknown {
  if (!(self instanceof Tensor)) throw new Error(`${op}: expected a tensor as the first argument`);
  return callMethod(self, nameOf(name), rest);
}

function lookUp(module: object, path: readonly string[]): unknown {
  return path.reduce<unknown>(
    (value, name) => (typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined),
    module,
  );
}

/** Operations in which a Python float makes integers floats. */
const promoting = new Set(
  ['add', 'sub', 'rsub', 'mul', 'div', 'true_divide', 'pow', 'floor_divide', 'remainder', 'fmod', 'where'].flatMap(
    (name) => [`torch.${name}`, `Tensor.${name}`],
  ),
);

/** A Python float as a number; as a 0-d float tensor where it decides the result's dtype and its value does not tell. */
function plainValue(op: string, value: unknown, args: readonly unknown[]): unknown {
  if (Array.isArray(value)) return value.map((item) => plainValue(op, item, args));
  if (!(value instanceof PythonFloat)) return value;
  const decides = promoting.has(op) && Number.isInteger(value.value) && !args.some(isFloatTensor);
  return decides ? tensor(value.value, { dtype: 'float32' }) : value.value;
}

function isFloatTensor(value: unknown): boolean {
  return value instanceof Tensor && /float/.test(value.dtype);
}

/** The tensors in what a call returned, in order: of lists, and of records such as values and indices. */
export async function flatten(result: unknown): Promise<Tensor[]> {
  const value: unknown = await result;
  if (value instanceof Tensor) return [value];
  if (value === null || value === undefined) return [];
  if (typeof value !== 'object') throw new Error(`expected a tensor or several, got ${typeof value}`);
  const parts: Tensor[] = [];
  for (const part of Array.isArray(value) ? value : Object.values(value)) parts.push(...(await flatten(part)));
  return parts;
}

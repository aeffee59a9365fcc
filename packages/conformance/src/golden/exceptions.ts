/**
 * The operations whose form no rule gives: Python's operators, calls without a tensor result, and calls whose results the format
 * defines in its own way. Each row is a function of the decoded arguments, `self` first.
 */
import * as nnApi from '@torchlet/nn';
import * as optimApi from '@torchlet/optim';
import * as tensorApi from '@torchlet/tensor';
import { Tensor, tensor } from '@torchlet/tensor';
import { callMethod, Index, Literal, PythonFloat } from './arguments.js';
import type { Value } from './cases.js';
import { argumentList, camelCase, functionSignature } from './signatures.js';
import { Unsupported } from './unsupported.js';

type Exception = (args: readonly unknown[], kwargs: ReadonlyMap<string, unknown>) => unknown;

export const exceptions: Readonly<Record<string, Exception>> = {
  'Tensor.__getitem__': ([self, index]) =>
    hasMask(index)
      ? callFunction(tensorApi, 'atMask', [selfOf(self), indexOf(index).items])
      : callMethod(selfOf(self), 'at', indexOf(index).items),
  // The format's __setitem__ is out of place: clone, assign, return the clone.
  'Tensor.__setitem__': ([self, index, value]) => {
    const copy = callMethod(selfOf(self), 'clone', []) as Tensor;
    const { items } = indexOf(index);
    const written = value instanceof PythonFloat ? value.value : value;
    if (hasMask(index) && items.length > 1) throw new Unsupported('there is no rule for a mask beside other indices');
    return callMethod(copy, 'setAt', [items, written]);
  },
  'Tensor.tolist': ([self]) => callMethod(selfOf(self), 'array', []),
  'Tensor.dim': ([self]) => selfOf(self).ndim,
  'Tensor.size': ([self, dim]) => (dim === undefined ? [...selfOf(self).shape] : selfOf(self).size(dim as number)),
  'torch.tensor': ([data]) => pythonTensor(data),
  'torch.promote_types': ([a, b]) => ({ dtype: callFunction(tensorApi, 'promoteTypes', [a, b]) }),
  'torch.full': ([size, value], kwargs) => pythonFactory('full', [size, value], kwargs),
  'torch.arange': (args, kwargs) => pythonFactory('arange', args, kwargs),
  'nn.functional.batch_norm': batchNorm,
  ...momentRows('var', 'std', 'var_mean', 'std_mean'),
  'nn.utils.clip_grad_norm_': ([gradients, maxNorm, normType = 2]) => {
    const parameters = parametersWith(gradients);
    const total = callFunction(optimApi, 'clipGradNorm_', [
      parameters,
      numberOf(maxNorm),
      { normType: numberOf(normType) },
    ]);
    return [total, ...parameters.map(({ grad }) => grad)];
  },
  'nn.utils.clip_grad_value_': ([gradients, clipValue]) => {
    const parameters = parametersWith(gradients);
    callFunction(optimApi, 'clipGradValue_', [parameters, numberOf(clipValue)]);
    return parameters.map(({ grad }) => grad);
  },
};

/** `unbiased` is Python's older way to say a correction of 1 or 0. */
function momentRows(...names: readonly string[]): Record<string, Exception> {
  const rowOf = (name: string): Exception => {
    const signature = functionSignature(`torch.${name}`);
    return (args, kwargs) => {
      const [self, ...rest] = argumentList(signature, args, kwargs);
      const options = rest.at(-1);
      if (typeof options === 'object' && options !== null && 'unbiased' in options) {
        const { unbiased, ...others } = options;
        return call(name, selfOf(self), [...rest.slice(0, -1), { ...others, correction: unbiased ? 1 : 0 }]);
      }
      return call(name, selfOf(self), rest);
    };
  };
  return Object.fromEntries(
    names.flatMap((name) => [
      [`torch.${name}`, rowOf(name)],
      [`Tensor.${name}`, rowOf(name)],
    ]),
  );
}

/** The method, or the function where there is only that. */
function call(name: string, self: Tensor, args: readonly unknown[]): unknown {
  const camel = camelCase(name);
  if (camel in self) return callMethod(self, camel, args);
  return callFunction(tensorApi, camel, [self, ...args]);
}

/** With running statistics in training, the statistics after the update are results as well. */
function batchNorm(args: readonly unknown[], kwargs: ReadonlyMap<string, unknown>): unknown {
  const plain = new Map([...kwargs].map(([name, value]) => [name, value instanceof PythonFloat ? value.value : value]));
  const list = argumentList(functionSignature('nn.functional.batch_norm'), args, plain);
  const y = callFunction(nnApi, 'batchNorm', list);
  const [, mean, variance] = args;
  return kwargs.get('training') === true && mean instanceof Tensor ? [y, mean, variance] : y;
}

/** Parameters of the gradients' shapes, with them as `.grad`. */
function parametersWith(gradients: unknown): Tensor[] {
  return (gradients as Tensor[]).map((gradient) => {
    const parameter = tensorApi.zeros(gradient.shape, { requiresGrad: true });
    parameter.grad = gradient;
    return parameter;
  });
}

/** `torch.tensor` of a Python literal: 1.0 is a float there, which JavaScript's spelling no longer tells. */
function pythonTensor(data: unknown): Tensor {
  if (data instanceof PythonFloat) return tensor(data.value, { dtype: 'float32' });
  const value = data instanceof Literal ? data.value : (data as Value);
  const isFloat = data instanceof Literal && /[.e]|inf|nan/.test(data.spelling.replace(/true|false/gi, ''));
  return tensor(value as number, isFloat ? { dtype: 'float32' } : {});
}

/** A factory whose dtype Python takes from its arguments' types: a whole Python float must say that it is one. */
function pythonFactory(name: string, args: readonly unknown[], kwargs: ReadonlyMap<string, unknown>): unknown {
  const options = Object.fromEntries(kwargs);
  if (args.some((value) => value instanceof PythonFloat)) options['dtype'] ??= 'float32';
  const plain = args.map((value) => (value instanceof PythonFloat ? value.value : value));
  return callFunction(tensorApi, name, [...plain, options]);
}

/**
 * Calls the export `name` of a package.
 *
 * @throws Unsupported where there is none.
 */
export function callFunction(module: object, name: string, args: readonly unknown[]): unknown {
  const found: unknown = Reflect.get(module, name);
  if (typeof found !== 'function') throw new Unsupported(`there is no function ${name}`);
  return Reflect.apply(found, undefined, args);
}

function selfOf(value: unknown): Tensor {
  if (!(value instanceof Tensor)) throw new Error('expected a tensor as the first argument');
  return value;
}

function indexOf(value: unknown): Index {
  if (!(value instanceof Index)) throw new Error('expected an index expression');
  return value;
}

/** A mask gives a shape that depends on values, which is another method: it returns a promise. */
function hasMask(index: unknown): boolean {
  return indexOf(index).items.some((item) => item instanceof Tensor && item.dtype === 'bool');
}

function numberOf(value: unknown): number {
  return value instanceof PythonFloat ? value.value : (value as number);
}

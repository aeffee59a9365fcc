/**
 * Runs cases of the kind `program`: a list of steps over named values, with gradients of any order, scopes and custom functions. Owns the
 * interpretation of steps; operations themselves go through `call.ts`.
 */
import * as tensorApi from '@torchlet/tensor';
import { Tensor } from '@torchlet/tensor';
import { ArgumentDecoder } from './arguments.js';
import { callOperation } from './call.js';
import type { CustomFunction, ProgramCase, Step, StepFunction } from './cases.js';
import { callFunction } from './exceptions.js';
import type { CaseRun } from './observe.js';

type Names = Map<string, unknown>;
type Tensors = CaseRun['tensors'];

export async function observeProgram(golden: ProgramCase, { tensors, recorder }: CaseRun): Promise<void> {
  const inputs = new ArgumentDecoder(tensors);
  const names: Names = new Map();
  for (const [name, argument] of Object.entries(golden.inputs)) names.set(name, inputs.tensor(argument, name));
  runSteps(golden.program, names, tensors);
  for (const name of golden.outputNames ?? []) recorder.tensor(`value ${name}`, tensorOrNull(names.get(name), name));
  for (const name of Object.keys(golden.grads ?? {})) {
    recorder.tensor(`gradient of ${name}`, inputs.leaves.get(name)?.grad ?? null);
  }
  const flags = { requiresGrad: golden.requiresGrad ?? {}, isLeaf: golden.isLeaf ?? {} };
  for (const name of Object.keys(flags.requiresGrad)) {
    recorder.value(`requiresGrad of ${name}`, named(names, name).requiresGrad);
  }
  for (const name of Object.keys(flags.isLeaf)) recorder.value(`isLeaf of ${name}`, named(names, name).isLeaf);
  // A case that must throw may do so when a result is first read.
  if (golden.raises === undefined) return;
  for (const [name, value] of names) if (value instanceof Tensor) recorder.tensor(`value ${name}`, value);
}

function runSteps(steps: readonly Step[], names: Names, tensors: Tensors): void {
  for (const step of steps) bind(step, runStep(step, names, tensors), names);
}

type StepRule = (step: Step, args: readonly unknown[], kwargs: ReadonlyMap<string, unknown>, run: StepRun) => unknown;

interface StepRun {
  readonly names: Names;
  readonly tensors: Tensors;
}

/** The steps that are no operation. */
const rules: Readonly<Record<string, StepRule>> = {
  backward: (_, [root], kwargs) =>
    (root as Tensor).backward(kwargs.get('gradient') as Tensor | undefined, {
      retainGraph: kwargs.get('retain_graph') === true,
      createGraph: kwargs.get('create_graph') === true,
    }),
  'autograd.grad': (_, [outputs, inputs], kwargs) =>
    callFunction(tensorApi, 'grad', [
      outputs,
      inputs,
      {
        gradOutputs: kwargs.get('grad_outputs'),
        createGraph: kwargs.get('create_graph') === true,
        retainGraph: kwargs.get('retain_graph'),
        allowUnused: kwargs.get('allow_unused') === true,
      },
    ]),
  detach: (_, [value]) => (value as Tensor).detach(),
  requires_grad_: (_, [value, flag = true]) => (value as Tensor).requiresGrad_(flag as boolean),
  get_grad: (_, [value]) => (value as Tensor).grad,
  zero_grad: (_, [value]) => {
    (value as Tensor).grad = null;
  },
  no_grad: ({ body = [] }, _args, _kwargs, { names, tensors }) =>
    tensorApi.noGrad(() => runSteps(body, names, tensors)),
  enable_grad: ({ body = [] }, _args, _kwargs, { names, tensors }) =>
    tensorApi.enableGrad(() => runSteps(body, names, tensors)),
  jacobian: (step, args, _kwargs, run) => callFunction(tensorApi, 'jacobian', [functionOf(step, run), oneOrAll(args)]),
  hessian: (step, args, _kwargs, run) => callFunction(tensorApi, 'hessian', [functionOf(step, run), oneOrAll(args)]),
  vjp: (step, args, _kwargs, run) =>
    callFunction(tensorApi, 'vjp', [functionOf(step, run), args.slice(0, -1), args.at(-1)]),
  jvp: (step, args, _kwargs, run) => {
    const half = args.length / 2;
    return callFunction(tensorApi, 'jvp', [functionOf(step, run), args.slice(0, half), args.slice(half)]);
  },
  custom: (step, args, _kwargs, run) => {
    const custom = customOf(step, run);
    return Reflect.apply(custom, undefined, args);
  },
};

function runStep(step: Step, names: Names, tensors: Tensors): unknown {
  const decoder = new ArgumentDecoder(tensors, names);
  const args = (step.args ?? []).map((argument, i) => decoder.decode(argument, String(i)));
  const kwargs = decoder.decodeNamed(step.kwargs ?? {});
  const rule = Object.hasOwn(rules, step.op) ? rules[step.op] : undefined;
  return rule === undefined ? callOperation(step.op, args, kwargs) : rule(step, args, kwargs, { names, tensors });
}

/** Gives a step's results the names it says. */
function bind({ op, out }: Step, result: unknown, names: Names): void {
  if (out === null || out === undefined) return;
  if (typeof out === 'string') {
    names.set(out, result);
    return;
  }
  const parts = flatParts(result);
  if (parts.length !== out.length) throw new Error(`${op}: expected ${out.length} results, got ${parts.length}`);
  for (const [i, name] of out.entries()) names.set(name, parts[i]);
}

/** Tensors and nulls (gradients that are not there), in order. */
function flatParts(result: unknown): (Tensor | null)[] {
  if (result instanceof Tensor || result === null) return [result];
  if (typeof result !== 'object') throw new Error(`expected tensors, got ${typeof result}`);
  return (Array.isArray(result) ? result : Object.values(result)).flatMap(flatParts);
}

/** A single input by itself gives a single result. */
function oneOrAll(inputs: readonly unknown[]): unknown {
  return inputs.length === 1 ? inputs[0] : inputs;
}

/** Steps as a function of tensors; it sees the names around it. */
function functionOf(step: Step, { names, tensors }: StepRun): (...args: Tensor[]) => Tensor {
  const { params, body, result } = step.function as StepFunction;
  return (...args) => {
    const inner: Names = new Map(names);
    for (const [i, name] of params.entries()) inner.set(name, args[i]);
    runSteps(body, inner, tensors);
    return named(inner, result);
  };
}

function customOf(step: Step, { names, tensors }: StepRun): (...args: Tensor[]) => Tensor {
  const { params, forward, result, saved, gradName, backward, grads } = step.function as CustomFunction;
  const bindAll = (inner: Names, args: readonly Tensor[]): void => {
    for (const [i, name] of params.entries()) inner.set(name, args[i]);
  };
  return callFunction(tensorApi, 'customFunction', [
    {
      forward: (...args: Tensor[]): Tensor => {
        const inner: Names = new Map(names);
        bindAll(inner, args);
        runSteps(forward, inner, tensors);
        return named(inner, result);
      },
      backward: (gradient: Tensor, ...args: Tensor[]): Tensor[] => {
        const inner: Names = new Map(names);
        bindAll(inner, args.slice(0, saved.length === 0 ? 0 : params.length));
        inner.set(gradName, gradient);
        runSteps(backward, inner, tensors);
        return grads.map((name) => named(inner, name));
      },
    },
  ]) as (...args: Tensor[]) => Tensor;
}

function named(names: Names, name: string): Tensor {
  const value = names.get(name);
  if (!(value instanceof Tensor)) throw new Error(`expected a tensor called ${name}`);
  return value;
}

function tensorOrNull(value: unknown, name: string): Tensor | null {
  if (value instanceof Tensor || value === null) return value;
  throw new Error(`expected a tensor called ${name}`);
}

/**
 * Runs cases of the kinds `optimizer` and `scheduler`. Gradients are given, so no model is needed.
 */
import type { HostTensor } from '@torchlet/data';
import * as optimApi from '@torchlet/optim';
import { Tensor, zeros } from '@torchlet/tensor';
import { ArgumentDecoder, hostOf, tensorOf } from './arguments.js';
import type { LambdaArgument, OptimizerCase, PlainKwargs, SchedulerCase, SchedulerSpec, Value } from './cases.js';
import type { CaseRun } from './observe.js';
import { construct } from './observe-op.js';
import { camelCase } from './signatures.js';

export async function observeOptimizer(golden: OptimizerCase, { tensors, recorder }: CaseRun): Promise<void> {
  const decoder = new ArgumentDecoder(tensors);
  const parameters = golden.params.map((key) => decoder.stored(key, true));
  const groups = golden.groups?.map(({ params, kwargs }) => ({
    params: params.map((i) => parameters[i]),
    ...optionsOf(kwargs),
  }));
  const optimizer = construct<optimApi.Optimizer>(optimApi, golden.op, [
    groups ?? parameters,
    optionsOf(golden.kwargs),
  ]);
  const gradients = golden.grads.map((key) => decoder.host(key));
  const history = parameters.map((): HostTensor[] => []);
  for (let step = 0; step < golden.steps; step++) {
    for (const [i, parameter] of parameters.entries()) {
      const skipped = golden.skip?.[i]?.includes(step) ?? false;
      parameter.grad = skipped ? null : tensorOf(row(gradients[i] as HostTensor, step));
    }
    optimizer.step();
    for (const [i, parameter] of parameters.entries()) (history[i] as HostTensor[]).push(await hostOf(parameter));
  }
  recorder.outputs(history.map(stacked));
  recordState(golden, optimizer, recorder);
}

function recordState(golden: OptimizerCase, optimizer: optimApi.Optimizer, recorder: CaseRun['recorder']): void {
  const { state } = optimizer.stateDict();
  for (const path of Object.keys(golden.stateAfter)) {
    const dot = path.indexOf('.');
    const value: unknown = Reflect.get(Object(Reflect.get(state, path.slice(0, dot))), path.slice(dot + 1));
    recorder.tensor(`state ${path}`, value instanceof Tensor ? value : null);
  }
}

export async function observeScheduler(golden: SchedulerCase, { recorder }: CaseRun): Promise<void> {
  const { groups = [{}] } = golden.optimizer;
  const parameterGroups = groups.map((kwargs) => ({
    params: [zeros([1], { requiresGrad: true })],
    ...optionsOf(kwargs),
  }));
  const optimizer = construct<optimApi.Optimizer>(optimApi, golden.optimizer.op, [
    parameterGroups,
    optionsOf(golden.optimizer.kwargs),
  ]);
  const scheduler = constructScheduler(golden, optimizer, golden.schedulers);
  const rates: number[] = [];
  const momenta: number[] = [];
  const note = (): void => {
    for (const group of optimizer.paramGroups) {
      rates.push(Number(Reflect.get(group, 'lr')));
      const betas: unknown = Reflect.get(group, 'betas');
      momenta.push(Number(Array.isArray(betas) ? betas[0] : Reflect.get(group, 'momentum')));
    }
  };
  note();
  for (let step = 0; step < golden.steps; step++) {
    scheduler.step(...(golden.metrics === undefined ? [] : [golden.metrics[step]]));
    note();
  }
  const shape = [golden.steps + 1, groups.length];
  const columns = [rates, momenta].slice(0, golden.outputs.length);
  recorder.outputs(columns.map((column) => ({ dtype: 'float64', shape, data: Float64Array.from(column) })));
}

interface Steppable {
  step(...metric: unknown[]): void;
}

/** A scheduler; those made of others take them in a list. */
function constructScheduler(
  spec: SchedulerSpec,
  optimizer: optimApi.Optimizer,
  nested: readonly SchedulerSpec[] | undefined,
): Steppable {
  const options = optionsOf(spec.kwargs);
  if (nested === undefined) return construct(optimApi, spec.op, [optimizer, options]);
  const parts = nested.map((part) => constructScheduler(part, optimizer, undefined));
  if (spec.op.endsWith('.ChainedScheduler')) return construct(optimApi, spec.op, [parts]);
  return construct(optimApi, spec.op, [optimizer, parts, options]);
}

/** Keyword arguments as an options object; a lambda becomes the function it says. */
export function optionsOf(kwargs: PlainKwargs): Record<string, unknown> {
  return Object.fromEntries(Object.entries(kwargs).map(([name, value]) => [camelCase(name), withLambdas(value)]));
}

function withLambdas(value: Value | LambdaArgument | readonly LambdaArgument[]): unknown {
  if (Array.isArray(value)) return value.map(withLambdas);
  if (typeof value !== 'object' || value === null || !('lambda' in value)) return value;
  // The format says that the text is an expression of epoch, valid in JavaScript as it is.
  return new Function('epoch', `return ${value.lambda};`);
}

function row({ dtype, shape, data }: HostTensor, index: number): HostTensor {
  const size = shape.slice(1).reduce((product, length) => product * length, 1);
  return { dtype, shape: shape.slice(1), data: data.slice(index * size, (index + 1) * size) };
}

function stacked(rows: readonly HostTensor[]): HostTensor {
  const [first] = rows;
  if (first === undefined) throw new Error('expected at least one step');
  const size = first.data.length;
  const data = new Float32Array(rows.length * size);
  for (const [i, { data: values }] of rows.entries()) data.set(values as Float32Array, i * size);
  return { dtype: first.dtype, shape: [rows.length, ...first.shape], data };
}

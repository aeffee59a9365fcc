/**
 * Runs cases of the kinds `op` and `module`: one call, then gradients through it. Owns nothing of how calls are made (`call.ts`).
 */
import * as nnApi from '@torchlet/nn';
import { Tensor } from '@torchlet/tensor';
import { ArgumentDecoder, callMethod, PythonFloat } from './arguments.js';
import { callOperation, flatten } from './call.js';
import type { Call, ModuleCase, OpCase } from './cases.js';
import { requiringGradients } from './checks.js';
import type { CaseRun } from './observe.js';
import type { Recorder } from './recorder.js';
import { argumentList, constructorSignature, forwardSignature } from './signatures.js';
import { Unsupported } from './unsupported.js';

export async function observeOp(golden: OpCase, { tensors, recorder }: CaseRun): Promise<void> {
  const decoder = new ArgumentDecoder(tensors);
  const args = golden.args.map((argument, i) => decoder.decode(argument, String(i)));
  const kwargs = decoder.decodeNamed(golden.kwargs);
  const result = callOperation(golden.op, args, kwargs);
  if (golden.expected !== undefined) {
    recorder.value('result', plain(await result));
    return;
  }
  const outputs = await flatten(result);
  backward(outputs, golden.gradOutputs ?? [], decoder);
  recorder.outputs(outputs);
  if (golden.gradOutputs !== undefined) recordGradients(golden, decoder, recorder);
}

export async function observeModule(golden: ModuleCase, { tensors, recorder }: CaseRun): Promise<void> {
  const decoder = new ArgumentDecoder(tensors);
  const module = constructModule(golden.op, golden.ctor, decoder);
  module.loadStateDict(storedOf(golden.state, decoder));
  module.train(golden.train);
  const signature = forwardSignature(golden.op);
  const forward = (args: ModuleCase['args'], kwargs: ModuleCase['kwargs']): unknown => {
    const decoded = args.map((argument, i) => withoutFloats(decoder.decode(argument, String(i))));
    const named = new Map([...decoder.decodeNamed(kwargs)].map(([name, value]) => [name, withoutFloats(value)]));
    return callMethod(module, 'forward', argumentList(signature, decoded, named));
  };
  for (const args of golden.warmup ?? []) await flatten(forward(args, {}));
  const outputs = await flatten(forward(golden.args, golden.kwargs));
  backward(outputs, golden.gradOutputs ?? [], decoder);
  recorder.outputs(outputs);
  recordGradients(golden, decoder, recorder);
  const parameters = new Map(module.namedParameters());
  for (const name of Object.keys(golden.gradParams ?? {})) {
    recorder.tensor(`gradient of parameter ${name}`, parameters.get(name)?.grad ?? null);
  }
  const state = new Map(Object.entries(module.stateDict()));
  for (const name of Object.keys(golden.stateAfter ?? {})) recorder.tensor(`state ${name}`, state.get(name) ?? null);
}

/** A layer by PyTorch's name. @throws Unsupported where there is no such class. */
export function constructModule(op: string, ctor: Call, decoder: ArgumentDecoder): nnApi.Module {
  const args = ctor.args.map((argument, i) => withoutFloats(decoder.decode(argument, String(i))));
  const kwargs = new Map([...decoder.decodeNamed(ctor.kwargs)].map(([name, value]) => [name, withoutFloats(value)]));
  return construct<nnApi.Module>(nnApi, op, argumentList(constructorSignature(op), args, kwargs));
}

/** An instance of the class that `module` exports under the last part of PyTorch's name. */
export function construct<T>(module: object, op: string, args: readonly unknown[]): T {
  const name = op.slice(op.lastIndexOf('.') + 1);
  const found: unknown = Reflect.get(module, name);
  if (typeof found !== 'function') throw new Unsupported(`there is no class for ${op}`);
  return Reflect.construct(found, args) as T;
}

export function storedOf(keys: Readonly<Record<string, string>>, decoder: ArgumentDecoder): Record<string, Tensor> {
  return Object.fromEntries(Object.entries(keys).map(([name, key]) => [name, decoder.stored(key)]));
}

/** Feeds each output its gradient; the last one lets the graph go. */
function backward(outputs: readonly Tensor[], keys: readonly (string | null)[], decoder: ArgumentDecoder): void {
  const seeds = keys.flatMap((key, i) => {
    const output = outputs[i];
    return key === null || output === undefined ? [] : [{ output, gradient: decoder.stored(key) }];
  });
  for (const [i, { output, gradient }] of seeds.entries()) {
    output.backward(gradient, { retainGraph: i < seeds.length - 1 });
  }
}

function recordGradients(golden: Call, decoder: ArgumentDecoder, recorder: Recorder): void {
  for (const path of requiringGradients(golden.args, golden.kwargs)) {
    recorder.tensor(`gradient of ${path}`, decoder.leaves.get(path)?.grad ?? null);
  }
}

function withoutFloats(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutFloats);
  return value instanceof PythonFloat ? value.value : value;
}

/** A result that is no tensor, as JSON would say it. */
function plain(value: unknown): unknown {
  if (value instanceof Tensor) throw new Error('expected a plain value, got a tensor');
  if (Array.isArray(value)) return value.map(plain);
  return typeof value === 'bigint' ? Number(value) : value;
}

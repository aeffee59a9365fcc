/** What `nn`, `optim`, `data` and `train` need of the runtime beneath tensors. Not for everyday use. */
import type { Device } from '@torchlet/device';
import { type TensorHandle, track } from './handle.js';
import { watching } from './runtime/capture.js';
import { insideOperation, runForward as runForwardOn } from './runtime/clock.js';
import { openRuntimes } from './runtime/devices.js';
import { Tensor } from './tensor.js';

export { inAutocast, inFullPrecision } from './functions/autocast.js';
export { ordered } from './tensor.js';
export { isInsideForward, settle } from './runtime/clock.js';
export { deviceStats } from './runtime/devices.js';
export type { RuntimeStats } from './runtime/runtime.js';

/**
 * Runs a module's `forward`: see `runtime/clock.ts`. A root first evaluates what is pending, and keeps the tensors that `body` returns, in
 * arrays, objects and Maps.
 */
export function runForward<T>(module: object, isRoot: boolean, body: () => T, inputs: unknown = []): T {
  return runForwardOn(module, isRoot, body, tensorsIn(inputs), tensorsIn);
}

/**
 * Records an operation that is made of others: of the tensors that `record` makes, only the one it returns is the user's. Cheaper than leaving the
 * others to be forgotten by the next evaluation.
 */
export function composed<T>(record: () => T): T {
  const result = insideOperation(record);
  if (result instanceof Tensor) track(result);
  return result;
}

/** Every tensor in a value: itself, or in arrays, Maps and plain objects. */
export function tensorsIn(value: unknown): Tensor[] {
  const found: Tensor[] = [];
  const seen = new Set<object>();
  const stack: unknown[] = [value];
  while (stack.length > 0) {
    const item = stack.pop();
    if (typeof item !== 'object' || item === null || seen.has(item)) continue;
    seen.add(item);
    if (item instanceof Tensor) found.push(item);
    else if (Array.isArray(item)) stack.push(...item);
    else if (item instanceof Map) stack.push(...item.values());
    else if (Object.getPrototypeOf(item) === Object.prototype) stack.push(...Object.values(item));
  }
  return found.reverse();
}

/** Within a function that is being compiled: it does the same as long as `read` tells the same of `owner`. */
export function compiledWhile(owner: object, read: () => readonly unknown[]): void {
  watching?.depends(owner, read);
}

/** Within a function that is being compiled: it is recorded at every call, for the reason given. */
export function neverCompiled(reason: string): void {
  watching?.refuse(reason);
}

/**
 * Evaluates all that is pending: the updates an optimiser has just recorded, with the forward and backward pass they come from. The gradients of
 * `parameters` are spent: fused into the updates, not stored.
 */
export function spendGradients(parameters: readonly Tensor[]): void {
  const spent: ReadonlySet<TensorHandle> = new Set(parameters);
  for (const { grad, runtime } of parameters) {
    if (grad === null || runtime === null || !runtime.isLost(grad.node)) continue;
    runtime.pending.fail();
    throw new Error(
      'step: an earlier step() used this gradient without storing it; call zeroGrad() before backward(), or read .grad before the step() that must not use it up',
    );
  }
  for (const runtime of openRuntimes()) runtime.evaluate('step', [], spent);
}

/** The devices that tensors have used. */
export function devicesInUse(): Device[] {
  return [...openRuntimes()].map((runtime) => runtime.device);
}

/**
 * When pending work is evaluated without anybody asking for a value: a root module's `forward` and a loader's `next()`. Owns the depth of
 * forwards and the results that roots keep; `nn` and `data` call these.
 */
import type { Node } from '@torchlet/graph';
import { watching } from './capture.js';
import { openDefault, openRuntimes } from './devices.js';
import type { RootRecord } from './pending.js';
import type { Runtime } from './runtime.js';

const records = new WeakMap<object, RootRecord>();
let depth = 0;

/** Whether a module's `forward` is running: tensors made there are its own until it returns them. */
export function isInsideForward(): boolean {
  return depth > 0;
}

/** Evaluates what is pending on every device. */
export function evaluatePending(): void {
  for (const runtime of openRuntimes()) runtime.evaluate('clock');
}

/** What `runForward` needs to know of a tensor, without this file knowing the class. */
export interface ForwardResult {
  readonly node: Node;
  readonly runtime: Runtime | null;
}

/**
 * Runs a module's `forward`. A root (a module that is no other's child, called from outside any `forward`) first evaluates what is pending, and its
 * results are kept until its next ones are evaluated.
 *
 * @param module the module whose `forward` runs. @param isRoot whether it is no other's child.
 * @param inputs the tensors that `body` is about to read. @param collect finds the tensors in what `body` returns.
 */
export function runForward<T>(
  module: object,
  isRoot: boolean,
  body: () => T,
  inputs: readonly ForwardResult[],
  collect: (result: unknown) => readonly ForwardResult[],
): T {
  watching?.depends(module, () => [(module as { training?: unknown }).training, ...Object.values(module)]);
  const outermost = depth === 0;
  if (outermost && isRoot) evaluateBefore(inputs);
  depth++;
  let result: T;
  try {
    result = body();
  } finally {
    depth--;
  }
  if (outermost) keepResults(module, isRoot, collect(result));
  return result;
}

/**
 * Evaluates what is pending but for the inputs of the `forward` to come: they are computed in its program. One that a `forward` has read
 * before is evaluated, so that it is computed twice at most.
 */
function evaluateBefore(inputs: readonly ForwardResult[]): void {
  const again: Node[] = [];
  for (const { node, runtime } of inputs) {
    if (node.source !== null || node.requiresGrad) continue;
    if (node.handed) again.push(node);
    else (runtime ?? openDefault())?.pending.leaveToReader(node);
    node.handed = true;
  }
  for (const runtime of openRuntimes()) {
    const wanted = inputs.filter((input) => (input.runtime ?? openDefault()) === runtime && again.includes(input.node));
    runtime.evaluate(
      'clock',
      wanted.map(({ node }) => node),
    );
  }
}

/** Runs `body` as the inside of one operation: what it records is not the user's. */
export function insideOperation<T>(body: () => T): T {
  depth++;
  try {
    return body();
  } finally {
    depth--;
  }
}

function keepResults(module: object, isRoot: boolean, results: readonly ForwardResult[]): void {
  if (!isRoot) {
    for (const { node, runtime } of results)
      if (node.source === null) (runtime ?? openDefault())?.pending.trackLoose(node);
    return;
  }
  const record = recordOf(module);
  record.results = results.map(({ node }) => node).filter((node) => node.source === null);
  for (const { runtime } of results) (runtime ?? openDefault())?.pending.trackRoot(record);
}

function recordOf(module: object): RootRecord {
  const known = records.get(module);
  if (known !== undefined) return known;
  const record: RootRecord = { name: module.constructor.name, results: [], kept: [], spare: [], evaluations: 0 };
  records.set(module, record);
  return record;
}

/**
 * To be awaited between batches: evaluates what is pending, waits while four programs are in flight, and now and then lets a macrotask pass, so that
 * timers run and finalizers free memory.
 */
export async function settle(): Promise<void> {
  evaluatePending();
  for (const runtime of openRuntimes()) await runtime.settle();
  if (++settled % 16 === 0) await new Promise<void>((resolve) => macrotask(resolve));
}

let settled = 0;

declare const setTimeout: (callback: () => void, milliseconds: number) => unknown;
declare const MessageChannel: (new () => { port1: Port; port2: Port }) | undefined;
interface Port {
  onmessage: (() => void) | null;
  postMessage(message: null): void;
  close(): void;
}

/** A message is delivered without the 1 to 4 ms that timers are clamped to. */
function macrotask(callback: () => void): void {
  if (typeof MessageChannel === 'undefined') {
    setTimeout(callback, 0);
    return;
  }
  const { port1, port2 } = new MessageChannel();
  port1.onmessage = () => {
    port1.close();
    callback();
  };
  port2.postMessage(null);
}

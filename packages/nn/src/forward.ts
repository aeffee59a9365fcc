/**
 * What happens around a module's `forward`: hooks, and telling the runtime which results a root module gave. Owns the wrapper that a module
 * puts around its `forward` when it is made; when values are evaluated is the runtime's business.
 */
import { runForward, type Tensor } from '@torchlet/tensor';
import { isModule, isRoot, membersOf, tensorsIn } from './members.js';
import type { Module } from './module.js';
import { Parameter } from './parameter.js';

/** Runs before `forward`; what it returns, if it is an array, replaces the inputs. */
export type ForwardPreHook = (module: Module, inputs: readonly unknown[]) => readonly unknown[] | undefined;

/** Runs after `forward`; what it returns, if anything, replaces the output. */
export type ForwardHook = (module: Module, inputs: readonly unknown[], output: unknown) => unknown;

export interface Hooks {
  readonly before: Set<ForwardPreHook>;
  readonly after: Set<ForwardHook>;
}

type Forward = (...inputs: never[]) => unknown;

/** Of the outermost `forward` that is running: the modules that ran in it, and the tensors their hooks were shown. */
interface Run {
  readonly modules: Set<Module>;
  readonly shown: Set<Tensor>;
}

let running: Run | null = null;

/** `forward` of `module`, with all that belongs around it. */
export function wrapped(module: Module, forward: Forward, hooks: Hooks): Forward {
  return (...inputs) =>
    running === null ? outermost(module, forward, inputs, hooks) : within(running, module, forward, inputs, hooks);
}

function outermost(module: Module, forward: Forward, inputs: never[], hooks: Hooks): unknown {
  const run: Run = { modules: new Set(), shown: new Set() };
  let output: unknown;
  running = run;
  try {
    const results = () => {
      output = within(run, module, forward, inputs, hooks);
      return resultsOf(output, run);
    };
    runForward(module, isRoot(module), results, inputs);
  } finally {
    running = null;
  }
  return output;
}

function within(run: Run, module: Module, forward: Forward, given: never[], { before, after }: Hooks): unknown {
  run.modules.add(module);
  let inputs = given;
  for (const hook of before) inputs = (hook(module, inputs) as never[] | undefined) ?? inputs;
  let output = forward.apply(module, inputs);
  if (output instanceof Promise) {
    throw new TypeError(
      `${module.constructor.name}.forward: expected a synchronous function, got a promise. Record in forward, and await values outside of it`,
    );
  }
  for (const hook of after) {
    tensorsIn(output, run.shown);
    output = hook(module, inputs, output) ?? output;
  }
  return output;
}

/** What the user may look at after the outermost `forward`: what it returned, what hooks saw, what modules left in their fields. */
function resultsOf(output: unknown, run: Run): Tensor[] {
  const found = tensorsIn(output, run.shown);
  for (const module of run.modules) {
    const buffers = module.buffersOf();
    for (const [, value] of module.fields()) {
      if (typeof value !== 'object' || value === null || value instanceof Parameter || buffers.has(value)) continue;
      // A module assigned since the fields were looked at last is a member from now on.
      if (isModule(value)) membersOf([['', value]]);
      else tensorsIn(value, found);
    }
  }
  return [...found];
}

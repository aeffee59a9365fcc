/**
 * A function that runs again without being recorded: the programs of a capture, bound to the arguments of now. Owns the outputs that nobody sees, each of which
 * keeps one address; what may run again is decided by `capture.ts` and `functions/compile.ts`.
 */
import type { Node } from '@torchlet/graph';
import { leaf } from '@torchlet/graph';
import type { Binding, Capture, CapturedRun } from './capture.js';
import type { Runtime } from './runtime.js';
import type { Storage } from './storage.js';

/** Shape of a result, which programs do not know. */
export interface ResultShape {
  readonly shape: Node['shape'];
  readonly dtype: Node['dtype'];
}

export class Replay {
  readonly capture: Capture;
  readonly #runtime: Runtime;
  readonly #shapes: readonly ResultShape[];
  /** Outputs that are no result, by run and output. */
  readonly #own: (Storage | null)[][];

  constructor(capture: Capture, runtime: Runtime, shapes: readonly ResultShape[]) {
    this.capture = capture;
    this.#runtime = runtime;
    this.#shapes = shapes;
    this.#own = capture.runs.map(({ inPlace }) => inPlace.map(() => null));
  }

  /** Whether everything is as it was when it was recorded, and its programs are still there. */
  holds(given: readonly Storage[]): boolean {
    const { capture } = this;
    if (!capture.holds() || new Set(given).size < given.length) return false;
    if (given.some((storage) => capture.reads(storage))) return false;
    return capture.runs.every(
      ({ plan, leaves }) => this.#runtime.planner.isKept(plan) && leaves.every((binding) => !isGone(binding)),
    );
  }

  /** @returns the leaves of the results. @throws what a device throws; nothing of the function is then pending. */
  run(given: readonly Storage[]): Node[] {
    const { runs, results } = this.capture;
    this.capture.spendGradients();
    const outputs: Storage[][] = [];
    for (const [run, captured] of runs.entries()) {
      const leaves = captured.leaves.map((binding) => storageOf(binding, given, outputs));
      outputs.push(this.#outputsOf(captured, run, given, outputs));
      this.#runtime.rerun(captured.plan, leaves, captured.scalars, outputs[run] as Storage[]);
      for (const { handle, storage } of captured.written) handle.rewritten(storage);
    }
    return results.map((binding, i) => {
      const storage = storageOf(binding as Binding, given, outputs);
      this.#runtime.memory.hold(storage);
      const { shape, dtype } = this.#shapes[i] as ResultShape;
      const node = leaf(storage, shape, dtype);
      node.version = storage.version;
      return node;
    });
  }

  #outputsOf({ plan, inPlace }: CapturedRun, run: number, given: readonly Storage[], before: Storage[][]): Storage[] {
    return plan.outputs.map(({ dtype, size }, output) => {
      const written = inPlace[output] ?? null;
      if (written !== null) return storageOf(written, given, before);
      if (this.#isResult(run, output)) return this.#runtime.newStorage(dtype, size, false);
      const own = this.#own[run] as (Storage | null)[];
      return (own[output] ??= this.#runtime.newStorage(dtype, size, true));
    });
  }

  #isResult(run: number, output: number): boolean {
    return this.capture.results.some(
      (binding) => binding?.kind === 'output' && binding.run === run && binding.output === output,
    );
  }
}

/** Host data that has since moved to the device: a program that copies it in is no longer the right one. */
function isGone(binding: Binding): boolean {
  return binding.kind === 'constant' && binding.storage.data === null;
}

function storageOf(binding: Binding, given: readonly Storage[], outputs: readonly (readonly Storage[])[]): Storage {
  switch (binding.kind) {
    case 'argument':
      return given[binding.index] as Storage;
    case 'output':
      return outputs[binding.run]?.[binding.output] as Storage;
    case 'stored':
    case 'constant':
      return binding.storage;
    default:
      return binding satisfies never;
  }
}

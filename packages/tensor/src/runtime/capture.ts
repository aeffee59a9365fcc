/**
 * What a function did while it ran, as `compile()` wants to know it: the programs that were run and what each was bound to, the tensors that were read and
 * written, what would make it do something else another time. Owns the watching and when two runs are the same; running again is `replay.ts`.
 */
import type { Plan } from '@torchlet/compiler';
import type { HostArray } from '@torchlet/device';
import { type Node, reachable } from '@torchlet/graph';
import type { Destination, Handle } from './pending.js';
import type { Runtime } from './runtime.js';
import type { Storage } from './storage.js';

/** Where a program that runs again finds what it reads. */
export type Binding =
  /** Argument `index` of the call. */
  | { readonly kind: 'argument'; readonly index: number }
  /** What an earlier program of the same call gives. */
  | { readonly kind: 'output'; readonly run: number; readonly output: number }
  /** A tensor from outside: a parameter, state, data. */
  | { readonly kind: 'stored'; readonly storage: Storage }
  /** Host data that the function made. */
  | { readonly kind: 'constant'; readonly storage: Storage };

/** A handle from outside that the function read or wrote. */
export interface Watched extends Handle {
  readonly node: Node;
  readonly grad: { readonly node: Node } | null;
  /** Its stored value was written by a program that ran again. */
  rewritten(storage: Storage): void;
}

/** One evaluation. */
export interface CapturedRun {
  readonly plan: Plan;
  readonly leaves: readonly Binding[];
  readonly scalars: readonly (number | bigint)[];
  /** The storage of each output that is written in place; null where an output has a buffer of its own. */
  readonly inPlace: readonly (Binding | null)[];
  readonly written: readonly { readonly handle: Watched; readonly storage: Storage }[];
}

/** What an evaluation tells. */
export interface Evaluated {
  readonly plan: Plan;
  readonly leaves: readonly Node[];
  readonly scalars: readonly (number | bigint)[];
  readonly nodes: readonly Node[];
  readonly outputs: readonly Storage[];
  readonly destinations: readonly Destination[];
  readonly writes: readonly Handle[];
}

interface Seen {
  readonly storage: Storage;
  readonly version: number;
  readonly requiresGrad: boolean;
}

/** Values that decide what is recorded and are no tensors: options of an optimiser, whether a module is training. */
interface Condition {
  readonly read: () => readonly unknown[];
  readonly values: readonly unknown[];
}

export class Capture {
  readonly runs: CapturedRun[] = [];
  /** Where each returned tensor came from; null for one that no program gave. */
  results: readonly (Binding | null)[] = [];
  /** Why the function cannot run again without being recorded; null where it can. */
  refusal: string | null = null;
  runtime: Runtime | null = null;
  readonly #firstSerial: number;
  readonly #arguments: ReadonlyMap<Storage, number>;
  readonly #outputs = new Map<Storage, Binding>();
  readonly #seen = new Map<Watched, Seen>();
  readonly #made = new WeakSet<object>();
  readonly #added = new WeakSet<Watched>();
  readonly #cleared = new WeakSet<Watched>();
  readonly #conditions = new Map<object, Condition>();

  /** @param firstSerial of what the function records. @param given the storages of its arguments. */
  constructor(firstSerial: number, given: readonly Storage[]) {
    this.#firstSerial = firstSerial;
    this.#arguments = new Map(given.map((storage, index) => [storage, index]));
    if (this.#arguments.size < given.length) this.refuse('two arguments are one tensor');
  }

  refuse(reason: string): void {
    this.refusal ??= reason;
  }

  /** A handle was made: it is the function's own, and no later call sees it. */
  made(handle: object): void {
    this.#made.add(handle);
  }

  /** The gradient of `handle` was dropped: what it is before a call does not matter, unless something was added to it by then. */
  dropped(handle: Watched): void {
    if (!this.#added.has(handle)) this.#cleared.add(handle);
  }

  /** Something was added to the gradient of `handle`. */
  added(handle: Watched): void {
    this.#added.add(handle);
  }

  /** `handle` was read. */
  read(handle: Watched, node: Node): void {
    const storage = node.source as Storage | null;
    if (storage === null) {
      if (node.serial < this.#firstSerial) this.refuse('it reads a value from outside that is not evaluated');
      return;
    }
    if (this.#made.has(handle) || this.#seen.has(handle) || this.#arguments.has(storage)) return;
    this.#seen.set(handle, { storage, version: node.version, requiresGrad: node.requiresGrad });
  }

  /** While `owner` is as `read` tells now, the function does the same. */
  depends(owner: object, read: () => readonly unknown[]): void {
    if (!this.#conditions.has(owner)) this.#conditions.set(owner, { read, values: read() });
  }

  /** An evaluation was submitted. */
  ran(runtime: Runtime, { plan, leaves, scalars, nodes, outputs, destinations, writes }: Evaluated): void {
    this.runtime ??= runtime;
    if (this.runtime !== runtime) this.refuse('it computes on several devices');
    if (reachable(nodes).some(({ source, serial }) => source === null && serial < this.#firstSerial))
      this.refuse('it computes what was recorded outside');
    const bindings = leaves.map((node, leaf) => this.#bindingOf(node.source as Storage, plan.hosts.includes(leaf)));
    const run = this.runs.length;
    const inPlace = plan.outputs.map(({ inPlaceLeaf }, output) => {
      if (inPlaceLeaf !== null) return bindings[inPlaceLeaf] ?? null;
      if (destinations[output] === 'write') this.refuse('it replaces a value that has no address of its own');
      this.#outputs.set(outputs[output] as Storage, { kind: 'output', run, output });
      return null;
    });
    const written = writes.map((handle) => ({
      handle: handle as Watched,
      storage: outputs[nodes.indexOf(handle.current)] as Storage,
    }));
    if (inPlace.some((binding) => binding?.kind === 'argument')) this.refuse('it writes to an argument');
    if (inPlace.some((binding) => binding?.kind === 'constant')) this.refuse('it writes to data that it made');
    this.runs.push({ plan, leaves: bindings, scalars, inPlace, written });
  }

  #bindingOf(storage: Storage, isHost: boolean): Binding {
    const index = this.#arguments.get(storage);
    if (index !== undefined) return { kind: 'argument', index };
    return this.#outputs.get(storage) ?? { kind: isHost ? 'constant' : 'stored', storage };
  }

  /** The function has returned these. */
  finish(results: readonly Node[]): void {
    this.results = results.map(({ source }) => this.#outputs.get(source as Storage) ?? null);
    if (this.results.includes(null)) this.refuse('it returns what it was given');
    if (this.runtime?.pending.isEmpty === false) this.refuse('it leaves values that are not evaluated');
    for (const { grad } of this.#seen.keys()) if (grad?.node.source) this.refuse('it leaves gradients');
    if (!this.#hasNoGradients()) this.refuse('it leaves gradients');
  }

  /** Whether everything from outside is as it was: tensors at their addresses, not written but by programs, options and modes. */
  holds(): boolean {
    for (const [handle, { storage, version, requiresGrad }] of this.#seen) {
      const { node } = handle;
      if (node.source !== storage || node.requiresGrad !== requiresGrad || node.version !== storage.version)
        return false;
      if (!storage.fixed && storage.version !== version) return false;
    }
    for (const { read, values } of this.#conditions.values()) if (!equal(read(), values)) return false;
    return this.#hasNoGradients();
  }

  /** Whether no parameter has a gradient that a `backward()` of the function would add to. */
  #hasNoGradients(): boolean {
    for (const handle of this.#seen.keys()) {
      const { grad } = handle;
      if (grad !== null && !grad.node.spent && !this.#cleared.has(handle)) return false;
    }
    return true;
  }

  /** Gradients that the call left, which were never computed, are those of another call from now on: whoever reads one is told. */
  spendGradients(): void {
    for (const { grad } of this.#seen.keys()) if (grad !== null) grad.node.spent = true;
  }

  /** Whether any tensor from outside lies in `storage`. */
  reads(storage: Storage): boolean {
    for (const seen of this.#seen.values()) if (seen.storage === storage) return true;
    return false;
  }

  /** Whether `other` did the same: what differs between two calls would differ in the third. */
  equals(other: Capture): boolean {
    return (
      this.runtime === other.runtime &&
      sameList(this.runs, other.runs, sameRun) &&
      sameList(this.results, other.results, sameBinding) &&
      this.#seen.size === other.#seen.size &&
      [...this.#seen].every(([handle, { storage }]) => other.#seen.get(handle)?.storage === storage) &&
      sameList([...this.#conditions], [...other.#conditions], ([a, { values }], [b, condition]) => {
        return a === b && equal(values, condition.values);
      })
    );
  }
}

function sameRun(a: CapturedRun, b: CapturedRun): boolean {
  return (
    a.plan === b.plan &&
    sameList(a.leaves, b.leaves, sameBinding) &&
    equal(a.scalars, b.scalars) &&
    sameList(a.written, b.written, (x, y) => x.handle === y.handle && x.storage === y.storage)
  );
}

function sameBinding(a: Binding | null, b: Binding | null): boolean {
  if (a === null || b === null) return a === b;
  switch (a.kind) {
    case 'argument':
      return b.kind === 'argument' && a.index === b.index;
    case 'output':
      return b.kind === 'output' && a.run === b.run && a.output === b.output;
    case 'stored':
      return b.kind === 'stored' && a.storage === b.storage;
    case 'constant':
      return b.kind === 'constant' && sameData(a.storage.data, b.storage.data);
    default:
      return a satisfies never;
  }
}

function sameData(a: HostArray | null, b: HostArray | null): boolean {
  if (a === b) return true;
  if (a === null || b === null || a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
}

function sameList<T>(a: readonly T[], b: readonly T[], same: (x: T, y: T) => boolean): boolean {
  return a.length === b.length && a.every((x, i) => same(x, b[i] as T));
}

const equal = (a: readonly unknown[], b: readonly unknown[]): boolean => sameList(a, b, Object.is);

/** What watches now; null but while a compiled function is being recorded. */
export let watching: Capture | null = null;

/** Runs the synchronous `fn` under watch. */
export function watched<T>(capture: Capture, fn: () => T): T {
  const before = watching;
  watching = capture;
  try {
    return fn();
  } finally {
    watching = before;
  }
}

/**
 * What is recorded and not yet evaluated on one device, and which of it an evaluation takes. Owns the lists and the rules of choice; running is
 * `runtime.ts`. The rules are section by section those of docs/architecture.md, "What recorded means".
 */
import { type Node, reachable, sizeOf } from '@torchlet/graph';
import { valuesForBackward } from './early-results.js';
import type { Storage } from './storage.js';

/** A tensor as the runtime sees it: a cell that holds the node of its present value. */
export interface Handle {
  current: Node;
}

/** The results a root module keeps, and storages it may write the next ones to. */
export interface RootRecord {
  readonly name: string;
  results: Node[];
  kept: Storage[];
  spare: Storage[];
  evaluations: number;
}

/** What asked for an evaluation. `clock`: a root forward or a loader. `step`: an optimiser. `read`: a value. */
export type Reason = 'clock' | 'step' | 'read';

/** Of numbers that operations consume, as many of the newest are stored all the same. */
const mostNumbers = 64;

/** Waiting graphs that no `backward()` walks are let go after this many evaluations. */
const patience = 8;

interface Loose {
  readonly node: Node;
  /** Its value is taken even where an operation consumes it. */
  readonly always: boolean;
  age: number;
}

interface PendingGradient {
  readonly parameter: object;
  readonly node: Node;
}

export class Pending {
  /** Handles whose present value is an unevaluated write, with the value to return to should the evaluation fail. */
  readonly writes = new Map<Handle, Node>();
  #gradients: PendingGradient[] = [];
  #losses: Node[] = [];
  #loose: Loose[] = [];
  #roots: RootRecord[] = [];

  get isEmpty(): boolean {
    return (
      this.writes.size === 0 &&
      this.#gradients.length === 0 &&
      this.#losses.length === 0 &&
      this.#loose.length === 0 &&
      this.#roots.length === 0
    );
  }

  /** A tensor made outside a `forward`. */
  trackLoose(node: Node): void {
    this.#loose.push({ node, always: carriesOn(node), age: 0 });
  }

  /** The tensor of `node` goes into a `forward` that is about to read it: it is computed there, not before. */
  leaveToReader(node: Node): void {
    this.#loose = this.#loose.filter((loose) => loose.node !== node || loose.always);
  }

  /** A root of a recorded `backward()`. */
  trackLoss(node: Node): void {
    this.#losses.push(node);
  }

  trackRoot(root: RootRecord): void {
    if (!this.#roots.includes(root)) this.#roots.push(root);
  }

  trackGradient(parameter: object, node: Node): void {
    this.#gradients.push({ parameter, node });
  }

  /** Whether `parameter` has a recorded gradient that no evaluation took. */
  hasGradient(parameter: object): boolean {
    return this.#gradients.some((gradient) => gradient.parameter === parameter && gradient.node.source === null);
  }

  /** The gradient was dropped by its owner before anything read it. */
  dropGradient(parameter: object): void {
    this.#gradients = this.#gradients.filter((gradient) => gradient.parameter !== parameter);
  }

  /** Number of recorded gradients, losses and writes: zero in an inference loop. */
  get recorded(): number {
    return this.writes.size + this.#gradients.length;
  }

  /**
   * The nodes an evaluation for `reason` makes real, `wanted` among them, and where each one's value belongs. Gradients of `spentBy` are
   * not stored. What is left alone stays pending.
   */
  take(
    reason: Reason,
    wanted: readonly Node[],
    spentBy: ReadonlySet<object> | null,
    wantedAs: 'held' | 'fixed' = 'held',
  ): Taken {
    const taken = new Taken();
    for (const handle of this.writes.keys()) taken.add(handle.current, 'write', null);
    for (const { parameter, node } of this.#gradients) {
      if (spentBy?.has(parameter)) node.spent = true;
      else taken.add(node, 'gradient', parameter);
    }
    for (const node of wanted) taken.add(node, wantedAs, null);
    for (const loss of this.#losses) taken.add(loss, 'held', null);
    this.#takeRoots(taken, reason);
    this.#takeLoose(taken, reason);
    if (this.#roots.length > 0) this.#takeEarly(taken);
    this.#gradients = [];
    this.#losses = [];
    return taken;
  }

  /** An evaluation failed: what was pending is gone, and handles are what they were. */
  fail(): void {
    for (const [handle, before] of this.writes) handle.current = before;
    this.writes.clear();
    this.#gradients = [];
    this.#losses = [];
    this.#loose = [];
    this.#roots = [];
  }

  #takeRoots(taken: Taken, reason: Reason): void {
    const waiting: RootRecord[] = [];
    for (const root of this.#roots) {
      let waits = false;
      for (const node of root.results) {
        if (node.source !== null) continue;
        if (!isWaiting(node) || (reason === 'step' && this.#readsWritten(node)))
          taken.add(node, node.requiresGrad ? 'root' : 'held', root);
        else waits = true;
      }
      if (waits) waiting.push(root);
    }
    this.#roots = waiting;
  }

  /** Results that wait for their `backward()` and are computed now all the same, because something that is taken reads them. */
  #takeEarly(taken: Taken): void {
    const computed = new Set(reachable(taken.nodes));
    for (const root of this.#roots) {
      for (const result of root.results) {
        if (!computed.has(result) || !isWaiting(result) || result.source !== null) continue;
        const record = { root, result };
        for (const node of [...valuesForBackward(result), result]) taken.add(node, 'early', record);
      }
    }
  }

  #takeLoose(taken: Taken, reason: Reason): void {
    const left: Loose[] = [];
    const numbers = this.#newestNumbers();
    for (const loose of this.#loose) {
      const { node } = loose;
      if (node.source !== null || (node.used && !loose.always && !numbers.has(node))) continue;
      if (!isWaiting(node) || (reason === 'step' && this.#readsWritten(node))) taken.add(node, 'held', null);
      else if (loose.age++ < patience) left.push(loose);
    }
    this.#loose = left;
  }

  /**
   * Numbers that went into others: the parts of a loss, a norm that gradients were clipped by. They are read after the step as often as not, when
   * they could no longer be computed, and take four bytes each.
   */
  #newestNumbers(): ReadonlySet<Node> {
    const found = new Set<Node>();
    for (let i = this.#loose.length - 1; i >= 0 && found.size < mostNumbers; i--) {
      const { node } = this.#loose[i] as Loose;
      if (node.used && node.inputs.length > 0 && sizeOf(node.shape) === 1) found.add(node);
    }
    return found;
  }

  /** Whether the value of `node` is computed from a storage that a pending write changes. */
  #readsWritten(node: Node): boolean {
    const targets = new Set([...this.writes.values()].map((before) => before.source));
    return reachable([node]).some((input) => input.source !== null && targets.has(input.source));
  }
}

/**
 * State carried from turn to turn by `detach()`: the graph it comes from has had its `backward()`. Were its value not kept, the next turn would
 * compute this one's again, and the one before, and so on.
 */
function carriesOn(node: Node): boolean {
  return node.op === 'detach' && node.inputs[0]?.walked === 'freed';
}

/** A graph with gradients that no `backward()` has walked yet: it is evaluated with its backward pass, in one program. */
function isWaiting(node: Node): boolean {
  return node.requiresGrad && node.walked === 'no';
}

/** `early`: as `root`, but its graph awaits a `backward()`. `fixed`: a storage of its own that stays where it is. `held`: the user's, until dropped. */
export type Destination = 'write' | 'gradient' | 'root' | 'early' | 'held' | 'fixed';

/** The outputs of one evaluation, each once. */
export class Taken {
  readonly nodes: Node[] = [];
  readonly destinations: Destination[] = [];
  readonly owners: (object | null)[] = [];
  readonly #seen = new Set<Node>();

  add(node: Node, destination: Destination, owner: object | null): void {
    if (node.source !== null || this.#seen.has(node)) return;
    this.#seen.add(node);
    this.nodes.push(node);
    this.destinations.push(destination);
    this.owners.push(owner);
  }
}

/**
 * The plan cache of one device: finds the plan for a graph by its structure, or compiles it. Owns plans and their compiled programs, kept by
 * recency; the key is `key.ts`, the compilation `compile.ts`.
 */
import type { Device } from '@torchlet/device';
import type { Node } from '@torchlet/graph';
import { compileGraph } from './compile.js';
import type { PlannerObserver } from './debug.js';
import { KeyWalk, sameKey } from './key.js';
import type { Plan, Planned } from './plan.js';

export interface PlannerOptions {
  /** Plans kept; the one that was used least recently goes first. 256 where not given. */
  readonly capacity?: number;
  /** Told of every step: `debugText` makes text of it. */
  readonly observe?: PlannerObserver;
  /** False makes every node a kernel of its own: slow, and what fused programs are tested against. */
  readonly fuse?: boolean;
}

export interface PlannerStats {
  /** Plans kept now. */
  readonly plans: number;
  readonly hits: number;
  /** Plans compiled so far. */
  readonly misses: number;
}

interface Entry {
  readonly key: Int32Array;
  readonly hash: number;
  readonly plan: Plan;
  used: number;
}

/**
 * @example
 * const planner = new Planner(device);
 * const { plan, leaves, scalars } = planner.plan([loss]);
 */
export class Planner {
  readonly #device: Device;
  readonly #capacity: number;
  readonly #observe: PlannerObserver | null;
  readonly #fuse: boolean;
  readonly #walk = new KeyWalk();
  /** Entries by hash; those of one hash in a list. */
  readonly #entries = new Map<number, Entry[]>();
  readonly #kept = new Map<Plan, Entry>();
  readonly #planned: { plan: Plan; readonly leaves: readonly Node[]; readonly scalars: readonly Node[] };
  /** What was found last: most loops want the same again. */
  #last: Entry | null = null;
  #plans = 0;
  #hits = 0;
  #misses = 0;
  #clock = 0;

  constructor(device: Device, options: PlannerOptions = {}) {
    this.#device = device;
    this.#capacity = options.capacity ?? 256;
    if (this.#capacity < 1) throw new RangeError(`Planner: expected a capacity of at least 1, got ${this.#capacity}`);
    this.#observe = options.observe ?? null;
    this.#fuse = options.fuse ?? true;
    this.#planned = { plan: noPlan, leaves: this.#walk.leaves, scalars: this.#walk.scalars };
  }

  get stats(): PlannerStats {
    return { plans: this.#plans, hits: this.#hits, misses: this.#misses };
  }

  /**
   * The plan that makes `outputs` real: distinct nodes whose value does not exist yet. The result, its lists included, is valid until the
   * next call. An output that is an `assign` chain on a stored leaf is written in place.
   *
   * @throws TypeError where the device does not support a dtype of the graph.
   */
  plan(outputs: readonly Node[]): Planned {
    const walk = this.#walk;
    walk.walk(outputs);
    const planned = this.#planned;
    planned.plan = this.#find(walk) ?? this.#compile(outputs, walk);
    return planned;
  }

  /** Whether `plan` can still be run, in which case it counts as used. */
  isKept(plan: Plan): boolean {
    const entry = this.#kept.get(plan);
    if (entry !== undefined) entry.used = ++this.#clock;
    return entry !== undefined;
  }

  /** Lets go of every plan. Idempotent; a later `plan` compiles anew. */
  dispose(): void {
    for (const plan of this.#kept.keys()) plan.compiled.dispose();
    this.#kept.clear();
    this.#entries.clear();
    this.#last = null;
    this.#plans = 0;
    this.#planned.plan = noPlan;
    this.#walk.clear();
  }

  #find(walk: KeyWalk): Plan | null {
    const isFor = (entry: Entry | null) => entry !== null && sameKey(entry.key, walk.words, walk.length);
    const entry = isFor(this.#last) ? this.#last : (this.#entries.get(walk.hash())?.find(isFor) ?? null);
    if (entry === null) return null;
    this.#last = entry;
    entry.used = ++this.#clock;
    this.#hits++;
    this.#observe?.({ kind: 'hit', program: entry.plan.program });
    return entry.plan;
  }

  #compile(outputs: readonly Node[], walk: KeyWalk): Plan {
    const hash = walk.hash();
    const name = `p${(hash >>> 0).toString(16)}`;
    const key = walk.words.slice(0, walk.length);
    const options = { fuse: this.#fuse, observe: this.#observe, name };
    const graph = compileGraph(outputs, walk.leaves, walk.scalars, this.#device, options);
    const plan: Plan = { ...graph, compiled: this.#device.compile(graph.program) };
    this.#misses++;
    this.#observe?.({ kind: 'compiled', program: graph.program });
    this.#keep({ key, hash, plan, used: ++this.#clock });
    return plan;
  }

  #keep(entry: Entry): void {
    if (this.#plans === this.#capacity) this.#dropOldest();
    const entries = this.#entries.get(entry.hash);
    if (entries === undefined) this.#entries.set(entry.hash, [entry]);
    else entries.push(entry);
    this.#kept.set(entry.plan, entry);
    this.#plans++;
  }

  #dropOldest(): void {
    let oldest: Entry | null = null;
    for (const entries of this.#entries.values()) {
      for (const entry of entries) if (oldest === null || entry.used < oldest.used) oldest = entry;
    }
    if (oldest === null) return;
    if (oldest === this.#last) this.#last = null;
    const { hash, plan } = oldest;
    const left = (this.#entries.get(hash) as Entry[]).filter((entry) => entry !== oldest);
    if (left.length === 0) this.#entries.delete(hash);
    else this.#entries.set(hash, left);
    this.#kept.delete(plan);
    this.#plans--;
    plan.compiled.dispose();
    this.#observe?.({ kind: 'dropped', program: plan.program });
  }
}

const nothing = { name: 'none', slots: [], scalars: [], kernels: [], arena: [] };
const noPlan: Plan = {
  program: nothing,
  compiled: { program: nothing, dispose: () => undefined },
  buffers: [],
  hosts: [],
  scalars: [],
  outputs: [],
};

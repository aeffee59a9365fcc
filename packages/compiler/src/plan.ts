/** What the planner gives: a compiled program and what to bind to it. Plain data but for `compiled`; holds no node. */
import type { Compiled, DType, Program } from '@torchlet/device';
import type { Node } from '@torchlet/graph';

/** A program that makes the outputs of one graph real, for every graph of the same structure. */
export interface Plan {
  readonly program: Program;
  readonly compiled: Compiled;
  /** What each `buffer` slot binds to, in the order of `Bindings.buffers`. */
  readonly buffers: readonly ({ readonly leaf: number } | { readonly output: number })[];
  /** The leaf of each entry of `Bindings.hostInputs`. */
  readonly hosts: readonly number[];
  /** The position in `Planned.scalars` of each entry of `Bindings.scalars`. */
  readonly scalars: readonly number[];
  readonly outputs: readonly PlannedOutput[];
}

export interface PlannedOutput {
  /** Elements. */
  readonly size: number;
  readonly dtype: DType;
  /** The leaf into whose storage it is written; null where it needs a buffer of its own. */
  readonly inPlaceLeaf: number | null;
}

/** A plan and the leaves and runtime scalars of the graph it was asked for. Valid until the planner is asked again. */
export interface Planned {
  readonly plan: Plan;
  /** One node per source, numbered by first visit. */
  readonly leaves: readonly Node[];
  readonly scalars: readonly Node[];
}

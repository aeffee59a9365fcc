/**
 * What a run on a card leaves: one line of JSON for each thing seen, of six kinds. Owns their form; tasks make them (`tasks/`, `peers/`), `results.ts` keeps
 * them, `table.ts` shows them.
 */

/** Something that holds or does not. */
export interface Check {
  readonly kind: 'check';
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

/** How many tests of a suite, or golden cases, passed in one process; what failed has a check of its own. */
export interface Tally {
  readonly kind: 'tally';
  readonly name: string;
  readonly passed: number;
  readonly failed: number;
  readonly unsupported: number;
  /** Chosen for this process, and not begun for lack of time. */
  readonly unrun: number;
  /** How many there are in all. */
  readonly of: number;
  readonly seconds: number;
}

/** One number. */
export interface Figure {
  readonly kind: 'figure';
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

/** A case as one side ran it. */
export interface Timing {
  readonly kind: 'timing';
  readonly case: string;
  /** `torchlet`, `pytorch`, `jax`, `jax-js`. */
  readonly peer: string;
  /** How the peer ran it: `loop`, `own kernels`, `own kernels by warps`, each of them `compiled` too, `eager`, `graph`, `compile`, `jit`. */
  readonly mode: string;
  /** Whether the loss was read at every step. */
  readonly reading: 'never' | 'every step';
  readonly ms: number;
  readonly spread: number;
  readonly firstSeconds: number;
  readonly runs: number;
  /** Programs and kernels of one run, where they are known. */
  readonly programs?: number;
  readonly kernels?: number;
}

/** What was not done, and why. */
export interface Skip {
  readonly kind: 'skipped';
  readonly name: string;
  readonly who: string;
  readonly reason: string;
}

/** What a machine, a device or a peer says of itself. */
export interface Facts {
  readonly kind: 'facts';
  readonly name: string;
  readonly facts: Readonly<Record<string, unknown>>;
}

export type Finding = Check | Tally | Figure | Timing | Skip | Facts;

/** A finding where it is kept. */
export type Line = Finding & {
  /** The part of the run. */
  readonly part: string;
  /** The device that was asked for. */
  readonly device: string;
  /** False where times say nothing: a stand-in, an emulated adapter, tiny sizes. */
  readonly measurement: boolean;
};

export type Emit = (finding: Finding) => void;

const kinds: ReadonlySet<unknown> = new Set<Finding['kind']>([
  'check',
  'tally',
  'figure',
  'timing',
  'skipped',
  'facts',
]);

/** The finding in a line that a process printed, or null: drivers and libraries print too. */
export function findingIn(text: string): Finding | null {
  if (!text.startsWith('{')) return null;
  try {
    const value = JSON.parse(text) as Finding;
    return kinds.has(value.kind) ? value : null;
  } catch {
    return null;
  }
}

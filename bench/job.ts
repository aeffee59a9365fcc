/**
 * What passes between the bench and a peer's process: a job as its one argument, a report as its last line of output.
 * `workloads.ts` says what the work is; `rounds.ts` starts the processes.
 */
import type { Work } from './workloads.js';

export interface Job {
  readonly work: Work;
  readonly threads: number;
  /** Whether fused multiply-add may be used; only a peer that can choose looks at it. */
  readonly fma: boolean;
  /** Folder with x.f32, y.u8, perm.i32 and randn.f32. */
  readonly data: string;
  /** How long the timed part of a small benchmark may take. */
  readonly budgetMs: number;
}

/** What reached the GPU, per step or call. */
export interface GpuCalls {
  readonly submissions: number;
  readonly dispatches: number;
}

export interface Report {
  /** Milliseconds of each timed run. */
  readonly samples: readonly number[];
  readonly loss?: number;
  /** Fraction of the held-out images that are classified right. */
  readonly accuracy?: number;
  /** One value of the result, the same one for every peer. */
  readonly check?: number;
  /** Where the peer computes on a GPU. */
  readonly calls?: GpuCalls;
}

/** The job this process was started with. */
export function readJob(): Job {
  const argument = process.argv[2];
  if (argument === undefined)
    throw new Error('expected a job as the first argument; start this file through `npm run bench`');
  return JSON.parse(argument) as Job;
}

/** Hands the report over and ends the process, which a peer's worker threads would otherwise keep alive. */
export function finish(report: Report): void {
  process.stdout.write(`${JSON.stringify(report)}\n`, () => process.exit(0));
}

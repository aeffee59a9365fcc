/**
 * Running the peers: each in a process of its own, one at a time, every peer once a round, so that a noisy minute does not
 * fall on one of them alone. Gathers the samples; `report.ts` makes tables of them.
 */
import { spawn } from 'node:child_process';
import type { GpuCalls, Job, Report } from './job.js';
import type { FoundPeer } from './peers.js';
import type { Case } from './workloads.js';

/** A peer that needs longer than this for one round sits out the rest. */
const SLOW_MS = 20_000;
/** No peer may take longer than this for one round. */
const LIMIT_MS = 300_000;

export interface Measured {
  readonly peer: FoundPeer;
  readonly case: Case;
  readonly samples: readonly number[];
  readonly loss: number | null;
  readonly accuracy: number | null;
  readonly check: number | null;
  readonly calls: GpuCalls | null;
  /** Why the peer could not do this case. */
  readonly failed?: string;
}

export interface Rounds {
  readonly count: number;
  readonly job: Omit<Job, 'work'>;
  /** Told before each process starts. */
  readonly onStart: (peer: FoundPeer, measured: Case, round: number) => void;
}

/** The last line of a failed process that says something: an error's own line where there is one. */
function reasonOf(stderr: string, status: string): string {
  const lines = stderr.split('\n').filter((line) => line.trim() !== '');
  const error = lines.findLast((line) => /^\S*Error\b.*:/.test(line));
  return (error ?? lines.at(-1) ?? status).trim();
}

function runChild({ launch }: FoundPeer, job: Job): Promise<Report | { readonly failed: string }> {
  return new Promise((resolve) => {
    const process_ = spawn(launch.command, [...launch.args, JSON.stringify(job)], {
      env: { ...process.env, ...launch.env },
      stdio: ['ignore', 'pipe', 'pipe'],
      timeout: LIMIT_MS,
    });
    let stdout = '';
    let stderr = '';
    process_.stdout.on('data', (chunk: Buffer) => (stdout += chunk.toString()));
    process_.stderr.on('data', (chunk: Buffer) => (stderr += chunk.toString()));
    process_.on('error', (error) => resolve({ failed: error.message }));
    process_.on('close', (status, signal) => {
      if (status !== 0) {
        resolve({
          failed: reasonOf(
            stderr,
            signal === null ? `exit code ${status}` : `ended by ${signal} after ${LIMIT_MS / 1000} s`,
          ),
        });
        return;
      }
      resolve(JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '') as Report);
    });
  });
}

/** Measures one case with every peer, in rounds; each round starts with another peer. */
export async function measure(measured: Case, peers: readonly FoundPeer[], rounds: Rounds): Promise<Measured[]> {
  const results = peers.map((peer) => ({
    peer,
    samples: [] as number[],
    last: undefined as Report | undefined,
    failed: undefined as string | undefined,
    slow: false,
  }));
  for (let round = 0; round < rounds.count; round++) {
    for (let turn = 0; turn < results.length; turn++) {
      const result = results[(turn + round) % results.length];
      if (result === undefined || result.slow || result.failed !== undefined) continue;
      rounds.onStart(result.peer, measured, round);
      const start = performance.now();
      const report = await runChild(result.peer, { ...rounds.job, work: measured.work });
      result.slow = performance.now() - start > SLOW_MS;
      if ('failed' in report) {
        result.failed = report.failed;
        continue;
      }
      result.samples.push(...report.samples);
      result.last = report;
    }
  }
  return results.map(({ peer, samples, last, failed }) => ({
    peer,
    case: measured,
    samples,
    loss: last?.loss ?? null,
    accuracy: last?.accuracy ?? null,
    check: last?.check ?? null,
    calls: last?.calls ?? null,
    ...(failed === undefined ? {} : { failed }),
  }));
}

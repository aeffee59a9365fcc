/**
 * What becomes of the samples: medians and minimums, the ratio of Torchlet to each peer, whether all peers did the same
 * work, the table that is printed and the JSON that is written.
 */
import Table from 'cli-table3';
import { median } from './median.js';
import type { SkippedPeer } from './peers.js';
import type { Measured } from './rounds.js';
import type { PeerName, WorkloadName } from './workloads.js';

/** One row of the JSON's `results`. */
export interface Result {
  readonly peer: PeerName;
  readonly case?: string;
  readonly version: string | null;
  readonly threads: number | null;
  readonly median_ms: number | null;
  readonly min_ms: number | null;
  readonly runs: number;
  readonly loss: number | null;
  readonly accuracy: number | null;
  /** What reached the GPU per step or call, where the peer computes on one. */
  readonly submissions?: number;
  readonly dispatches?: number;
  readonly skipped?: string;
}

export interface BenchFile {
  readonly workload: WorkloadName;
  readonly node: string;
  readonly cpu: string;
  readonly fma: boolean;
  readonly results: readonly Result[];
}

export function resultOf({ peer, case: measured, samples, loss, accuracy, calls, failed }: Measured): Result {
  const name = measured.name === undefined ? {} : { case: measured.name };
  const timed = samples.length > 0;
  return {
    peer: peer.peer,
    ...name,
    version: peer.version,
    threads: peer.threads,
    median_ms: timed ? median(samples) : null,
    min_ms: timed ? Math.min(...samples) : null,
    runs: samples.length,
    loss,
    accuracy,
    ...(calls ?? {}),
    ...(failed === undefined ? {} : { skipped: `failed: ${failed}` }),
  };
}

export function skippedResult({ peer, skipped }: SkippedPeer): Result {
  return {
    peer,
    version: null,
    threads: null,
    median_ms: null,
    min_ms: null,
    runs: 0,
    loss: null,
    accuracy: null,
    skipped,
  };
}

function milliseconds(value: number): string {
  if (value >= 1000) return value.toFixed(0);
  return value >= 1 ? value.toFixed(2) : value.toFixed(4);
}

const ratio = (ours: number | null, theirs: number | null): string =>
  ours === null || theirs === null ? '' : (ours / theirs).toFixed(2);

const HEAD = [
  'case',
  'peer',
  'version',
  'threads',
  'median ms',
  'min ms',
  'runs',
  'rate',
  'torchlet/peer',
  'of minimums',
  'loss',
  'accuracy',
  'submissions',
  'dispatches',
];

/** The table of one workload; a ratio under 1 says that Torchlet took less time. Columns that would be empty are left out. */
export function table(measurements: readonly Measured[]): string {
  const rows = measurements.map((measurement) => {
    const result = resultOf(measurement);
    const ours = measurements.find((other) => other.peer.peer === 'torchlet' && other.case === measurement.case);
    const reference = ours === undefined || result.peer === 'torchlet' ? undefined : resultOf(ours);
    const { rate } = measurement.case;
    return [
      result.case ?? '',
      result.peer,
      result.version ?? '',
      `${result.threads ?? ''}`,
      result.median_ms === null ? (measurement.failed ?? '') : milliseconds(result.median_ms),
      result.min_ms === null ? '' : milliseconds(result.min_ms),
      `${result.runs}`,
      rate === undefined || result.min_ms === null
        ? ''
        : `${((rate.giga / result.min_ms) * 1e3).toFixed(1)} ${rate.unit}`,
      reference === undefined ? '' : ratio(reference.median_ms, result.median_ms),
      reference === undefined ? '' : ratio(reference.min_ms, result.min_ms),
      result.loss?.toFixed(4) ?? '',
      result.accuracy?.toFixed(4) ?? '',
      `${result.submissions ?? ''}`,
      `${result.dispatches ?? ''}`,
    ];
  });
  const kept = HEAD.map((_, column) => rows.some((row) => row[column] !== ''));
  const keep = (row: readonly string[]): string[] => row.filter((_, column) => kept[column]);
  const printed = new Table({ head: keep(HEAD), style: { head: [], border: [], compact: true } });
  for (const row of rows) printed.push(keep(row));
  return printed.toString();
}

interface Compared {
  readonly what: string;
  readonly of: (measured: Measured) => number | null;
  readonly allowed: (measured: Measured, value: number) => number;
}

const compared: readonly Compared[] = [
  { what: 'last loss', of: ({ loss }) => loss, allowed: (measured) => measured.case.trainingTolerance?.loss ?? 0 },
  {
    what: 'accuracy',
    of: ({ accuracy }) => accuracy,
    // Fractions of 2,000 images are not exact in binary.
    allowed: (measured) => (measured.case.trainingTolerance?.accuracy ?? 0) + 1e-9,
  },
  {
    what: 'a value of the result',
    of: ({ check }) => check,
    allowed: (measured, value) => (measured.case.checkTolerance ?? 0) * Math.max(1, Math.abs(value)),
  },
];

/** Where peers did not do the same work, one line each; none means that they agree. The first peer is the measure. */
export function disagreements(measurements: readonly Measured[]): string[] {
  return compared.flatMap(({ what, of, allowed }) =>
    measurements.flatMap((measured) => {
      const first = measurements.find((other) => other.case === measured.case && of(other) !== null);
      const expected = first === undefined ? null : of(first);
      const got = of(measured);
      if (first === undefined || expected === null || got === null) return [];
      if (Math.abs(got - expected) <= allowed(first, expected)) return [];
      const name = measured.case.name === undefined ? '' : `${measured.case.name}: `;
      return [`${name}${what} of ${measured.peer.peer} is ${got}, of ${first.peer.peer} ${expected}`];
    }),
  );
}

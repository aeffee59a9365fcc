/** A run on a card: parts one after the other, each process with a limit of time, every finding kept at once. Owns the order and the clock; the parts are `parts.ts`. */
import { endAll, runChild } from './child.js';
import type { Finding, Line } from './lines.js';
import { type Job, type PartName, parts, type RunSettings } from './parts.js';
import type { Results } from './results.js';
import { noSuchDevice } from './tasks/tasks.js';

export interface Clock {
  /** Whose processes are run: Torchlet's and these peers'; all where it is null. */
  readonly peers: readonly string[] | null;
  /** The whole run may take so long. */
  readonly seconds: number;
  readonly print: (text: string) => void;
}

/** With less than this left nothing is begun. */
const LEAST_SECONDS = 8;

/** Runs the parts. @returns whether every check held and every process ended well. */
export async function runParts(
  run: RunSettings,
  wanted: readonly PartName[],
  results: Results,
  { peers, seconds, print }: Clock,
): Promise<boolean> {
  const end = performance.now() + 1000 * seconds;
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted);
  for (const part of wanted) {
    const gone = new Set<string>();
    for (const stage of parts[part](run)) {
      const left = (end - performance.now()) / 1000;
      const jobs = stage.filter(({ who }) => peers?.includes(who) !== false);
      await Promise.all(jobs.map((job) => runJob(job, part, run, results, { left, gone, print })));
    }
    results.table();
  }
  process.off('SIGINT', interrupted).off('SIGTERM', interrupted);
  return results.lines.every((line) => (line.kind === 'check' ? line.ok : line.kind !== 'tally' || line.failed === 0));
}

function interrupted(): void {
  endAll();
  process.exit(130);
}

interface Surroundings {
  readonly left: number;
  /** Devices of this part that turned out not to be there. */
  readonly gone: Set<string>;
  readonly print: (text: string) => void;
}

async function runJob(
  job: Job,
  part: PartName,
  run: RunSettings,
  results: Results,
  { left, gone, print }: Surroundings,
): Promise<void> {
  const { name, device } = job;
  const emit = (finding: Finding): void => {
    const line: Line = { ...finding, part, device, measurement: isMeasurement(run) };
    results.add(line);
    const text = printed(line);
    if (text !== null) print(text);
    if (run.scale === 'full' && isEmulated(finding)) gone.add(device);
  };
  const skip = (reason: string): void => emit({ kind: 'skipped', name: `${part}: ${name}`, who: job.who, reason });
  if (gone.has(device)) return skip(`there is no ${device} here that times would say something of`);
  const seconds = Math.min(job.seconds, left);
  if (seconds < LEAST_SECONDS) return skip('out of time');
  const started = job.start(seconds);
  if ('kind' in started) return emit(started);
  print(`${part}: ${name}, at most ${seconds.toFixed(0)} s`);
  const failure = await runChild(started, seconds, emit);
  if (failure === null) return;
  if (failure.code === noSuchDevice) {
    gone.add(device);
    return skip(failure.reason);
  }
  emit({ kind: 'check', name: `${name} ran to its end`, ok: false, detail: failure.reason });
}

/** On the stand-in, and at tiny sizes, times say nothing. */
export function isMeasurement({ device, scale }: Pick<RunSettings, 'device' | 'scale'>): boolean {
  return scale === 'full' && device !== 'cuda-standin';
}

function isEmulated(finding: Finding): boolean {
  if (finding.kind !== 'facts' || finding.name !== 'device') return false;
  return (finding.facts['adapter'] as { readonly emulated?: boolean } | undefined)?.emulated === true;
}

function printed(line: Line): string | null {
  const unmeasured = line.measurement ? '' : ' (no measurement)';
  switch (line.kind) {
    case 'check':
      return `  ${line.ok ? 'ok    ' : 'FAILED'} ${line.name}: ${line.detail}`;
    case 'tally':
      return `  ${line.name}: ${line.passed} passed, ${line.failed} failed, ${line.unsupported} unsupported of ${line.of}, ${line.seconds.toFixed(1)} s`;
    case 'figure':
      return `  ${line.name}: ${Number(line.value.toPrecision(4))} ${line.unit}${unmeasured}`;
    case 'timing':
      return `  ${line.case}, ${line.peer} ${line.mode}, loss read ${line.reading}: ${Number(line.ms.toPrecision(4))} ms${unmeasured}`;
    case 'skipped':
      return `  skipped: ${line.name} (${line.who}): ${line.reason}`;
    case 'facts':
      return null;
    default:
      return line satisfies never;
  }
}

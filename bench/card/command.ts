/**
 * A run on a card as a command: looks whether the device is there, runs the parts, prints the table, tells where the lines are. Owns what `npm run card` and
 * `npm run bench -- cuda` have in common.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { NoSuchDevice } from '../../scripts/devices.js';
import { UsageError } from '../command-line.js';
import type { Scale } from './cases.js';
import { runChild } from './child.js';
import { commit } from './commit.js';
import type { Facts, Finding } from './lines.js';
import { type PartName, type RunSettings, task } from './parts.js';
import { Results } from './results.js';
import { isMeasurement, runParts } from './run.js';
import { rehearsal } from './table.js';
import { noSuchDevice } from './tasks/tasks.js';

export interface CardRun {
  readonly device: string;
  readonly scale: Scale;
  readonly parts: readonly PartName[];
  /** Who takes part; everybody where it is null. */
  readonly peers: readonly string[] | null;
  readonly only: string | null;
  readonly seconds: number;
  readonly minutes: number;
  /** Where the results go; a folder of the day and the device where it is null. */
  readonly out: string | null;
  readonly entry: string;
}

/** Opening a card may compile nothing yet, but a driver takes its time. */
const OPENING_SECONDS = 60;

/** @returns the exit code. @throws NoSuchDevice, and RangeError for an expression that is none. */
export async function runOnCard({ parts, peers, minutes, out, ...asked }: CardRun): Promise<number> {
  const { device, scale } = asked;
  const cache = mkdtempSync(path.join(tmpdir(), 'torchlet-card-cache-'));
  try {
    const about = { ...asked, golden: process.env['TORCHLET_GOLDENS'] ?? null, cache };
    const seen = await factsOf(about);
    const run: RunSettings = { ...about, libraries: librariesIn(seen), warpgroups: hasWarpgroups(seen) };
    const results = new Results(out ?? ownFolder(asked));
    const measurement = isMeasurement(asked);
    for (const finding of [ofTheRun(), ...seen]) results.add({ ...finding, part: 'facts', device, measurement });
    if (!measurement) console.log(rehearsal);
    const start = performance.now();
    const held = await runParts(run, parts, results, {
      peers,
      seconds: 60 * minutes,
      print: (text) => console.log(text),
    });
    console.log(`\n${results.table()}`);
    console.log(
      `${results.lines.length} lines in ${results.folder}, after ${((performance.now() - start) / 1000).toFixed(0)} s on ${device} at ${scale} scale`,
    );
    return held ? 0 : 1;
  } finally {
    rmSync(cache, { recursive: true, force: true });
  }
}

/** What machine and device say of themselves, asked in a process of its own: this one must not take a part of the card. @throws NoSuchDevice */
async function factsOf(run: Pick<RunSettings, 'device' | 'entry'>): Promise<Finding[]> {
  const found: Finding[] = [];
  const started = task(run, 'facts', OPENING_SECONDS, { device: run.device, machine: true }).start(OPENING_SECONDS);
  if ('kind' in started) return [started];
  const failure = await runChild(started, OPENING_SECONDS, (finding) => found.push(finding));
  if (failure === null) return found;
  if (failure.code === noSuchDevice) throw new NoSuchDevice(failure.reason);
  throw new Error(failure.reason);
}

/** Whether the device found a library that computes for it, in which case its own kernels are measured for themselves. */
function librariesIn(found: readonly Finding[]): boolean {
  const libraries = (saidByDevice(found)['libraries'] ?? []) as readonly { readonly file?: string | null }[];
  return libraries.some(({ file }) => typeof file === 'string');
}

/** Whether products may go to warpgroups, in which case those by warps are measured too. */
function hasWarpgroups(found: readonly Finding[]): boolean {
  return (saidByDevice(found)['wgmma'] ?? 'off') !== 'off';
}

function saidByDevice(found: readonly Finding[]): Facts['facts'] {
  return found.find((finding): finding is Facts => finding.kind === 'facts' && finding.name === 'device')?.facts ?? {};
}

function ofTheRun(): Finding {
  return { kind: 'facts', name: 'run', facts: { date: new Date().toISOString(), commit: commit() } };
}

/** `bench/results/` in a checkout, `results/` where a packed run is called; rehearsals are not kept by git. */
function ownFolder({ device, scale, entry }: Pick<CardRun, 'device' | 'scale' | 'entry'>): string {
  const [day] = new Date().toISOString().split('T');
  const name = isMeasurement({ device, scale }) ? `${day}-${device}` : `rehearsal-${device}`;
  const results =
    process.env['TORCHLET_COMMIT'] === undefined ? path.join(path.dirname(entry), '..', 'results') : 'results';
  return path.resolve(results, name);
}

/** @throws UsageError unless `value` is a number above 0. */
export function positive(option: string, value: string): number {
  const parsed = Number(value);
  if (!(parsed > 0 && Number.isFinite(parsed)))
    throw new UsageError(`--${option}: expected a number above 0, got ${value}`);
  return parsed;
}

/** @throws UsageError unless `value` is a regular expression. */
export function pattern(option: string, value: string | undefined): string | null {
  if (value === undefined) return null;
  try {
    return new RegExp(value).source;
  } catch (error) {
    throw new UsageError(`--${option}: ${(error as Error).message}`);
  }
}

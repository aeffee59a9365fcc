/** The suites and the golden cases of `@torchlet/conformance` on a device, as many as the time allows. Owns the counting; a suite's tests and the verdicts are theirs. */
import { type CaseResult, conformanceSuites, type GoldenGroup, runGoldens, type Suite } from '@torchlet/conformance';
import { readGoldens } from '@torchlet/conformance/node';
import { openDevice } from '../../../scripts/devices.js';
import { digits } from '../digits.js';
import type { Emit } from '../lines.js';

interface Share {
  readonly device: string;
  /** One test in so many is run, the first of them at place `from`: processes beside each other share them so. */
  readonly every: number;
  readonly from: number;
  /** No test begins after so many seconds. */
  readonly seconds: number;
}

export interface SuiteSettings extends Share {
  readonly suites: readonly string[] | null;
  readonly except: readonly string[];
}

export interface GoldenSettings extends Share {
  /** The folder of the golden files. */
  readonly golden: string;
}

export async function suites(
  { device, suites: wanted, except, seconds, ...share }: SuiteSettings,
  emit: Emit,
): Promise<void> {
  const last = performance.now() + 1000 * seconds;
  for (const suite of conformanceSuites({ name: device, open: () => openDevice(device) })) {
    if (wanted?.includes(suite.name) === false || except.includes(suite.name)) continue;
    await runSuite(suite, share, last, emit);
  }
}

/** What falls to this process. */
function chosenOf<T>(all: readonly T[], { every, from }: Pick<Share, 'every' | 'from'>): T[] {
  return all.filter((_, i) => i % every === from);
}

async function runSuite(
  { name, tests, close }: Suite,
  share: Pick<Share, 'every' | 'from'>,
  last: number,
  emit: Emit,
): Promise<void> {
  const chosen = chosenOf(tests, share);
  const start = performance.now();
  let [passed, failed] = [0, 0];
  for (const test of chosen) {
    if (performance.now() > last) break;
    try {
      await test.run();
      passed++;
    } catch (error) {
      failed++;
      emit({ kind: 'check', name: `${name}: ${test.name}`, ok: false, detail: (error as Error).message });
    }
  }
  await close();
  const seconds = secondsSince(start);
  const unrun = chosen.length - passed - failed;
  emit({ kind: 'tally', name: `suite ${name}`, passed, failed, unsupported: 0, unrun, of: tests.length, seconds });
}

export async function goldens({ device: name, golden, seconds, ...share }: GoldenSettings, emit: Emit): Promise<void> {
  const start = performance.now();
  const groups = await readGoldens(golden);
  const device = await openDevice(name);
  const results: CaseResult[] = [];
  let unrun = 0;
  for (const group of groups) {
    const chosen: GoldenGroup = { ...group, cases: chosenOf(group.cases, share) };
    if (secondsSince(start) > seconds) {
      unrun += chosen.cases.length;
      continue;
    }
    const [{ cases = [] } = {}] = await runGoldens(device, [chosen], { digits });
    results.push(...cases);
    for (const { id, status, reason } of cases) {
      if (status === 'failed') emit({ kind: 'check', name: id, ok: false, detail: reason ?? '' });
    }
  }
  const count = (status: CaseResult['status']): number => results.filter((result) => result.status === status).length;
  emit({
    kind: 'tally',
    name: 'golden cases',
    passed: count('passed'),
    failed: count('failed'),
    unsupported: count('unsupported'),
    unrun,
    of: groups.reduce((sum, { cases }) => sum + cases.length, 0),
    seconds: secondsSince(start),
  });
  device.dispose();
}

const secondsSince = (start: number): number => (performance.now() - start) / 1000;

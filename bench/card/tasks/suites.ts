/** The suites and the golden cases of `@torchlet/conformance` on a device, as many as the time allows. Owns the counting; a suite's tests and the verdicts are theirs. */
import { type CaseResult, conformanceSuites, type GoldenGroup, runGoldens, type Suite } from '@torchlet/conformance';
import { readGoldens } from '@torchlet/conformance/node';
import { openDevice } from '../../../scripts/devices.js';
import { digits } from '../digits.js';
import type { Emit } from '../lines.js';

interface Share {
  readonly device: string;
  /** One test in so many is run: all of them with 1. */
  readonly every: number;
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
  { device, suites: wanted, except, every, seconds }: SuiteSettings,
  emit: Emit,
): Promise<void> {
  const last = performance.now() + 1000 * seconds;
  for (const suite of conformanceSuites({ name: device, open: () => openDevice(device) })) {
    if (wanted?.includes(suite.name) === false || except.includes(suite.name)) continue;
    await runSuite(suite, every, last, emit);
  }
}

async function runSuite({ name, tests, close }: Suite, every: number, last: number, emit: Emit): Promise<void> {
  const chosen = tests.filter((_, i) => i % every === 0);
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
  const unrun = chosen.length - passed - failed;
  const detail = `${passed} passed, ${failed} failed in ${((performance.now() - start) / 1000).toFixed(1)} s${shareOf(chosen.length, tests.length)}`;
  emit({ kind: 'check', name: `suite ${name}`, ok: failed === 0, detail });
  if (unrun > 0)
    emit({ kind: 'skipped', name: `${unrun} tests of suite ${name}`, who: 'torchlet', reason: 'out of time' });
}

export async function goldens({ device: name, golden, every, seconds }: GoldenSettings, emit: Emit): Promise<void> {
  const start = performance.now();
  const groups = await readGoldens(golden);
  const device = await openDevice(name);
  const results: CaseResult[] = [];
  for (const group of groups) {
    if (performance.now() - start > 1000 * seconds) {
      emit({ kind: 'skipped', name: `golden group ${group.name}`, who: 'torchlet', reason: 'out of time' });
      continue;
    }
    const chosen: GoldenGroup = { ...group, cases: group.cases.filter((_, i) => i % every === 0) };
    const [{ cases = [] } = {}] = await runGoldens(device, [chosen], { digits });
    results.push(...cases);
    for (const { id, status, reason } of cases) {
      if (status === 'failed') emit({ kind: 'check', name: id, ok: false, detail: reason ?? '' });
    }
  }
  const count = (status: CaseResult['status']): number => results.filter((result) => result.status === status).length;
  const total = groups.reduce((sum, { cases }) => sum + cases.length, 0);
  const counts = `${count('passed')} passed, ${count('failed')} failed, ${count('unsupported')} unsupported`;
  const detail = `${counts} in ${((performance.now() - start) / 1000).toFixed(1)} s${shareOf(results.length, total)}`;
  emit({ kind: 'check', name: 'golden cases', ok: count('failed') === 0 && count('passed') > 0, detail });
  device.dispose();
}

const shareOf = (chosen: number, all: number): string => (chosen === all ? '' : ` (${chosen} of ${all})`);

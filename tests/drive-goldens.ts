/** The golden cases made with PyTorch as tests, a group each. Owns what must come of them; which devices they run on the tests say. */
import { type CaseResult, runGoldens } from '@torchlet/conformance';
import { readGoldens } from '@torchlet/conformance/node';
import type { Device } from '@torchlet/device';
import { expect, it } from 'vitest';
import { npmDigits } from './digits.js';

const folder = process.env['TORCHLET_GOLDENS'];
const groups = folder === undefined ? [] : await readGoldens(folder);
const mustPass = ['training/mlp-sgd/001', 'training/mlp-784-32-10-sgd-repeat/001'];

const reasons = (status: string, cases: readonly CaseResult[] = []): string[] =>
  cases.filter((result) => result.status === status).map(({ id, reason }) => `${id}: ${reason}`);

export interface GoldenOptions {
  /** Whether they run once more with every expectation altered: nothing may pass then. */
  readonly altered: boolean;
  /** Those that are run; all unless told. */
  readonly groups?: readonly string[];
}

export function driveGoldens(open: () => Promise<Device>, { altered, groups: wanted }: GoldenOptions): void {
  if (folder === undefined) it.skip('every group: TORCHLET_GOLDENS names no folder', () => undefined);
  const title = altered ? '%s: none fails, and each fails when altered' : '%s: none fails';

  const asked = groups.filter(({ name }) => wanted === undefined || wanted.includes(name));
  it.each(asked.map((group) => [group.name, group] as const))(
    title,
    async (_, group) => {
      const device = await open();
      const [plain] = await runGoldens(device, [group], { digits: npmDigits });
      expect(reasons('failed', plain?.cases)).toEqual([]);
      if (altered) {
        const [mutated] = await runGoldens(device, [group], { digits: npmDigits, mutate: true });
        expect(reasons('passed', mutated?.cases)).toEqual([]);
      }
      device.dispose();
      for (const id of mustPass) {
        const found = plain?.cases.find((result) => result.id === id);
        if (found !== undefined) expect(found).toMatchObject({ status: 'passed' });
      }
    },
    300_000,
  );
}

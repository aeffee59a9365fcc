/** The golden cases made with PyTorch, on the CPU device. Skipped by name where TORCHLET_GOLDENS names no folder. */
import { runGoldens } from '@torchlet/conformance';
import { readGoldens } from '@torchlet/conformance/node';
import { cpu } from '@torchlet/device-cpu';
import { describe, expect, it } from 'vitest';
import { npmDigits } from '../digits.js';

const folder = process.env['TORCHLET_GOLDENS'];
const groups = folder === undefined ? [] : await readGoldens(folder);
const mustPass = ['training/mlp-sgd/001', 'training/mlp-784-32-10-sgd-repeat/001'];

describe('golden cases made with PyTorch', () => {
  if (folder === undefined) it.skip('every group: TORCHLET_GOLDENS names no folder', () => undefined);

  it.each(groups.map((group) => [group.name, group] as const))(
    '%s: none fails, and each fails when altered',
    async (_, group) => {
      const device = await cpu();
      const [plain] = await runGoldens(device, [group], { digits: npmDigits });
      const [altered] = await runGoldens(device, [group], { digits: npmDigits, mutate: true });
      device.dispose();
      const reasons = (status: string, cases = plain?.cases ?? []): string[] =>
        cases.filter((result) => result.status === status).map(({ id, reason }) => `${id}: ${reason}`);
      expect(reasons('failed')).toEqual([]);
      expect(reasons('passed', altered?.cases)).toEqual([]);
      for (const id of mustPass) {
        const found = plain?.cases.find((result) => result.id === id);
        if (found !== undefined) expect(found).toMatchObject({ status: 'passed' });
      }
    },
    300_000,
  );
});

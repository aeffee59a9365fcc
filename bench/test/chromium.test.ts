/** What a step of the WebGPU workload asks of the GPU in headless Chromium; its time is not looked at here. */
import { mkdtempSync, rmSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import { chromiumPath } from '../../scripts/browser/chromium.js';
import { WorkerPage } from '../../scripts/browser/worker-page.js';
import { sharedInputs } from '../data.js';
import type { Job, Report } from '../job.js';
import { workloads } from '../workloads.js';

const folder = mkdtempSync(path.join(tmpdir(), 'torchlet-bench-'));
afterAll(() => rmSync(folder, { recursive: true }));

function whyNot(): string {
  try {
    chromiumPath();
    return '';
  } catch (error) {
    return ` (skipped: ${(error as Error).message})`;
  }
}

const missing = whyNot();

describe.skipIf(missing !== '')(`Torchlet in Chromium${missing}`, () => {
  test('a step and the reading of its loss are one submission of at most ten dispatches', {
    timeout: 60_000,
  }, async () => {
    const data = sharedInputs(undefined, folder);
    const [{ work }] = workloads.webgpu.cases;
    const page = await WorkerPage.open({
      entry: path.join(import.meta.dirname, '..', 'chromium', 'torchlet-worker.ts'),
      conditions: ['@torchlet/source'],
      file: (asked) => readFile(path.join(data, path.basename(asked))),
    });
    try {
      const job: Job = { work: { ...work, warmSteps: 3, steps: 1 }, threads: 1, fma: false, data, budgetMs: 0 };
      const report = await page.call<Report>('measure', job);
      expect(report.calls?.submissions).toBe(1);
      expect(report.calls?.dispatches).toBeLessThanOrEqual(10);
      expect(report.loss).toBeLessThan(2.3);
    } finally {
      await page.close();
    }
  });
});

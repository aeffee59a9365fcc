/** Adds up what vitest left in the packages' `.torchlet/` folders. Read next: `test.mjs`, which prints the sum. */
import { existsSync, readFileSync, rmSync } from 'node:fs';
import { join, relative } from 'node:path';
import { root, workspaces } from './toolchain.mjs';

/** Removes the reports of earlier runs, so that none is counted twice. */
export function forgetReports(mode) {
  for (const folder of workspaces()) rmSync(reportOf(folder, mode), { force: true });
}

/**
 * The counts of a run of the given workspaces in the given mode.
 * @returns {{ passed: number, failed: string[], skipped: string[] }} failed and skipped tests by name
 */
export function countTests(mode, folders) {
  const sum = { passed: 0, failed: [], skipped: [] };
  for (const folder of folders) {
    if (!existsSync(reportOf(folder, mode))) {
      sum.failed.push(`${folder}: its tests did not run`);
      continue;
    }
    const report = JSON.parse(readFileSync(reportOf(folder, mode), 'utf8'));
    for (const file of report.testResults) addFile(sum, file);
  }
  return sum;
}

function addFile(sum, file) {
  const where = relative(root, file.name);
  // A file that cannot be loaded fails without having a test to its name.
  if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) {
    sum.failed.push(`${where}: ${file.message.split('\n')[0] || 'could not be loaded'}`);
  }
  for (const test of file.assertionResults) {
    if (test.status === 'passed') sum.passed += 1;
    else sum[test.status === 'failed' ? 'failed' : 'skipped'].push(`${where}: ${test.fullName.replace(/\s+/g, ' ')}`);
  }
}

function reportOf(folder, mode) {
  return join(root, folder, '.torchlet', `${mode}.json`);
}

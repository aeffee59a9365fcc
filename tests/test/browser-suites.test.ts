/**
 * WebGPU in headless Chromium: the contract, the errors and the programs of the specification, and a group of golden cases. `browser-suites.long.test.ts` runs
 * all suites and groups.
 */
import { chromiumTests, goldenTests, suiteTests } from '../chromium.js';

chromiumTests('WebGPU in Chromium', (page) => {
  suiteTests(page, ['device', 'errors', 'programs']);
  goldenTests(page, ['training']);
});

/**
 * Conformance in headless Chromium as tests: each test of a suite is one here, and each golden group. Owns their names and the reasons why they are skipped;
 * the browser is `scripts/browser/conformance-page.ts`.
 */
import { conformanceSuites } from '@torchlet/conformance';
import { goldenNames } from '@torchlet/conformance/node';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { chromiumPath } from '../scripts/browser/chromium.js';
import { ConformancePage } from '../scripts/browser/conformance-page.js';

const device = 'webgpu';
const folder = process.env['TORCHLET_GOLDENS'];

/** The page that tests share, once it is open. */
type Opened = () => ConformancePage;

/** Why there is no browser here, as the end of a title; empty where there is one. */
export function whyNoChromium(): string {
  try {
    chromiumPath();
    return '';
  } catch (error) {
    return ` (skipped: ${(error as Error).message})`;
  }
}

/** Tests that share one page. */
export function chromiumTests(title: string, define: (page: Opened) => void): void {
  const missing = whyNoChromium();
  describe.skipIf(missing !== '')(`${title}${missing}`, () => {
    let page: ConformancePage | undefined;
    beforeAll(async () => {
      page = await ConformancePage.open({
        ...(folder === undefined ? {} : { folder }),
        conditions: ['@torchlet/source'],
      });
      await page.check(device);
    }, 60_000);
    afterAll(() => page?.close());
    define(() => {
      if (page === undefined) throw new Error('the page is not open');
      return page;
    });
  });
}

/** @param names the suites; all unless told. */
export function suiteTests(page: Opened, names?: readonly string[]): void {
  // Their names alone: nothing is opened here.
  const opener = { name: device, open: () => Promise.reject(new Error('suites run in the browser')) };
  for (const [suite, { name, tests }] of conformanceSuites(opener).entries()) {
    if (names !== undefined && !names.includes(name)) continue;
    describe(name, () => {
      for (const [test, row] of tests.entries()) it(row.name, () => page().test({ device, suite, test }));
      afterAll(() => page().closeSuite({ device, suite, test: 0 }));
    });
  }
}

/** @param groups their names; all unless told. */
export function goldenTests(page: Opened, groups?: readonly string[]): void {
  describe('golden cases made with PyTorch', async () => {
    if (folder === undefined) {
      it.skip('every group: TORCHLET_GOLDENS names no folder', () => undefined);
      return;
    }
    it.each(await goldenNames(folder, groups))(
      '%s: none fails',
      async (group) => {
        const results = await page().goldens({ device, mutate: false, groups: [group] });
        const cases = results.flatMap((result) => result.cases);
        expect(cases).not.toHaveLength(0);
        expect(cases.flatMap(({ id, status, reason }) => (status === 'failed' ? [`${id}: ${reason}`] : []))).toEqual(
          [],
        );
      },
      300_000,
    );
  });
}

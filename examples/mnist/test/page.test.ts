/**
 * The page in headless Chromium: trains, reads a drawn digit, saves and opens weights; by mouse and by keyboard. Screenshots of what failed
 * or passed are in `.torchlet/page`.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { Browser } from 'playwright-core';
import type { PreviewServer } from 'vite';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { addressOf, buildPage, servePage } from '../browser/build.js';
import type { BundleReport } from '../browser/bundle-report.js';
import { chromiumPath, launchChromium } from '../../../scripts/browser/chromium.js';
import { MnistPage, three } from '../browser/mnist-page.js';
import type { DeviceName } from '../browser/page/protocol.js';

const folder = join(import.meta.dirname, '..', '.torchlet', 'page');
const minute = { timeout: 60_000 };

function whyNot(): string {
  try {
    chromiumPath();
    return '';
  } catch (error) {
    return ` (skipped: ${(error as Error).message})`;
  }
}

const missing = whyNot();

describe.skipIf(missing !== '')(`the page${missing}`, () => {
  let report: BundleReport;
  let server: PreviewServer;
  let browser: Browser;
  let opened: MnistPage | undefined;

  beforeAll(async () => {
    const outDir = join(folder, 'dist');
    await mkdir(folder, { recursive: true });
    report = await buildPage({ outDir, conditions: ['@torchlet/source'] });
    server = await servePage({ outDir });
    browser = await launchChromium();
  }, 120_000);

  afterEach(async ({ task }) => {
    await opened?.page.screenshot({ path: join(folder, `${task.name.replace(/\W+/g, '-')}.png`), fullPage: true });
    await opened?.close();
    opened = undefined;
  });

  afterAll(async () => {
    await browser?.close();
    await server?.close();
  });

  async function open(): Promise<MnistPage> {
    opened = await MnistPage.open(browser, addressOf(server));
    return opened;
  }

  it('has no module that a browser has not', () => {
    expect(report.missing).toEqual([]);
    expect(report.files.filter(({ chunk }) => chunk === 'torchlet')).toHaveLength(1);
  });

  it.each<DeviceName>(['cpu', 'webgpu'])(
    'trains on %s, reads, saves, and opens after a reload',
    minute,
    async (device) => {
      const page = await open();
      await page.choose({ device, epochs: [1, 1] });
      await page.press('Train');
      expect(await page.settled()).toMatch(
        /^Trained: \d\d\.\d\d % of 2,000 digits are read right\. \d+ steps a second, \d+ kernels a step\.$/,
      );
      const [before = 1, first = 0, second = 0] = await page.accuracies();
      expect(before).toBeLessThan(0.3);
      expect(first).toBeGreaterThan(0.7);
      expect(second).toBeGreaterThan(0.8);
      expect(await page.number('Device')).toBe(device);
      expect(await page.number('Steps')).toBe('160 of 160');
      expect(await page.page.getByRole('img', { name: /^a \d, read as \d with \d+ %$/ }).count()).toBe(40);
      expect(await page.page.locator('#loss-chart').getAttribute('aria-label')).toMatch(/^Loss over 160 steps: /);

      await page.draw(three);
      const drawn = await page.reading();
      expect(drawn.digit).toBe(3);
      expect(drawn.probabilities.reduce((sum, probability) => sum + probability, 0)).toBeCloseTo(1, 4);

      const results = await page.saveResults();
      expect(results).toMatchObject({ device, seed: 0, data: 'sample', trainImages: 8000, validationImages: 2000 });
      expect(results.losses).toHaveLength(160);
      expect(results.finalAccuracy).toBeCloseTo(second, 4);
      const weights = await page.saveWeights();
      await page.reload();
      await page.choose({ device, epochs: [1, 1] });
      expect(await page.openWeights(weights)).toMatch(
        /^Opened mnist\.safetensors, hidden layers of 32: [89]\d\.\d\d % of 10,000/,
      );
      await page.draw(three);
      const again = await page.reading();
      expect(again.digit).toBe(3);
      for (const [value, probability] of again.probabilities.entries()) {
        expect(probability).toBeCloseTo(drawn.probabilities[value] ?? -1, 3);
      }
      expect(page.problems).toEqual([]);
    },
  );

  it('is paused, drawn on and stopped while it trains', minute, async () => {
    const page = await open();
    await page.choose({ device: 'cpu', hidden: [16, 8], epochs: [500, 0] });
    await page.press('Train');
    await page.page.locator('#epochs tr').nth(1).waitFor({ state: 'attached' });
    await page.draw(three);
    await page.reading();
    await page.press('Pause');
    expect(await page.status()).toContain('Paused');
    // What was under way when the button was pressed.
    await page.page.waitForTimeout(500);
    const steps = await page.number('Steps');
    await page.page.waitForTimeout(300);
    expect(await page.number('Steps')).toBe(steps);
    await page.press('Clear');
    await page.draw(three);
    await page.reading();
    await page.press('Resume');
    await page.hasSteps(steps);
    await page.press('Stop');
    expect(await page.settled()).toMatch(/^Stopped: /);
    expect(page.problems).toEqual([]);
  });

  it('is used with the keyboard alone', minute, async () => {
    const page = await open();
    await page.choose({ device: 'cpu', epochs: [1, 1] });
    await page.page.getByRole('button', { name: 'Train' }).focus();
    await page.page.keyboard.press('Enter');
    await page.settled();
    await page.page.getByLabel('Drawing area').focus();
    await page.page.keyboard.press('Space');
    for (let step = 0; step < 14; step++) {
      await page.page.keyboard.press('ArrowDown');
    }
    expect((await page.reading()).digit).toBe(1);
    await page.page.keyboard.press('Delete');
    await page.page.getByText('Draw a digit.').waitFor();
  });

  it('says why it can not', minute, async () => {
    const page = await open();
    await page.draw(three);
    await page.page.getByText('No network yet').waitFor();
    await expect(page.openWeights(new Uint8Array(4), 'half.safetensors')).rejects.toThrow(
      /half\.safetensors: truncated/,
    );
    await page.page.route(/ubyte/, (route) => route.abort());
    await page.choose({ device: 'cpu', data: 'full', epochs: [1, 1] });
    await page.press('Train');
    await expect(page.settled()).rejects.toThrow(
      /could not be downloaded: .*\/data\/: .*The sample digits need no download/,
    );
  });

  it.skipIf(process.env['TORCHLET_DATA'] === undefined)(
    'gets all of MNIST with progress, and keeps it (TORCHLET_DATA)',
    minute,
    async () => {
      const page = await open();
      await page.choose({ device: 'cpu', data: 'full', epochs: [0, 0] });
      await page.press('Train');
      await page.page.locator('#detail', { hasText: / MB$/ }).waitFor();
      expect(await page.settled()).toContain('of 12,000 digits');
      await page.reload();
      await page.page.route(/ubyte/, (route) => route.abort());
      await page.choose({ device: 'cpu', data: 'full', epochs: [0, 0] });
      await page.press('Train');
      expect(await page.settled()).toContain('of 12,000 digits');
    },
  );
});

/**
 * `npm run mnist:web -- --check`: the page driven in headless Chromium on each device, and compared with the same training in Node. Owns
 * what must come of it; how the page is driven is `mnist-page.ts`.
 */

import { mkdir } from 'node:fs/promises';
import { join, relative, resolve } from 'node:path';
import type { Browser } from 'playwright-core';
import type { Settings } from '../train.js';
import { addressOf, buildPage, servePage } from './build.js';
import type { BundleReport } from './bundle-report.js';
import { launchChromium } from '../../../scripts/browser/chromium.js';
import { MnistPage, three } from './mnist-page.js';
import { NodeRun } from './node-run.js';
import type { DeviceName } from './page/protocol.js';

const devices: readonly DeviceName[] = ['webgpu', 'cpu'];
const settings = { seed: 0, hidden: [32], batchSize: 100, epochs: [1, 1], lr: [0.5, 0.1] } as const satisfies Settings;

/** Of losses, relative: devices round in different orders. */
const lossTolerance = 1e-3;
const comparedSteps = 100;
/** Half a point. */
const accuracyTolerance = 0.005;
/** As long as that only a page that trains itself would take. */
const longestTaskMilliseconds = 1000;
const drawn = 3;

const screenshots = resolve('mnist-results', 'page');

/**
 * Whether all is as it must be; what is not has been printed.
 *
 * @param conditions as for the build.
 * @throws NoChromiumError if there is no browser.
 */
export async function checkPage(conditions: readonly string[] = []): Promise<boolean> {
  const browser = await launchChromium();
  try {
    // Not where a page may be being served from.
    const outDir = join(import.meta.dirname, '..', '.torchlet', 'check');
    const report = await buildPage({ outDir, conditions });
    printFiles(report);
    await mkdir(screenshots, { recursive: true });
    const node = await NodeRun.train(settings);
    const server = await servePage({ outDir });
    try {
      return await checkDevices(browser, addressOf(server), node, report);
    } finally {
      await server.close();
      node.close();
    }
  } finally {
    await browser.close();
  }
}

async function checkDevices(browser: Browser, address: string, node: NodeRun, report: BundleReport): Promise<boolean> {
  const kilobytes = report.frameworkBytes('webgpu') / 1000;
  const lines: string[] = [];
  const failures: string[] = [];
  for (const device of devices) {
    const visit = new Visit(await MnistPage.open(browser, address), device, node);
    try {
      const { before, after, digit } = await visit.all();
      lines.push(
        `page: device ${device}, accuracy ${percent(before)} -> ${percent(after)}, drawn digit predicted ${digit}, bundle ${kilobytes.toFixed(1)} KB gzipped, node built-ins: ${report.missing.join(' ') || 'none'}`,
      );
    } catch (error) {
      visit.expect('the page does what it is asked', (error as Error).message);
    } finally {
      failures.push(...visit.failures);
      await visit.page.close();
    }
  }
  console.log(`screenshots: ${relative(process.cwd(), screenshots)}`);
  for (const failure of failures) {
    console.log(`failed: ${failure}`);
  }
  console.log(lines.join('\n'));
  return failures.length === 0 && report.missing.length === 0;
}

/** One visit of the page, on one device. */
class Visit {
  readonly page: MnistPage;
  readonly failures: string[] = [];
  readonly #device: DeviceName;
  readonly #node: NodeRun;

  constructor(page: MnistPage, device: DeviceName, node: NodeRun) {
    this.page = page;
    this.#device = device;
    this.#node = node;
  }

  /** @param problem nothing where it is as expected. */
  expect(what: string, problem: string | undefined): void {
    console.log(`${this.#device}: ${problem === undefined ? 'ok' : 'FAILED'}: ${what}${problem ? `: ${problem}` : ''}`);
    if (problem !== undefined) {
      this.failures.push(`${this.#device}: ${what}: ${problem}`);
    }
  }

  async all(): Promise<{ readonly before: number; readonly after: number; readonly digit: number }> {
    const { page } = this;
    await this.#initialWeights();
    await this.#pauseAndResume();
    await this.#train();
    this.expect('the device shown is the one chosen', differs(await page.number('Device'), this.#device));
    await this.#sameAsNode();
    const [before = Number.NaN, ...measured] = await page.accuracies();
    const after = measured.at(-1) ?? Number.NaN;
    this.expect('the accuracy rises', after > before + 0.5 ? undefined : `${percent(before)} -> ${percent(after)}`);
    await page.draw(three);
    const reading = await page.reading();
    this.expect('a drawn digit is read', differs(reading.digit, drawn));
    const longest = await page.longestTask();
    this.expect(
      `the page is never busy for long (at most ${longest.toFixed(0)} ms)`,
      longest > longestTaskMilliseconds ? `more than ${longestTaskMilliseconds} ms` : undefined,
    );
    await this.#screenshots();
    await this.#weightsThere(after);
    await this.#weightsBack();
    this.expect('nothing is complained of', page.problems.join('; ') || undefined);
    return { before, after, digit: reading.digit };
  }

  async #initialWeights(): Promise<void> {
    await this.page.choose({ device: this.#device, hidden: settings.hidden, epochs: [0, 0] });
    await this.page.press('Train');
    await this.page.settled();
    const same = Buffer.from(await this.page.saveWeights()).equals(this.#node.initialWeights);
    this.expect('initial weights are those of Node, bit by bit', same ? undefined : 'they differ');
  }

  async #pauseAndResume(): Promise<void> {
    const { page } = this;
    await page.choose({ device: this.#device, hidden: settings.hidden, epochs: [500, 0] });
    await page.press('Train');
    await page.hasSteps();
    await page.press('Pause');
    // The steps that were under way when the button was pressed are shown.
    await page.page.waitForTimeout(500);
    const paused = await page.number('Steps');
    await page.page.waitForTimeout(500);
    this.expect(`a pause holds, at step ${paused}`, differs(await page.number('Steps'), paused));
    await page.press('Resume');
    await page.hasSteps(paused);
    await page.press('Stop');
    const said = await page.settled();
    this.expect('training is stopped', said.startsWith('Stopped: ') ? undefined : said);
  }

  async #train(): Promise<void> {
    await this.page.choose({ device: this.#device, hidden: settings.hidden, epochs: settings.epochs });
    await this.page.press('Train');
    await this.page.settled();
  }

  async #sameAsNode(): Promise<void> {
    const { losses, finalAccuracy } = await this.page.saveResults();
    const compared = Math.min(comparedSteps, losses.length);
    const errors = this.#node.losses.slice(0, compared).map((loss, step) => Math.abs((losses[step] ?? 0) / loss - 1));
    const worst = Math.max(...errors);
    this.expect(
      `the losses of the first ${compared} steps are those of Node (worst ${worst.toExponential(1)})`,
      compared === comparedSteps && worst <= lossTolerance ? undefined : `more than ${lossTolerance} apart`,
    );
    const apart = Math.abs(finalAccuracy - this.#node.accuracy);
    this.expect(
      `the accuracy is that of Node (${percent(finalAccuracy)}, ${percent(this.#node.accuracy)})`,
      apart <= accuracyTolerance ? undefined : `${percent(apart)} apart`,
    );
  }

  /** Weights from the page, in Node. */
  async #weightsThere(expected: number): Promise<void> {
    const found = await this.#node.accuracyOf(await this.page.saveWeights());
    this.expect(
      'weights saved by the page are as good in Node',
      Math.abs(found - expected) <= accuracyTolerance ? undefined : `${percent(found)} instead of ${percent(expected)}`,
    );
  }

  /** Weights from Node, in the page after a reload. */
  async #weightsBack(): Promise<void> {
    const { page } = this;
    await page.reload();
    await page.choose({ device: this.#device, epochs: [1, 0] });
    const said = await page.openWeights(this.#node.weights);
    const accuracy = Number.parseFloat(/([\d.]+) % of 10,000/.exec(said)?.[1] ?? '');
    this.expect(`weights of Node open in the page (${said})`, accuracy > 80 ? undefined : 'they read too little');
    await page.draw(three);
    this.expect('and read the drawn digit', differs((await page.reading()).digit, drawn));
  }

  async #screenshots(): Promise<void> {
    const { page } = this.page;
    const looks = [
      { name: 'desktop', width: 1280, colorScheme: 'light' },
      { name: 'dark', width: 1280, colorScheme: 'dark' },
      { name: 'phone', width: 390, colorScheme: 'light' },
      { name: 'phone-dark', width: 390, colorScheme: 'dark' },
    ] as const;
    for (const { name, width, colorScheme } of looks) {
      await page.setViewportSize({ width, height: 900 });
      await page.emulateMedia({ colorScheme });
      // Charts are drawn anew with the next frames.
      await page.waitForTimeout(300);
      await page.screenshot({ path: join(screenshots, `${this.#device}-${name}.png`), fullPage: true });
    }
    await page.setViewportSize({ width: 1280, height: 900 });
    await page.emulateMedia({ colorScheme: 'light' });
  }
}

function differs(found: unknown, expected: unknown): string | undefined {
  return found === expected ? undefined : `${found} instead of ${expected}`;
}

function percent(fraction: number): string {
  return `${(100 * fraction).toFixed(2)} %`;
}

function printFiles(report: BundleReport): void {
  for (const { file, bytes } of report.files) {
    console.log(`${(bytes / 1000).toFixed(1).padStart(8)} KB gzipped  ${file}`);
  }
  for (const device of devices) {
    console.log(
      `${(report.frameworkBytes(device) / 1000).toFixed(1).padStart(8)} KB gzipped  framework with device-${device}`,
    );
  }
}

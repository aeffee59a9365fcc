/**
 * The page as a user has it: found by the names that are read out, worked by mouse and keys. Owns how it is driven; what must come of it is
 * `check.ts`'s and the tests'.
 */

import { readFile } from 'node:fs/promises';
import type { Browser, BrowserContext, Page } from 'playwright-core';
import type { HiddenSizes } from '../train.js';
import type { DataName, DeviceName, PageResults } from './page/protocol.js';

export interface Choice {
  readonly device: DeviceName;
  readonly data?: DataName;
  readonly hidden?: HiddenSizes;
  readonly epochs: readonly [number, number];
}

type Point = readonly [x: number, y: number];

/** A three, in fractions of the drawing area. */
export const three: readonly Point[] = [
  [0.3, 0.25],
  [0.5, 0.18],
  [0.68, 0.3],
  [0.55, 0.47],
  [0.45, 0.48],
  [0.55, 0.49],
  [0.7, 0.65],
  [0.55, 0.82],
  [0.3, 0.75],
];

const deviceNames: Readonly<Record<DeviceName, string>> = { webgpu: 'WebGPU', cpu: 'CPU' };
const dataNames: Readonly<Record<DataName, string>> = { sample: 'Sample', full: 'All of MNIST' };

export class MnistPage {
  readonly page: Page;
  /** What the browser complained of, such as errors that nobody caught and files that were not there. */
  readonly problems: string[] = [];
  readonly #context: BrowserContext;

  private constructor(context: BrowserContext, page: Page) {
    this.#context = context;
    this.page = page;
    page.on('pageerror', ({ message }) => this.problems.push(message));
    page.on('console', (message) => {
      if (message.type() === 'error') {
        this.problems.push(message.text());
      }
    });
  }

  /** In a fresh profile, which has kept nothing. */
  static async open(browser: Browser, address: string): Promise<MnistPage> {
    const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, acceptDownloads: true });
    const opened = new MnistPage(context, await context.newPage());
    await opened.page.goto(address);
    await opened.#ready();
    return opened;
  }

  async close(): Promise<void> {
    await this.#context.close();
  }

  async reload(): Promise<void> {
    await this.page.reload();
    await this.#ready();
  }

  /** @throws Error with the page's reason if it has no such device. */
  async choose({ device, data = 'sample', hidden = [32], epochs }: Choice): Promise<void> {
    const [first, second] = hidden;
    const radio = this.page.getByRole('radio', { name: deviceNames[device], exact: true });
    if (await radio.isDisabled()) {
      throw new Error(`${device}: ${await this.page.locator(`#device-${device}-detail`).textContent()}`);
    }
    await radio.check();
    await this.page.getByRole('radio', { name: dataNames[data], exact: true }).check();
    await this.page.getByLabel('Hidden layer').fill(`${first}`);
    await this.page.getByLabel('Second layer').fill(`${second ?? ''}`);
    for (const [index, run] of ['First run', 'Second run'].entries()) {
      await this.page.getByRole('group', { name: run }).getByLabel('Epochs').fill(`${epochs[index]}`);
    }
  }

  async press(button: 'Train' | 'Pause' | 'Resume' | 'Stop' | 'Clear'): Promise<void> {
    await this.page.getByRole('button', { name: button, exact: true }).click();
  }

  /** What the page says when it is done with what it does. @throws Error with the page's complaint. */
  async settled(): Promise<string> {
    await this.page.locator('main[data-state=idle]').waitFor({ timeout: 120_000 });
    const problem = this.page.locator('#problem');
    if (await problem.isVisible()) {
      throw new Error(`the page complains: ${await problem.textContent()}`);
    }
    return this.status();
  }

  async status(): Promise<string> {
    return (await this.page.locator('#status').textContent()) ?? '';
  }

  /** Training has come to some step, other than the one that was shown as `other`. */
  async hasSteps(other = '–'): Promise<void> {
    const steps = this.page.locator('#stat-steps', { hasText: /[1-9]\d* of/, hasNotText: other });
    await steps.waitFor({ timeout: 60_000 });
  }

  /** One of the numbers shown, such as `Accuracy`. */
  async number(name: string): Promise<string> {
    return (await this.page.locator('.stats div', { hasText: name }).locator('dd').textContent()) ?? '';
  }

  /** Accuracy before training and after each epoch, as fractions, read from the table. */
  async accuracies(): Promise<number[]> {
    const cells = await this.page.locator('#epochs td:last-child').allTextContents();
    return cells.map((text) => Number.parseFloat(text) / 100);
  }

  async draw(points: readonly Point[]): Promise<void> {
    const area = this.page.getByLabel('Drawing area');
    await area.scrollIntoViewIfNeeded();
    const box = await area.boundingBox();
    if (box === null) {
      throw new Error('the drawing area is not to be seen');
    }
    const at = ([x, y]: Point): [number, number] => [box.x + x * box.width, box.y + y * box.height];
    const [start = [0.5, 0.5], ...others] = points;
    await this.page.mouse.move(...at(start));
    await this.page.mouse.down();
    for (const point of others) {
      await this.page.mouse.move(...at(point), { steps: 4 });
    }
    await this.page.mouse.up();
  }

  /** Which digit the drawing looks like, and the probabilities of all ten, once they are those of the drawing. */
  async reading(): Promise<{ readonly digit: number; readonly probabilities: readonly number[] }> {
    const answer = this.page.locator('#answer', { hasText: /^Looks like/ });
    await answer.waitFor({ timeout: 10_000 });
    // One question is under way and one may wait: then it is still for two frames.
    let text = '';
    do {
      text = (await answer.textContent()) ?? '';
      await this.page.waitForTimeout(200);
    } while (text !== (await answer.textContent()));
    const probabilities = await this.page
      .locator('#probabilities meter')
      .evaluateAll((meters) => meters.map((meter) => (meter as HTMLMeterElement).value));
    return { digit: Number(/\d/.exec(text)?.[0]), probabilities };
  }

  async saveWeights(): Promise<Uint8Array> {
    return new Uint8Array(await this.#download('Save weights'));
  }

  async saveResults(): Promise<PageResults> {
    return JSON.parse((await this.#download('Save results')).toString('utf8'));
  }

  async openWeights(bytes: Uint8Array, name = 'mnist.safetensors'): Promise<string> {
    const file = { name, mimeType: 'application/octet-stream', buffer: Buffer.from(bytes) };
    await this.page.getByLabel('Open weights').setInputFiles(file);
    await this.page.getByText(`Opening ${name}`).waitFor({ state: 'detached' });
    return this.settled();
  }

  /** How long the page was at most busy at a stretch since it was loaded, in milliseconds; what is shorter than 50 is not told apart. */
  longestTask(): Promise<number> {
    return this.page.evaluate(
      () =>
        new Promise<number>((resolve) => {
          const observer = new PerformanceObserver((list) =>
            resolve(Math.max(...list.getEntries().map(({ duration }) => duration))),
          );
          observer.observe({ type: 'longtask', buffered: true });
          setTimeout(() => resolve(50), 100);
        }),
    );
  }

  /** The devices have been looked for. */
  async #ready(): Promise<void> {
    await this.page.locator('#device-webgpu-detail', { hasNotText: 'looking for it' }).waitFor({ timeout: 30_000 });
  }

  async #download(button: string): Promise<Buffer> {
    const [download] = await Promise.all([
      this.page.waitForEvent('download'),
      this.page.getByRole('button', { name: button }).click(),
    ]);
    return readFile(await download.path());
  }
}

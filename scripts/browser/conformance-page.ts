/**
 * Conformance in headless Chromium, as commands and tests ask for it: the golden files and digits are served to a worker, and its results come back as those
 * of `runGoldens` do in Node. Owns the serving; the worker is `conformance-worker.ts`.
 */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Digits, GroupResult } from '@torchlet/conformance';
import { npmDigits } from '../../tests/digits.js';
import type { GoldensJob, SuiteTest } from './conformance-worker.js';
import { WorkerPage } from './worker-page.js';

export interface ConformancePageOptions {
  /** The folder of the golden files, for `goldens`. */
  readonly folder?: string;
  /** Export conditions by which packages are found; those of this process unless told. */
  readonly conditions?: readonly string[];
}

export class ConformancePage {
  readonly #page: WorkerPage;

  private constructor(page: WorkerPage) {
    this.#page = page;
  }

  /** @throws NoChromiumError if there is no browser. */
  static async open({ folder, conditions }: ConformancePageOptions = {}): Promise<ConformancePage> {
    let digits: Promise<Digits> | undefined;
    const page = await WorkerPage.open({
      entry: join(import.meta.dirname, 'conformance-worker.ts'),
      ...(conditions === undefined ? {} : { conditions }),
      file: async (path) => {
        const [, kind, name] = /^\/(goldens|digits)\/([\w.-]+)$/.exec(path) ?? [];
        if (kind === 'goldens' && folder !== undefined && name !== undefined) return readFile(join(folder, name));
        if (kind !== 'digits') return undefined;
        digits ??= npmDigits();
        return (await digits)[name as keyof Digits];
      },
    });
    return new ConformancePage(page);
  }

  get version(): string {
    return this.#page.version;
  }

  /** @throws Error that says why the browser has no such device. */
  async check(device: string): Promise<void> {
    await this.#page.call('open', device);
  }

  async goldens(job: GoldensJob): Promise<readonly GroupResult[]> {
    return this.#page.call<GroupResult[]>('goldens', job);
  }

  /** Runs one test of `conformanceSuites`. @throws what the test throws. */
  async test(test: SuiteTest): Promise<void> {
    await this.#page.call('test', test);
  }

  async closeSuite(test: SuiteTest): Promise<void> {
    await this.#page.call('closeSuite', test);
  }

  async close(): Promise<void> {
    await this.#page.close();
  }
}

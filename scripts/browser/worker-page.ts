/**
 * A bundled worker in headless Chromium that this process calls: what it is asked goes there as data, what it says meanwhile and what it answers come back.
 * Owns the bundle, the server, the page and the calls; the worker's half is `answering.ts`, the browser `chromium.ts`.
 */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { build, type Plugin } from 'esbuild';
import type { Browser, Page } from 'playwright-core';
import type { Answer, Call } from './answering.js';
import { launchChromium } from './chromium.js';

export interface WorkerPageOptions {
  /** The worker's module. */
  readonly entry: string;
  /** What the worker may fetch beside its own code; nothing unless told. */
  readonly file?: (path: string) => Promise<Uint8Array | undefined>;
  /** Export conditions by which packages are found; those of this process unless told. */
  readonly conditions?: readonly string[];
  /** For what the bundle needs beyond the packages. */
  readonly plugins?: readonly Plugin[];
  /** Added to Chromium's flags. */
  readonly flags?: readonly string[];
}

/** Shared memory, which CPU threads need, is only for pages that say this. */
const headers = {
  'Cross-Origin-Opener-Policy': 'same-origin',
  'Cross-Origin-Embedder-Policy': 'require-corp',
  'Cross-Origin-Resource-Policy': 'same-origin',
  'Cache-Control': 'no-store',
};

const html = `<!doctype html><meta charset="utf-8"><title>Torchlet</title><link rel="icon" href="data:,"><script type="module">
const worker = new Worker('/worker.js', { type: 'module' });
worker.onmessage = ({ data }) => answered(data);
worker.onerror = ({ message }) => broken(message || 'its worker could not be loaded');
window.ask = (call) => worker.postMessage(call);
</script>`;

interface Waiting {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: Error) => void;
  readonly hear: ((said: never) => void) | undefined;
}

export class WorkerPage {
  readonly #browser: Browser;
  readonly #server: Server;
  readonly #page: Page;
  readonly #waiting = new Map<number, Waiting>();
  #calls = 0;

  private constructor(browser: Browser, server: Server, page: Page) {
    this.#browser = browser;
    this.#server = server;
    this.#page = page;
  }

  /** @throws NoChromiumError if there is no browser; Error if the worker cannot be bundled. */
  static async open({ entry, file, conditions, plugins = [], flags = [] }: WorkerPageOptions): Promise<WorkerPage> {
    const browser = await launchChromium(flags);
    try {
      const bundle = await bundled(entry, conditions ?? ownConditions(), plugins);
      const server = await served(bundle, file);
      const page = await browser.newPage();
      const opened = new WorkerPage(browser, server, page);
      await opened.#connect();
      return opened;
    } catch (error) {
      await browser.close();
      throw error;
    }
  }

  /** The browser's name and version. */
  get version(): string {
    return `Chromium ${this.#browser.version()}`;
  }

  /**
   * Calls a method of the worker.
   *
   * @param hear told what the worker says before it answers. @throws Error with the message of what the worker threw, or of its end.
   */
  async call<Result>(method: string, argument: unknown = null, hear?: (said: never) => void): Promise<Result> {
    const id = this.#calls++;
    const answer = new Promise<unknown>((resolve, reject) => this.#waiting.set(id, { resolve, reject, hear }));
    const call: Call = { id, method, argument };
    await this.#page.evaluate((asked) => (globalThis as unknown as { ask(call: Call): void }).ask(asked), call);
    return (await answer) as Result;
  }

  /** Bytes of the page's memory and its worker's, after a collection. */
  memory(): Promise<number> {
    return this.#page.evaluate(async () => {
      const measuring = performance as Performance & {
        measureUserAgentSpecificMemory(): Promise<{ readonly bytes: number }>;
      };
      return (await measuring.measureUserAgentSpecificMemory()).bytes;
    });
  }

  async close(): Promise<void> {
    await this.#browser.close();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  async #connect(): Promise<void> {
    const page = this.#page;
    await page.exposeFunction('answered', (answer: Answer) => this.#answered(answer));
    await page.exposeFunction('broken', (message: string) => this.#break(message));
    page.on('crash', () => this.#break('its page crashed'));
    this.#browser.on('disconnected', () => this.#break('it was closed'));
    await page.goto(`http://localhost:${(this.#server.address() as AddressInfo).port}/`);
  }

  #answered(answer: Answer): void {
    const waiting = this.#waiting.get(answer.id);
    if (waiting === undefined) return;
    if ('said' in answer) {
      waiting.hear?.(answer.said as never);
      return;
    }
    this.#waiting.delete(answer.id);
    if ('thrown' in answer) waiting.reject(Object.assign(new Error(answer.thrown.message), answer.thrown));
    else waiting.resolve(answer.result);
  }

  #break(reason: string): void {
    for (const { reject } of this.#waiting.values()) reject(new Error(`the browser gave no answer: ${reason}`));
    this.#waiting.clear();
  }
}

/** The export conditions that this process was started with. */
function ownConditions(): string[] {
  const flag = '--conditions=';
  return process.execArgv
    .filter((argument) => argument.startsWith(flag))
    .map((argument) => argument.slice(flag.length));
}

async function bundled(
  entry: string,
  conditions: readonly string[],
  plugins: readonly Plugin[],
): Promise<ReadonlyMap<string, Uint8Array>> {
  const { outputFiles } = await build({
    entryPoints: { worker: entry },
    bundle: true,
    write: false,
    outdir: '/',
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    splitting: true,
    conditions: [...conditions, 'module'],
    plugins: [...plugins],
    logLevel: 'silent',
  });
  return new Map(outputFiles.map(({ path, contents }) => [path, contents]));
}

const contentTypes: Readonly<Record<string, string>> = { js: 'text/javascript', wasm: 'application/wasm' };

async function served(bundle: ReadonlyMap<string, Uint8Array>, file: WorkerPageOptions['file']): Promise<Server> {
  const contentOf = async (path: string): Promise<Uint8Array | string | undefined> =>
    path === '/' ? html : (bundle.get(path) ?? (await file?.(path)));
  const server = createServer((request, response) => {
    const path = decodeURIComponent(new URL(request.url ?? '/', 'http://localhost').pathname);
    contentOf(path).then(
      (content) => {
        const type = path === '/' ? 'text/html' : contentTypes[path.replace(/^.*\./, '')];
        response.writeHead(content === undefined ? 404 : 200, {
          ...headers,
          'Content-Type': type ?? 'application/octet-stream',
        });
        response.end(content);
      },
      (error: Error) => response.writeHead(500, headers).end(error.message),
    );
  });
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve));
  return server;
}

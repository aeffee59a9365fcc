/**
 * `npm run mnist:web`: builds the page and serves it, or drives it with `--check`. Owns the command line and the exit codes; the check itself
 * is `check.ts`.
 */

import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { buildPage, servePage } from './build.js';
import { checkPage } from './check.js';
import { NoChromiumError } from '../../../scripts/browser/chromium.js';

const usage = `npm run mnist:web [-- --port N] [-- --host]   build the page and serve it
npm run mnist:web -- --check                  build it, and drive it in headless Chromium (TORCHLET_CHROMIUM: its path)`;

const exitCodes = { passed: 0, failed: 1, usage: 2, noChromium: 3 } as const;

interface Options {
  readonly check: boolean;
  readonly help: boolean;
  readonly host: boolean;
  readonly port: number;
}

/** @throws Error that says what is wrong with the arguments. */
function parseOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      check: { type: 'boolean', default: false },
      help: { type: 'boolean', short: 'h', default: false },
      host: { type: 'boolean', default: false },
      port: { type: 'string', default: '4173' },
    },
  });
  const port = Number(values.port);
  if (!Number.isInteger(port) || port < 0 || port > 65_535) {
    throw new Error(`--port: expected a number from 0 to 65535, got ${values.port}`);
  }
  return { ...values, port };
}

async function serve({ host, port }: Options): Promise<void> {
  const outDir = join(import.meta.dirname, 'dist');
  await buildPage({ outDir });
  const server = await servePage({ outDir, port, host });
  for (const url of [...(server.resolvedUrls?.local ?? []), ...(server.resolvedUrls?.network ?? [])]) {
    console.log(`page: ${url}`);
  }
  console.log('Ctrl-C ends it.');
}

async function main(args: string[]): Promise<number> {
  let options: Options;
  try {
    options = parseOptions(args);
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    return exitCodes.usage;
  }
  if (options.help) {
    console.log(usage);
    return exitCodes.passed;
  }
  try {
    if (options.check) {
      return (await checkPage()) ? exitCodes.passed : exitCodes.failed;
    }
    await serve(options);
    return exitCodes.passed;
  } catch (error) {
    console.error((error as Error).message);
    return error instanceof NoChromiumError ? exitCodes.noChromium : exitCodes.failed;
  }
}

process.exitCode = await main(process.argv.slice(2));

/**
 * `npm run conformance`: runs golden cases made with PyTorch on a device and says what passed. Owns the command line; the work is
 * `@torchlet/conformance`.
 */
import { writeFile } from 'node:fs/promises';
import { parseArgs } from 'node:util';
import {
  failureList,
  type GroupResult,
  groupTable,
  jsonReport,
  operationTable,
  runGoldens,
  summary,
  unsupportedList,
} from '@torchlet/conformance';
import { goldenNames, readGoldens } from '@torchlet/conformance/node';
import { FormatError } from '@torchlet/data';
import { npmDigits } from '../tests/digits.js';
import { NoChromiumError } from './browser/chromium.js';
import { ConformancePage } from './browser/conformance-page.js';
import { browserDeviceNames } from './browser/devices.js';
import { deviceNames, NoSuchDevice, openDevice } from './devices.js';

const usage = `npm run conformance -- --device ${deviceNames.join('|')} --golden DIR
    [--browser]         in headless Chromium (TORCHLET_CHROMIUM: its path); of the devices ${browserDeviceNames.join(' and ')}
    [--group NAME]...   only these groups
    [--json FILE]       the results as data
    [--list-failures]   every failed case with its reason, and why cases are unsupported
    [--list-ops]        a table per operation
    [--mutate]          alter every expectation: what passes unaltered must then fail`;

const exitCodes = { passed: 0, failed: 1, usage: 2, noDevice: 3 } as const;

/** The command line cannot be followed. */
class UsageError extends Error {
  override readonly name = 'UsageError';
}

interface Options {
  readonly device: string;
  readonly browser: boolean;
  readonly golden: string;
  readonly groups: readonly string[] | undefined;
  readonly json: string | undefined;
  readonly listFailures: boolean;
  readonly listOps: boolean;
  readonly mutate: boolean;
}

const flags = {
  device: { type: 'string', default: 'cpu' },
  browser: { type: 'boolean', default: false },
  golden: { type: 'string' },
  group: { type: 'string', multiple: true },
  json: { type: 'string' },
  'list-failures': { type: 'boolean', default: false },
  'list-ops': { type: 'boolean', default: false },
  mutate: { type: 'boolean', default: false },
} as const;

/** @throws UsageError for an unknown flag, or one without its value. */
function valuesOf(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: flags }).values;
  } catch (cause) {
    throw new UsageError((cause as Error).message, { cause });
  }
}

/** @throws UsageError that says what is wrong with the arguments. */
function parsed(args: readonly string[]): Options {
  const values = valuesOf(args);

  const names = values.browser ? browserDeviceNames : deviceNames;
  if (!names.includes(values.device)) {
    throw new UsageError(
      `expected --device ${names.join('|')}${values.browser ? ' with --browser' : ''}, got ${values.device}`,
    );
  }
  if (values.golden === undefined) throw new UsageError('expected --golden DIR, the folder of the golden files');
  return {
    device: values.device,
    browser: values.browser,
    golden: values.golden,
    groups: values.group?.flatMap((names) => names.split(',')),
    json: values.json,
    listFailures: values['list-failures'],
    listOps: values['list-ops'],
    mutate: values.mutate,
  };
}

/** Runs the cases in this process. @throws NoSuchDevice */
async function inNode({ device: name, golden, groups, mutate }: Options): Promise<readonly GroupResult[]> {
  const goldens = await fromFolder(readGoldens(golden, groups));
  const device = await openDevice(name);
  const results = await runGoldens(device, goldens, { mutate, digits: npmDigits });
  await device.synchronize();
  device.dispose();
  return results;
}

/** Runs the cases in headless Chromium. @throws NoChromiumError, NoSuchDevice */
async function inBrowser({ device, golden, groups, mutate }: Options): Promise<readonly GroupResult[]> {
  const names = await fromFolder(goldenNames(golden, groups));
  const page = await ConformancePage.open({ folder: golden });
  try {
    await page.check(device).catch((cause: Error) => {
      throw new NoSuchDevice(`no such device: ${device} in ${page.version}: ${cause.message}`, { cause });
    });
    return await page.goldens({ device, mutate, groups: names });
  } finally {
    await page.close();
  }
}

/** @throws UsageError for a folder without goldens or a group that is not there. */
async function fromFolder<T>(reading: Promise<T>): Promise<T> {
  try {
    return await reading;
  } catch (cause) {
    if (cause instanceof FormatError) throw cause;
    throw new UsageError((cause as Error).message, { cause });
  }
}

async function main(options: Options): Promise<number> {
  const start = performance.now();
  const results = await (options.browser ? inBrowser : inNode)(options);
  const seconds = (performance.now() - start) / 1000;
  print(results, options, seconds);
  if (options.json !== undefined)
    await writeFile(options.json, `${JSON.stringify(jsonReport(options.device, results))}\n`);
  const failed = results.some(({ cases }) => cases.some(({ status }) => status === 'failed'));
  return failed ? exitCodes.failed : exitCodes.passed;
}

function print(results: readonly GroupResult[], options: Options, seconds: number): void {
  const parts = [
    options.listOps ? operationTable(results) : '',
    options.listFailures ? failureList(results) : '',
    options.listFailures ? unsupportedList(results) : '',
    groupTable(results),
    `in ${seconds.toFixed(1)} s`,
    summary(results),
  ];
  console.log(parts.filter((part) => part !== '').join('\n\n'));
}

function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return exitCodes.usage;
  return error instanceof NoSuchDevice || error instanceof NoChromiumError ? exitCodes.noDevice : exitCodes.failed;
}

try {
  process.exitCode = await main(parsed(process.argv.slice(2)));
} catch (error) {
  const { message } = error as Error;
  console.error(error instanceof UsageError ? `${message}\n\n${usage}` : message);
  process.exitCode = exitCodeOf(error);
}

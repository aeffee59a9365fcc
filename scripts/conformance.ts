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
import { readGoldens } from '@torchlet/conformance/node';
import { npmDigits } from '../tests/digits.js';
import { deviceNames, NoSuchDevice, openDevice } from './devices.js';

const usage = `npm run conformance -- --device ${deviceNames.join('|')} --golden DIR
    [--group NAME]...   only these groups
    [--json FILE]       the results as data
    [--list-failures]   every failed case with its reason, and why cases are unsupported
    [--list-ops]        a table per operation
    [--mutate]          alter every expectation: what passes unaltered must then fail`;

const exitCodes = { passed: 0, failed: 1, usage: 2, noDevice: 3 } as const;

interface Options {
  readonly device: string;
  readonly golden: string;
  readonly groups: readonly string[] | undefined;
  readonly json: string | undefined;
  readonly listFailures: boolean;
  readonly listOps: boolean;
  readonly mutate: boolean;
}

/** @throws Error that says what is wrong with the arguments. */
function parsed(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      device: { type: 'string', default: 'cpu' },
      golden: { type: 'string' },
      group: { type: 'string', multiple: true },
      json: { type: 'string' },
      'list-failures': { type: 'boolean', default: false },
      'list-ops': { type: 'boolean', default: false },
      mutate: { type: 'boolean', default: false },
    },
  });
  if (!deviceNames.includes(values.device)) {
    throw new RangeError(`expected --device ${deviceNames.join('|')}, got ${values.device}`);
  }
  if (values.golden === undefined) throw new RangeError('expected --golden DIR, the folder of the golden files');
  return {
    device: values.device,
    golden: values.golden,
    groups: values.group?.flatMap((names) => names.split(',')),
    json: values.json,
    listFailures: values['list-failures'],
    listOps: values['list-ops'],
    mutate: values.mutate,
  };
}

async function main(options: Options): Promise<number> {
  const device = await openDevice(options.device);
  const goldens = await readGoldens(options.golden, options.groups);
  const start = performance.now();
  const results = await runGoldens(device, goldens, { mutate: options.mutate, digits: npmDigits });
  const seconds = (performance.now() - start) / 1000;
  await device.synchronize();
  device.dispose();
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

let options: Options | null = null;
try {
  options = parsed(process.argv.slice(2));
} catch (error) {
  console.error(`conformance: ${(error as Error).message}\n\n${usage}`);
  process.exitCode = exitCodes.usage;
}
if (options !== null) {
  try {
    process.exitCode = await main(options);
  } catch (error) {
    console.error(error instanceof NoSuchDevice ? error.message : `conformance: ${(error as Error).message}`);
    process.exitCode = error instanceof NoSuchDevice ? exitCodes.noDevice : exitCodes.failed;
  }
}

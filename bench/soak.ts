/**
 * `npm run soak`: trains the MNIST step for thousands of steps, once reading the loss never and once at every step, runs the programs of the specification, and
 * says whether memory stayed flat. Owns the command line; what flat means is `flatness.ts`, what is run `soak-training.ts`, where `soak-node.ts` and
 * `chromium/soak-page.ts`.
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { browserDeviceNames } from '../scripts/browser/devices.js';
import { deviceNames } from '../scripts/devices.js';
import { soakInChromium } from './chromium/soak-page.js';
import { count, fromCaller, runCommand, UsageError } from './command-line.js';
import { sharedInputs } from './data.js';
import { type DeviceSample, growth, type Sample, type Soaked } from './flatness.js';
import { type Soak, soakInNode } from './soak-node.js';
import { type ProgramOutcome, type Reading, readings } from './soak-training.js';

const USAGE = `usage: npm run soak -- [--device ${deviceNames.join('|')}] [--browser] [--steps N] [--json FILE]
  --device   where it runs (cpu)
  --browser  in headless Chromium (TORCHLET_CHROMIUM: its path); of the devices ${browserDeviceNames.join(' and ')}
  --steps    training steps (10000); the long loops of the programs grow with them
  --json     where the samples and the outcome of each program go`;

/** Steps after which nothing may grow. */
const WARM_STEPS = 1000;

interface Options {
  readonly device: string;
  readonly browser: boolean;
  readonly steps: number;
  readonly json: string | undefined;
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      device: { type: 'string', default: 'cpu' },
      browser: { type: 'boolean', default: false },
      steps: { type: 'string', default: '10000' },
      json: { type: 'string' },
    },
  });
  const names = values.browser ? browserDeviceNames : deviceNames;
  if (!names.includes(values.device)) {
    const where = values.browser ? ' with --browser' : '';
    throw new UsageError(`--device: expected ${names.join(', ')}${where}, got ${values.device}`);
  }
  return {
    device: values.device,
    browser: values.browser,
    steps: count('steps', values.steps),
    json: values.json === undefined ? undefined : fromCaller(values.json),
  };
}

/** The step that the last one is compared with: 1,000, or the middle of a run that is too short for that. */
const warmStep = (steps: number): number => Math.min(WARM_STEPS, Math.ceil(steps / 2));

function printSample(sample: DeviceSample | Sample): void {
  const mebibytes = (value: number): string => (value / 2 ** 20).toFixed(1);
  const { step, bytes, buffers } = sample;
  const heap = 'heapUsed' in sample ? `, heap ${mebibytes(sample.heapUsed)} MiB` : '';
  const resident = 'rss' in sample && sample.rss !== null ? `, resident ${mebibytes(sample.rss)} MiB` : '';
  console.log(`step ${step}: ${bytes} device bytes in ${buffers} buffers${heap}${resident}`);
}

async function trainings(soak: Soak, steps: number): Promise<ReadonlyMap<Reading, Soaked>> {
  const all = new Map<Reading, Soaked>();
  for (const reading of readings) {
    console.log(`training, the loss read ${reading}`);
    const soaked = await soak.train(warmStep(steps), steps, reading);
    [soaked.warm, ...soaked.between, soaked.last].forEach(printSample);
    all.set(reading, soaked);
  }
  return all;
}

async function programOutcomes(soak: Soak, steps: number): Promise<readonly ProgramOutcome[]> {
  const outcomes: ProgramOutcome[] = [];
  await soak.programs(steps, (outcome) => {
    console.log(`${outcome.ok ? 'ok    ' : 'failed'} ${outcome.name}: ${outcome.detail}`);
    outcomes.push(outcome);
  });
  return outcomes;
}

async function run({ device, browser, steps, json }: Options): Promise<number> {
  const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
  const peersDir = process.env['PEERS_DIR'] === undefined ? undefined : fromCaller(process.env['PEERS_DIR']);
  const data = sharedInputs(peersDir, path.join(root, 'node_modules', '.cache', 'torchlet-bench'));
  const soak = browser ? await soakInChromium(device, data) : soakInNode(device, data);
  try {
    const trained = await trainings(soak, steps);
    const programs = await programOutcomes(soak, steps);
    if (json !== undefined) {
      const report = { steps, trainings: Object.fromEntries(trained), programs };
      writeFileSync(json, `${JSON.stringify(report, null, 2)}\n`);
    }
    return conclude(steps, trained, programs);
  } finally {
    await soak.close();
  }
}

/** The last line, and the exit code. */
function conclude(steps: number, trained: ReadonlyMap<Reading, Soaked>, programs: readonly ProgramOutcome[]): number {
  const reasons = [
    ...[...trained].flatMap(([reading, soaked]) => growth(soaked).map((line) => `read ${reading}: ${line}`)),
    ...programs.filter(({ ok }) => !ok).map(({ name }) => `program failed: ${name}`),
  ];
  if (reasons.length > 0) {
    console.log(`not flat: ${reasons.join('; ')}`);
    return 1;
  }
  const memory = [...trained].map(
    ([reading, { last }]) => `${last.bytes} device bytes in ${last.buffers} buffers, the loss read ${reading}`,
  );
  console.log(
    `flat: after ${warmStep(steps)} and after ${steps} steps ${memory.join('; ')}; ${programs.length} programs as specified`,
  );
  return 0;
}

await runCommand(USAGE, () => run(readOptions(process.argv.slice(2))));

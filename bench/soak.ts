/**
 * `npm run soak`: trains the MNIST step for thousands of steps and runs the programs of the specification, and says whether
 * memory stayed flat. Not here: what flat means (`flatness.ts`), what the programs do (`@torchlet/conformance`).
 */
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { programs, runProgram } from '@torchlet/conformance';
import type { Device } from '@torchlet/device';
import { crossEntropy, Linear, ReLU, Sequential } from '@torchlet/nn';
import { SGD } from '@torchlet/optim';
import { fromHost, manualSeed, setDefaultDevice } from '@torchlet/tensor';
import { deviceNames, NoSuchDevice, openDevice } from '../scripts/devices.js';
import { Digits } from './children/shared-inputs.js';
import { count, fromCaller, runCommand, UsageError } from './command-line.js';
import { sharedInputs } from './data.js';
import { growth, type Sample, takeSample } from './flatness.js';

const USAGE = `usage: npm run soak -- [--device ${deviceNames.join('|')}] [--steps N] [--json FILE]
  --device  where it runs (cpu)
  --steps   training steps (10000); the long loops of the programs grow with them
  --json    where the samples and the outcome of each program go`;

const NO_SUCH_DEVICE = 3;
const BATCH = 100;
const TRAIN_IMAGES = 8000;
const EPOCHS_IN_DATA = 9;
/** Steps after which nothing may grow, and how often to look. */
const WARM_STEPS = 1000;
const SAMPLES = 20;
/** The programs' long loops, as a multiple of their length in tests, for 10,000 steps. */
const STEPS_PER_SCALE = 1000;

interface Options {
  readonly device: string;
  readonly steps: number;
  readonly json: string | undefined;
}

interface ProgramOutcome {
  readonly name: string;
  readonly ok: boolean;
  readonly detail: string;
}

function readOptions(args: string[]): Options {
  const { values } = parseArgs({
    args,
    options: {
      device: { type: 'string', default: 'cpu' },
      steps: { type: 'string', default: '10000' },
      json: { type: 'string' },
    },
  });
  if (!deviceNames.includes(values.device)) {
    throw new UsageError(`--device: expected ${deviceNames.join(', ')}, got ${values.device}`);
  }
  return {
    device: values.device,
    steps: count('steps', values.steps),
    json: values.json === undefined ? undefined : fromCaller(values.json),
  };
}

/** Trains and looks: at the warm step, at the last one, and at regular steps between. */
async function train(device: Device, steps: number, digits: Digits): Promise<{ samples: Sample[]; loss: number }> {
  manualSeed(0);
  const model = new Sequential(new Linear(784, 32), new ReLU(), new Linear(32, 10));
  const optimizer = new SGD(model.parameters(), { lr: 0.1 });
  const samples: Sample[] = [];
  const warm = warmStep(steps);
  const interval = Math.max(1, Math.floor(steps / SAMPLES));
  const stepsPerEpoch = TRAIN_IMAGES / BATCH;
  let loss = Number.NaN;
  for (let step = 1; step <= steps; step++) {
    const epoch = Math.floor((step - 1) / stepsPerEpoch) % EPOCHS_IN_DATA;
    const { images, labels } = digits.batch(epoch, (step - 1) % stepsPerEpoch, BATCH);
    const logits = model.forward(fromHost(images, [BATCH, 784], 'float32'));
    const batchLoss = crossEntropy(logits, fromHost(BigInt64Array.from(labels, BigInt), [BATCH], 'int64'));
    batchLoss.backward();
    optimizer.step();
    optimizer.zeroGrad();
    if (step !== warm && step !== steps && step % interval !== 0) continue;
    loss = await batchLoss.item();
    samples.push(await takeSample(step, device));
  }
  return { samples, loss };
}

/** The step that the last one is compared with: 1,000, or the middle of a run that is too short for that. */
const warmStep = (steps: number): number => Math.min(WARM_STEPS, Math.ceil(steps / 2));

async function runPrograms(options: Options): Promise<ProgramOutcome[]> {
  const opener = { name: options.device, open: () => openDevice(options.device) };
  const scale = Math.max(1, Math.round(options.steps / STEPS_PER_SCALE));
  const outcomes: ProgramOutcome[] = [];
  for (const program of programs) {
    const outcome = await runProgram(program, opener, scale).then(
      (detail) => ({ name: program.name, ok: true, detail }),
      (error: unknown) => ({
        name: program.name,
        ok: false,
        detail: error instanceof Error ? error.message : String(error),
      }),
    );
    console.log(`${outcome.ok ? 'ok    ' : 'failed'} ${outcome.name}: ${outcome.detail}`);
    outcomes.push(outcome);
  }
  return outcomes;
}

function printSample({ step, bytes, buffers, heapUsed, rss }: Sample): void {
  const mebibytes = (value: number): string => (value / 2 ** 20).toFixed(1);
  console.log(
    `step ${step}: ${bytes} device bytes in ${buffers} buffers, heap ${mebibytes(heapUsed)} MiB, resident ${mebibytes(rss)} MiB`,
  );
}

async function soak(options: Options): Promise<number> {
  const root = path.join(path.dirname(fileURLToPath(import.meta.url)), '..');
  const peersDir = process.env['PEERS_DIR'] === undefined ? undefined : fromCaller(process.env['PEERS_DIR']);
  const digits = new Digits(
    sharedInputs(peersDir, path.join(root, 'node_modules', '.cache', 'torchlet-bench')),
    TRAIN_IMAGES,
  );
  const device = await openDevice(options.device);
  setDefaultDevice(device);
  const { samples, loss } = await train(device, options.steps, digits);
  samples.forEach(printSample);
  device.dispose();
  const outcomes = await runPrograms(options);
  if (options.json !== undefined) {
    writeFileSync(options.json, `${JSON.stringify({ steps: options.steps, samples, programs: outcomes }, null, 2)}\n`);
  }
  const warm = samples.find(({ step }) => step === warmStep(options.steps));
  const last = samples.at(-1);
  const reasons = [
    ...(warm === undefined || last === undefined ? ['no samples were taken'] : growth(warm, last)),
    ...(Number.isFinite(loss) ? [] : [`the loss at the last step is ${loss}`]),
    ...outcomes.filter(({ ok }) => !ok).map(({ name }) => `program failed: ${name}`),
  ];
  if (reasons.length > 0) {
    console.log(`not flat: ${reasons.join('; ')}`);
    return 1;
  }
  console.log(
    `flat: ${last?.bytes} device bytes in ${last?.buffers} buffers after ${warm?.step} and after ${options.steps} steps; ${outcomes.length} programs as specified`,
  );
  return 0;
}

await runCommand(USAGE, async () => {
  const options = readOptions(process.argv.slice(2));
  try {
    return await soak(options);
  } catch (error) {
    if (!(error instanceof NoSuchDevice)) throw error;
    console.error(error.message);
    return NO_SUCH_DEVICE;
  }
});

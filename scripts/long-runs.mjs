/**
 * What `npm test` has no time for, as `npm run test:long` runs it: the root commands at full length, each with the
 * figure that it must reach. Each check returns a short note or throws what is wrong.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { capture, childEnvironment } from './toolchain.mjs';

/** The least validation accuracy after the ten epochs of the tutorial, by the data trained on. */
const leastAccuracy = { sample: 0.91, full: 0.96 };

/** @type {ReadonlyArray<readonly [string, () => Promise<string>]>} */
export const longRuns = [
  ['soak, 10,000 steps', soak],
  ['MNIST, sample digits', () => mnist('sample')],
  ...(process.env.TORCHLET_DATA ? [['MNIST, full', () => mnist('full')]] : []),
  ...(process.env.TORCHLET_GOLDENS
    ? [
        ['every golden case', goldens],
        ['every golden case, altered', alteredGoldens],
      ]
    : []),
];

async function soak() {
  return mustSucceed(await command('bench/soak.ts', ['--device', 'cpu', '--steps', '10000']));
}

async function mnist(data) {
  const folder = mkdtempSync(join(tmpdir(), 'torchlet-mnist-'));
  try {
    const json = join(folder, 'result.json');
    const args = ['--device', 'cpu', '--data', data, '--seed', '0', '--json', json];
    mustSucceed(await command('examples/mnist/node.ts', args, folder));
    const { finalAccuracy } = JSON.parse(readFileSync(json, 'utf8'));
    const least = leastAccuracy[data];
    if (!(finalAccuracy >= least)) throw new Error(`expected an accuracy of at least ${least}, got ${finalAccuracy}`);
    return `accuracy ${finalAccuracy.toFixed(4)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function goldens() {
  return mustSucceed(await conformance([]));
}

/** With every expectation altered nothing may pass: else a judge would pass anything. */
async function alteredGoldens() {
  const { output, lastLine } = await conformance(['--mutate']);
  if (!/^0 passed, [1-9]/.test(lastLine)) throw new Error(output);
  return lastLine;
}

function conformance(more) {
  const folder = childEnvironment().TORCHLET_GOLDENS;
  return command('scripts/conformance.ts', ['--device', 'cpu', '--golden', folder, ...more]);
}

/** Runs a root command as npm would, in the given folder. */
async function command(program, args, folder) {
  const env = { ...childEnvironment(), ...(folder ? { INIT_CWD: folder } : {}) };
  const { code, output } = await capture(process.execPath, ['scripts/command.mjs', program, ...args], { env });
  return { code, output: output.trim(), lastLine: output.trim().split('\n').at(-1) };
}

function mustSucceed({ code, output, lastLine }) {
  if (code !== 0) throw new Error(`${output}\nended with ${code}`);
  return lastLine;
}

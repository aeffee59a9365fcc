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

/** A run that this machine has no device for; the message says why. */
export class Skipped extends Error {}

/** Root commands end so where there is no such device, or no browser. */
const noSuchDevice = 3;

const devices = [
  { name: 'the CPU', args: ['--device', 'cpu'] },
  { name: 'WebGPU', args: ['--device', 'webgpu'] },
];
const onStandin = { name: "CUDA's driver stand-in", args: ['--device', 'cuda-standin'] };
const inChromium = { name: 'WebGPU in Chromium', args: ['--device', 'webgpu', '--browser'] };

/** @type {ReadonlyArray<readonly [string, () => Promise<string>]>} */
export const longRuns = [
  ...[...devices, onStandin, inChromium].map(({ name, args }) => [`soak on ${name}, 10,000 steps`, () => soak(args)]),
  ...devices.map(({ name, args }) => [`MNIST on ${name}, sample digits`, () => mnist('sample', args)]),
  ...(process.env.TORCHLET_DATA ? [['MNIST, full', () => mnist('full', ['--device', 'cpu'])]] : []),
  ...(process.env.TORCHLET_GOLDENS
    ? devices.flatMap(({ name, args }) => [
        [`every golden case on ${name}`, () => goldens(args)],
        [`every golden case on ${name}, altered`, () => alteredGoldens(args)],
      ])
    : []),
];

async function soak(device) {
  return mustSucceed(await command('bench/soak.ts', [...device, '--steps', '10000']));
}

async function mnist(data, device) {
  const folder = mkdtempSync(join(tmpdir(), 'torchlet-mnist-'));
  try {
    const json = join(folder, 'result.json');
    const args = [...device, '--data', data, '--seed', '0', '--json', json];
    mustSucceed(await command('examples/mnist/node.ts', args, folder));
    const { finalAccuracy } = JSON.parse(readFileSync(json, 'utf8'));
    const least = leastAccuracy[data];
    if (!(finalAccuracy >= least)) throw new Error(`expected an accuracy of at least ${least}, got ${finalAccuracy}`);
    return `accuracy ${finalAccuracy.toFixed(4)}`;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function goldens(device) {
  return mustSucceed(await conformance(device));
}

/** With every expectation altered nothing may pass: else a judge would pass anything. */
async function alteredGoldens(device) {
  const { code, output, lastLine } = await conformance([...device, '--mutate']);
  if (code === noSuchDevice) throw new Skipped(lastLine);
  if (!/^0 passed, [1-9]/.test(lastLine)) throw new Error(output);
  return lastLine;
}

function conformance(args) {
  const folder = childEnvironment().TORCHLET_GOLDENS;
  return command('scripts/conformance.ts', [...args, '--golden', folder]);
}

/** Runs a root command as npm would, in the given folder. */
async function command(program, args, folder) {
  const env = { ...childEnvironment(), ...(folder ? { INIT_CWD: folder } : {}) };
  const { code, output } = await capture(process.execPath, ['scripts/command.mjs', program, ...args], { env });
  return { code, output: output.trim(), lastLine: output.trim().split('\n').at(-1) };
}

function mustSucceed({ code, output, lastLine }) {
  if (code === noSuchDevice) throw new Skipped(lastLine);
  if (code !== 0) throw new Error(`${output}\nended with ${code}`);
  return lastLine;
}

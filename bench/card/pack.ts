/**
 * `npm run card:pack`: puts all that a run on a card needs into one folder for a machine that has a driver and nothing of ours, no npm and no network: one
 * archive and `unpack-and-run.sh`. Owns what goes in and where it lies; the program in it is `main.ts` in one bundle.
 */
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { parseArgs } from 'node:util';
import { build } from 'esbuild';
import { buildAddon } from '../../packages/device-cuda/scripts/build-addon.mjs';
import { buildStandin } from '../../packages/device-cuda/standin/build.js';
import { fromCaller, runCommand } from '../command-line.js';
import { commit } from './commit.js';
import { digitsVariable, packedDigits } from './digits.js';

const here = import.meta.dirname;
const root = path.join(here, '..', '..');

const USAGE = `usage: npm run card:pack -- [--out DIR] [--no-node] [--standin]
  --out      the folder (.card, which git ignores)
  --no-node  leave Node out: the machine has one
  --standin  pack the driver stand-in too, so that the run can be rehearsed where there is no compiler
Packed where they are named: TORCHLET_GOLDENS (golden files), TORCHLET_DATA (MNIST), PEERS_DIR (jax-js).`;

export interface Packed {
  readonly node: boolean;
  readonly standin: boolean;
  /** Export conditions by which the bundle finds the packages. */
  readonly conditions: readonly string[];
}

/** The archive and what starts it. */
const archiveName = 'packed.tar.xz';
const starterName = 'unpack-and-run.sh';

/** Puts the program and its data into `folder`, ready to run there: `node app/card.mjs`. @returns the variables that name what was packed, relative to the folder. */
export async function fill(
  folder: string,
  { node, standin, conditions }: Packed,
): Promise<ReadonlyMap<string, string>> {
  const variables = new Map<string, string>();
  const keep = (name: string, file: string, relative: string): void => {
    cpSync(file, path.join(folder, relative), { recursive: true, dereference: true });
    variables.set(name, relative);
  };
  mkdirSync(folder, { recursive: true });
  await bundle(path.join(folder, 'app', 'card.mjs'), conditions);
  cpSync(path.join(here, 'peers'), path.join(folder, 'app', 'peers'), { recursive: true, filter: isSource });
  cpSync(webgpuFolder(), path.join(folder, 'app', 'node_modules', 'webgpu'), {
    recursive: true,
    dereference: true,
    filter: isOfLinux,
  });
  keep('TORCHLET_CUDA_ADDON', await buildAddon(), 'torchlet_cuda.node');
  writeFileSync(path.join(folder, 'digits.gz'), await packedDigits());
  variables.set(digitsVariable, 'digits.gz');
  const { TORCHLET_GOLDENS: goldens, TORCHLET_DATA: data, PEERS_DIR: peers } = process.env;
  if (goldens !== undefined) keep('TORCHLET_GOLDENS', fromCaller(goldens), 'goldens');
  if (data !== undefined) packDigits(fromCaller(data), path.join(folder, 'data'), variables);
  const jaxJs = path.join('node_modules', '@jax-js');
  if (peers !== undefined && existsSync(path.join(fromCaller(peers), jaxJs))) {
    cpSync(path.join(fromCaller(peers), jaxJs), path.join(folder, 'peers', jaxJs), {
      recursive: true,
      dereference: true,
    });
    variables.set('PEERS_DIR', 'peers');
  }
  if (standin) {
    const library = await buildStandin();
    cpSync(path.dirname(library), path.join(folder, 'standin'), { recursive: true });
    variables.set('TORCHLET_CUDA_STANDIN', path.join('standin', path.basename(library)));
  }
  if (node) packNode(path.join(folder, 'node'));
  return variables;
}

async function bundle(outfile: string, conditions: readonly string[]): Promise<void> {
  await build({
    entryPoints: [path.join(here, 'main.ts')],
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node20',
    conditions: [...conditions],
    outfile,
    sourcemap: 'inline',
    logLevel: 'error',
    // Packages in CommonJS ask for these.
    banner: {
      js: "import { createRequire as requireOf } from 'node:module'; const require = requireOf(import.meta.url);",
    },
  });
}

const isSource = (file: string): boolean => !file.includes('__pycache__');

function webgpuFolder(): string {
  return path.dirname(createRequire(path.join(root, 'package.json')).resolve('webgpu/package.json'));
}

/** Of the package webgpu all but the binaries for other platforms. */
function isOfLinux(file: string): boolean {
  const [, platform] = /[/\\]dist[/\\]([^/\\]+)/.exec(file) ?? [];
  return platform === undefined || platform === 'linux-x64';
}

/** The images to train with, of the folder that TORCHLET_DATA names. */
function packDigits(data: string, target: string, variables: Map<string, string>): void {
  const found = ['mnist', 'MNIST/raw', '.']
    .map((name) => path.join(data, name))
    .find((folder) => trainFiles(folder).length > 0);
  if (found === undefined) return;
  mkdirSync(target, { recursive: true });
  for (const name of trainFiles(found)) copyFileSync(path.join(found, name), path.join(target, name));
  variables.set('TORCHLET_DATA', 'data');
}

function trainFiles(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).filter((name) => /^train-(images|labels)/.test(name)) : [];
}

/** This Node, without its symbols where they can be stripped. */
function packNode(target: string): void {
  copyFileSync(process.execPath, target);
  const stripped = spawnSync('strip', [target]).status === 0 && spawnSync(target, ['-e', '0']).status === 0;
  if (!stripped) copyFileSync(process.execPath, target);
}

/** The variables as a piece of the starter. */
function environment(variables: ReadonlyMap<string, string>): string {
  const lines = [...variables].map(([name, relative]) => `export ${name}="$unpacked/${relative}"`);
  return [...lines, `export TORCHLET_COMMIT="${commit()}"`, ''].join('\n');
}

/** Those of this process: what was built, unless it runs from source. */
function ownConditions(): string[] {
  return process.execArgv.flatMap((argument) => /^--conditions=(.*)$/.exec(argument)?.[1] ?? []);
}

async function pack(args: string[]): Promise<number> {
  const { values } = parseArgs({
    args,
    options: {
      out: { type: 'string' },
      'no-node': { type: 'boolean', default: false },
      standin: { type: 'boolean', default: false },
    },
  });
  const out = values.out === undefined ? path.join(root, '.card') : fromCaller(values.out);
  const work = mkdtempSync(path.join(tmpdir(), 'torchlet-card-'));
  try {
    const variables = await fill(work, {
      node: !values['no-node'],
      standin: values.standin,
      conditions: ownConditions(),
    });
    writeFileSync(path.join(work, 'environment.sh'), environment(variables));
    rmSync(out, { recursive: true, force: true });
    mkdirSync(out, { recursive: true });
    const archive = path.join(out, archiveName);
    const { status, stderr } = spawnSync('tar', ['-I', 'xz -T0 -3', '-cf', archive, '-C', work, '.'], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`the archive could not be made: ${stderr}`);
    copyFileSync(path.join(here, starterName), path.join(out, starterName));
    console.log(`packed: ${[...variables.keys()].join(', ')}`);
    console.log(
      `${out}: ${(statSync(archive).size / 2 ** 20).toFixed(1)} MiB; on the machine with the card: bash ${path.basename(out)}/${starterName}`,
    );
    return 0;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

if (process.argv[1] !== undefined && path.resolve(process.argv[1]) === import.meta.filename) {
  await runCommand(USAGE, () => pack(process.argv.slice(2)));
}

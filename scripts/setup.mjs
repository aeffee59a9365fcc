/**
 * `npm run setup`: installs the dependencies and builds the packages, each only when its inputs have changed since.
 * Every other root command calls `setup()` first. Read next: `command.mjs` and `test.mjs`.
 */
import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { pathToFileURL } from 'node:url';
import { cacheFolder, capture, pnpm, requireNode, root, run, workspaces } from './toolchain.mjs';

const buildFiles = /^(package\.json|tsup\.config\.ts|tsconfig.*\.json)$/;
const pnpmBesideTurbo = join(root, 'node_modules', '.bin', 'pnpm');
const lockFile = join(cacheFolder, 'setup.lock');

/** Installs and builds what is missing or out of date; returns at once, without the network, when nothing is. */
export async function setup() {
  requireNode();
  mkdirSync(cacheFolder, { recursive: true });
  const ready = upToDate('install', installInputs()) && isInstalled() && upToDate('build', buildInputs()) && isBuilt();
  if (ready) return;
  await alone(async () => {
    await step('install', installInputs, install, isInstalled);
    await step('build', buildInputs, build, isBuilt);
  });
}

async function install() {
  const { code } = await run(await pnpm(), [
    'install',
    '--frozen-lockfile',
    '--prefer-offline',
    '--reporter=append-only',
  ]);
  if (code !== 0) {
    throw new Error(
      'the dependencies could not be installed; after a change of a package.json, run `npm run pnpm -- install`',
    );
  }
  await putPnpmBesideTurbo();
}

/** `npx turbo run test --filter=...` asks the path for pnpm, and npx puts this one folder there. */
async function putPnpmBesideTurbo() {
  if (process.platform === 'win32') return;
  rmSync(pnpmBesideTurbo, { force: true });
  symlinkSync(await pnpm(), pnpmBesideTurbo);
}

function isInstalled() {
  return process.platform === 'win32' ? existsSync(join(root, 'node_modules')) : existsSync(pnpmBesideTurbo);
}

async function build() {
  await pnpm();
  const quiet = ['--output-logs=errors-only', '--log-order=grouped', '--ui=stream'];
  const { code, output } = await capture('turbo', ['run', 'build', '--filter=./packages/*', ...quiet]);
  if (code === 0) return;
  console.error(output.trim());
  throw new Error('the packages could not be built');
}

async function step(name, inputs, work, isDone) {
  // Read before the work: what is edited meanwhile is not in it.
  const wanted = inputs();
  if (upToDate(name, wanted) && isDone()) return;
  const start = performance.now();
  console.error(`setup: ${name} …`);
  await work();
  writeFileSync(stampFile(name), wanted);
  console.error(`setup: ${name} done in ${((performance.now() - start) / 1000).toFixed(1)} s`);
}

function upToDate(name, inputs) {
  return existsSync(stampFile(name)) && readFileSync(stampFile(name), 'utf8') === inputs;
}

function stampFile(name) {
  return join(cacheFolder, `${name}.stamp`);
}

function isBuilt() {
  return packageFolders().every((folder) => existsSync(join(folder, 'dist', 'index.js')));
}

function packageFolders() {
  return workspaces()
    .filter((folder) => folder.startsWith('packages'))
    .map((folder) => join(root, folder));
}

function installInputs() {
  const manifests = workspaces().map((folder) => join(folder, 'package.json'));
  const files = ['package.json', 'pnpm-lock.yaml', 'pnpm-workspace.yaml', ...manifests];
  return contentHash(
    files.map((file) => join(root, file)),
    process.versions.modules,
  );
}

function buildInputs() {
  const shared = ['tsup.base.ts', 'tsconfig.base.json', 'tsconfig.platform.json'].map((name) => join(root, name));
  const own = packageFolders().flatMap((folder) => [
    ...readdirSync(folder)
      .filter((name) => buildFiles.test(name))
      .map((name) => join(folder, name)),
    ...filesBelow(join(folder, 'src')),
  ]);
  return contentHash([...shared, ...own], installInputs());
}

function filesBelow(folder) {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function contentHash(files, seed) {
  const hash = createHash('sha256').update(seed);
  for (const file of files.filter((name) => existsSync(name)).sort()) {
    hash.update(`\0${relative(root, file)}\0`).update(readFileSync(file));
  }
  return hash.digest('hex');
}

/** Two root commands in one checkout must not install or build at once: the second waits for the first. */
async function alone(work) {
  while (!takeLock()) await new Promise((wake) => setTimeout(wake, 200));
  try {
    await work();
  } finally {
    rmSync(lockFile, { force: true });
  }
}

function takeLock() {
  try {
    writeFileSync(lockFile, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (error.code !== 'EEXIST') throw error;
    if (isLeftBehind()) rmSync(lockFile, { force: true });
    return false;
  }
}

function isLeftBehind() {
  try {
    const age = Date.now() - statSync(lockFile).mtimeMs;
    const owner = Number(readFileSync(lockFile, 'utf8'));
    // A lock without its owner's number yet is only left behind once it has aged.
    if (!owner) return age > 5_000;
    process.kill(owner, 0);
    return false;
  } catch (error) {
    return error.code === 'ESRCH' || error.code === 'ENOENT';
  }
}

/** `setup()` for programs that have nothing to do without it: says why it failed and ends with 1. */
export async function setupOrEnd() {
  try {
    await setup();
  } catch (error) {
    console.error(`setup: ${error.message}`);
    process.exit(1);
  }
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  await setupOrEnd();
  console.error('setup: ready');
}

/**
 * What every root command stands on: the checkout's folders, a Node that is new enough, the pinned pnpm, child processes.
 * It runs before anything is installed, so it imports Node alone. Read next: `setup.mjs`.
 */
import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { constants } from 'node:os';
import { delimiter, isAbsolute, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

// Not import.meta.dirname: a Node too old to have it must get as far as `requireNode`.
export const root = fileURLToPath(new URL('..', import.meta.url));
export const cacheFolder = join(root, '.torchlet');

/** The folder where the user called npm: what relative paths in arguments and variables mean. */
export const callerFolder = process.env.INIT_CWD ?? process.cwd();

const oldestNode = [20, 19];
const pathVariables = ['TORCHLET_DATA', 'TORCHLET_GOLDENS'];

/** The folders of all workspaces, relative to the root, as `pnpm-workspace.yaml` lists them. */
export function workspaces() {
  const [, list] = /^packages:\n((?: {2}- .+\n)+)/m.exec(readFileSync(join(root, 'pnpm-workspace.yaml'), 'utf8'));
  const patterns = [...list.matchAll(/- (\S+)/g)].map(([, pattern]) => pattern);
  return patterns
    .flatMap((pattern) => {
      if (!pattern.endsWith('/*')) return [pattern];
      const parent = pattern.slice(0, -2);
      return readdirSync(join(root, parent)).map((name) => join(parent, name));
    })
    .filter((folder) => existsSync(join(root, folder, 'package.json')));
}

/** Ends the process with one clear line when this Node is older than Torchlet's oldest. */
export function requireNode() {
  const [major = 0, minor = 0] = process.versions.node.split('.').map(Number);
  const enough = major > oldestNode[0] || (major === oldestNode[0] && minor >= oldestNode[1]);
  if (enough) return;
  console.error(`Torchlet needs Node ${oldestNode.join('.')} or later; this is Node ${process.versions.node}.`);
  process.exit(1);
}

/** The environment of child processes: pinned pnpm first on the path, the caller's relative folders made absolute. */
export function childEnvironment() {
  const env = { ...process.env };
  const tools = [join(root, 'node_modules', '.bin'), join(pnpmFolder(), 'node_modules', '.bin')];
  env.PATH = [...tools, env.PATH].join(delimiter);
  env.INIT_CWD = callerFolder;
  env.TURBO_TELEMETRY_DISABLED = '1';
  env.TURBO_NO_UPDATE_NOTIFIER = '1';
  for (const name of pathVariables) {
    const value = env[name];
    if (value && !isAbsolute(value)) env[name] = resolve(callerFolder, value);
  }
  return env;
}

/**
 * Runs a program to its end.
 * @param {string} program
 * @param {readonly string[]} args
 * @param {import('node:child_process').SpawnOptions} [options] added to ours; by default output goes to standard error
 * @returns {Promise<{ code: number, output: string }>} `output` holds what was piped
 */
export function run(program, args, options = {}) {
  const child = spawn(program, args, { cwd: root, env: childEnvironment(), stdio: ['ignore', 2, 2], ...options });
  let output = '';
  child.stdout?.on('data', (chunk) => {
    output += chunk;
  });
  child.stderr?.on('data', (chunk) => {
    output += chunk;
  });
  return new Promise((settle, fail) => {
    child.on('error', fail);
    child.on('close', (code, signal) => settle({ code: code ?? 128 + (constants.signals[signal] ?? 0), output }));
  });
}

/** Runs a program quietly, keeping what it said. */
export function capture(program, args, options = {}) {
  return run(program, args, { stdio: ['ignore', 'pipe', 'pipe'], ...options });
}

/** The pinned pnpm's program; fetched from the registry the first time, kept inside the checkout. */
export async function pnpm() {
  const program = join(pnpmFolder(), 'node_modules', '.bin', process.platform === 'win32' ? 'pnpm.cmd' : 'pnpm');
  if (existsSync(program)) return program;
  console.error(`setup: fetching pnpm ${pnpmVersion()}`);
  mkdirSync(pnpmFolder(), { recursive: true });
  const quiet = ['--ignore-scripts', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'];
  const { code } = await npm(['install', '--prefix', pnpmFolder(), ...quiet, `pnpm@${pnpmVersion()}`]);
  if (code !== 0) throw new Error(`pnpm ${pnpmVersion()} could not be fetched (npm ended with ${code})`);
  // npm may not run a package's install script; pnpm's puts the real program in place of one that turbo can't start.
  await run(process.execPath, [join(pnpmFolder(), 'node_modules', 'pnpm', 'install.js')]);
  return program;
}

/** Runs npm: the very one that started us, where it says so. */
export function npm(args, options) {
  const itself = process.env.npm_execpath;
  if (itself?.endsWith('npm-cli.js')) return run(process.execPath, [itself, ...args], options);
  return run('npm', args, { shell: process.platform === 'win32', ...options });
}

function pnpmVersion() {
  const { packageManager } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
  return packageManager.replace('pnpm@', '');
}

function pnpmFolder() {
  return join(cacheFolder, `pnpm-${pnpmVersion()}`);
}

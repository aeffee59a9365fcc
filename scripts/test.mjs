/**
 * `npm test`: installs, builds, and runs everything that this machine can run: types, lint, the dependency fence, every
 * package's tests from source and once more against what was built, and what a user of the published packages gets.
 * Ends with what was skipped and why, and the line `N passed, N failed`. `npm run test:long` runs what is longer, alone.
 */
import { longRuns, Skipped } from './long-runs.mjs';
import { checkManifests, checkPublint, checkReadmes, checkTarballs, checkTypesOfExports } from './packages.mjs';
import { checkPublishing, checkVersioning } from './release.mjs';
import { setup } from './setup.mjs';
import { checkSizes } from './size.mjs';
import { runSuites } from './suites.mjs';
import { capture, workspaces } from './toolchain.mjs';

/** `missing`: what this machine lacks; tests that want it are among the skipped. */
const sum = { passed: 0, onStandin: 0, failed: [], skipped: [], missing: [] };
const longOnly = process.argv.includes('--long');

const checks = [
  // Each package has a `typecheck` of its own; two programs of all packages parse everything once, not forty times.
  ['types of portable code', () => tool('tsc', ['-p', 'tsconfig.portable.json'])],
  ['types of the rest', () => tool('tsc', ['-p', 'tsconfig.json'])],
  ['lint and format', () => tool('biome', ['ci', '--error-on-warnings', '--colors=off', '.'])],
  ['dependency fence', () => tool('depcruise', ['packages', '--config', '.dependency-cruiser.mjs'])],
  ['manifests', checkManifests],
];

const checksOfThePackages = [
  ['pack', checkTarballs],
  ['publint', checkPublint],
  ['types of the exports', checkTypesOfExports],
  ['README examples, from tarballs', checkReadmes],
  ['size budgets', checkSizes],
  ['changesets', checkChangesets],
  ['changeset version', checkVersioning],
  ['publish, dry run', checkPublishing],
];

/** What a machine may lack. Each row says what is missed without it, or nothing where it is there. */
const needs = [
  () => !process.env.TORCHLET_GOLDENS && "golden cases made with PyTorch: TORCHLET_GOLDENS doesn't name their folder",
  () => !process.env.TORCHLET_DATA && "the original MNIST files: TORCHLET_DATA doesn't name their folder",
  () => 'PyTorch and the other peers: measured by `npm run bench`, not here',
  () => 'what is longer (10,000 steps of soak, MNIST to its accuracy, every golden case): `npm run test:long`',
];

async function main() {
  const start = performance.now();
  await setup();
  sum.missing = await missingHardware();
  if (longOnly) await everythingLong();
  else await everything();
  sum.skipped.push(...sum.missing);
  if (!longOnly) sum.skipped.push(...needs.map((need) => need()).filter(Boolean));
  if (sum.skipped.length > 0) console.log(`\nSkipped:\n${sum.skipped.map((text) => `  ${text}`).join('\n')}`);
  if (sum.failed.length > 0) console.log(`\nFailed:\n${sum.failed.map((text) => `  ${text}`).join('\n')}`);
  if (sum.onStandin > 0)
    console.log(
      `\nCUDA: ${sum.onStandin} of the passed tests ran on the driver stand-in, which executes PTX on the CPU; none is a card's`,
    );
  console.log(`\nin ${((performance.now() - start) / 1000).toFixed(0)} s`);
}

async function everything() {
  const published = workspaces().filter((folder) => folder.startsWith('packages'));
  for (const [name, work] of checks) await check(name, work);
  await tests('source', workspaces());
  await tests('dist', published);
  for (const [name, work] of checksOfThePackages) await check(name, work);
}

async function everythingLong() {
  await tests('long', workspaces());
  for (const [name, work] of longRuns) await check(name, work);
}

async function check(name, work) {
  const start = performance.now();
  const say = (word, note) => {
    const seconds = `(${((performance.now() - start) / 1000).toFixed(1)} s)`;
    console.log([word.padEnd(6), name, seconds, note ? `- ${note}` : ''].join(' ').trimEnd());
  };
  try {
    say('ok', await work());
    sum.passed += 1;
  } catch (error) {
    if (error instanceof Skipped) {
      say('skip', error.message);
      sum.skipped.push(`${name}: ${error.message}`);
      return;
    }
    console.log(error.message);
    say('FAILED');
    sum.failed.push(name);
  }
}

/** What this machine has not: a card, a graphics adapter, a browser. */
async function missingHardware() {
  const args = ['--import', 'tsx', '--conditions=@torchlet/source', 'scripts/hardware.ts'];
  const { code, output } = await capture(process.execPath, args);
  // A driver may have said something before.
  if (code === 0) return JSON.parse(output.trim().split('\n').at(-1));
  console.log(output);
  sum.failed.push('scripts/hardware.ts');
  return [];
}

async function tests(mode, folders) {
  const start = performance.now();
  const { passed, onStandin, failed, skipped } = await runSuites(mode, folders, sum.missing);
  sum.passed += passed;
  sum.onStandin += onStandin;
  sum.failed.push(...failed);
  // What is skipped from source is skipped from `dist` too.
  if (mode !== 'dist') sum.skipped.push(...skipped);
  const word = failed.length > 0 ? 'FAILED' : 'ok';
  const seconds = ((performance.now() - start) / 1000).toFixed(1);
  const counts = `${passed} passed, ${failed.length} failed, ${skipped.length} skipped`;
  console.log(`${word.padEnd(6)} tests (${mode}) (${seconds} s) - ${counts}`);
}

async function tool(program, args) {
  const { code, output } = await capture(program, args);
  if (code !== 0) throw new Error(output.trim());
}

/** Compares with the branch that changes are merged into, where there is one. */
async function checkChangesets() {
  const known = await capture('git', ['rev-parse', '--verify', '--quiet', 'main']);
  if (known.code !== 0) return 'not compared: this checkout has no branch `main`';
  await tool('changeset', ['status']);
}

try {
  await main();
} catch (error) {
  sum.failed.push('setup');
  console.log(error.message);
}
console.log(`${sum.passed} passed, ${sum.failed.length} failed`);
process.exitCode = sum.failed.length > 0 ? 1 : 0;

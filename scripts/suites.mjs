/**
 * Runs vitest in the workspaces, through turbo, and adds up what they counted: each leaves its report in `.torchlet/`.
 * Read next: `test.mjs`, which prints the sum.
 */
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { childEnvironment, root } from './toolchain.mjs';

/** A test that never ends must not keep a build machine for ever. */
const longest = 25 * 60_000;

/** In the names of tests of CUDA that ran without a card. */
const onStandin = 'driver stand-in';

/** The ways to run the tests: a turbo task each, and the name of the report that `vitest.base.ts` gives it. */
const tasks = { source: 'test', dist: 'test:dist', long: 'test:long' };

/**
 * Runs the tests of the given workspaces in one of the ways, with a line for each that is done.
 * @param {keyof typeof tasks} mode
 * @param {readonly string[]} folders
 * @param {readonly string[]} missing what this machine lacks: turbo's results of another machine are not ours
 * @returns {Promise<{ passed: number, onStandin: number, failed: string[], skipped: string[] }>} failed and skipped tests by name; how many
 *   of the passed ones ran on the driver stand-in and not on a card
 */
export async function runSuites(mode, folders, missing) {
  const reports = folders.map((folder) => join(root, folder, '.torchlet', `${mode}.json`));
  for (const report of reports) rmSync(report, { force: true });
  const { code, broken } = await turbo(tasks[mode], folders, missing);
  const sum = { passed: 0, onStandin: 0, failed: [], skipped: [] };
  for (const report of reports) addReport(sum, report);
  sum.skipped = grouped(sum.skipped);
  // A worker that dies takes its tests along uncounted.
  if (code !== 0 && sum.failed.length === 0) sum.failed.push(`tests of ${broken.join(', ') || 'a package'} broke off`);
  return sum;
}

/** Streams turbo's output into a line per package; what a failed package said is printed whole, at the end. */
async function turbo(task, folders, missing) {
  const said = new Map();
  const env = { ...childEnvironment(), NO_COLOR: '1', TORCHLET_TEST_INPUTS: testInputs(missing) };
  const args = ['run', task, ...folders.map((folder) => `--filter=./${folder}`), '--concurrency=2', '--continue'];
  const child = spawn('turbo', [...args, '--output-logs=full', '--log-order=stream', '--ui=stream'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 2],
    timeout: longest,
  });
  const ended = new Promise((settle) => child.on('close', settle));
  let broken = [];
  for await (const line of createInterface({ input: child.stdout })) {
    broken = /^Failed:\s+(.*)$/.exec(line)?.[1]?.split(', ') ?? broken;
    const [, name, text] = /^(\S+):test(?::\w+)?: (.*)$/.exec(line) ?? [];
    if (name === undefined) continue;
    said.set(name, [...(said.get(name) ?? []), text]);
    const counts = /^\s+Tests\s+(.*)$/.exec(text)?.[1];
    if (counts) console.log(`       ${name}: ${counts}`);
  }
  const code = await ended;
  broken = broken.map((id) => id.replace(/#.*$/, ''));
  for (const name of broken) console.log((said.get(name) ?? []).join('\n'));
  return { code, broken };
}

function addReport(sum, report) {
  if (!existsSync(report)) {
    sum.failed.push(`${relative(root, report)}: these tests did not run`);
    return;
  }
  for (const file of JSON.parse(readFileSync(report, 'utf8')).testResults) addFile(sum, file);
}

function addFile(sum, file) {
  const where = relative(root, file.name);
  // A file that cannot be loaded fails without having a test to its name.
  if (file.status === 'failed' && !file.assertionResults.some((test) => test.status === 'failed')) {
    sum.failed.push(`${where}: ${file.message.split('\n')[0] || 'could not be loaded'}`);
  }
  for (const test of file.assertionResults) {
    const name = test.fullName.replace(/\s+/g, ' ');
    if (test.status === 'passed') sum.passed += 1;
    else if (test.status === 'failed') sum.failed.push(`${where}: ${name}`);
    else sum.skipped.push({ where, name, title: test.ancestorTitles[0] ?? name });
    if (test.status === 'passed' && name.includes(onStandin)) sum.onStandin += 1;
  }
}

/** A line for each reason that titles tell, in brackets, and the names of tests that tell none. */
function grouped(skipped) {
  const reasons = new Map();
  const others = [];
  for (const { where, name, title } of skipped) {
    const reason = /\(skipped: (.*)\)/.exec(title)?.[1];
    if (reason === undefined) others.push(`${where}: ${name}`);
    else reasons.set(reason, [...(reasons.get(reason) ?? []), where]);
  }
  const lines = [...reasons].map(
    ([reason, files]) => `${files.length} tests of ${[...new Set(files)].join(', ')}: ${reason}`,
  );
  return [...lines, ...others];
}

/** Changes with the files outside the checkout that tests read and with what they lack, so that turbo's cache doesn't hide a new set of them. */
function testInputs(missing) {
  const env = childEnvironment();
  const stamps = createHash('sha256');
  for (const line of missing) stamps.update(`${line}\n`);
  for (const folder of [env.TORCHLET_GOLDENS, env.TORCHLET_DATA]) {
    if (!folder || !existsSync(folder)) continue;
    for (const name of readdirSync(folder, { recursive: true }).sort()) {
      const { size, mtimeMs } = statSync(join(folder, name));
      stamps.update(`${name} ${size} ${mtimeMs}\n`);
    }
  }
  return stamps.digest('hex');
}

/** A run on a card, without one: the clock, processes that fail or do not end, the page, and the packed run in a folder of its own on the driver stand-in. */
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { CannotBuild } from '../../packages/device-cuda/scripts/build-addon.mjs';
import { buildStandin } from '../../packages/device-cuda/standin/build.js';
import { casesOf, families } from '../card/cases.js';
import { runChild } from '../card/child.js';
import { type Finding, findingIn, type Line, type Timing } from '../card/lines.js';
import { fill } from '../card/pack.js';
import { partNames, parts, type RunSettings } from '../card/parts.js';
import { rehearsal, tableOf } from '../card/table.js';
import { protocols, timeRuns } from '../card/timing.js';

const settings: RunSettings = {
  device: 'cuda',
  scale: 'full',
  only: null,
  seconds: 1,
  golden: null,
  libraries: false,
  warpgroups: false,
  cache: tmpdir(),
  entry: 'main.ts',
};

test('a case is named once at each scale, and counts what PyTorch counts', () => {
  for (const scale of ['full', 'tiny'] as const) {
    const names = casesOf(scale).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
  }
  const [mlp] = casesOf('full', ['mlp'], /784-32-10/);
  // Two operations for each weight and image forward, four backward but for the gradient of the images.
  expect(mlp).toMatchObject({ gigaflops: (100 * (4 * 784 * 32 + 6 * 32 * 10)) / 1e9 });
  expect(casesOf('full', families, /^matmul 8192/)).toHaveLength(3);
});

test('the time of a run is the median of stretches that are waited for', async () => {
  let [started, waited] = [0, 0];
  const timed = await timeRuns(
    () => {
      started++;
    },
    async () => {
      waited++;
      await new Promise((resolve) => setTimeout(resolve, 10));
    },
    { seconds: 0.05, ...protocols.tiny },
  );
  expect(timed.runs).toBe(2);
  expect({ started, waited }).toEqual({ started: 5, waited: 5 });
  expect(timed.ms).toBeGreaterThan(5);
});

describe('a process of a run', () => {
  const command = (script: string) => ({ command: process.execPath, args: ['-e', script], env: {} });
  const check: Finding = { kind: 'check', name: 'a', ok: true, detail: '' };
  const says = `console.log('noise'); console.log('${JSON.stringify(check)}');`;

  test('hands on its findings, and nothing else that it prints', async () => {
    const found: Finding[] = [];
    expect(await runChild(command(says), 20, (finding) => found.push(finding))).toBeNull();
    expect(found).toEqual([check]);
    expect(findingIn('{"kind":"noise"}')).toBeNull();
    expect(findingIn('{')).toBeNull();
  });

  test('that fails says why', async () => {
    const failure = await runChild(command("throw new RangeError('no room')"), 20, () => undefined);
    expect(failure).toEqual({ code: 1, reason: 'RangeError: no room' });
  });

  test('that does not end is ended with all that it started, and what it found is kept', async () => {
    const found: Finding[] = [];
    const endless = `${says} require('node:child_process').spawn('sleep', ['60'], { stdio: 'inherit' });`;
    const start = performance.now();
    const failure = await runChild(command(endless), 1, (finding) => found.push(finding));
    expect(failure).toEqual({ code: null, reason: 'ended after 1 s, before it was done' });
    expect(found).toEqual([check]);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});

test('processes that share a suite run every test of it once', () => {
  const [stage = []] = parts.ops(settings);
  const shares = stage.map((job) => {
    const started = job.start(100);
    if ('kind' in started) throw new Error(started.reason);
    return JSON.parse(started.args.at(-1) ?? '') as { every: number; from: number };
  });
  const run = Array.from({ length: 50 }, (_, i) => shares.filter(({ every, from }) => i % every === from).length);
  expect(run).toEqual(run.map(() => 1));
});

test('golden files that nobody named are a reason, and no failure', () => {
  const [[job] = []] = parts.goldens(settings);
  expect(job?.start(60)).toMatchObject({ kind: 'skipped', reason: expect.stringContaining('TORCHLET_GOLDENS') });
});

test('no part needs longer than a machine is lent for', () => {
  for (const name of partNames) {
    const seconds = parts[name](settings).reduce((sum, stage) => sum + Math.max(...stage.map((job) => job.seconds)), 0);
    expect(seconds, name).toBeLessThanOrEqual(570);
  }
});

describe('the page', () => {
  const timing = (
    peer: string,
    mode: string,
    ms: number,
    rest: Partial<Timing & Pick<Line, 'measurement'>> = {},
  ): Line => ({
    kind: 'timing',
    case: 'copy [65536, 4096]',
    reading: 'never',
    peer,
    mode,
    ms,
    spread: 0,
    firstSeconds: 0,
    runs: 1,
    part: 'bench',
    device: 'cuda',
    measurement: true,
    ...rest,
  });
  const row = (lines: readonly Line[], name: string): string =>
    tableOf(lines)
      .split('\n')
      .find((line) => line.startsWith(`| ${name}`)) ?? '';

  test('compares with eager and with the best, and with the fastest copy', () => {
    const softmax = 'softmax [16384, 4096]';
    const lines = [
      timing('torchlet', 'loop', 2),
      timing('pytorch', 'eager', 1),
      timing('torchlet', 'loop', 0.5, { case: softmax, kernels: 1 }),
      timing('pytorch', 'eager', 1, { case: softmax }),
      timing('jax', 'jit', 0.25, { case: softmax }),
    ];
    // 2.147 GB copied in a millisecond; softmax moves a quarter of it in half of one.
    expect(row(lines, softmax)).toMatch(/\| 1 \| 0\.50 \| 2\.00 \| jax, jit \| 50 % \|$/);
    expect(tableOf(lines)).not.toContain(rehearsal);
  });

  test('reading the loss is a row of its own', () => {
    const name = 'mlp 784-32-10, batch 100, sgd';
    const lines = [
      timing('torchlet', 'loop', 1, { case: name }),
      timing('torchlet', 'loop', 2, { case: name, reading: 'every step' }),
    ];
    expect(row(lines, `${name} |`)).toContain('1 ms');
    expect(row(lines, `${name}, loss read`)).toContain('2 ms');
  });

  test('says so where a line is no measurement', () => {
    expect(tableOf([timing('torchlet', 'loop', 1, { measurement: false })])).toContain(rehearsal);
  });
});

const noStandin: string | null = await buildStandin().then(
  () => null,
  (error: Error) => {
    if (error instanceof CannotBuild) return error.message;
    throw error;
  },
);

describe.skipIf(noStandin !== null)(
  `the packed run on the driver stand-in${noStandin === null ? '' : ` (skipped: ${noStandin})`}`,
  () => {
    const folder = mkdtempSync(path.join(tmpdir(), 'torchlet-card-test-'));
    let environment: NodeJS.ProcessEnv = {};

    beforeAll(async () => {
      const variables = await fill(folder, { node: false, standin: true, conditions: ['@torchlet/source'] });
      // Nothing but the bundle and its variables.
      environment = Object.fromEntries([...variables].map(([name, relative]) => [name, path.join(folder, relative)]));
    }, 120_000);
    afterAll(() => rmSync(folder, { recursive: true }));

    const card = (...args: readonly string[]) =>
      spawnSync(process.execPath, [path.join(folder, 'app', 'card.mjs'), ...args], {
        cwd: folder,
        env: environment,
        encoding: 'utf8',
      });

    test('trains as the CPU does, stays flat and measures, and calls nothing a measurement', {
      timeout: 120_000,
    }, () => {
      const { status, stdout, stderr } = card(
        '--device',
        'cuda-standin',
        '--parts',
        'mnist,flat,bench',
        '--only',
        'mlp 784-32',
        '--out',
        'out',
      );
      expect(status, stdout + stderr).toBe(0);
      const lines = readFileSync(path.join(folder, 'out', 'lines.jsonl'), 'utf8')
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Line);
      expect(new Set(lines.map(({ part }) => part))).toEqual(new Set(['facts', 'mnist', 'flat', 'bench']));
      expect(lines.every(({ measurement }) => !measurement)).toBe(true);
      expect(lines.filter(({ kind }) => kind === 'check').length).toBeGreaterThanOrEqual(6);
      expect(lines.filter(({ kind }) => kind === 'timing')).toHaveLength(4);
      expect(readFileSync(path.join(folder, 'out', 'table.md'), 'utf8')).toContain(rehearsal);
    });

    test('says in one sentence why there is no card', { timeout: 60_000 }, () => {
      const { status, stderr } = card('--device', 'cuda', '--parts', 'probe');
      if (status === 0) return;
      expect(status).toBe(3);
      expect(stderr.trim().split('\n')).toEqual([expect.stringMatching(/^no such device: cuda: /)]);
    });
  },
);

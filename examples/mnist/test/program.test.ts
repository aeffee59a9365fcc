/**
 * The program as a user starts it, in a folder of its own: what it prints and leaves, its exit codes, and Ctrl-C.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSafetensors } from '@torchlet/data';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { Results } from '../results.js';

let folder: string;
let running: ChildProcess | undefined;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'torchlet-example-'));
});

afterEach(async () => {
  running?.kill('SIGKILL');
  await rm(folder, { recursive: true });
});

interface Ended {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** On Linux, WebGPU is had through Vulkan, and Vulkan through the drivers named here. */
const noDriver = { VK_DRIVER_FILES: '/no/such/driver.json' };

/** Starts the program with these arguments; `onOutput` sees all of its standard output so far, whenever there is more. */
function start(args: string, onOutput: (out: string, child: ChildProcess) => void = () => {}): Promise<Ended> {
  const program = join(import.meta.dirname, '..', 'node.ts');
  const child = spawn(
    process.execPath,
    ['--conditions=@torchlet/source', '--import', import.meta.resolve('tsx'), program, ...args.split(' ')],
    {
      cwd: folder,
      env: { ...process.env, ...noDriver, TSX_TSCONFIG_PATH: join(import.meta.dirname, '..', 'tsconfig.json') },
    },
  );
  running = child;
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => {
    out += text;
    onOutput(out, child);
  });
  child.stderr.on('data', (text) => {
    err += text;
  });
  return new Promise((resolve) => child.on('close', (code) => resolve({ code, out, err })));
}

async function json(file: string): Promise<Results> {
  return JSON.parse(await readFile(join(folder, file), 'utf8'));
}

const quick = '--device cpu --data sample --hidden 8 --epochs 1,1';

describe('npm run mnist', () => {
  it('trains, and ends with the accuracy and the path of the plot', { timeout: 120_000 }, async () => {
    const { code, out, err } = await start(`${quick} --seed 3 --json out.json`);
    expect({ code, err }).toEqual({ code: 0, err: '' });
    const results = await json('out.json');
    expect(results).toMatchObject({
      device: 'cpu',
      seed: 3,
      data: 'sample',
      trainImages: 8000,
      validationImages: 2000,
    });
    expect(Object.keys(results)).toEqual(
      'device seed data trainImages validationImages initialLoss initialAccuracy epochs finalAccuracy stepsPerSecond kernelsPerStep memory plot'.split(
        ' ',
      ),
    );
    expect(results.epochs.map(({ lr }) => lr)).toEqual([0.5, 0.1]);
    expect(Object.keys(results.epochs[0] ?? {})).toEqual(
      'lr seconds trainLoss validationLoss validationAccuracy compiledPrograms buffersCreated'.split(' '),
    );
    expect(results.initialAccuracy).toBeLessThan(0.3);
    expect(results.finalAccuracy).toBeGreaterThan(0.8);
    expect(results.finalAccuracy).toBe(results.epochs[1]?.validationAccuracy);
    expect(results.kernelsPerStep).toBeGreaterThan(0);
    expect(results.stepsPerSecond).toBeGreaterThan(0);
    // What the second epoch needs was compiled and allocated in the first.
    expect(results.epochs[0]?.compiledPrograms).toBeGreaterThan(0);
    expect(results.epochs[1]).toMatchObject({ compiledPrograms: 0, buffersCreated: 0 });

    const percent = `${(100 * results.finalAccuracy).toFixed(2)} %`;
    expect(out.trimEnd().split('\n').slice(-2)).toEqual([`accuracy ${percent}`, `plot ${results.plot}`]);
    expect(out).toContain(`loaded again, their accuracy is ${percent}`);
    expect(out).toMatch(/linear1\.weight\s+\[8, 784\]/);
    expect(await readFile(results.plot, 'utf8')).toMatch(/^<svg[\s\S]*<\/svg>\n$/);
    expect(await json('mnist-results/results.json')).toEqual(results);
    const { tensors } = parseSafetensors(await readFile(join(folder, 'mnist-results', 'mnist.safetensors')));
    expect([...tensors.keys()].sort()).toEqual(['linear1.bias', 'linear1.weight', 'linear2.bias', 'linear2.weight']);
  });

  it('evaluates alone in no epochs, with two hidden layers', { timeout: 60_000 }, async () => {
    const { code, out } = await start('--device cpu --data sample --hidden 16,8 --epochs 0,0 --json out.json');
    expect(code).toBe(0);
    expect(out).toMatch(/linear3\.weight\s+\[10, 8\]/);
    const results = await json('out.json');
    expect(results).toMatchObject({ epochs: [], stepsPerSecond: 0, kernelsPerStep: 0 });
    expect(results.finalAccuracy).toBe(results.initialAccuracy);
  });

  it('keeps what was done when it is interrupted', { timeout: 120_000 }, async () => {
    let interrupted = false;
    const { code, out } = await start('--device cpu --data sample --epochs 500,5', (output, child) => {
      if (!interrupted && output.includes('epoch 1:')) {
        interrupted = true;
        child.kill('SIGINT');
      }
    });
    expect(code).toBe(0);
    const done = Number(/interrupted after (\d+) epochs/.exec(out)?.[1]);
    expect(done).toBeGreaterThanOrEqual(1);
    expect(done).toBeLessThan(500);
    expect((await json('mnist-results/results.json')).epochs).toHaveLength(done);
    expect((await readdir(join(folder, 'mnist-results'))).sort()).toEqual([
      'accuracy.svg',
      'mnist.safetensors',
      'results.json',
    ]);
  });

  it.each<readonly [string, number, RegExp]>([
    ...(process.platform === 'linux' ? [['--device webgpu --data sample', 3, /^no device: webgpu: .+$/] as const] : []),
    ['--device cuda --data sample', 3, /^no device: cuda: .+$/],
    ['--epochs 1', 2, /Expected 2 numbers separated by commas/],
    ['--device cpu --data sample --epochs 0,0 --json no/such/folder.json', 1, /ENOENT/],
  ])('%s ends with %i and says why last', { timeout: 60_000 }, async (args, code, reason) => {
    const ended = await start(args);
    expect(ended.code).toBe(code);
    if (code === 3) {
      expect(ended.err.trimEnd().split('\n').at(-1)).toMatch(reason);
      expect(ended.out).toBe('');
    } else {
      expect(ended.err).toMatch(reason);
    }
  });
});

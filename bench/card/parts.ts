/**
 * The parts of a run on a card, in the order of their worth, and the processes of each with the time they may take. Owns this list; what a process does is in
 * `tasks/` and `peers/`.
 */
import { existsSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { fileURLToPath } from 'node:url';
import { pythonWith } from '../pythons.js';
import { casesOf, type Family, families, type Scale } from './cases.js';
import type { Command } from './child.js';
import type { Skip } from './lines.js';
import { type TaskName, type TaskSettings, taskWord } from './tasks/tasks.js';
import { protocols } from './timing.js';

export interface RunSettings {
  readonly device: string;
  readonly scale: Scale;
  /** A regular expression: cases whose name it finds. */
  readonly only: string | null;
  /** For each case. */
  readonly seconds: number;
  /** The folder of the golden files. */
  readonly golden: string | null;
  /** Whether the device has a library that computes for it. */
  readonly libraries: boolean;
  /** Whether the device has warpgroups, which its own kernels then may use. */
  readonly warpgroups: boolean;
  /** A folder for the driver's compiled modules, empty at first. */
  readonly cache: string;
  /** The file that children are started with. */
  readonly entry: string;
}

export interface Job {
  readonly name: string;
  /** `torchlet` or a peer. */
  readonly who: string;
  readonly device: string;
  /** The most it may take. */
  readonly seconds: number;
  /** How it is started, given the time that is left for it; or why it is not. */
  readonly start: (seconds: number) => Command | Skip;
}

export const partNames = [
  'probe',
  'ops',
  'programs',
  'goldens',
  'warpgroups',
  'mnist',
  'flat',
  'bench',
  'peers',
  'webgpu',
  'webgpu-bench',
] as const;
export type PartName = (typeof partNames)[number];

/** Of the tests on a stand-in, one in so many shows that all kinds run. */
const TINY_SHARE = 40;
/** On one card at a time. */
const MOST_PROCESSES = 8;
/** What a task needs beside the time in which it begins new tests. */
const MARGIN_SECONDS = 5;

/** Jobs that run beside each other. */
export type Stage = readonly Job[];

/** The stages of each part, one after the other. */
export const parts: Record<PartName, (run: RunSettings) => readonly Stage[]> = {
  probe: (run) => {
    const { device, scale, cache } = run;
    const warm = { CUDA_CACHE_PATH: cache };
    const load = (name: string): Job => task(run, 'load', 30, { device, scale, cache: name }, { device, env: warm });
    return alone(task(run, 'costs', 30, { device, scale }), load('nothing in the cache of the driver'), load('again'));
  },
  ops: (run) => [suites(run, run.device, 120, { suites: null, except: ['programs'] })],
  programs: (run) => [suites(run, run.device, 40, { suites: ['programs'], except: [] })],
  goldens: (run) => [goldens(run, 80)],
  warpgroups: (run) => alone(task(run, 'warpgroups', 30, { device: run.device, scale: run.scale })),
  mnist: (run) => alone(task(run, 'mnist', 60, { device: run.device, scale: run.scale })),
  flat: (run) => alone(task(run, 'flat', 30, { device: run.device, scale: run.scale })),
  bench: (run) =>
    alone(
      ...families.map((family) => measured(run, run.device, family, 'loop', 40)),
      ...(['cnn', 'gpt', 'matmul'] as const).map((family) => ownKernels(run, family)),
      byWarps(run),
    ),
  peers: (run) =>
    alone(
      python(run, 'pytorch', 'torch', ['eager', 'graph'], 90),
      python(run, 'jax', 'jax', ['jit'], 100),
      python(run, 'pytorch', 'torch', ['compile'], 120),
    ),
  webgpu: (run) => [
    ...alone(
      task(run, 'facts', 20, { device: 'webgpu', machine: false }, { device: 'webgpu' }),
      task(run, 'costs', 20, { device: 'webgpu', scale: run.scale }, { device: 'webgpu' }),
    ),
    suites(run, 'webgpu', 40, { suites: ['device', 'values', 'programs'], except: [] }),
  ],
  'webgpu-bench': (run) =>
    alone(
      task(run, 'facts', 20, { device: 'webgpu', machine: false }, { device: 'webgpu' }),
      ...(['mlp', 'matmul', 'cnn', 'gpt', 'rows'] as const).map((family) =>
        measured(run, 'webgpu', family, 'loop', 30),
      ),
      task(run, 'jaxJs', 40, { families: ['mlp', 'matmul'], ...common(run) }, { device: 'webgpu', who: 'jax-js' }),
    ),
};

/** What is timed has the machine for itself. */
function alone(...jobs: readonly Job[]): readonly Stage[] {
  return jobs.map((job) => [job]);
}

const common = ({ scale, only, seconds }: RunSettings) => ({ scale, only, seconds });

interface TaskOptions {
  readonly who?: string;
  readonly device?: string;
  readonly env?: Readonly<Record<string, string>>;
}

/** A process of this program. @param settings may depend on the time that is left. */
export function task<Name extends TaskName>(
  { entry, device: asked }: Pick<RunSettings, 'entry' | 'device'>,
  name: Name,
  seconds: number,
  settings: TaskSettings<Name> | ((left: number) => TaskSettings<Name>),
  { who = 'torchlet', device = asked, env = {} }: TaskOptions = {},
): Job {
  return {
    name,
    who,
    device,
    seconds,
    start: (left) => {
      const given = typeof settings === 'function' ? settings(left) : settings;
      return {
        command: process.execPath,
        args: [...process.execArgv, entry, taskWord, name, JSON.stringify(given)],
        env,
      };
    },
  };
}

function measured(run: RunSettings, device: string, family: Family, mode: string, seconds: number, env = {}): Job {
  const job = task(run, 'measure', seconds, { device, families: [family], mode, ...common(run) }, { device, env });
  return { ...job, name: `${family}, ${mode}` };
}

/** The products by the device's own kernels, where a library would compute them. */
function ownKernels(run: RunSettings, family: Family): Job {
  const job = measured(run, run.device, family, 'own kernels', 30, { TORCHLET_CUDA_LIBRARIES: 'off' });
  if (run.libraries) return job;
  const reason = 'no library was found: the loop runs them';
  return { ...job, start: () => ({ kind: 'skipped', name: `${family}, own kernels`, who: 'torchlet', reason }) };
}

/** The products by the device's own kernels without warpgroups, where it has those. */
function byWarps(run: RunSettings): Job {
  const off = { TORCHLET_CUDA_LIBRARIES: 'off', TORCHLET_CUDA_WGMMA: 'off' };
  const job = measured(run, run.device, 'matmul', 'own kernels by warps', 30, off);
  if (run.warpgroups) return job;
  const reason = 'the device has no warpgroups: its own kernels are these';
  return { ...job, start: () => ({ kind: 'skipped', name: 'matmul, own kernels by warps', who: 'torchlet', reason }) };
}

/**
 * How tests are shared out: on a stand-in a few show that all kinds run, on a card all run in several processes, because compiling programs takes most of their
 * time.
 */
function shares({ scale }: RunSettings): readonly { readonly every: number; readonly from: number }[] {
  if (scale === 'tiny') return [{ every: TINY_SHARE, from: 0 }];
  const every = Math.max(1, Math.min(MOST_PROCESSES, Math.floor(availableParallelism() / 2)));
  return Array.from({ length: every }, (_, from) => ({ every, from }));
}

function suites(
  run: RunSettings,
  device: string,
  seconds: number,
  which: Pick<TaskSettings<'suites'>, 'suites' | 'except'>,
): Stage {
  return shares(run).map((share) => {
    const settings = (left: number) => ({ device, seconds: left - MARGIN_SECONDS, ...share, ...which });
    return task(run, 'suites', seconds, settings, { device });
  });
}

function goldens(run: RunSettings, seconds: number): Stage {
  const { device, golden } = run;
  if (golden === null || !existsSync(golden)) {
    const reason = 'TORCHLET_GOLDENS names no folder: that of the golden files made with PyTorch';
    const skip: Skip = { kind: 'skipped', name: 'golden cases', who: 'torchlet', reason };
    return [{ name: 'goldens', who: 'torchlet', device, seconds, start: () => skip }];
  }
  return shares(run).map((share) =>
    task(run, 'goldens', seconds, (left) => ({ device, golden, seconds: left - MARGIN_SECONDS, ...share })),
  );
}

function python(run: RunSettings, peer: string, packageName: string, modes: readonly string[], seconds: number): Job {
  const { device, scale, only } = run;
  return {
    name: `${peer} ${modes.join(', ')}`,
    who: peer,
    device,
    seconds,
    start: () => {
      const found = pythonWith(packageName);
      if (found === null) {
        const reason = `no python3 on the path can import ${packageName}`;
        return { kind: 'skipped', name: `${peer} ${modes.join(', ')}`, who: peer, reason };
      }
      const cases = casesOf(scale, families, only === null ? undefined : new RegExp(only));
      const job = { peer, modes, cases, seconds: run.seconds, protocol: protocols[scale] };
      const script = fileURLToPath(new URL(`./peers/in_${peer}.py`, import.meta.url));
      return { command: found.command, args: [script, JSON.stringify(job)], env: {} };
    },
  };
}

/**
 * Who takes part: how each peer is found on this machine, which version it is, and how its process is started. A peer that
 * is not here is a reason to print, never an error. `children/` holds what runs in those processes.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromiumPath } from '../scripts/browser/chromium.js';
import { pythonWith } from './pythons.js';
import type { PeerName } from './workloads.js';

export interface Launch {
  readonly command: string;
  readonly args: readonly string[];
  /** Added to the environment of this process. */
  readonly env: Readonly<Record<string, string>>;
}

export interface FoundPeer {
  readonly peer: PeerName;
  readonly version: string;
  /** How many threads it really computes with. */
  readonly threads: number;
  readonly launch: Launch;
}

export interface SkippedPeer {
  readonly peer: PeerName;
  readonly skipped: string;
}

export interface Surroundings {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly peersDir: string | undefined;
  readonly threads: number;
  readonly nodeFlags: readonly string[];
}

const here = path.dirname(fileURLToPath(import.meta.url));
const child = (name: string): string => path.join(here, 'children', name);

/** What makes Node run TypeScript; as an address, because a child may start in another folder. */
const TYPESCRIPT = ['--import', import.meta.resolve('tsx')] as const;

const RELAXED_SIMD = 'experimental-wasm-relaxed-simd';
/** A Wasm module of one function, f32x4.relaxed_madd of its three arguments. */
const RELAXED_MODULE =
  '0,97,115,109,1,0,0,0,1,8,1,96,3,123,123,123,1,123,3,2,1,0,10,13,1,11,0,32,0,32,1,32,2,253,133,2,11';

function hasRelaxedSimd(flags: readonly string[]): boolean | undefined {
  const probe = `process.stdout.write(String(WebAssembly.validate(new Uint8Array([${RELAXED_MODULE}]))))`;
  const { status, stdout } = spawnSync(process.execPath, [...flags, '-e', probe], { encoding: 'utf8' });
  return status === 0 ? stdout === 'true' : undefined;
}

/**
 * The flags with which this Node has fused multiply-add in Wasm, or has it not.
 * @returns no flags where none does it; `fma` then says what Node does all the same.
 */
export function nodeFlagsFor(fma: boolean): { readonly flags: readonly string[]; readonly fma: boolean } {
  for (const flags of [[], [fma ? `--${RELAXED_SIMD}` : `--no-${RELAXED_SIMD}`]]) {
    if (hasRelaxedSimd(flags) === fma) return { flags, fma };
  }
  return { flags: [], fma: !fma };
}

function versionIn(manifest: string): string {
  const { version } = JSON.parse(readFileSync(manifest, 'utf8')) as { version: string };
  return version;
}

function javaScriptPeer(
  peer: PeerName,
  packageName: string,
  args: readonly string[],
  { peersDir }: Surroundings,
): FoundPeer | SkippedPeer {
  if (peersDir === undefined) {
    return { peer, skipped: `PEERS_DIR is not set; it names a folder in which ${packageName} has been installed` };
  }
  const manifest = path.join(peersDir, 'node_modules', packageName, 'package.json');
  if (!existsSync(manifest)) return { peer, skipped: `${packageName} is not in the node_modules of PEERS_DIR` };
  return {
    peer,
    version: versionIn(manifest),
    threads: 1,
    launch: { command: process.execPath, args, env: { PEERS_DIR: peersDir } },
  };
}

/**
 * OpenBLAS of 2022 knows no newer processor and falls back to SSE3, five times slower. What the user says about it stands.
 */
function openBlasCore(env: Surroundings['env']): Record<string, string> {
  if (env['OPENBLAS_CORETYPE'] !== undefined || !existsSync('/proc/cpuinfo')) return {};
  const flags = readFileSync('/proc/cpuinfo', 'utf8');
  return /\bavx512f\b/.test(flags) && /\bavx512bw\b/.test(flags) ? { OPENBLAS_CORETYPE: 'SKYLAKEX' } : {};
}

/** How Node runs a child in TypeScript. */
const inNode = (file: string, { nodeFlags }: Surroundings): string[] => [...nodeFlags, ...TYPESCRIPT, child(file)];

function torchlet(args: readonly string[], threads: number): FoundPeer {
  const version = versionIn(path.join(here, '..', 'packages', 'tensor', 'package.json'));
  return { peer: 'torchlet', version, threads, launch: { command: process.execPath, args, env: {} } };
}

function findPyTorch({ env, threads }: Surroundings): FoundPeer | SkippedPeer {
  const found = pythonWith('torch', env);
  if (found === null) return { peer: 'pytorch', skipped: 'no python3 on the path can import torch' };
  const { command, version } = found;
  return {
    peer: 'pytorch',
    version,
    threads,
    launch: { command, args: [child('pytorch.py')], env: openBlasCore(env) },
  };
}

const finders: Record<PeerName, (surroundings: Surroundings) => FoundPeer | SkippedPeer> = {
  torchlet: (surroundings) => torchlet(inNode('torchlet.ts', surroundings), surroundings.threads),
  pytorch: findPyTorch,
  tfjs: (surroundings) =>
    javaScriptPeer('tfjs', '@tensorflow/tfjs-backend-wasm', inNode('tfjs.ts', surroundings), surroundings),
  'jax-js': (surroundings) => javaScriptPeer('jax-js', '@jax-js/jax', inNode('jax-js.ts', surroundings), surroundings),
};

export function findPeer(peer: PeerName, surroundings: Surroundings): FoundPeer | SkippedPeer {
  return finders[peer](surroundings);
}

/** The package that a peer's part in a browser comes from; Torchlet's is here. */
const browserPackages: Partial<Record<PeerName, string>> = {
  tfjs: '@tensorflow/tfjs-backend-webgpu',
  'jax-js': '@jax-js/jax',
};

/**
 * A peer in headless Chromium, on WebGPU.
 *
 * @throws NoChromiumError if there is no browser.
 */
export function findInChromium(peer: PeerName, surroundings: Surroundings): FoundPeer | SkippedPeer {
  chromiumPath();
  const args = [...ownConditions(), ...TYPESCRIPT, path.join(here, 'chromium', 'child.ts')];
  const packageName = browserPackages[peer];
  const found = packageName === undefined ? torchlet(args, 1) : javaScriptPeer(peer, packageName, args, surroundings);
  if (!('launch' in found)) return found;
  return { ...found, launch: { ...found.launch, env: { ...found.launch.env, TORCHLET_BENCH_PEER: peer } } };
}

/** The export conditions of this process, by which a bundle finds the packages too. */
function ownConditions(): string[] {
  return process.execArgv.filter((argument) => argument.startsWith('--conditions='));
}

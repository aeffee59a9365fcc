/**
 * What the engine offers: relaxed SIMD, threads. Owns the probes. Fused multiply-add is on by itself in Node 22, 24 and browsers; Node 20
 * has it behind a V8 flag, which concerns the whole process and is therefore set only when someone asks: `enableRelaxedSimd` or `fma: true`.
 */
import { f32x4, ModuleBuilder } from './wasm/index.js';

/** Whether this engine validates relaxed multiply-add now. */
export function hasRelaxedSimd(): boolean {
  const module = new ModuleBuilder({ initial: 1, maximum: null, shared: false });
  const f = module.function('probe', {}, 'v128');
  f.return(f32x4.relaxedMadd(1, 1, 1));
  return WebAssembly.validate(module.bytes());
}

interface NodeWorker {
  postMessage(message: unknown): void;
  terminate(): Promise<number>;
  unref(): void;
}

interface NodeModules {
  readonly 'node:os': { availableParallelism(): number };
  readonly 'node:v8': { setFlagsFromString(flag: string): void };
  readonly 'node:worker_threads': { readonly Worker: new (source: string, options: { eval: boolean }) => NodeWorker };
}

interface NodeProcess {
  readonly versions?: { readonly node?: string };
  getBuiltinModule?<Name extends keyof NodeModules>(name: Name): NodeModules[Name];
}

/** Node's `process`, or null elsewhere. Built-in modules are had through it, so that bundlers for browsers see no import of them. */
export function nodeProcess(): NodeProcess | null {
  const { process } = globalThis as { process?: NodeProcess };
  return process?.versions?.node === undefined ? null : process;
}

/** How many threads this machine runs at once, as far as can be known. */
export function availableThreads(): number {
  const os = nodeProcess()?.getBuiltinModule?.('node:os');
  if (os !== undefined) return os.availableParallelism();
  const { crossOriginIsolated, navigator } = globalThis as {
    crossOriginIsolated?: boolean;
    navigator?: { hardwareConcurrency?: number };
  };
  return crossOriginIsolated === true ? (navigator?.hardwareConcurrency ?? 1) : 1;
}

/**
 * Turns relaxed SIMD on where Node has it behind a flag (Node 20), for the whole process; modules compiled before keep what they have.
 *
 * @returns whether the engine has it now.
 */
export function enableRelaxedSimd(): boolean {
  if (hasRelaxedSimd()) return true;
  nodeProcess()?.getBuiltinModule?.('node:v8').setFlagsFromString('--experimental-wasm-relaxed-simd');
  return hasRelaxedSimd();
}

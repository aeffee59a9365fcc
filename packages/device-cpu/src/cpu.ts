/**
 * Opening the CPU device. Owns the options and their defaults; what the device does is `device.ts`, what the engine has `features.ts`.
 */
import { type Capabilities, type Device, type DType, dtypeNames, dtypes, type Opener } from '@torchlet/device';
import { CpuDevice, type CpuDeviceSetup } from './device.js';
import { availableThreads, enableRelaxedSimd, hasRelaxedSimd } from './features.js';
import { lineBytes } from './memory/allocator.js';
import { addressableBytes, LinearMemory } from './memory/linear-memory.js';

export interface CpuOptions {
  /** As the device is called in errors. Default `cpu`. */
  readonly name?: string;
  /** The most memory the device takes, in bytes; default and maximum just under 4 GiB. It takes what it needs as it needs it. */
  readonly memoryBytes?: number;
  /**
   * Fused multiply-add of relaxed SIMD: `auto` (default) uses it where the engine has it; true also turns on Node 20's flag for it, which
   * concerns the whole process, and throws where there is none; false never uses it.
   */
  readonly fma?: boolean | 'auto';
  /**
   * Threads that share large kernels: the calling one and so many less one workers. Default 1; `auto` takes what the machine runs at once.
   * More than one needs shared memory: Node, or a page that is cross-origin isolated.
   */
  readonly threads?: number | 'auto';
  /** Limits to claim instead of the CPU's own, e.g. those of WebGPU in tests. */
  readonly limits?: Partial<Capabilities>;
  /** false: only asynchronous reads, as on devices with memory of their own. */
  readonly readNow?: boolean;
}

/** Chunks of work are numbered in 12 bits, and past this many threads nobody has measured anything. */
const mostThreads = 64;

const ownStoredBytes = Object.fromEntries(dtypeNames.map((name) => [name, dtypes[name].bytes])) as Record<
  DType,
  number
>;

function wantsFma(fma: boolean | 'auto'): boolean {
  if (fma === 'auto') return hasRelaxedSimd();
  if (fma && !enableRelaxedSimd())
    throw new Error('cpu: this engine has no relaxed SIMD; open with fma: false or without the option');
  return fma;
}

function threadsOf(threads: number | 'auto'): number {
  if (threads === 'auto') return Math.min(availableThreads(), mostThreads);
  if (!Number.isInteger(threads) || threads < 1 || threads > mostThreads) {
    throw new RangeError(`cpu: threads must be a whole number from 1 to ${mostThreads}, or 'auto', got ${threads}`);
  }
  if (threads > 1 && typeof SharedArrayBuffer === 'undefined') {
    throw new Error(
      'cpu: more than one thread needs shared memory, which this page has not; serve it cross-origin isolated',
    );
  }
  return threads;
}

/**
 * Opens a CPU device: WebAssembly SIMD, in Node and in browsers. Several may be open at once.
 *
 * @throws Error if the engine has no WebAssembly SIMD, or no relaxed SIMD where `fma` is true.
 * @example
 * const device = await cpu({ memoryBytes: 2 ** 30 });
 */
export async function cpu(options: CpuOptions = {}): Promise<Device> {
  const threads = threadsOf(options.threads ?? 1);
  return open(options, threads, threads > 1 ? await import('./threads/index.js') : null);
}

function open(options: CpuOptions, threads: number, threading: CpuDeviceSetup['threading']): Device {
  const { name = 'cpu', memoryBytes = addressableBytes, fma = 'auto', limits = {} } = options;
  if (!(memoryBytes >= 2 ** 16)) throw new RangeError(`cpu: memoryBytes must be at least 65536, got ${memoryBytes}`);
  const budget = Math.min(memoryBytes, addressableBytes);
  const capabilities: Capabilities = {
    storedBytes: ownStoredBytes,
    buffersPerKernel: 128,
    bufferBytes: budget,
    bindingBytes: budget,
    alignment: lineBytes,
    ownedBytes: 1,
    ...limits,
  };
  const device = new CpuDevice({
    name,
    capabilities,
    memory: new LinearMemory(budget, threads > 1),
    budget,
    fma: wantsFma(fma),
    threads,
    threading,
  });
  if (options.readNow === false) Object.defineProperty(device, 'readNow', { value: undefined });
  return device;
}

/** An opener for `openFirst`; one of several threads needs waiting for. */
export function cpuOpener(options: CpuOptions = {}): Opener {
  const opener = { name: options.name ?? 'cpu', open: () => cpu(options) };
  const isAlone = options.threads === undefined || options.threads === 1;
  return isAlone ? { ...opener, openNow: () => open(options, 1, null) } : opener;
}

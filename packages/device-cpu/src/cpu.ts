/**
 * Opening the CPU device. Owns the options and their defaults; what the device does is `device.ts`, what the engine has `features.ts`.
 */
import { type Capabilities, type Device, type DType, dtypeNames, dtypes, type Opener } from '@torchlet/device';
import { CpuDevice } from './device.js';
import { enableRelaxedSimd, hasRelaxedSimd } from './features.js';
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
  /** Limits to claim instead of the CPU's own, e.g. those of WebGPU in tests. */
  readonly limits?: Partial<Capabilities>;
  /** false: only asynchronous reads, as on devices with memory of their own. */
  readonly readNow?: boolean;
}

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

/**
 * Opens a CPU device: WebAssembly SIMD, in Node and in browsers. Several may be open at once.
 *
 * @throws Error if the engine has no WebAssembly SIMD, or no relaxed SIMD where `fma` is true.
 * @example
 * const device = await cpu({ memoryBytes: 2 ** 30 });
 */
export async function cpu(options: CpuOptions = {}): Promise<Device> {
  return openNow(options);
}

function openNow(options: CpuOptions): Device {
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
    memory: new LinearMemory(budget, false),
    budget,
    fma: wantsFma(fma),
  });
  if (options.readNow === false) Object.defineProperty(device, 'readNow', { value: undefined });
  return device;
}

/** An opener for `openFirst`. */
export function cpuOpener(options: CpuOptions = {}): Opener {
  return { name: options.name ?? 'cpu', open: () => cpu(options), openNow: () => openNow(options) };
}

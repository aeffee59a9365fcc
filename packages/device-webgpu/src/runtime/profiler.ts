/**
 * Times of kernels from timestamps that the adapter writes around each dispatch, a pass for each. Owns the queries of one profile and their sum by kernel; the
 * device submits.
 */
import type { KernelTime } from '@torchlet/device';
import type { OwnSpan, WebGpuCompiled } from './compiled.js';
import { mapRead } from './flags.js';
import type { DeviceMemory, WebGpuBuffer } from './memory.js';

/** Timestamps that one query set may hold. */
const queriesPerSet = 4096;

interface Taken {
  readonly program: string;
  /** The kernel of each dispatch, by position in the program. */
  readonly kernels: readonly number[];
  readonly names: readonly string[];
  readonly staging: WebGpuBuffer;
  readonly queries: GPUQuerySet;
  readonly resolved: WebGpuBuffer;
}

export class Profiler {
  readonly #gpu: GPUDevice;
  readonly #memory: DeviceMemory;
  readonly #taken: Taken[] = [];
  readonly #whileOpen: (mapped: Promise<undefined>) => Promise<undefined>;

  /** @param whileOpen what waits for the adapter, but not past the end of the device. */
  constructor(gpu: GPUDevice, memory: DeviceMemory, whileOpen: (mapped: Promise<undefined>) => Promise<undefined>) {
    this.#gpu = gpu;
    this.#memory = memory;
    this.#whileOpen = whileOpen;
  }

  /** Encodes a run with a timestamp before and after each dispatch. */
  encode(encoder: GPUCommandEncoder, compiled: WebGpuCompiled, spans: readonly OwnSpan[]): void {
    const { dispatches, program } = compiled;
    const timed = Math.min(dispatches.length, queriesPerSet / 2);
    if (timed === 0) return;
    const count = 2 * timed;
    const queries = this.#gpu.createQuerySet({ type: 'timestamp', count });
    const resolved = this.#memory.timestamps(8 * count);
    const staging = this.#memory.takeStaging(8 * count);
    compiled.encode(encoder, spans, (i) => {
      if (i >= timed) return {};
      return {
        timestampWrites: { querySet: queries, beginningOfPassWriteIndex: 2 * i, endOfPassWriteIndex: 2 * i + 1 },
      };
    });
    encoder.resolveQuerySet(queries, 0, count, resolved.gpu, 0);
    encoder.copyBufferToBuffer(resolved.gpu, 0, staging.gpu, 0, 8 * count);
    this.#taken.push({
      program: program.name,
      kernels: dispatches.slice(0, timed).map(({ kernel }) => kernel),
      names: program.kernels.map(({ name }) => name),
      staging,
      queries,
      resolved,
    });
  }

  /** What every kernel took, summed over its dispatches and runs. */
  async times(): Promise<KernelTime[]> {
    const times = new Map<string, { -readonly [K in keyof KernelTime]: KernelTime[K] }>();
    for (const { program, kernels, names, staging, queries, resolved } of this.#taken) {
      await this.#whileOpen(staging.gpu.mapAsync(mapRead));
      const stamps = new BigUint64Array(staging.gpu.getMappedRange());
      let last = -1;
      kernels.forEach((kernel, i) => {
        const key = `${program}\n${kernel}`;
        const time = times.get(key) ?? { program, kernel: names[kernel] ?? '', runs: 0, milliseconds: 0 };
        if (kernel !== last) time.runs++;
        last = kernel;
        // Adapters may give stamps that run backwards where they are reset between passes.
        const nanoseconds = (stamps[2 * i + 1] as bigint) - (stamps[2 * i] as bigint);
        time.milliseconds += Math.max(0, Number(nanoseconds)) / 1e6;
        times.set(key, time);
      });
      staging.gpu.unmap();
      this.#memory.giveBackStaging(staging);
      queries.destroy();
      this.#memory.free(resolved);
      resolved.gpu.destroy();
    }
    return [...times.values()];
  }
}

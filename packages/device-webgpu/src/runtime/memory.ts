/**
 * The buffers of a WebGPU device: those of callers, the arena and scratch memory that all programs share, inputs of programs, and staging for reads. Owns
 * creation, accounting and the end of each; when work that uses them runs is `work-queue.ts`.
 */
import { type DeviceBuffer, DeviceError, type MemoryReport, OutOfMemoryError } from '@torchlet/device';
import { bufferUsage } from './flags.js';

/** Sizes are multiples of this, so that a vector of four at the end of a slot is whole. */
const granule = 256;
/** Staging buffers are at least this large, and one is there from the start, so that the first read of a loop changes nothing. */
const leastStaging = 64 * 1024;
/** Staging buffers of one size that wait for reads, and bytes of all. */
const spareStaging = 2;
const pooledStagingBytes = 64 * 1024 * 1024;

export class WebGpuBuffer implements DeviceBuffer {
  readonly bytes: number;
  readonly label: string;
  readonly id: number;
  readonly gpu: GPUBuffer;
  freed = false;

  constructor(bytes: number, label: string, id: number, gpu: GPUBuffer) {
    this.bytes = bytes;
    this.label = label;
    this.id = id;
    this.gpu = gpu;
  }
}

export interface MemorySetup {
  readonly device: string;
  readonly gpu: GPUDevice;
  readonly budget: number;
  readonly bufferBytes: number;
  /** Told of memory that could not be had, which WebGPU says later. */
  onFault(error: DeviceError): void;
}

export class DeviceMemory {
  readonly #setup: MemorySetup;
  readonly #live = new Map<WebGpuBuffer, number>();
  readonly #staging: WebGpuBuffer[] = [];
  #stagingBytes = 0;
  readonly #arena: WebGpuBuffer[] = [];
  #scratch: WebGpuBuffer | null = null;
  #allocated = 0;
  #peak = 0;
  #created = 0;
  /** Raised when the arena or scratch memory moves. */
  version = 0;

  constructor(setup: MemorySetup) {
    this.#setup = setup;
    // A budget that a first staging buffer would fill is kept for what the caller allocates.
    if (setup.budget >= 2 * leastStaging) this.giveBackStaging(this.takeStaging(leastStaging));
  }

  /** Zero-filled memory for a caller. @throws OutOfMemoryError past the budget, DeviceError past the largest buffer. */
  allocate(bytes: number, label: string): WebGpuBuffer {
    const { storage, copySource, copyTarget } = bufferUsage;
    return this.#create(bytes, label, storage | copySource | copyTarget);
  }

  /** A buffer for the host inputs and scalars of a program. */
  inputs(bytes: number, label: string): WebGpuBuffer {
    const { storage, uniform, copyTarget } = bufferUsage;
    return this.#create(bytes, label, storage | uniform | copyTarget);
  }

  /** A buffer that timestamps are written to. */
  timestamps(bytes: number): WebGpuBuffer {
    return this.#create(bytes, 'timestamps', bufferUsage.queryResolve | bufferUsage.copySource);
  }

  free(buffer: WebGpuBuffer): void {
    if (buffer.freed) return;
    buffer.freed = true;
    const bytes = this.#live.get(buffer);
    if (bytes === undefined) return;
    this.#live.delete(buffer);
    this.#allocated -= bytes;
  }

  /** A staging buffer of at least `bytes`, from the pool where one is free. */
  takeStaging(bytes: number): WebGpuBuffer {
    const wanted = 2 ** Math.ceil(Math.log2(Math.max(bytes, leastStaging)));
    const position = this.#staging.findIndex((buffer) => buffer.bytes === wanted);
    if (position < 0) return this.#create(wanted, 'staging', bufferUsage.mapRead | bufferUsage.copyTarget);
    this.#stagingBytes -= wanted;
    return this.#staging.splice(position, 1)[0] as WebGpuBuffer;
  }

  giveBackStaging(buffer: WebGpuBuffer): void {
    const alike = this.#staging.filter(({ bytes }) => bytes === buffer.bytes).length;
    if (alike >= spareStaging || this.#stagingBytes + buffer.bytes > pooledStagingBytes) {
      this.free(buffer);
      buffer.gpu.destroy();
      return;
    }
    this.#stagingBytes += buffer.bytes;
    this.#staging.push(buffer);
  }

  /** Makes the arena and scratch memory at least this large. Work already submitted keeps what it uses. */
  fit(segments: readonly number[], scratchBytes: number): void {
    segments.forEach((bytes, i) => {
      const known = this.#arena[i];
      if (known !== undefined && known.bytes >= bytes) return;
      this.#arena[i] = this.#replace(known ?? null, bytes, `arena ${i}`);
    });
    if (scratchBytes > (this.#scratch?.bytes ?? 0))
      this.#scratch = this.#replace(this.#scratch, scratchBytes, 'scratch');
  }

  segment(i: number): GPUBuffer {
    const buffer = i < 0 ? this.#scratch : this.#arena[i];
    if (!buffer) throw new RangeError(`webgpu: there is no segment ${i} of the arena`);
    return buffer.gpu;
  }

  report(): MemoryReport {
    return {
      allocated: this.#allocated,
      reserved: this.#allocated,
      peak: this.#peak,
      buffers: this.#live.size,
      created: this.#created,
    };
  }

  /** Names and sizes of the largest buffers. */
  #largest(): string[] {
    const byBytes = [...this.#live].sort(([, a], [, b]) => b - a).slice(0, 3);
    return byBytes.map(([{ label }, bytes]) => `${label} (${bytes} bytes)`);
  }

  #replace(old: WebGpuBuffer | null, bytes: number, label: string): WebGpuBuffer {
    if (old !== null) {
      this.free(old);
      old.gpu.destroy();
    }
    this.version++;
    return this.#create(bytes, label, bufferUsage.storage);
  }

  #create(bytes: number, label: string, usage: number): WebGpuBuffer {
    const { device, gpu, budget, bufferBytes, onFault } = this.#setup;
    const rounded = Math.max(1, Math.ceil(bytes / granule)) * granule;
    if (bytes > bufferBytes) {
      throw new DeviceError(
        `${device}: buffer ${label} would have ${bytes} bytes; a buffer of this adapter has at most ${bufferBytes}`,
        { device },
      );
    }
    if (this.#allocated + rounded > budget)
      throw new OutOfMemoryError(device, bytes, budget, this.#allocated, this.#largest());
    gpu.pushErrorScope('out-of-memory');
    const made = gpu.createBuffer({ label, size: rounded, usage });
    const allocated = this.#allocated;
    gpu.popErrorScope().then(
      (error) => {
        if (error !== null) onFault(new OutOfMemoryError(device, bytes, budget, allocated, this.#largest()));
      },
      // The device is lost or gone, which its own promise tells.
      () => undefined,
    );
    const buffer = new WebGpuBuffer(bytes, label, this.#created++, made);
    this.#live.set(buffer, rounded);
    this.#allocated += rounded;
    this.#peak = Math.max(this.#peak, this.#allocated);
    return buffer;
  }
}

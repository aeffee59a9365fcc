/**
 * The buffers of a WebGPU device: those of callers, the arena and scratch memory that all programs share, inputs of programs, and staging for reads. Owns
 * creation, accounting and the end of each; when work that uses them runs is `work-queue.ts`.
 */
import { type DeviceBuffer, DeviceError, type MemoryReport, OutOfMemoryError, type Program } from '@torchlet/device';
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
  /** The adapter had no memory for it, which it said later. */
  failure: OutOfMemoryError | null = null;

  constructor(bytes: number, label: string, id: number, gpu: GPUBuffer) {
    this.bytes = bytes;
    this.label = label;
    this.id = id;
    this.gpu = gpu;
  }

  get failed(): boolean {
    return this.failure !== null;
  }
}

export interface MemorySetup {
  readonly device: string;
  readonly gpu: GPUDevice;
  readonly budget: number;
  readonly bufferBytes: number;
  /** Told of a caller's memory that could not be had, which WebGPU says later. */
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
    return this.#create(bytes, label, storage | copySource | copyTarget, this.#setup.onFault);
  }

  /** A buffer for the host inputs and scalars of a program: the one there was, if it has memory. */
  inputs(known: WebGpuBuffer | null, bytes: number, program: string): WebGpuBuffer {
    const { storage, uniform, copyTarget } = bufferUsage;
    return this.#fitting(known, bytes, storage | uniform | copyTarget, `inputs of ${program}`, program);
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
    if (buffer.failed || alike >= spareStaging || this.#stagingBytes + buffer.bytes > pooledStagingBytes) {
      this.free(buffer);
      buffer.gpu.destroy();
      return;
    }
    this.#stagingBytes += buffer.bytes;
    this.#staging.push(buffer);
  }

  /**
   * Makes the arena and scratch memory at least as large as `program` needs them. Work already submitted keeps what it uses.
   *
   * @returns the buffers of them.
   * @throws OutOfMemoryError that names the program, which may be run again once there is more memory; as may those before it.
   */
  fit({ name, arena }: Program, scratchBytes: number): WebGpuBuffer[] {
    arena.forEach((bytes, i) => {
      this.#arena[i] = this.#fitting(this.#arena[i] ?? null, bytes, bufferUsage.storage, `arena ${i}`, name);
    });
    const used = this.#arena.slice(0, arena.length);
    if (scratchBytes === 0) return used;
    this.#scratch = this.#fitting(this.#scratch, scratchBytes, bufferUsage.storage, 'scratch', name);
    return [...used, this.#scratch];
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

  /** `known` if it still does, else another in its place. */
  #fitting(known: WebGpuBuffer | null, bytes: number, usage: number, label: string, program: string): WebGpuBuffer {
    if (known !== null && known.bytes >= bytes && !known.failed && !known.freed) return known;
    if (known !== null && !known.freed) {
      this.free(known);
      known.gpu.destroy();
    }
    if (known !== null) this.version++;
    return this.#create(bytes, label, usage, ignore, program);
  }

  /** @param onFailure told if the adapter has no memory for it, besides the buffer. @param program who asks. */
  #create(
    bytes: number,
    label: string,
    usage: number,
    onFailure: (error: OutOfMemoryError) => void = ignore,
    program: string | null = null,
  ): WebGpuBuffer {
    const { device, gpu, budget, bufferBytes } = this.#setup;
    const rounded = Math.max(1, Math.ceil(bytes / granule)) * granule;
    if (bytes > bufferBytes) {
      throw new DeviceError(
        `${device}: buffer ${label} would have ${bytes} bytes; a buffer of this adapter has at most ${bufferBytes}`,
        { device, program },
      );
    }
    if (this.#allocated + rounded > budget)
      throw new OutOfMemoryError(device, bytes, budget, this.#allocated, this.#largest(), { program, label });
    gpu.pushErrorScope('out-of-memory');
    const made = gpu.createBuffer({ label, size: rounded, usage });
    const allocated = this.#allocated;
    const buffer = new WebGpuBuffer(bytes, label, this.#created++, made);
    gpu.popErrorScope().then(
      (cause) => {
        if (cause === null) return;
        const where = { program, label, cause };
        buffer.failure = new OutOfMemoryError(device, bytes, budget, allocated, this.#largest(), where);
        onFailure(buffer.failure);
      },
      // The device is lost or gone, which its own promise tells.
      () => undefined,
    );
    this.#live.set(buffer, rounded);
    this.#allocated += rounded;
    this.#peak = Math.max(this.#peak, this.#allocated);
    return buffer;
  }
}

function ignore(): void {}

/**
 * The device: the contract over a GPUDevice. Owns the order of calls, faults and the end; code comes from `generate.ts`, memory is `memory.ts`, a
 * program's pipelines and bindings `compiled.ts`, what must wait `work-queue.ts`, what goes to the queue together `submissions.ts`.
 */
import {
  type Bindings,
  type Capabilities,
  checkProgram,
  type Compiled,
  type Device,
  type DeviceBuffer,
  DeviceError,
  type DeviceLoss,
  type DType,
  dtypes,
  type HostArray,
  type KernelTime,
  type MemoryReport,
  type Program,
  type Span,
  type Ticket,
} from '@torchlet/device';
import { generate } from '../generate.js';
import type { Target } from '../wgsl/kernel-module.js';
import { type CompiledContext, type OwnSpan, WebGpuCompiled } from './compiled.js';
import { Faults } from './faults.js';
import { mapRead } from './flags.js';
import { arrayProblem, readStored, storedBytes, writeStored } from './host-data.js';
import { DeviceMemory, WebGpuBuffer } from './memory.js';
import { Pipelines } from './pipelines.js';
import { Profiler } from './profiler.js';
import { type Part, Submissions } from './submissions.js';
import { WorkQueue } from './work-queue.js';

/** What the adapter says of itself. */
export interface AdapterDescription {
  readonly vendor: string;
  readonly architecture: string;
  readonly description: string;
  /** Whether the adapter runs on the CPU: slower than the cpu device. */
  readonly emulated: boolean;
  /** Where it was found: `navigator.gpu`, or how the webgpu package came to its driver. */
  readonly source: string;
  readonly features: readonly string[];
}

/** A device that also tells about its adapter. */
export interface WebGpuDevice extends Device {
  readonly adapter: AdapterDescription;
}

export interface DeviceSetup {
  readonly name: string;
  /** Where the device came from: the webgpu package for Node takes everything down when this is collected. */
  readonly origin: GPU;
  readonly gpu: GPUDevice;
  readonly capabilities: Capabilities;
  readonly target: Target;
  readonly adapter: AdapterDescription;
  readonly budget: number;
}

export class OpenWebGpuDevice implements WebGpuDevice {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly adapter: AdapterDescription;
  readonly lost: Promise<DeviceLoss>;
  /** Only where the adapter has timestamps. */
  readonly profile?: (fn: () => void | Promise<void>) => Promise<readonly KernelTime[]>;
  readonly origin: GPU;
  readonly #gpu: GPUDevice;
  readonly #target: Target;
  readonly #memory: DeviceMemory;
  readonly #context: CompiledContext;
  readonly #work = new WorkQueue();
  readonly #submissions: Submissions;
  readonly #faults: Faults;
  readonly #compiled = new WeakSet<Compiled>();
  #profiler: Profiler | null = null;
  #disposed = false;
  #lose: (loss: DeviceLoss) => void = () => {};

  constructor({ name, origin, gpu, capabilities, target, adapter, budget }: DeviceSetup) {
    this.name = name;
    this.capabilities = capabilities;
    this.adapter = adapter;
    this.origin = origin;
    this.#gpu = gpu;
    this.#target = target;
    this.#submissions = new Submissions(gpu);
    this.#faults = new Faults(name);
    this.#memory = new DeviceMemory({
      device: name,
      gpu,
      budget,
      bufferBytes: capabilities.bufferBytes,
      onFault: (error) => this.#faults.add(error),
    });
    this.#context = {
      device: name,
      gpu,
      memory: this.#memory,
      pipelines: new Pipelines(name, gpu),
      capabilities,
      dynamicOffsets: gpu.limits.maxDynamicStorageBuffersPerPipelineLayout,
    };
    this.lost = new Promise((resolve) => {
      this.#lose = resolve;
    });
    gpu.lost.then(
      ({ message, reason }) =>
        this.#end(
          `${reason === 'destroyed' ? 'destroyed' : 'lost'}: ${message.replace(/\.$/, '') || 'the adapter gave no reason'}`,
        ),
      () => undefined,
    );
    gpu.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.#faults.uncaptured((event as GPUUncapturedErrorEvent).error);
    });
    if (gpu.features.has('timestamp-query')) this.profile = (fn) => this.#profile(fn);
  }

  allocate(bytes: number, label: string): DeviceBuffer {
    this.#checkOpen();
    return this.#memory.allocate(bytes, label);
  }

  free(buffer: DeviceBuffer): void {
    if (this.#disposed || !(buffer instanceof WebGpuBuffer) || buffer.freed) return;
    this.#memory.free(buffer);
    this.#destroyAfterWork(buffer);
  }

  write(span: Span, dtype: DType, data: HostArray): void {
    this.#checkDType(dtype);
    const own = this.#own(span, storedBytes(dtype, data.length));
    const problem = arrayProblem(data, dtype, data.length);
    if (problem !== null) throw this.#error(`data for ${own.label} ${problem}`);
    const bytes = new ArrayBuffer(storedBytes(dtype, data.length));
    writeStored(bytes, 0, dtype, data);
    this.#work.add({
      compiled: null,
      execute: () => {
        this.#submissions.submit();
        this.#gpu.queue.writeBuffer(own.gpu, span.byteOffset, bytes);
      },
      fail: () => undefined,
    });
  }

  async read(span: Span, dtype: DType, size: number): Promise<HostArray> {
    this.#checkDType(dtype);
    const bytes = storedBytes(dtype, size);
    const own = this.#own(span, bytes);
    this.#faults.surface();
    if (size === 0) return dtypes[dtype].zeros(0);
    const data = await new Promise<ArrayBuffer>((resolve, reject) => {
      this.#work.add({
        compiled: null,
        execute: () => this.#copyOut(own.gpu, span.byteOffset, bytes).then(resolve, reject),
        fail: reject,
      });
    });
    this.#faults.surface();
    return readStored(data, dtype, size);
  }

  compile(program: Program): Compiled {
    this.#checkOpen();
    checkProgram(this.name, this.capabilities, program);
    const generated = generate(this.name, program, this.capabilities, this.#target);
    // An arena that grows ends the one before it.
    this.#submissions.submit();
    const compiled = new WebGpuCompiled(this.#context, program, generated, (inputs) => {
      this.#memory.free(inputs);
      this.#destroyAfterWork(inputs);
    });
    this.#compiled.add(compiled);
    return compiled;
  }

  run(compiled: Compiled, bindings: Bindings): Ticket {
    this.#checkOpen();
    this.#faults.surface();
    if (!(compiled instanceof WebGpuCompiled) || !this.#compiled.has(compiled)) {
      throw this.#error(`program ${compiled.program.name} was compiled by another device`);
    }
    const spans = compiled.checked(bindings, (span) => this.#ownBuffer(span.buffer));
    const now = this.#work.runsNow(compiled);
    const inputs = compiled.packed(bindings, !now);
    if (now) {
      if (compiled.error !== null) throw compiled.error;
      return { done: this.#encode(compiled, spans, inputs) };
    }
    const done = new Promise<void>((resolve, reject) => {
      this.#work.add({
        compiled,
        execute: () => {
          if (compiled.error !== null) throw compiled.error;
          this.#encode(compiled, spans, inputs).then(resolve, reject);
        },
        fail: reject,
      });
    });
    done.catch(() => undefined);
    return { done };
  }

  async synchronize(): Promise<void> {
    this.#checkOpen();
    await new Promise<void>((resolve, reject) => {
      this.#work.add({
        compiled: null,
        execute: () => {
          this.#submissions.submit();
          this.#faults.whileOpen(this.#gpu.queue.onSubmittedWorkDone()).then(resolve, reject);
        },
        fail: reject,
      });
    });
    this.#faults.surface();
  }

  memory(): MemoryReport {
    return this.#memory.report();
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#submissions.submit();
    const error = new DeviceError(`${this.name} was disposed`, { device: this.name, sticky: true });
    this.#work.failAll(error);
    this.#faults.end(error);
    this.#lose({ reason: 'disposed', message: `${this.name} was disposed` });
    this.#gpu.destroy();
  }

  /** Writes the inputs and encodes every dispatch. The promise rejects with the fault of the run. */
  #encode(compiled: WebGpuCompiled, spans: readonly OwnSpan[], inputs: ArrayBuffer): Promise<void> {
    const { queue } = this.#gpu;
    const { program } = compiled;
    let used: readonly WebGpuBuffer[] = [];
    let submitted: Part['submitted'] = () => undefined;
    const done = new Promise<void>((resolve, reject) => {
      submitted = (checked) => {
        this.#finished(program.name, checked, queue.onSubmittedWorkDone()).then(resolve, reject);
      };
    });
    done.catch(() => undefined);
    this.#submissions.begin({
      label: program.name,
      encode: (encoder) => {
        used = compiled.fit();
        this.#faults.running = program;
        if (compiled.inputs !== null) queue.writeBuffer(compiled.inputs.gpu, 0, inputs);
        if (this.#profiler === null) compiled.encode(encoder, spans, null);
        else this.#profiler.encode(encoder, compiled, spans);
      },
      submitted,
      reason: async () => {
        await this.#faults.whileOpen(compiled.ready.catch(() => undefined));
        return compiled.error ?? used.find(({ failed }) => failed)?.failure ?? null;
      },
      refused: (refusal) => this.#faults.take() ?? this.#faults.refused(program, refusal),
    });
    return done;
  }

  async #finished(program: string, checked: Promise<Error | null>, done: Promise<undefined>): Promise<void> {
    const [refusal] = await this.#faults.whileOpen(Promise.all([checked, done])).catch((cause) => {
      if (cause instanceof DeviceError) throw cause;
      throw new DeviceError(`${this.name}: program ${program} did not finish: ${String(cause)}`, {
        device: this.name,
        program,
        cause,
      });
    });
    if (refusal !== null) throw refusal;
  }

  async #copyOut(source: GPUBuffer, byteOffset: number, bytes: number): Promise<ArrayBuffer> {
    const staging = this.#memory.takeStaging(bytes);
    const unread = (reason: string): DeviceError =>
      staging.failure ?? this.#faults.take() ?? this.#error(`a value could not be read: ${reason}`);
    const mapped = new Promise<Error | null>((resolve, reject) => {
      this.#submissions.join({
        label: 'read',
        encode: (encoder) => encoder.copyBufferToBuffer(source, byteOffset, staging.gpu, 0, bytes),
        // Memory that cannot be mapped is what was refused, or the device's end.
        submitted: (checked) => {
          const ready = staging.gpu.mapAsync(mapRead, 0, bytes).then(
            () => null,
            (cause: Error) => cause,
          );
          Promise.all([checked, ready]).then(([refusal, unmapped]) => resolve(refusal ?? unmapped), reject);
        },
        reason: async () => staging.failure,
        refused: ({ message }) => unread(message),
      });
    });
    try {
      const refusal = await this.#faults.whileOpen(mapped);
      if (refusal !== null) throw refusal;
    } catch (cause) {
      this.#memory.free(staging);
      staging.gpu.destroy();
      throw cause instanceof DeviceError ? cause : unread(String(cause));
    }
    const copy = staging.gpu.getMappedRange(0, bytes).slice(0);
    staging.gpu.unmap();
    this.#memory.giveBackStaging(staging);
    return copy;
  }

  async #profile(fn: () => void | Promise<void>): Promise<readonly KernelTime[]> {
    this.#checkOpen();
    if (this.#profiler !== null) throw this.#error('a profile is being taken already');
    // What was queued before is not part of it.
    await this.synchronize();
    const profiler = new Profiler(this.#gpu, this.#memory, (mapped) => this.#faults.whileOpen(mapped));
    this.#profiler = profiler;
    try {
      await fn();
      await this.synchronize();
    } finally {
      this.#profiler = null;
    }
    return profiler.times();
  }

  #destroyAfterWork(buffer: WebGpuBuffer): void {
    this.#work.add({
      compiled: null,
      execute: () => this.#submissions.afterwards(() => buffer.gpu.destroy()),
      fail: () => undefined,
    });
  }

  #end(message: string): void {
    if (this.#disposed) return;
    const error = this.#faults.lose(message);
    this.#work.failAll(error);
    this.#lose({ reason: 'lost', message });
  }

  #ownBuffer(buffer: DeviceBuffer): WebGpuBuffer {
    if (!(buffer instanceof WebGpuBuffer)) throw this.#error(`buffer ${buffer.label} is not of this device`);
    return buffer;
  }

  #own({ buffer, byteOffset }: Span, bytes: number): WebGpuBuffer {
    const own = this.#ownBuffer(buffer);
    if (own.failed) throw this.#error(`buffer ${own.label} has no memory: the adapter had none when it was made`);
    if (own.freed) throw this.#error(`buffer ${own.label} was freed`);
    if (byteOffset < 0 || byteOffset % 4 !== 0 || byteOffset + bytes > Math.ceil(own.bytes / 4) * 4) {
      throw this.#error(
        `bytes ${byteOffset} to ${byteOffset + bytes} were asked for of buffer ${own.label}, which has ${own.bytes}`,
      );
    }
    return own;
  }

  #checkDType(dtype: DType): void {
    this.#checkOpen();
    if (this.capabilities.storedBytes[dtype] === 0) throw this.#error(`${dtype} is not a dtype of this device`);
  }

  #checkOpen(): void {
    if (this.#disposed)
      throw new DeviceError(`${this.name} was disposed; open a new device`, { device: this.name, sticky: true });
    if (this.#faults.lost !== null) throw this.#faults.lost;
  }

  #error(problem: string): DeviceError {
    return new DeviceError(`${this.name}: ${problem}`, { device: this.name });
  }
}

/**
 * A program that a WebGPU device has made its own: its pipelines, its inputs buffer, and the bind groups of the buffers it was run with. Owns the checks of
 * bindings and the encoding of a run; when it is submitted is `work-queue.ts`.
 */
import {
  type Bindings,
  type Capabilities,
  type Compiled,
  DeviceError,
  type DType,
  type Program,
  type Slot,
} from '@torchlet/device';
import type { Dispatch, Generated } from '../generate.js';
import { BindGroups } from './bind-groups.js';
import { arrayProblem, storedBytes, writeScalar, writeStored } from './host-data.js';
import type { DeviceMemory, WebGpuBuffer } from './memory.js';
import type { BindingKind, Pipeline, Pipelines } from './pipelines.js';

/** What a compiled program needs of its device. */
export interface CompiledContext {
  readonly device: string;
  readonly gpu: GPUDevice;
  readonly memory: DeviceMemory;
  readonly pipelines: Pipelines;
  readonly capabilities: Capabilities;
  /** Bindings of one pipeline whose offset may come with the dispatch. */
  readonly dynamicOffsets: number;
}

/** A part of a buffer of this device. */
export interface OwnSpan {
  readonly buffer: WebGpuBuffer;
  readonly byteOffset: number;
}

interface HostInput {
  readonly slot: number;
  readonly index: number;
  readonly dtype: DType;
  readonly size: number;
  readonly offset: number;
}

/** Scalars as one dispatch sees them, in the inputs buffer. */
interface ScalarBlock {
  readonly scalars: readonly number[];
  readonly offset: number;
}

/** Values of this size lie in shared pages at offsets that change: their offset comes with the dispatch. */
const smallBytes = 256;
const uniformAlignment = 256;

/** One dispatch with all that encoding needs. */
interface Step {
  readonly dispatch: Dispatch;
  readonly pipeline: Pipeline;
  readonly groups: BindGroups;
}

export class WebGpuCompiled implements Compiled {
  readonly program: Program;
  readonly ready: Promise<void>;
  readonly inputBytes: number;
  readonly #context: CompiledContext;
  readonly #generated: Generated;
  readonly #steps: readonly Step[];
  readonly #hosts: readonly HostInput[];
  readonly #blocks: readonly ScalarBlock[];
  readonly #bufferCount: number;
  #inputs: WebGpuBuffer | null = null;
  /** Filled anew by each run that is submitted at once. */
  readonly #staged: ArrayBuffer;
  readonly #release: (inputs: WebGpuBuffer) => void;
  #settled = false;
  #disposed = false;

  /** @param release frees the inputs buffer once no queued run needs it. */
  constructor(
    context: CompiledContext,
    program: Program,
    generated: Generated,
    release: (inputs: WebGpuBuffer) => void,
  ) {
    this.#context = context;
    this.#release = release;
    this.program = program;
    this.#generated = generated;
    this.#bufferCount = Math.max(0, ...program.slots.map((slot) => (slot.kind === 'buffer' ? slot.index + 1 : 0)));
    const { hosts, blocks, bytes } = inputLayout(program, generated.dispatches);
    this.#hosts = hosts;
    this.#blocks = blocks;
    this.inputBytes = bytes;
    this.fit();
    this.#staged = new ArrayBuffer(bytes);
    this.#steps = generated.dispatches.map((dispatch) => this.#step(dispatch));
    this.ready = Promise.all(this.#steps.map(({ pipeline }) => pipeline.ready)).then(() => {
      this.#settled = true;
      const { error } = this;
      if (error !== null) throw error;
    });
    // A failure is told by the run that meets it.
    this.ready.catch(() => undefined);
    this.#settled = this.#steps.every(({ pipeline }) => pipeline.gpu !== null || pipeline.error !== null);
  }

  /** Whether a run need not wait for pipelines. */
  get isReady(): boolean {
    return this.#settled;
  }

  /** Why a pipeline could not be made. */
  get error(): DeviceError | null {
    return this.#steps.find(({ pipeline }) => pipeline.error !== null)?.pipeline.error ?? null;
  }

  /** Makes now what is not ready. */
  finish(): void {
    for (const { pipeline } of this.#steps) this.#context.pipelines.finish(pipeline);
    this.#settled = true;
  }

  /** Sees to the memory that runs need besides their bindings. @returns its buffers. @throws OutOfMemoryError */
  fit(): readonly WebGpuBuffer[] {
    const { memory } = this.#context;
    const used = memory.fit(this.program, this.#generated.scratchBytes);
    if (this.inputBytes === 0) return used;
    this.#inputs = memory.inputs(this.#inputs, this.inputBytes, this.program.name);
    return [...used, this.#inputs];
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    for (const { pipeline } of this.#steps) this.#context.pipelines.release(pipeline);
    if (this.#inputs !== null) this.#release(this.#inputs);
  }

  /** Where host inputs and scalars are written before a run. */
  get inputs(): WebGpuBuffer | null {
    return this.#inputs;
  }

  /** The spans of a run, checked. @throws DeviceError */
  checked(bindings: Bindings, own: (span: Bindings['buffers'][number]) => WebGpuBuffer): OwnSpan[] {
    if (this.#disposed) throw this.#fault('it was disposed; compile it again');
    const { buffers, hostInputs, scalars } = bindings;
    if (buffers.length < this.#bufferCount)
      throw this.#fault(`expected ${this.#bufferCount} buffers, got ${buffers.length}`);
    if (hostInputs.length < this.#hosts.length)
      throw this.#fault(`expected ${this.#hosts.length} host inputs, got ${hostInputs.length}`);
    const { scalars: dtypes, slots } = this.program;
    if (scalars.length !== dtypes.length) throw this.#fault(`expected ${dtypes.length} scalars, got ${scalars.length}`);
    const spans: OwnSpan[] = [];
    for (const slot of slots) {
      if (slot.kind !== 'buffer') continue;
      const span = buffers[slot.index];
      if (span === undefined) throw this.#fault(`buffer ${slot.index} is missing`);
      spans[slot.index] = { buffer: own(span), byteOffset: span.byteOffset };
      this.#checkSpan(slot, spans[slot.index] as OwnSpan);
    }
    for (const { index, dtype, size } of this.#hosts) {
      const data = hostInputs[index];
      if (data === undefined) throw this.#fault(`host input ${index} is missing`);
      const problem = arrayProblem(data, dtype, size);
      if (problem !== null) throw this.#fault(`host input ${index} ${problem}`);
    }
    return spans;
  }

  /** Host inputs and scalars as bytes; good until the next call unless `fresh`. */
  packed({ hostInputs, scalars }: Bindings, fresh: boolean): ArrayBuffer {
    const bytes = fresh ? new ArrayBuffer(this.inputBytes) : this.#staged;
    for (const { index, dtype, offset } of this.#hosts) {
      const data = hostInputs[index];
      if (data !== undefined) writeStored(bytes, offset, dtype, data);
    }
    const view = new DataView(bytes);
    for (const { scalars: slots, offset } of this.#blocks) {
      slots.forEach((slot, i) => {
        writeScalar(view, offset + 4 * i, this.program.scalars[slot] as DType, scalars[slot] as number | bigint);
      });
    }
    return bytes;
  }

  /** Encodes the dispatches, all in one pass, or each in the pass that `passOf` describes. */
  encode(
    encoder: GPUCommandEncoder,
    spans: readonly OwnSpan[],
    passOf: ((position: number) => GPUComputePassDescriptor) | null,
  ): void {
    let pass: GPUComputePassEncoder | null = null;
    let last: GPUComputePipeline | null = null;
    this.#steps.forEach(({ dispatch, pipeline, groups }, i) => {
      const { group, offsets } = groups.of(spans);
      if (pass === null || passOf !== null) {
        pass?.end();
        pass = encoder.beginComputePass(passOf?.(i));
        last = null;
      }
      if (pipeline.gpu !== last) pass.setPipeline(pipeline.gpu as GPUComputePipeline);
      last = pipeline.gpu;
      pass.setBindGroup(0, group, offsets);
      pass.dispatchWorkgroups(dispatch.groups[0], dispatch.groups[1]);
    });
    (pass as GPUComputePassEncoder | null)?.end();
  }

  get dispatches(): readonly Dispatch[] {
    return this.#generated.dispatches;
  }

  #step(dispatch: Dispatch): Step {
    const { pipelines, dynamicOffsets, memory, gpu } = this.#context;
    const { slots } = this.#generated;
    let left = dynamicOffsets;
    const kinds: BindingKind[] = dispatch.bindings.map(({ slot, access }) => {
      const { kind, dtype, size } = slots[slot] as Slot;
      const dynamic = kind === 'buffer' && storedBytes(dtype, size) <= smallBytes && left-- > 0;
      return { access, dynamic };
    });
    if (dispatch.scalars.length > 0) kinds.push({ access: 'uniform', dynamic: false });
    const kernel = this.program.kernels[dispatch.kernel]?.name ?? dispatch.name;
    const pipeline = pipelines.take(dispatch, kinds, { program: this.program.name, kernel });
    const block = this.#blocks.find(({ scalars }) => scalars.join() === dispatch.scalars.join());
    const groups = new BindGroups({
      gpu,
      memory,
      layout: pipeline.layout,
      kinds,
      label: kernel,
      bindings: dispatch.bindings.map(({ slot, access }) => ({
        slot: slots[slot] as Slot,
        access,
        inputOffset: this.#inputOffset(slot),
      })),
      inputs: () => this.#inputs?.gpu ?? null,
      scalars: block === undefined ? null : { offset: block.offset, bytes: 4 * block.scalars.length },
      fault: (problem) => this.#fault(problem, kernel),
    });
    return { dispatch, pipeline, groups };
  }

  #inputOffset(slot: number): number {
    return this.#hosts.find((host) => host.slot === slot)?.offset ?? 0;
  }

  #checkSpan({ index, dtype, size }: Extract<Slot, { kind: 'buffer' }>, { buffer, byteOffset }: OwnSpan): void {
    const { alignment } = this.#context.capabilities;
    const what = `buffer ${index} (${buffer.label})`;
    if (buffer.freed) throw this.#fault(`${what} was freed`);
    if (buffer.failed) throw this.#fault(`${what} has no memory: the adapter had none when it was made`);
    if (byteOffset < 0 || byteOffset % alignment !== 0)
      throw this.#fault(`${what} starts at ${byteOffset}, which is no multiple of ${alignment}`);
    const bytes = storedBytes(dtype, size);
    if (byteOffset + bytes > Math.ceil(buffer.bytes / 4) * 4) {
      throw this.#fault(`${what} must hold ${bytes} bytes from ${byteOffset} on, it has ${buffer.bytes}`);
    }
  }

  #fault(problem: string, kernel: string | null = null): DeviceError {
    const { device } = this.#context;
    const program = this.program.name;
    return new DeviceError(`${device}: program ${program}${kernel === null ? '' : `, kernel ${kernel}`}: ${problem}`, {
      device,
      program,
      kernel,
    });
  }
}

/** Where host inputs and the scalars of each dispatch lie in the inputs buffer. */
function inputLayout(
  program: Program,
  dispatches: readonly Dispatch[],
): { hosts: HostInput[]; blocks: ScalarBlock[]; bytes: number } {
  let offset = 0;
  const place = (bytes: number): number => {
    const at = offset;
    offset += Math.max(1, Math.ceil(bytes / uniformAlignment)) * uniformAlignment;
    return at;
  };
  const hosts = program.slots.flatMap((slot, i): HostInput[] => {
    if (slot.kind !== 'host') return [];
    const { index, dtype, size } = slot;
    return [{ slot: i, index, dtype, size, offset: place(storedBytes(dtype, size)) }];
  });
  const blocks = new Map<string, ScalarBlock>();
  for (const { scalars } of dispatches) {
    const key = scalars.join();
    if (scalars.length > 0 && !blocks.has(key)) blocks.set(key, { scalars, offset: place(4 * scalars.length) });
  }
  return { hosts, blocks: [...blocks.values()], bytes: offset };
}

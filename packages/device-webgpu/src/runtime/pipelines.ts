/**
 * Compute pipelines by the text of their kernel: made in the background, or at once where work may not wait. Equal text is one pipeline, whichever program asks.
 * Owns the cache, layouts of bindings, and what a shader that does not compile says.
 */
import { DeviceError } from '@torchlet/device';
import type { Access, KernelCode } from '../wgsl/kernel-module.js';
import { computeStage } from './flags.js';

/** Pipelines that no program uses are kept up to this many in all. */
const keptPipelines = 1024;

/** Where a pipeline is first needed, for errors. */
export interface PipelineUser {
  readonly program: string;
  readonly kernel: string;
}

export class Pipeline {
  readonly layout: GPUBindGroupLayout;
  readonly descriptor: GPUComputePipelineDescriptor;
  /** Settles when `gpu` or `error` is there. */
  readonly ready: Promise<void>;
  gpu: GPUComputePipeline | null = null;
  error: DeviceError | null = null;
  users = 0;

  constructor(
    layout: GPUBindGroupLayout,
    descriptor: GPUComputePipelineDescriptor,
    made: Promise<GPUComputePipeline>,
    explain: (error: unknown) => Promise<DeviceError>,
  ) {
    this.layout = layout;
    this.descriptor = descriptor;
    this.ready = made.then(
      (gpu) => {
        this.gpu ??= gpu;
      },
      async (error) => {
        this.error = await explain(error);
      },
    );
  }
}

/** How one binding may be given. */
export interface BindingKind {
  readonly access: Access | 'uniform';
  /** Whether its offset comes with each dispatch. */
  readonly dynamic: boolean;
}

export class Pipelines {
  readonly #device: string;
  readonly #gpu: GPUDevice;
  readonly #layouts = new Map<string, { readonly group: GPUBindGroupLayout; readonly pipeline: GPUPipelineLayout }>();
  readonly #pipelines = new Map<string, Pipeline>();

  constructor(device: string, gpu: GPUDevice) {
    this.#device = device;
    this.#gpu = gpu;
  }

  /** The pipeline of a kernel; it begins to be made if it is not known. Call `release` when it is no longer used. */
  take(code: KernelCode, kinds: readonly BindingKind[], user: PipelineUser): Pipeline {
    const key = keyOf(code, kinds);
    let pipeline = this.#pipelines.get(key);
    if (pipeline === undefined) {
      pipeline = this.#make(code, kinds, user);
      this.#pipelines.set(key, pipeline);
    }
    pipeline.users++;
    return pipeline;
  }

  release(pipeline: Pipeline): void {
    pipeline.users--;
    if (pipeline.users > 0 || this.#pipelines.size <= keptPipelines) return;
    for (const [key, { users }] of this.#pipelines) {
      if (this.#pipelines.size <= keptPipelines) return;
      if (users === 0) this.#pipelines.delete(key);
    }
  }

  /** Makes the pipeline now, if it is not ready. */
  finish(pipeline: Pipeline): void {
    if (pipeline.gpu !== null || pipeline.error !== null) return;
    // What is wrong with it, the promise of the same pipeline tells.
    this.#gpu.pushErrorScope('validation');
    pipeline.gpu = this.#gpu.createComputePipeline(pipeline.descriptor);
    this.#gpu.popErrorScope().then(ignore, ignore);
  }

  #make(code: KernelCode, kinds: readonly BindingKind[], user: PipelineUser): Pipeline {
    this.#gpu.pushErrorScope('validation');
    const module = this.#gpu.createShaderModule({ label: code.name, code: code.text });
    this.#gpu.popErrorScope().then(ignore, ignore);
    const { group, pipeline: layout } = this.#layoutsOf(kinds);
    const descriptor = { label: code.name, layout, compute: { module, entryPoint: 'main' } };
    const made = this.#gpu.createComputePipelineAsync(descriptor);
    return new Pipeline(group, descriptor, made, (error) => this.#explained(error, module, user));
  }

  #layoutsOf(kinds: readonly BindingKind[]): {
    readonly group: GPUBindGroupLayout;
    readonly pipeline: GPUPipelineLayout;
  } {
    const key = kindsKey(kinds);
    const known = this.#layouts.get(key);
    if (known !== undefined) return known;
    const types = { read: 'read-only-storage', read_write: 'storage', uniform: 'uniform' } as const;
    const group = this.#gpu.createBindGroupLayout({
      entries: kinds.map(({ access, dynamic }, binding) => ({
        binding,
        visibility: computeStage,
        buffer: { type: types[access], hasDynamicOffset: dynamic },
      })),
    });
    const layouts = { group, pipeline: this.#gpu.createPipelineLayout({ bindGroupLayouts: [group] }) };
    this.#layouts.set(key, layouts);
    return layouts;
  }

  async #explained(error: unknown, module: GPUShaderModule, { program, kernel }: PipelineUser): Promise<DeviceError> {
    const messages = await module.getCompilationInfo().then(
      (info) =>
        info.messages
          .filter(({ type }) => type === 'error')
          .map(({ lineNum, message }) => `line ${lineNum}: ${message}`),
      () => [],
    );
    const reason = messages.length > 0 ? messages.join('; ') : error instanceof Error ? error.message : String(error);
    const device = this.#device;
    return new DeviceError(`${device}: program ${program}, kernel ${kernel}: its shader does not compile: ${reason}`, {
      device,
      program,
      kernel,
      cause: error,
    });
  }
}

function keyOf(code: KernelCode, kinds: readonly BindingKind[]): string {
  return `${kindsKey(kinds)}\n${code.text}`;
}

function kindsKey(kinds: readonly BindingKind[]): string {
  return kinds.map(({ access, dynamic }) => `${access}${dynamic ? '+' : ''}`).join();
}

function ignore(): void {}

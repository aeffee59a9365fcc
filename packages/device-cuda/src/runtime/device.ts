/**
 * The device: the contract over the addon. Owns the order of calls, faults and the end; code comes from `generate.ts`, memory is `memory.ts`, a program's
 * steps and addresses `compiled.ts`, what is not known to be done `submissions.ts`.
 */
import {
  type Bindings,
  type Capabilities,
  type Claim,
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
  type Lifetimes,
  type MatmulCandidate,
  type MemoryReport,
  type Program,
  type Span,
  type Ticket,
} from '@torchlet/device';
import { generate } from '../generate.js';
import type { Target } from '../generated.js';
import { type Addon, type GraphCounts, isNativeError, type RunMode, runModes } from '../native/addon.js';
import { Connection, closed, closeWhenDropped } from './connection.js';
import { type CompiledContext, CudaCompiled } from './compiled.js';
import { type Faults, nowhere } from './faults.js';
import { garbageCollector } from './garbage.js';
import { arrayProblem, readElements, writeElements } from './host-data.js';
import { Libraries, type LibraryUse } from './libraries.js';
import { CudaBuffer, DeviceMemory } from './memory.js';
import type { LibraryInfo } from './one-library.js';
import { Staging } from './staging.js';
import type { Submissions } from './submissions.js';
import { kernelTimes } from './times.js';

/** What a card, its driver and this package say of themselves. */
export interface CudaInfo {
  /** Position among the cards that the driver shows. */
  readonly index: number;
  readonly card: string;
  /** As NVIDIA writes it: `9.0`. */
  readonly computeCapability: string;
  readonly multiprocessors: number;
  readonly memoryBytes: number;
  readonly freeBytes: number;
  /** The CUDA version that the driver brings, and the library it was opened from. */
  readonly driver: string;
  readonly driverLibrary: string;
  readonly addon: string;
  /** Which products warpgroups compute; `off` where the card or its driver does not have them. */
  readonly wgmma: 'auto' | 'always' | 'off';
  /** Those beside the driver that were found, or why not. */
  readonly libraries: readonly LibraryInfo[];
  /** How programs were submitted so far. */
  readonly graphs: GraphCounts;
}

/** A device that also tells about its card. */
export interface CudaDevice extends Device {
  info(): CudaInfo;
  profile(fn: () => void | Promise<void>): Promise<readonly KernelTime[]>;
}

/** What is known of a card before it is opened. */
export type CardDescription = Omit<CudaInfo, 'freeBytes' | 'graphs' | 'libraries'>;

export interface DeviceSetup {
  readonly name: string;
  readonly addon: Addon;
  readonly card: CardDescription;
  readonly capabilities: Capabilities;
  readonly target: Target;
  readonly budget: number;
  readonly caching: boolean;
  readonly libraries: LibraryUse;
  readonly mode: RunMode;
}

/** Index arithmetic is int32. */
const mostElements = 2 ** 31 - 1;

export class OpenCudaDevice implements CudaDevice {
  readonly name: string;
  readonly capabilities: Capabilities;
  readonly lost: Promise<DeviceLoss>;
  readonly lifetimes: Lifetimes;
  readonly #addon: Addon;
  readonly #handle: number;
  readonly #connection: Connection;
  readonly #card: CardDescription;
  readonly #target: Target;
  readonly #mode: RunMode;
  readonly #memory: DeviceMemory;
  readonly #context: CompiledContext;
  readonly #faults: Faults;
  readonly #submissions: Submissions;
  readonly #libraries: Libraries;
  readonly #compiled = new Map<number, CudaCompiled>();
  #profiling = false;
  #collect: (() => void) | null = null;
  #disposed = false;

  /** @throws DeviceError where the card cannot be opened. */
  constructor(setup: DeviceSetup) {
    const { name, addon, card, capabilities, target, budget, caching, mode } = setup;
    this.name = name;
    this.capabilities = capabilities;
    this.#addon = addon;
    this.#card = card;
    this.#target = target;
    this.#mode = mode;
    const connection = new Connection(name, addon, card.index, caching);
    const { handle, submissions, faults, lost } = connection;
    this.#connection = connection;
    this.#handle = handle;
    this.#submissions = submissions;
    this.#faults = faults;
    this.lost = lost;
    this.lifetimes = {
      watch: (target) => connection.attempt(() => addon.watch(handle, target)),
      find: (watch) => addon.watched(handle, watch),
      ended: () => addon.ended(handle) ?? [],
    };
    closeWhenDropped(this, connection);
    const { bufferBytes } = capabilities;
    this.#memory = new DeviceMemory({ device: name, addon, handle, budget, bufferBytes, connection });
    const { computeCapability } = target;
    this.#libraries = new Libraries({ addon, handle, memory: this.#memory, use: setup.libraries, computeCapability });
    const staging = new Staging(addon, handle);
    this.#context = { device: name, addon, handle, memory: this.#memory, staging, connection, capabilities };
  }

  info(): CudaInfo {
    this.#checkUsable();
    return this.#connection.attempt(() => ({
      ...this.#card,
      freeBytes: this.#addon.memory(this.#handle).free,
      libraries: this.#libraries.info(),
      graphs: this.#addon.counts(this.#handle),
    }));
  }

  collectGarbage(): void {
    this.#collect ??= garbageCollector() ?? (() => {});
    this.#collect();
  }

  allocate(bytes: number, label: string): DeviceBuffer {
    this.#checkUsable();
    return this.#memory.allocate(bytes, label);
  }

  free(buffer: DeviceBuffer): void {
    if (!this.#disposed && buffer instanceof CudaBuffer) this.#memory.free(buffer);
  }

  write(span: Span, dtype: DType, data: HostArray): void {
    this.#checkUsable();
    const own = this.#range(span, dtype, data.length);
    const problem = arrayProblem(data, dtype, data.length);
    if (problem !== null) throw this.#error(`data for ${own.label} ${problem}`);
    const bytes = new Uint8Array(data.buffer as ArrayBuffer, data.byteOffset, data.byteLength);
    this.#connection.attempt(() =>
      this.#context.staging.upload(dtype === 'bool' ? truths(data) : bytes, own.address + span.byteOffset),
    );
  }

  async read(span: Span, dtype: DType, size: number): Promise<HostArray> {
    this.#checkUsable();
    const own = this.#range(span, dtype, size);
    if (size === 0) return dtypes[dtype].zeros(0);
    const bytes = size * this.capabilities.storedBytes[dtype];
    const sequence = this.#connection.attempt(() =>
      this.#addon.read(this.#handle, own.address + span.byteOffset, bytes),
    );
    const submission = this.#submissions.add(sequence, nowhere);
    try {
      await submission.done;
    } catch (error) {
      // The addon still keeps what was read into.
      if (!this.#disposed && this.#faults.lost === null) this.#addon.take(this.#handle, sequence);
      throw error;
    }
    const data = this.#connection.attempt(() => this.#addon.take(this.#handle, sequence));
    if (data === undefined) throw this.#error(`${bytes} bytes of ${own.label} were read, and are gone`);
    return readElements(data, dtype, size);
  }

  claim(candidate: MatmulCandidate): Claim | null {
    this.#checkUsable();
    return this.#connection.attempt(() => this.#libraries.claim(candidate));
  }

  compile(program: Program): Compiled {
    this.#checkUsable();
    checkProgram(this.name, this.capabilities, program);
    for (const [i, { size }] of program.slots.entries()) {
      if (size > mostElements)
        throw this.#error(`slot ${i} of program ${program.name} has ${size} elements, the most are ${mostElements}`);
    }
    const generated = generate(this.name, program, this.capabilities, this.#target, this.#libraries);
    this.#memory.fit(program.name, program.arena, generated.scratchBytes);
    const compiled = new CudaCompiled(this.#context, program, generated, (ended) => this.#release(ended));
    this.#compiled.set(compiled.id, compiled);
    return compiled;
  }

  run(compiled: Compiled, bindings: Bindings): Ticket {
    this.#checkUsable();
    if (!(compiled instanceof CudaCompiled) || !compiled.isOf(this.#context))
      throw this.#error(`program ${compiled.program.name} was compiled by another device`);
    const mode = this.#profiling ? runModes.timed : this.#mode;
    let sequence: number;
    try {
      sequence = compiled.run(bindings, mode, ({ buffer }) => this.#own(buffer));
    } catch (error) {
      if (!isNativeError(error)) throw error;
      const kernels = error.step < 0 ? [] : compiled.kernelNames(error.step);
      const fault = this.#connection.faultOf(error, { program: compiled.program.name, kernels });
      // What was submitted in part has written in part: those values are void, which the ticket says.
      if (!error.started) throw fault;
      const done = Promise.reject(fault);
      done.catch(() => undefined);
      return { done };
    }
    return this.#submissions.add(sequence, compiled.place);
  }

  async synchronize(): Promise<void> {
    this.#checkUsable();
    const sequence = this.#connection.attempt(() => this.#addon.mark(this.#handle));
    await this.#submissions.add(sequence, nowhere).done;
  }

  async profile(fn: () => void | Promise<void>): Promise<readonly KernelTime[]> {
    this.#checkUsable();
    if (this.#profiling) throw this.#error('a profile is being taken already');
    this.#profiling = true;
    try {
      await fn();
      await this.synchronize();
    } catch (error) {
      // What was measured so far would be taken for the next profile's.
      this.#addon.dropTimes(this.#handle);
      throw error;
    } finally {
      this.#profiling = false;
    }
    const times = this.#connection.attempt(() => this.#addon.times(this.#handle));
    return kernelTimes(times, (id) => this.#compiled.get(id));
  }

  memory(): MemoryReport {
    return this.#memory.report();
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    closed(this);
    this.#connection.close(new DeviceError(`${this.name} was disposed`, { device: this.name, sticky: true }));
  }

  #release(compiled: CudaCompiled): void {
    this.#compiled.delete(compiled.id);
    if (this.#disposed || this.#faults.lost !== null) return;
    if (compiled.inputs !== null) this.#memory.free(compiled.inputs);
    const place = { program: compiled.program.name, kernels: [] };
    this.#connection.attempt(() => this.#addon.remove(this.#handle, compiled.id), place);
  }

  #own(buffer: DeviceBuffer): CudaBuffer {
    if (!(buffer instanceof CudaBuffer)) throw this.#error(`buffer ${buffer.label} is not of this device`);
    return buffer;
  }

  /** The buffer of a span that must hold `size` elements. */
  #range({ buffer, byteOffset }: Span, dtype: DType, size: number): CudaBuffer {
    const own = this.#own(buffer);
    if (own.freed) throw this.#error(`buffer ${own.label} was freed`);
    const width = this.capabilities.storedBytes[dtype];
    const end = byteOffset + size * width;
    if (!(byteOffset >= 0) || byteOffset % width !== 0 || !(end <= own.bytes))
      throw this.#error(`bytes ${byteOffset} to ${end} were asked for of buffer ${own.label}, which has ${own.bytes}`);
    return own;
  }

  #checkUsable(): void {
    if (this.#disposed)
      throw new DeviceError(`${this.name} was disposed; open a new device`, { device: this.name, sticky: true });
    if (this.#faults.lost !== null) throw this.#faults.lost;
  }

  #error(problem: string): DeviceError {
    return new DeviceError(`${this.name}: ${problem}`, { device: this.name });
  }
}

function truths(data: HostArray): Uint8Array {
  const bytes = new ArrayBuffer(data.length);
  writeElements(bytes, 0, 'bool', data);
  return new Uint8Array(bytes);
}

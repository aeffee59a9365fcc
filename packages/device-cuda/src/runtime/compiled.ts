/**
 * A program that a card has made its own: its module, its steps as numbers, its input block, and the addresses of a run. Owns the checks of bindings and
 * where everything lies; when it runs is `device.ts`.
 */
import {
  type Bindings,
  type Capabilities,
  type Compiled,
  DeviceError,
  type DType,
  type Program,
  type Slot,
  type Span,
} from '@torchlet/device';
import type { Argument, Generated, Step, StepOperand } from '../generated.js';
import type { Addon, RunMode } from '../native/addon.js';
import type { Connection } from './connection.js';
import type { FaultPlace } from './faults.js';
import { arrayProblem, writeElements, writeScalar } from './host-data.js';
import type { CudaBuffer, DeviceMemory } from './memory.js';
import type { Staging } from './staging.js';

/** What a compiled program needs of its device. */
export interface CompiledContext {
  readonly device: string;
  readonly addon: Addon;
  readonly handle: number;
  readonly memory: DeviceMemory;
  readonly staging: Staging;
  readonly connection: Connection;
  readonly capabilities: Capabilities;
}

interface HostInput {
  readonly index: number;
  readonly dtype: DType;
  readonly size: number;
  /** In the input block. */
  readonly offset: number;
}

const inputAlignment = 256;
const scalarBytes = 8;

/** Steps name addresses as a base and an offset. These come first; then the segments of the arena, then the outside buffers. */
const inputBase = 0;
const scratchBase = 1;
const firstSegment = 2;

/** As the addon reads them. */
const stepCodes = { launch: 1, product: 2, convolution: 3 } as const;

export class CudaCompiled implements Compiled {
  readonly program: Program;
  /** By which the addon knows it. */
  readonly id: number;
  readonly inputBytes: number;
  /** Where a fault of a whole run came from. */
  readonly place: FaultPlace;
  readonly #context: CompiledContext;
  readonly #generated: Generated;
  readonly #hosts: readonly HostInput[];
  readonly #buffers: readonly Extract<Slot, { kind: 'buffer' }>[];
  readonly #bufferCount: number;
  readonly #firstBuffer: number;
  /** Where host inputs and scalars go. */
  readonly inputs: CudaBuffer | null;
  /** Shared with the addon: the address of each base. */
  readonly #bases: Float64Array;
  readonly #release: (compiled: CudaCompiled) => void;
  #version = -1;
  #disposed = false;

  /** @param release gives back the module and the input block. */
  constructor(
    context: CompiledContext,
    program: Program,
    generated: Generated,
    release: (compiled: CudaCompiled) => void,
  ) {
    const { addon, handle, memory, staging, connection } = context;
    this.#context = context;
    this.#release = release;
    this.program = program;
    this.#generated = generated;
    this.place = { program: program.name, kernels: this.kernelNames() };
    const { hosts, bytes } = inputLayout(program, context.capabilities);
    this.#hosts = hosts;
    this.inputBytes = bytes;
    this.#buffers = program.slots.filter((slot) => slot.kind === 'buffer');
    this.#bufferCount = Math.max(0, ...this.#buffers.map(({ index }) => index + 1));
    this.#firstBuffer = firstSegment + program.arena.length;
    this.#bases = new Float64Array(this.#firstBuffer + this.#bufferCount);
    const entries = entriesOf(generated.steps);
    const steps = Float64Array.from(generated.steps.flatMap((step) => this.#encoded(step, entries)));
    this.inputs = bytes === 0 ? null : memory.take(bytes, 'inputs', program.name);
    try {
      staging.fit(bytes);
      this.id = addon.program(handle, generated.ptx, [...entries.keys()], steps, this.#bases);
    } catch (error) {
      if (this.inputs !== null) memory.free(this.inputs);
      throw connection.translate(error, { program: program.name, kernels: [] });
    }
    this.#bases[inputBase] = this.inputs?.address ?? 0;
  }

  /** Names of the kernels that steps compute: of step `step`, or of all. */
  kernelNames(step: number | null = null): string[] {
    const { steps } = this.#generated;
    const asked = step === null ? steps : steps.slice(step, step + 1);
    const kernels = new Set(asked.map((each) => each.kernel));
    return [...kernels].map((kernel) => this.program.kernels[kernel]?.name ?? `number ${kernel}`);
  }

  /** Whether a step is the first that computes its kernel. */
  isFirstOf(step: number): boolean {
    const { steps } = this.#generated;
    const asked = steps[step];
    return asked === steps.find((each) => each.kernel === asked?.kernel);
  }

  /** Checks the bindings, copies host inputs and scalars, and submits. @returns the number of the mark behind it. */
  run(bindings: Bindings, mode: RunMode, own: (span: Span) => CudaBuffer): number {
    this.#check(bindings, own);
    const { addon, handle, memory, staging } = this.#context;
    if (this.#version !== memory.version) this.#settle();
    let offset = 0;
    if (this.inputBytes > 0) {
      offset = staging.take(this.inputBytes);
      this.#write(bindings, offset);
    }
    return addon.run(handle, this.id, offset, this.#bases[inputBase] as number, this.inputBytes, mode);
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#release(this);
  }

  isOf(context: CompiledContext): boolean {
    return this.#context === context;
  }

  #check({ buffers, hostInputs, scalars }: Bindings, own: (span: Span) => CudaBuffer): void {
    if (this.#disposed) throw this.#fault('it was disposed; compile it again');
    if (buffers.length < this.#bufferCount)
      throw this.#fault(`expected ${this.#bufferCount} buffers, got ${buffers.length}`);
    if (hostInputs.length < this.#hosts.length)
      throw this.#fault(`expected ${this.#hosts.length} host inputs, got ${hostInputs.length}`);
    const dtypes = this.program.scalars;
    if (scalars.length !== dtypes.length) throw this.#fault(`expected ${dtypes.length} scalars, got ${scalars.length}`);
    for (const { index, dtype, size } of this.#hosts) {
      const data = hostInputs[index];
      if (data === undefined) throw this.#fault(`host input ${index} is missing`);
      const problem = arrayProblem(data, dtype, size);
      if (problem !== null) throw this.#fault(`host input ${index} ${problem}`);
    }
    for (const slot of this.#buffers) {
      const span = buffers[slot.index];
      if (span === undefined) throw this.#fault(`buffer ${slot.index} is missing`);
      this.#bases[this.#firstBuffer + slot.index] = this.#addressOf(slot, span, own(span));
    }
  }

  #addressOf(
    { index, dtype, size }: Extract<Slot, { kind: 'buffer' }>,
    { byteOffset }: Span,
    buffer: CudaBuffer,
  ): number {
    const { alignment, storedBytes } = this.#context.capabilities;
    const what = `buffer ${index} (${buffer.label})`;
    if (buffer.freed) throw this.#fault(`${what} was freed`);
    if (!(byteOffset >= 0) || byteOffset % alignment !== 0)
      throw this.#fault(`${what} starts at ${byteOffset}, which is no multiple of ${alignment}`);
    const bytes = size * storedBytes[dtype];
    if (byteOffset + bytes > buffer.bytes)
      throw this.#fault(`${what} must hold ${bytes} bytes from ${byteOffset} on, it has ${buffer.bytes}`);
    return buffer.address + byteOffset;
  }

  #write({ hostInputs, scalars }: Bindings, offset: number): void {
    const { staging } = this.#context;
    this.program.scalars.forEach((dtype, i) => {
      writeScalar(staging.view, offset + scalarBytes * i, dtype, scalars[i] as number | bigint);
    });
    for (const { index, dtype, offset: at } of this.#hosts) {
      const data = hostInputs[index];
      if (data !== undefined) writeElements(staging.memory, offset + at, dtype, data);
    }
  }

  /** Takes the addresses of the arena and of scratch memory as they are now. */
  #settle(): void {
    const { addon, handle, memory } = this.#context;
    if (this.#version >= 0) addon.forget(handle, this.id);
    this.#bases[scratchBase] = memory.scratch;
    this.program.arena.forEach((_, segment) => {
      this.#bases[firstSegment + segment] = memory.segment(segment);
    });
    this.#version = memory.version;
  }

  #encoded(step: Step, entries: ReadonlyMap<string, number>): number[] {
    switch (step.kind) {
      case 'launch':
        return [
          stepCodes.launch,
          entries.get(step.entry) as number,
          ...step.grid,
          ...step.block,
          step.sharedBytes,
          step.arguments.length,
          ...step.arguments.flatMap((argument) => this.#place(argument)),
        ];
      case 'product':
      case 'convolution':
        return [stepCodes[step.kind], step.plan, ...step.operands.flatMap((operand) => this.#placeOf(operand))];
      default: {
        const never: never = step;
        return never;
      }
    }
  }

  #placeOf({ argument, offset }: StepOperand): [base: number, offset: number] {
    const [base, start] = this.#place(argument);
    return [base, start + offset];
  }

  /** An argument as base and offset. */
  #place(argument: Argument): [base: number, offset: number] {
    switch (argument.kind) {
      case 'scratch':
        return [scratchBase, argument.offset];
      case 'scalar':
        return [inputBase, scalarBytes * argument.slot];
      case 'slot': {
        const slot = this.program.slots[argument.slot];
        if (slot === undefined) throw this.#fault(`a step names slot ${argument.slot} of ${this.program.slots.length}`);
        if (slot.kind === 'buffer') return [this.#firstBuffer + slot.index, 0];
        if (slot.kind === 'arena') return [firstSegment + slot.segment, slot.offset];
        return [inputBase, this.#hosts.find(({ index }) => index === slot.index)?.offset ?? 0];
      }
      default: {
        const never: never = argument;
        return never;
      }
    }
  }

  #fault(problem: string): DeviceError {
    const { device } = this.#context;
    const program = this.program.name;
    return new DeviceError(`${device}: program ${program}: ${problem}`, { device, program });
  }
}

/** The entries that steps launch, each with its position in the list that the addon gets. */
function entriesOf(steps: readonly Step[]): Map<string, number> {
  const entries = new Map<string, number>();
  for (const step of steps)
    if (step.kind === 'launch' && !entries.has(step.entry)) entries.set(step.entry, entries.size);
  return entries;
}

/** Where scalars (first) and host inputs lie in the input block. */
function inputLayout(program: Program, { storedBytes }: Capabilities): { hosts: HostInput[]; bytes: number } {
  const aligned = (bytes: number): number => Math.ceil(bytes / inputAlignment) * inputAlignment;
  let bytes = aligned(scalarBytes * program.scalars.length);
  const hosts = program.slots.flatMap((slot): HostInput[] => {
    if (slot.kind !== 'host') return [];
    const { index, dtype, size } = slot;
    const offset = bytes;
    bytes += Math.max(inputAlignment, aligned(size * storedBytes[dtype]));
    return [{ index, dtype, size, offset }];
  });
  return { hosts, bytes };
}

/**
 * A program that a CPU device has made its own: the instance, its argument block, and what is checked at each run. Owns the filling of the
 * block; memory and the order of calls are `device.ts`.
 */
import {
  type Bindings,
  bfloat16ToNumber,
  type Capabilities,
  type Compiled,
  DeviceError,
  type DType,
  dtypes,
  float16ToNumber,
  type HostArray,
  type KernelTime,
  numberToBfloat16,
  numberToFloat16,
  type Program,
  type Slot,
} from '@torchlet/device';
import type { Executable, Executables } from './executable.js';
import { lineBytes } from './memory/allocator.js';
import type { DeviceMemory } from './memory/device-memory.js';

/** What a compiled program needs of its device. */
export interface CompiledContext {
  readonly device: string;
  readonly memory: DeviceMemory;
  readonly capabilities: Capabilities;
  readonly executables: Executables;
}

/** What each kernel took, by program and position. */
export type KernelTimes = Map<string, { -readonly [K in keyof KernelTime]: KernelTime[K] }>;

export class CpuCompiled implements Compiled {
  readonly program: Program;
  /** Bytes of the staging area that its host inputs and then its scratch memory need. */
  readonly stagingBytes: number;
  readonly #context: CompiledContext;
  readonly #scratchOffset: number;
  #disposed = false;
  /** One for each kernel, to be timed. */
  #separate: readonly Executable[] | null = null;
  readonly #executable: Executable;
  readonly #block: number;
  readonly #scalars: number;
  /** How many buffers and host inputs must be given. */
  readonly #wanted = { buffer: 0, host: 0 };
  /** Where the host input of each slot begins in the staging area. */
  readonly #offsets: readonly number[];

  /** @throws DeviceError where the program asks for what the device does not have. */
  constructor(context: CompiledContext, program: Program) {
    this.#context = context;
    this.program = program;
    this.#executable = context.executables.make(program);
    const { block, scratchBytes } = this.#executable;
    this.#block = context.memory.reserve(block.bytes);
    this.#scalars = this.#block + block.scalars;
    let offset = 0;
    this.#offsets = program.slots.map((slot) => {
      const start = offset;
      if (slot.kind !== 'arena') this.#wanted[slot.kind] = Math.max(this.#wanted[slot.kind], slot.index + 1);
      if (slot.kind === 'host') offset += Math.ceil(this.#bytesOf(slot) / lineBytes) * lineBytes;
      return start;
    });
    this.#scratchOffset = offset;
    this.stagingBytes = offset + scratchBytes;
  }

  dispose(): void {
    if (this.#disposed) return;
    this.#disposed = true;
    this.#context.memory.release(this.#block);
    for (const executable of [this.#executable, ...(this.#separate ?? [])]) executable.dispose();
  }

  /** Checks the bindings, then writes addresses, host inputs and scalars. */
  bind(bindings: Bindings): void {
    if (this.#disposed) throw this.#error('it was disposed; compile it again');
    const { memory, capabilities } = this.#context;
    const { buffers, hostInputs, scalars } = bindings;
    const { buffer, host } = this.#wanted;
    if (buffers.length < buffer) throw this.#error(`expected ${buffer} buffers, got ${buffers.length}`);
    if (hostInputs.length < host) throw this.#error(`expected ${host} host inputs, got ${hostInputs.length}`);
    if (scalars.length !== this.program.scalars.length) {
      throw this.#error(`expected ${this.program.scalars.length} scalars, got ${scalars.length}`);
    }
    const words = memory.linear.views.i32;
    this.program.slots.forEach((slot, i) => {
      let address = memory.stagingAddress + (this.#offsets[i] as number);
      if (slot.kind === 'arena') address = memory.segmentAddress(slot.segment) + slot.offset;
      else if (slot.kind === 'buffer') address = this.#addressOf(bindings, slot.index, this.#bytesOf(slot));
      else {
        const data = this.#hostData(bindings, slot);
        memory.linear.write(address, slot.dtype, capabilities.storedBytes[slot.dtype], data);
      }
      words[this.#block / 4 + i] = address;
    });
    scalars.forEach((value, i) => {
      this.#writeScalar(this.#scalars + 8 * i, this.program.scalars[i] as DType, value);
    });
  }

  /** Runs every kernel. */
  run(): void {
    this.#executable.run(this.#block, this.#context.memory.stagingAddress + this.#scratchOffset);
  }

  /** Runs every kernel by itself and adds what each took to `times`. */
  runTimed(times: KernelTimes): void {
    const { name, kernels } = this.program;
    this.#separate ??= kernels.map((kernel) => this.#context.executables.make({ ...this.program, kernels: [kernel] }));
    const scratch = this.#context.memory.stagingAddress + this.#scratchOffset;
    this.#separate.forEach((executable, i) => {
      const kernel = kernels[i]?.name ?? '';
      const before = performance.now();
      executable.run(this.#block, scratch);
      const milliseconds = performance.now() - before;
      const key = `${name}\n${i}\n${kernel}`;
      const time = times.get(key) ?? { program: name, kernel, runs: 0, milliseconds: 0 };
      time.runs++;
      time.milliseconds += milliseconds;
      times.set(key, time);
    });
  }

  #addressOf(bindings: Bindings, index: number, bytes: number): number {
    const span = bindings.buffers[index];
    if (span === undefined) throw this.#error(`buffer ${index} is missing`);
    const buffer = this.#context.memory.own(span.buffer);
    if (buffer.freed) throw this.#error(`buffer ${index} (${buffer.label}) was freed`);
    const { byteOffset } = span;
    const { alignment } = this.#context.capabilities;
    if (byteOffset < 0 || byteOffset % alignment !== 0) {
      throw this.#error(
        `buffer ${index} (${buffer.label}) starts at ${byteOffset}, which is no multiple of ${alignment}`,
      );
    }
    if (byteOffset + bytes > buffer.bytes) {
      throw this.#error(
        `buffer ${index} (${buffer.label}) must hold ${bytes} bytes from ${byteOffset} on, it has ${buffer.bytes}`,
      );
    }
    return buffer.address + byteOffset;
  }

  #hostData({ hostInputs }: Bindings, { index, dtype, size }: Slot & { readonly kind: 'host' }): HostArray {
    const data = hostInputs[index];
    if (data === undefined) throw this.#error(`host input ${index} is missing`);
    if (data.length !== size) throw this.#error(`host input ${index} must have ${size} elements, got ${data.length}`);
    if (data.BYTES_PER_ELEMENT === dtypes[dtype].bytes) return data;
    throw this.#error(`host input ${index} is ${dtype}, got a ${data.constructor.name}`);
  }

  #bytesOf({ size, dtype }: Slot): number {
    return size * this.#context.capabilities.storedBytes[dtype];
  }

  /** As kernels load it: a float of its class, rounded to a half; an int32 of the dtype's range; an int64. */
  #writeScalar(address: number, dtype: DType, value: number | bigint): void {
    const { f32, f64, i32, i64 } = this.#context.memory.linear.views;
    const number = Number(value);
    // The bits that an integer has in its word above its own.
    const spare = 32 - 8 * dtypes[dtype].bytes;
    if (dtype === 'int64') i64[address / 8] = typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
    else if (dtype === 'float64') f64[address / 8] = number;
    else if (dtype === 'float32') f32[address / 4] = number;
    else if (dtype === 'float16') f32[address / 4] = float16ToNumber(numberToFloat16(number));
    else if (dtype === 'bfloat16') f32[address / 4] = bfloat16ToNumber(numberToBfloat16(number));
    else if (dtype === 'bool') i32[address / 4] = value ? 1 : 0;
    else i32[address / 4] = dtype === 'uint8' ? number & 0xff : (number << spare) >> spare;
  }

  #error(problem: string): DeviceError {
    const { device } = this.#context;
    return new DeviceError(`${device}: program ${this.program.name}: ${problem}`, {
      device,
      program: this.program.name,
    });
  }
}

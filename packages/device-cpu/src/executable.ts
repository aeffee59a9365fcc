/**
 * Code that runs: one instance of a program's module, and the helpers it is shared with. Owns the start of a run; what is checked before it
 * is `compiled.ts`, the code `program-module.ts`, the protocol between threads `threads/control.ts`.
 */
import type { Program } from '@torchlet/device';
import type { Features } from './kernel-function.js';
import type { DeviceMemory } from './memory/device-memory.js';
import { type ArgumentBlock, programModule } from './program-module.js';
import type { Helpers, SharedProgram } from './threads/helpers.js';
import { importsOf } from './wasm/index.js';

/** A module, made once for a program however often it is compiled. */
interface Code {
  readonly module: WebAssembly.Module;
  /** Kept only where helpers need it. */
  readonly bytes: Uint8Array | null;
  readonly block: ArgumentBlock;
  readonly scratchBytes: number;
}

/** Makes executables for one device. */
export class Executables {
  readonly #device: string;
  readonly #memory: DeviceMemory;
  readonly #features: Features;
  readonly #helpers: Helpers | null;
  readonly #code = new WeakMap<Program, Code>();
  #made = 0;

  constructor(device: string, memory: DeviceMemory, features: Features, helpers: Helpers | null) {
    this.#device = device;
    this.#memory = memory;
    this.#features = features;
    this.#helpers = helpers;
  }

  /** @throws DeviceError where a kernel has no form for this device. */
  make(program: Program): Executable {
    const code = this.#code.get(program) ?? this.#generate(program);
    this.#code.set(program, code);
    return new Executable(code, this.#memory, this.#helpers, this.#made++);
  }

  #generate(program: Program): Code {
    const { linear } = this.#memory;
    const { module, block, scratchBytes, isShared } = programModule(
      program,
      this.#features,
      linear.imported,
      this.#device,
      this.#helpers,
    );
    const bytes = module.bytes();
    return { module: new WebAssembly.Module(bytes), bytes: isShared ? bytes : null, block, scratchBytes };
  }
}

export class Executable {
  readonly block: ArgumentBlock;
  /** Of all threads. */
  readonly scratchBytes: number;
  readonly #run: (block: number, scratch: number) => void;
  readonly #memory: DeviceMemory;
  readonly #helpers: Helpers | null;
  readonly #shared: SharedProgram | null;

  constructor({ module, bytes, block, scratchBytes }: Code, memory: DeviceMemory, helpers: Helpers | null, id: number) {
    this.block = block;
    this.scratchBytes = bytes === null || helpers === null ? scratchBytes : scratchBytes * helpers.threads;
    this.#memory = memory;
    this.#helpers = helpers;
    const instance = new WebAssembly.Instance(module, importsOf(memory.linear.memory));
    this.#run = instance.exports['run'] as (block: number, scratch: number) => void;
    this.#shared = bytes === null ? null : { id, code: this.#publish(bytes), codeBytes: bytes.length, scratchBytes };
  }

  run(block: number, scratch: number): void {
    if (this.#shared !== null) this.#helpers?.post(this.#shared, block, scratch);
    this.#run(block, scratch);
  }

  dispose(): void {
    if (this.#shared === null) return;
    this.#helpers?.withdraw(this.#shared);
    this.#memory.release(this.#shared.code);
  }

  /** Puts the module where helpers find it. */
  #publish(bytes: Uint8Array): number {
    const address = this.#memory.reserve(bytes.length);
    this.#memory.linear.views.u8.set(bytes, address);
    return address;
  }
}

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
    const made = this.#code.get(program) ?? this.#generate(program);
    this.#code.set(program, made);
    const { module, bytes, block, scratchBytes } = made;
    const { linear } = this.#memory;
    const { exports } = new WebAssembly.Instance(module, importsOf(linear.memory));
    const run = exports['run'] as Executable['run'];
    const helpers = this.#helpers;
    if (bytes === null || helpers === null) return { block, scratchBytes, run, dispose() {} };
    // The module lies where helpers find it.
    const code = this.#memory.reserve(bytes.length);
    linear.views.u8.set(bytes, code);
    const shared: SharedProgram = { id: this.#made++, code, codeBytes: bytes.length, scratchBytes };
    return {
      block,
      scratchBytes: scratchBytes * helpers.threads,
      run(at, scratch) {
        helpers.post(shared, at, scratch);
        run(at, scratch);
      },
      dispose: () => {
        helpers.withdraw(shared);
        this.#memory.release(code);
      },
    };
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

/** A program's code, ready to run. */
export interface Executable {
  readonly block: ArgumentBlock;
  /** Of all threads. */
  readonly scratchBytes: number;
  run(block: number, scratch: number): void;
  dispose(): void;
}

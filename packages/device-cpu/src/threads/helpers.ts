/**
 * The helping threads of a device: worker threads in Node, workers in cross-origin-isolated pages. Owns their start, their jobs and their
 * end; what they share is `sharing.ts`, how they speak `control.ts`.
 */
import { nodeProcess } from '../features.js';
import type { LinearMemory } from '../memory/linear-memory.js';
import type { ModuleBuilder } from '../wasm/index.js';
import { control } from './control.js';
import { SharedKernels } from './sharing.js';
import { workerSource } from './worker-source.js';

interface WorkerLike {
  postMessage(message: unknown): void;
  terminate(): unknown;
  unref?(): void;
}

/** A program that helpers can make an instance of: its number and where its code lies in memory. */
export interface SharedProgram {
  readonly id: number;
  readonly code: number;
  readonly codeBytes: number;
  readonly scratchBytes: number;
}

function startWorker(): WorkerLike {
  const threads = nodeProcess()?.getBuiltinModule?.('node:worker_threads');
  if (threads !== undefined) return new threads.Worker(workerSource, { eval: true });
  const url = URL.createObjectURL(new Blob([workerSource], { type: 'text/javascript' }));
  try {
    return new Worker(url);
  } finally {
    URL.revokeObjectURL(url);
  }
}

export class Helpers {
  /** Address of the control block. */
  readonly words: number;
  /** How many in all, the main one among them. */
  readonly threads: number;
  readonly #memory: LinearMemory;
  readonly #workers: readonly WorkerLike[];

  constructor(memory: LinearMemory, words: number, threads: number) {
    this.#memory = memory;
    this.words = words;
    this.threads = threads;
    // A page may not block its main thread.
    memory.views.i32[(words + control.mayBlock) / 4] = nodeProcess() === null ? 0 : 1;
    this.#workers = Array.from({ length: threads - 1 }, (_, i) => {
      const worker = startWorker();
      worker.unref?.();
      worker.postMessage({ memory: memory.memory, words, thread: i + 1 });
      return worker;
    });
  }

  /** For the kernels of a program that is being written. */
  shared(module: ModuleBuilder): SharedKernels {
    return new SharedKernels(module, this.words, this.threads);
  }

  /** Tells the helpers what the main thread is about to run. */
  post({ id, code, codeBytes, scratchBytes }: SharedProgram, block: number, scratch: number): void {
    const words = this.#memory.views.i32;
    const at = (offset: number) => (this.words + offset) / 4;
    const job = at(control.job);
    Atomics.add(words, job, 1);
    words[at(control.program)] = id;
    words[at(control.block)] = block;
    words[at(control.scratch)] = scratch;
    words[at(control.scratchBytes)] = scratchBytes;
    words[at(control.sequenceLow)] = words[at(control.sequence)] ?? 0;
    words[at(control.sequenceHigh)] = words[at(control.sequence) + 1] ?? 0;
    words[at(control.code)] = code;
    words[at(control.codeBytes)] = codeBytes;
    Atomics.add(words, job, 1);
    Atomics.notify(words, job);
  }

  /** Before a program's code is let go: a helper that comes late must not read what lies there then. */
  withdraw({ id }: SharedProgram): void {
    const words = this.#memory.views.i32;
    const at = (offset: number) => (this.words + offset) / 4;
    if (words[at(control.program)] !== id) return;
    Atomics.add(words, at(control.job), 1);
    words[at(control.codeBytes)] = 0;
    Atomics.add(words, at(control.job), 1);
  }

  dispose(): void {
    for (const worker of this.#workers) void worker.terminate();
  }
}

/**
 * Code that shares a kernel between threads: opening it, taking its chunks, waiting for the last one. Owns the Wasm side of the protocol in
 * `control.ts`, and which kernels are worth sharing.
 */
import type { KernelFunction } from '../kernel-function.js';
import {
  call,
  type Callable,
  type FunctionBuilder,
  i32,
  i64,
  type Local,
  type ModuleBuilder,
  type Operand,
  select,
} from '../wasm/index.js';
import { atomic32, atomic64, unreachable, waiting } from './atomics.js';
import { chunkBits, control } from './control.js';

/** A kernel that takes less is done by the main thread alone: waking another costs about as much. */
const worthSharing = 40_000;

/** More than one, so that a thread which the system holds up holds up less. */
const chunksPerThread = 2;

/** Looks at a word before going to sleep. */
const spins = 2000;

const noTimeout = -1n;

/** Calls a kernel on [begin, end) of its extent, with arguments from `block`. */
export type CallPart = (f: FunctionBuilder, block: Local, scratch: Local, begin: Operand, end: Operand) => void;

/** Into how many chunks of how many units a kernel is cut for `threads` threads; one chunk if it is not shared. */
export function chunksOf(kernel: KernelFunction, threads: number): { readonly count: number; readonly size: number } {
  const whole = { count: 1, size: kernel.extent };
  if (threads < 2 || kernel.nanoseconds < worthSharing) return whole;
  const granules = Math.ceil(kernel.extent / kernel.granule);
  const size = Math.ceil(granules / (chunksPerThread * threads)) * kernel.granule;
  const count = Math.ceil(kernel.extent / size);
  return count < 2 ? whole : { count, size };
}

/** `take(block, scratch, sequence)`: does chunks of the kernel opened under `sequence` until there are none, or another is open. */
export function takeChunks(
  module: ModuleBuilder,
  name: string,
  words: number,
  kernel: KernelFunction,
  { count, size }: { readonly count: number; readonly size: number },
  callPart: CallPart,
): Callable {
  const f = module.function(name, { block: 'i32', scratch: 'i32', sequence: 'i64' }, null);
  const { block, scratch, sequence } = f.params;
  f.loop((again) => {
    const claim = f.let('claim', atomic64.atomicLoad(words, control.claim));
    const isOther = i64.ne(i64.shrU(claim, chunkBits), sequence);
    const chunk = f.let('chunk', i32.and(i32.wrapI64(claim), (1 << chunkBits) - 1));
    f.if(i32.or(isOther, i32.geU(chunk, count)), () => f.return());
    const before = atomic64.atomicRmwCmpxchg(words, claim, i64.add(claim, 1n), control.claim);
    f.branchIf(again, i64.ne(before, claim));
    const begin = f.let('begin', i32.mul(chunk, size));
    const next = f.let('next', i32.add(begin, size));
    callPart(f, block, scratch, begin, select(next, kernel.extent, i32.ltU(next, kernel.extent)));
    const earlier = f.let('earlier', atomic32.atomicRmwAdd(words, 1, control.done));
    f.if(i32.eq(earlier, count - 1), () => f.set(earlier, waiting.atomicNotify(words, 1, control.done)));
    f.branch(again);
  });
  return f;
}

/** Opens a kernel, takes chunks of it, and waits for those that others took. Written into the main thread's entry. */
export function emitShared(
  f: FunctionBuilder,
  words: number,
  count: number,
  block: Local,
  scratch: Local,
  take: Callable,
): void {
  const sequence = f.let('sequence', i64.add(i64.load(words, control.sequence), 1n));
  f.do(i64.store(words, sequence, control.sequence));
  f.do(atomic32.atomicStore(words, 0, control.done));
  f.do(atomic64.atomicStore(words, i64.shl(sequence, BigInt(chunkBits)), control.claim));
  f.set(f.local('woken', 'i32'), waiting.atomicNotify(words, -1, control.claim));
  f.do(call(take, block, scratch, sequence));
  const spin = f.let('spin', i32.const(0));
  f.loop((again) => {
    const done = f.let('done', atomic32.atomicLoad(words, control.done));
    f.if(i32.ltU(done, count), () => {
      f.if(atomic32.atomicLoad(words, control.failed), () => f.do(unreachable()));
      f.advance(spin, 1);
      const patience = i32.and(i32.gtU(spin, spins), i32.load(words, control.mayBlock));
      f.if(patience, () => f.set(f.local('slept', 'i32'), waiting.atomicWait32(words, done, 1_000_000n, control.done)));
      f.branch(again);
    });
  });
}

/** `work(block, scratch, sequence)`: the part of a helping thread, for the shared kernels of a program in order. */
export function helperEntry(module: ModuleBuilder, words: number, takes: readonly Callable[]): FunctionBuilder {
  const awaited = awaitOpen(module, words);
  const f = module.function('work', { block: 'i32', scratch: 'i32', low: 'i32', high: 'i32' }, null);
  const { block, scratch, low, high } = f.params;
  const sequence = f.let('sequence', i64.or(i64.extendI32U(low), i64.shl(i64.extendI32U(high), 32n)));
  for (const take of takes) {
    f.set(sequence, i64.add(sequence, 1n));
    f.do(call(awaited, sequence));
    f.do(call(take, block, scratch, sequence));
  }
  return f;
}

/** Returns once the kernel of `sequence`, or a later one, is open. */
function awaitOpen(module: ModuleBuilder, words: number): Callable {
  const f = module.function('await', { sequence: 'i64' }, null);
  const { sequence } = f.params;
  const spin = f.local('spin', 'i32');
  f.loop((again) => {
    const claim = f.let('claim', atomic64.atomicLoad(words, control.claim));
    f.if(i64.ltU(i64.shrU(claim, chunkBits), sequence), () => {
      f.advance(spin, 1);
      f.if(i32.gtU(spin, spins), () =>
        f.set(f.local('slept', 'i32'), waiting.atomicWait64(words, claim, noTimeout, control.claim)),
      );
      f.branch(again);
    });
  });
  return f;
}

/** The kernels of one program that threads share. */
export class SharedKernels {
  readonly #module: ModuleBuilder;
  readonly #words: number;
  readonly #threads: number;
  readonly #takes: Callable[] = [];

  /** @param words the control block of the device's threads. */
  constructor(module: ModuleBuilder, words: number, threads: number) {
    this.#module = module;
    this.#words = words;
    this.#threads = threads;
  }

  /** Writes a kernel that is worth sharing into the main thread's entry; gives false, and writes nothing, if this one is not. */
  share(run: FunctionBuilder<'block' | 'scratch'>, kernel: KernelFunction, callPart: CallPart): boolean {
    const chunks = chunksOf(kernel, this.#threads);
    if (chunks.count === 1) return false;
    const take = takeChunks(this.#module, `${kernel.callee.name} shared`, this.#words, kernel, chunks, callPart);
    emitShared(run, this.#words, chunks.count, run.params.block, run.params.scratch, take);
    this.#takes.push(take);
    return true;
  }

  /** Exports the entry of the helping threads, `work`, if there is any work for them. */
  finish(): boolean {
    if (this.#takes.length === 0) return false;
    this.#module.export('work', helperEntry(this.#module, this.#words, this.#takes));
    return true;
  }
}

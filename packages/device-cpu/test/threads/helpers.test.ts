import { describe, expect, it } from 'vitest';
import type { KernelFunction } from '../../src/kernel-function.js';
import { LinearMemory } from '../../src/memory/linear-memory.js';
import { control, controlBytes } from '../../src/threads/control.js';
import { Helpers, type SharedProgram } from '../../src/threads/helpers.js';
import { chunksOf, emitShared, helperEntry, takeChunks } from '../../src/threads/sharing.js';
import { call, i32, ModuleBuilder } from '../../src/wasm/index.js';

const chunks = { count: 16, size: 1 };

/** A kernel of 16 units: each takes a while, then leaves the scratch address of the thread that did it. */
function signed(memory: LinearMemory, words: number, out: number): Uint8Array<ArrayBuffer> {
  const module = new ModuleBuilder(memory.imported);
  const f = module.function('signed', { scratch: 'i32', begin: 'i32', end: 'i32' }, null);
  const { scratch, begin, end } = f.params;
  f.while(begin, end, 1, () => {
    f.repeat(f.let('busy', i32.const(0)), 300_000, 1, () => {});
    f.do(i32.store(i32.add(out, i32.shl(begin, 2)), scratch));
  });
  const kernel: KernelFunction = {
    callee: f,
    slots: [],
    scalars: [],
    extent: 16,
    granule: 1,
    scratchBytes: 64,
    nanoseconds: 1e6,
  };
  const take = takeChunks(module, 'take', words, kernel, chunks, (into, _, own, from, to) =>
    into.do(call(f, own, from, to)),
  );
  const run = module.function('run', { block: 'i32', scratch: 'i32' }, null);
  emitShared(run, words, chunks.count, run.params.block, run.params.scratch, take);
  module.export('run', run);
  module.export('work', helperEntry(module, words, [take]));
  return module.bytes();
}

describe('helpers', () => {
  it('take chunks with scratch memory of their own, and every chunk is done', async () => {
    const memory = new LinearMemory(1 << 20, true);
    const [words, out] = [memory.allocate(controlBytes), memory.allocate(64)] as [number, number];
    const bytes = signed(memory, words, out);
    const code = memory.allocate(bytes.length) as number;
    memory.views.u8.set(bytes, code);
    const helpers = new Helpers(memory, words, 2);
    const instance = new WebAssembly.Instance(new WebAssembly.Module(bytes), { env: { memory: memory.memory } });
    const run = instance.exports['run'] as (block: number, scratch: number) => void;
    const scratch = 4096;
    const seen = new Set<number>();
    // A helper needs a while to start; a run never waits for it.
    for (let round = 0; round < 2000 && seen.size < 2; round++) {
      memory.views.i32.fill(0, out / 4, out / 4 + 16);
      helpers.post({ id: 0, code, codeBytes: bytes.length, scratchBytes: 64 }, 0, scratch);
      run(0, scratch);
      for (const by of memory.views.i32.subarray(out / 4, out / 4 + 16)) {
        expect([scratch, scratch + 64]).toContain(by);
        seen.add(by);
      }
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    helpers.dispose();
    expect([...seen].sort()).toEqual([scratch, scratch + 64]);
  });
});

describe('a helper that comes late', () => {
  /** A job that was posted before the helper had started; `then` happens before it looks. Whether the helper failed. */
  const late = async (then: (helpers: Helpers, program: SharedProgram) => void): Promise<boolean> => {
    const memory = new LinearMemory(1 << 20, true);
    const [words, code] = [memory.allocate(controlBytes), memory.allocate(64)] as [number, number];
    const helpers = new Helpers(memory, words, 2);
    // What lies at the code's address is no code any more.
    memory.views.u8.fill(7, code, code + 64);
    const program = { id: 0, code, codeBytes: 64, scratchBytes: 0 };
    helpers.post(program, 0, 0);
    then(helpers, program);
    for (let wait = 0; wait < 100 && memory.views.i32[(words + control.failed) / 4] === 0; wait++) {
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    helpers.dispose();
    return memory.views.i32[(words + control.failed) / 4] !== 0;
  };

  it('fails on code that is none', async () => {
    expect(await late(() => {})).toBe(true);
  });

  it('does not look at code that was withdrawn', async () => {
    expect(await late((helpers, program) => helpers.withdraw(program))).toBe(false);
  });
});

describe('chunksOf', () => {
  const kernel = (nanoseconds: number, extent: number, granule: number): KernelFunction => ({
    callee: { name: 'kernel', paramTypes: [], result: null },
    slots: [],
    scalars: [],
    extent,
    granule,
    scratchBytes: 0,
    nanoseconds,
  });

  it.each([
    ['one thread', kernel(1e6, 100, 1), 1, { count: 1, size: 100 }],
    ['a short kernel', kernel(1e3, 100, 1), 2, { count: 1, size: 100 }],
    ['a kernel of one granule', kernel(1e6, 100, 128), 2, { count: 1, size: 100 }],
    ['whole granules', kernel(1e6, 1003, 16), 2, { count: 4, size: 256 }],
    ['fewer granules than chunks', kernel(1e6, 3, 1), 2, { count: 3, size: 1 }],
  ])('%s', (_, of, threads, expected) => {
    expect(chunksOf(of, threads)).toEqual(expected);
  });
});

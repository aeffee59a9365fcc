/** Runs one matmul kernel on host arrays: in one part, or in several as threads would. */
import { setFlagsFromString } from 'node:v8';
import { type DType, dtypeNames, dtypes, type HostArray, type MatmulKernel, type Program } from '@torchlet/device';
import type { KernelFunction, KernelSite } from '../../src/kernel-function.js';
import { emitMatmulKernel, planKernel } from '../../src/matmul/matmul-kernel.js';
import { printPlan } from '../../src/matmul/plan.js';
import { call, f32x4, i32, ModuleBuilder, v128 } from '../../src/wasm/index.js';

setFlagsFromString('--experimental-wasm-relaxed-simd');

/** Whether this engine has relaxed multiply-add. */
export const hasFused = (() => {
  const module = new ModuleBuilder({ initial: 1, maximum: null, shared: false });
  const f = module.function('probe', { pointer: 'i32' }, null);
  const x = f.let('x', v128.load(f.params.pointer));
  f.do(v128.store(f.params.pointer, f32x4.relaxedMadd(x, x, x)));
  return WebAssembly.validate(module.bytes());
})();

export interface RunOptions {
  readonly fma?: boolean;
  /** How many parts the work is cut into. */
  readonly parts?: number;
  /** Runtime scalars, float32. */
  readonly scalars?: readonly number[];
  /** Bytes of an int64 in memory. */
  readonly bytesOfInt64?: 4 | 8;
}

function siteOf(program: Program, { fma = false, bytesOfInt64 = 8 }: RunOptions, pages: number): KernelSite {
  const entries = dtypeNames.map((dtype) => [dtype, dtype === 'int64' ? bytesOfInt64 : dtypes[dtype].bytes]);
  const storedBytes = Object.fromEntries(entries) as Readonly<Record<DType, number>>;
  return {
    module: new ModuleBuilder({ initial: pages, maximum: null, shared: false }),
    program,
    features: { fma, storedBytes },
  };
}

function onlyKernel(program: Program): MatmulKernel {
  const kernel = program.kernels[0];
  if (kernel?.kind !== 'matmul') throw new TypeError(`the first kernel of ${program.name} is no matmul`);
  return kernel;
}

/** The plan on one line. */
export function planOf(program: Program): string {
  return printPlan(planKernel(siteOf(program, {}, 1), onlyKernel(program)).plan);
}

/** How the operands are found. */
export function operandsOf(program: Program): string[] {
  const { left, right } = planKernel(siteOf(program, {}, 1), onlyKernel(program));
  return [left.kind, right.kind];
}

export interface Prepared {
  readonly emitted: KernelFunction;
  /** Bytes of the module. */
  readonly bytes: number;
  readonly memory: WebAssembly.Memory;
  readonly addresses: readonly number[];
  run(begin: number, end: number): void;
}

/** Between the slots, so that a write past the end of one is seen. */
const gap = 4096;

/** The program's one kernel compiled, with the slots' data in its memory. */
export function prepare(program: Program, slots: readonly HostArray[], options: RunOptions = {}): Prepared {
  const kernel = onlyKernel(program);
  const addresses: number[] = [];
  let top = gap;
  for (const data of slots) {
    addresses.push(top);
    top += Math.ceil(data.byteLength / 64) * 64 + gap;
  }
  const { scratchBytes } = emitMatmulKernel(siteOf(program, options, 1), kernel);
  const pages = Math.ceil((top + scratchBytes) / 65536) + 1;
  const site = siteOf(program, options, pages);
  const emitted = emitMatmulKernel(site, kernel);
  const main = site.module.function('main', { begin: 'i32', end: 'i32' }, null);
  const given = emitted.slots.map((slot) => i32.const(addresses[slot] as number));
  const scalars = emitted.scalars.map((slot) => i32.const(8 * slot));
  main.do(call(emitted.callee, ...given, ...scalars, top, main.params.begin, main.params.end));
  site.module.export('main', main);
  const memory = new WebAssembly.Memory({ initial: pages });
  const binary = site.module.bytes();
  const instance = new WebAssembly.Instance(new WebAssembly.Module(binary), { env: { memory } });
  const view = new DataView(memory.buffer);
  options.scalars?.forEach((value, i) => {
    view.setFloat32(8 * i, value, true);
  });
  slots.forEach((data, i) => {
    new Uint8Array(memory.buffer).set(
      new Uint8Array(data.buffer, data.byteOffset, data.byteLength),
      addresses[i] as number,
    );
  });
  const run = instance.exports['main'] as (begin: number, end: number) => void;
  return { emitted, bytes: binary.length, memory, addresses, run };
}

/** The slots' contents after the kernel ran. */
export function runMatmul(program: Program, slots: readonly HostArray[], options: RunOptions = {}): HostArray[] {
  const { emitted, memory, addresses, run } = prepare(program, slots, options);
  const parts = options.parts ?? 1;
  const size = Math.max(Math.ceil(emitted.extent / parts / emitted.granule) * emitted.granule, 1);
  for (let begin = 0; begin < emitted.extent; begin += size) run(begin, Math.min(begin + size, emitted.extent));
  return slots.map((data, i) => {
    const start = addresses[i] as number;
    const end = start + data.byteLength;
    if (new Uint8Array(memory.buffer, end, 64).some((byte) => byte !== 0))
      throw new RangeError(`slot ${i} was written past its end`);
    const after = data.slice() as HostArray;
    new Uint8Array(after.buffer).set(new Uint8Array(memory.buffer, start, data.byteLength));
    return after;
  });
}

/** Runs one matmul kernel on host arrays: in one part, or in several as threads would, in the order asked for. */
import { setFlagsFromString } from 'node:v8';
import { type DType, dtypeNames, dtypes, type HostArray, type MatmulKernel, type Program } from '@torchlet/device';
import type { KernelFunction, KernelSite } from '../../src/kernel-function.js';
import { emitMatmulKernel, planKernel } from '../../src/matmul/matmul-kernel.js';
import { printPlan } from '../../src/matmul/plan.js';
import { call, ModuleBuilder } from '../../src/wasm/index.js';

setFlagsFromString('--experimental-wasm-relaxed-simd');

const storedBytes = Object.fromEntries(dtypeNames.map((dtype) => [dtype, dtypes[dtype].bytes])) as Readonly<
  Record<DType, number>
>;

export interface SlotData {
  readonly dtype: DType;
  readonly data: HostArray;
}

function siteOf(kernel: MatmulKernel, slots: readonly SlotData[], fma: boolean, pages: number): KernelSite {
  const program: Program = {
    name: 'test',
    slots: slots.map(({ dtype, data }, i) => ({
      kind: 'buffer',
      dtype,
      size: data.length,
      index: i,
      access: 'readwrite',
    })),
    scalars: [],
    kernels: [kernel],
    arena: [],
  };
  return {
    module: new ModuleBuilder({ initial: pages, maximum: null, shared: false }),
    program,
    features: { fma, storedBytes },
  };
}

/** The plan on one line. */
export function planOf(kernel: MatmulKernel, slots: readonly SlotData[]): string {
  return printPlan(planKernel(siteOf(kernel, slots, false, 1), kernel).plan);
}

export interface Prepared {
  readonly emitted: KernelFunction;
  readonly bytes: number;
  readonly memory: WebAssembly.Memory;
  readonly addresses: readonly number[];
  run(begin: number, end: number): void;
}

const guard = 4096;

/** The kernel compiled, with the slots' data in its memory, 4 KiB apart. */
export function prepare(kernel: MatmulKernel, slots: readonly SlotData[], fma: boolean): Prepared {
  const addresses: number[] = [];
  let top = guard;
  for (const { data } of slots) {
    addresses.push(top);
    top += Math.ceil(data.byteLength / 64) * 64 + guard;
  }
  const draft = emitMatmulKernel(siteOf(kernel, slots, fma, 1), kernel);
  const pages = Math.ceil((top + draft.scratchBytes) / 65536) + 1;
  const site = siteOf(kernel, slots, fma, pages);
  const emitted = emitMatmulKernel(site, kernel);
  const main = site.module.function('main', { begin: 'i32', end: 'i32' }, null);
  const given = emitted.slots.map((slot) => addresses[slot] as number);
  main.do(call(emitted.callee, ...given, 0, top, main.params.begin, main.params.end));
  site.module.export('main', main);
  const memory = new WebAssembly.Memory({ initial: pages });
  const binary = site.module.bytes();
  const instance = new WebAssembly.Instance(new WebAssembly.Module(binary), { env: { memory } });
  slots.forEach(({ dtype, data }, i) => {
    (dtypes[dtype].array(memory.buffer, addresses[i] as number, data.length) as Float32Array).set(data as Float32Array);
  });
  const run = instance.exports['main'] as (begin: number, end: number) => void;
  return { emitted, bytes: binary.length, memory, addresses, run };
}

/** The slots' contents after the kernel ran. The memory around them must be untouched. */
export function runMatmul(
  kernel: MatmulKernel,
  slots: readonly SlotData[],
  { fma = false, parts = 1 } = {},
): HostArray[] {
  const { emitted, memory, addresses, run } = prepare(kernel, slots, fma);
  const size = Math.max(Math.ceil(emitted.extent / parts / emitted.granule) * emitted.granule, 1);
  for (let begin = 0; begin < emitted.extent; begin += size) run(begin, Math.min(begin + size, emitted.extent));
  const everything = new Uint8Array(memory.buffer);
  return slots.map(({ dtype, data }, i) => {
    const at = addresses[i] as number;
    const after = Math.ceil((at + data.byteLength) / 1);
    if (everything.subarray(after, after + 64).some((byte) => byte !== 0))
      throw new Error(`slot ${i} was written past its end`);
    return dtypes[dtype].array(memory.buffer.slice(at, at + data.byteLength), 0, data.length);
  });
}

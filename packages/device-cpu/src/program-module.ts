/**
 * A program as one Wasm module with one entry, `run(arguments, scratch)`: it calls each kernel with the addresses that stand in the
 * argument block, so the code serves any buffers. Owns the block's layout and the order of calls; kernels come from `loop/` and `matmul/`.
 */
import { DeviceError, type Kernel, type Program } from '@torchlet/device';
import { CodeOfForms } from '@torchlet/device/analysis';
import type { Features, KernelFunction, KernelSite } from './kernel-function.js';
import { emitLoopKernel } from './loop/loop-kernel.js';
import { emitScatterKernel } from './loop/scatter-kernel.js';
import { emitMatmulKernel } from './matmul/matmul-kernel.js';
import { lineBytes } from './memory/allocator.js';
import type { Helpers } from './threads/helpers.js';
import type { CallPart } from './threads/sharing.js';
import { call, i32, type MemoryImport, ModuleBuilder } from './wasm/index.js';

/** Where things stand in the argument block: slot addresses of 4 bytes, then scalars of 8. */
export interface ArgumentBlock {
  readonly scalars: number;
  readonly bytes: number;
}

export interface ProgramModule {
  readonly module: ModuleBuilder;
  readonly block: ArgumentBlock;
  /** Of each thread. */
  readonly scratchBytes: number;
  /** Whether helping threads take part: then there is a second entry, `work`. */
  readonly isShared: boolean;
}

function argumentBlock(program: Program): ArgumentBlock {
  const scalars = Math.ceil((program.slots.length * 4) / 8) * 8;
  return { scalars, bytes: scalars + program.scalars.length * 8 };
}

function emitKernel(site: KernelSite, kernel: Kernel, device: string): KernelFunction {
  switch (kernel.kind) {
    case 'loop':
      return emitLoopKernel(site, kernel);
    case 'matmul':
      return emitMatmulKernel(site, kernel);
    case 'scatter':
      return emitScatterKernel(site, kernel);
    case 'custom': {
      const given = Object.keys(kernel.sources).join(', ') || 'none';
      throw new DeviceError(
        `${device}: custom kernel ${kernel.name} has no form that this device runs; it has sources for: ${given}`,
        {
          device,
          program: site.program.name,
          kernel: kernel.name,
        },
      );
    }
    default: {
      const never: never = kernel;
      return never;
    }
  }
}

/** @param helpers the device's other threads, if it has any. */
export function programModule(
  program: Program,
  features: Features,
  memory: MemoryImport,
  device: string,
  helpers: Helpers | null,
): ProgramModule {
  const module = new ModuleBuilder(memory);
  const site: KernelSite = { module, program, features };
  const block = argumentBlock(program);
  const functions = new CodeOfForms<KernelFunction>(program.slots, (made, slot, scalar) => ({
    ...made,
    slots: made.slots.map(slot),
    scalars: made.scalars.map(scalar),
  }));
  const kernels = program.kernels.map((kernel) => functions.of(kernel, () => emitKernel(site, kernel, device)));
  const run = module.function('run', { block: 'i32', scratch: 'i32' }, null);
  const shared = helpers?.shared(module);
  for (const kernel of kernels) {
    const part: CallPart = (f, at, scratch, begin, end) => {
      const addresses = kernel.slots.map((slot) => i32.load(at, 4 * slot));
      const scalars = kernel.scalars.map((slot) => i32.add(at, block.scalars + 8 * slot));
      f.do(call(kernel.callee, ...addresses, ...scalars, scratch, begin, end));
    };
    if (!shared?.share(run, kernel, part)) part(run, run.params.block, run.params.scratch, 0, kernel.extent);
  }
  module.export('run', run);
  const scratchBytes = Math.max(0, ...kernels.map((kernel) => Math.ceil(kernel.scratchBytes / lineBytes) * lineBytes));
  return { module, block, scratchBytes, isShared: shared?.finish() ?? false };
}

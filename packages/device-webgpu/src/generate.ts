/**
 * A program as dispatches: each kernel as one or more WGSL modules, with the slots they bind. Pure: it needs no adapter, so tests print what it makes. Owns the
 * order and the names in errors; kernels come from `kernels/`, running them is `runtime/`.
 */
import {
  type Capabilities,
  DeviceError,
  type Expression,
  type Kernel,
  type LoopKernel,
  type MatmulKernel,
  type Program,
  type Slot,
} from '@torchlet/device';
import { CodeOfForms } from '@torchlet/device/analysis';
import { threadKernel } from './kernels/loop-kernel.js';
import { registerMatmul } from './kernels/register-matmul.js';
import { rowKernel } from './kernels/row-kernel.js';
import { scatterKernel } from './kernels/scatter-kernel.js';
import { splitLoopKernel } from './kernels/split.js';
import { matmulParts, splitMatmul } from './kernels/split-matmul.js';
import { strategyOf } from './kernels/strategy.js';
import { product } from './kernels/threads.js';
import { isWorthTiling, tiledMatmul } from './kernels/tiled-matmul.js';
import type { KernelCode, KernelSite, Target } from './wgsl/kernel-module.js';
import { dtypeRows } from './wgsl/kinds.js';

/** One dispatch and the kernel of the program that it belongs to. */
export interface Dispatch extends KernelCode {
  readonly kernel: number;
}

export interface Generated {
  readonly dispatches: readonly Dispatch[];
  /** The program's slots, then those of scratch memory. */
  readonly slots: readonly Slot[];
  /** Bytes of scratch memory that the kernel with the most needs. */
  readonly scratchBytes: number;
}

/** @throws DeviceError that names the kernel which cannot be generated. */
export function generate(device: string, program: Program, capabilities: Capabilities, target: Target): Generated {
  const slots: Slot[] = [...program.slots];
  const site: KernelSite = { slots, scalars: program.scalars, target };
  const forms = new CodeOfForms<readonly KernelCode[]>(program.slots, (codes, slot, scalar) =>
    codes.map(({ bindings, scalars, ...code }) => ({
      ...code,
      bindings: bindings.map((binding) => ({ ...binding, slot: slot(binding.slot) })),
      scalars: scalars.map(scalar),
    })),
  );
  const dispatches = program.kernels.flatMap((kernel, i) => {
    try {
      const codes = forms.of(kernel, () => codesOf(kernel, site, slots, capabilities.alignment));
      return codes.filter(({ groups }) => groups[0] > 0).map((code): Dispatch => ({ ...code, kernel: i }));
    } catch (cause) {
      if (cause instanceof DeviceError) throw cause;
      const problem = cause instanceof Error ? cause.message : String(cause);
      throw new DeviceError(`${device}: program ${program.name}, kernel ${kernel.name}: ${problem}`, {
        device,
        program: program.name,
        kernel: kernel.name,
        cause,
      });
    }
  });
  const scratchBytes = Math.max(0, ...slots.slice(program.slots.length).map(endOf));
  return { dispatches, slots, scratchBytes };
}

function endOf(slot: Slot): number {
  return slot.kind === 'arena' ? slot.offset + slot.size * dtypeRows[slot.dtype].storedBytes : 0;
}

function codesOf(kernel: Kernel, site: KernelSite, slots: Slot[], alignment: number): KernelCode[] {
  switch (kernel.kind) {
    case 'loop':
      return loopCodes(kernel, site, slots, alignment);
    case 'matmul':
      return matmulCodes(kernel, site, slots, alignment);
    case 'scatter':
      return [scatterKernel(site, kernel)];
    case 'custom': {
      const given = Object.keys(kernel.sources).join(', ') || 'none';
      throw new Error(`a custom kernel has no form that this device runs; it has sources for: ${given}`);
    }
    default: {
      const never: never = kernel;
      return never;
    }
  }
}

function loopCodes(kernel: LoopKernel, site: KernelSite, slots: Slot[], alignment: number): KernelCode[] {
  const strategy = strategyOf(kernel, site.target);
  switch (strategy) {
    case 'thread':
      return [threadKernel(site, kernel)];
    case 'row':
      return [rowKernel(site, kernel)];
    case 'split': {
      const { kernels, scratch } = splitLoopKernel(kernel, slots.length, alignment, !site.target.sharing);
      slots.push(...scratch);
      return kernels.map((piece) =>
        strategyOf(piece, site.target) === 'row' ? rowKernel(site, piece) : threadKernel(site, piece),
      );
    }
    default: {
      const never: never = strategy;
      return never;
    }
  }
}

function matmulCodes(kernel: MatmulKernel, site: KernelSite, slots: Slot[], alignment: number): KernelCode[] {
  if (product([...kernel.batch, kernel.m, kernel.n]) === 0) return [];
  // Vectors of bool have no products; few ask for them.
  if (kernel.dtype === 'bool') return loopCodes(productAsLoop(kernel), site, slots, alignment);
  const parts = matmulParts(kernel, site.target.sharing);
  if (parts === 1) return [productCode(site, kernel)];
  const { product: inParts, join, scratch } = splitMatmul(kernel, parts, slots.length, alignment);
  slots.push(...scratch);
  return [productCode(site, inParts), ...loopCodes(join, site, slots, alignment)];
}

function productAsLoop({ name, batch, m, n, k, a, b, dtype, result, stores }: MatmulKernel): LoopKernel {
  const of: Expression = { kind: 'apply', dtype, fn: 'mul', args: [a, b] };
  return {
    kind: 'loop',
    name,
    axes: [...batch, m, n],
    phases: [
      { lengths: [k], reductions: [{ id: result, combine: 'sum', dtype, of }], stores: [] },
      { lengths: [], reductions: [], stores },
    ],
  };
}

function productCode(site: KernelSite, kernel: MatmulKernel): KernelCode {
  return site.target.sharing && isWorthTiling(kernel) ? tiledMatmul(site, kernel) : registerMatmul(site, kernel);
}

/**
 * A program as one PTX module and the steps that run it. Pure: it needs no card, so tests print what it makes. Owns the order and the names in errors;
 * kernels come from `kernels/`, running them is `runtime/`.
 */
import {
  type Capabilities,
  DeviceError,
  type Expression,
  type Kernel,
  type LoopKernel,
  type MatmulKernel,
  type Program,
} from '@torchlet/device';
import { CodeOfForms } from '@torchlet/device/analysis';
import type { Argument, Generated, Launch, Step, Target } from './generated.js';
import { loopKernel } from './kernels/loop-kernel.js';
import { productKernels } from './kernels/product-kernels.js';
import { scatterKernel } from './kernels/scatter-kernel.js';
import { KernelSite } from './kernels/site.js';
import { splitLoopKernel } from './kernels/split.js';
import { strategyOf } from './kernels/strategy.js';
import { product } from './kernels/threads.js';
import { isClaimed, libraries, movingSlots } from './libraries/claimed.js';
import { convolutionByLibrary } from './libraries/convolution-step.js';
import type { LibraryPlans } from './libraries/library-step.js';
import { productByLibrary } from './libraries/product-step.js';
import { type KernelCode, PtxModule } from './ptx/module.js';

/** How a kernel is given to the library that it was claimed for. */
const ways = { [libraries.products]: productByLibrary, [libraries.convolutions]: convolutionByLibrary } as const;

/**
 * @param library asked for the products and convolutions that were claimed; without it all are generated.
 * @throws DeviceError that names the kernel which cannot be generated.
 */
export function generate(
  device: string,
  program: Program,
  capabilities: Capabilities,
  target: Target,
  library: LibraryPlans | null = null,
): Generated {
  const site = new KernelSite(program.slots, program.scalars, target, capabilities.alignment);
  const module = new PtxModule();
  const forms = new CodeOfForms<readonly Launch[]>(program.slots, (launches, slot, scalar) =>
    launches.map((launch) => ({ ...launch, arguments: launch.arguments.map((of) => standingFor(of, slot, scalar)) })),
  );
  const moving = library === null ? new Set<number>() : movingSlots(program);
  const steps = program.kernels.flatMap((kernel, i): Step[] => {
    site.nextKernel();
    try {
      const made = library === null || !isClaimed(kernel) ? null : ways[kernel.claim](kernel, site, library, moving);
      if (made === null) {
        const launches = forms.of(kernel, () => codesOf(kernel, site).map((code) => module.add(code, i)));
        return launches.map((launch) => ({ ...launch, kernel: i }));
      }
      const rest = made.rest === null ? [] : loopCodes(made.rest, site);
      return [{ ...made.step, kernel: i }, ...rest.map((code) => module.add(code, i))];
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
  return { ptx: module.text(), steps, scratchBytes: site.scratchBytes };
}

function standingFor(argument: Argument, slot: (of: number) => number, scalar: (of: number) => number): Argument {
  switch (argument.kind) {
    case 'slot':
      return { kind: 'slot', slot: slot(argument.slot) };
    case 'scalar':
      return { kind: 'scalar', slot: scalar(argument.slot) };
    case 'scratch':
      return argument;
    default: {
      const never: never = argument;
      return never;
    }
  }
}

function codesOf(kernel: Kernel, site: KernelSite): KernelCode[] {
  switch (kernel.kind) {
    case 'loop':
      return loopCodes(kernel, site);
    case 'matmul':
      return matmulCodes(kernel, site);
    case 'scatter':
      return product(kernel.axes) * kernel.length === 0 ? [] : [scatterKernel(site, kernel)];
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

function loopCodes(kernel: LoopKernel, site: KernelSite): KernelCode[] {
  if (product(kernel.axes) === 0) return [];
  const strategy = strategyOf(kernel, site);
  switch (strategy.kind) {
    case 'shared':
      return [loopKernel(site, kernel, strategy.sharing, strategy.lanes, strategy.laneAxis)];
    case 'split':
      return splitLoopKernel(kernel, site).flatMap((piece) => loopCodes(piece, site));
    default: {
      const never: never = strategy;
      return never;
    }
  }
}

/** By tiles where they pay, in parts side by side where they are few; else as the loop that it is. */
function matmulCodes(kernel: MatmulKernel, site: KernelSite): KernelCode[] {
  const tiled = productKernels(kernel, site);
  if (tiled === null) return loopCodes(productAsLoop(kernel), site);
  return [tiled.code, ...(tiled.join === null ? [] : loopCodes(tiled.join, site))];
}

/** A product of any dtype and operands: every element of the result is a sum of its own. */
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

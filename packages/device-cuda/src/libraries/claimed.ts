/**
 * Which kernels of a program a library was claimed for, and which of their results lie elsewhere at each run. Owns these questions; what such a kernel becomes is
 * `product-step.ts` and `convolution-step.ts`.
 */
import {
  type Kernel,
  kernelSlots,
  loadsIn,
  type MatmulKernel,
  type Program,
  type Slot,
  storeParts,
} from '@torchlet/device';
import { storedBytes } from '../ptx/dtypes.js';

/** By what they are claimed for. */
export const libraries = { products: 'cuBLASLt', convolutions: 'cuDNN' } as const;

export type LibraryName = (typeof libraries)[keyof typeof libraries];

/** A program of so few gains nothing by being a graph. */
const fewKernels = 4;
/** Larger results, in bytes, are not worth the memory of a second one: their programs run long enough to be submitted step by step. */
const mostBytes = 2 ** 22;

export function isClaimed(kernel: Kernel): kernel is MatmulKernel & { readonly claim: LibraryName } {
  return kernel.kind === 'matmul' && Object.values<string | null>(libraries).includes(kernel.claim);
}

/**
 * Outside buffers, not too large, that a claimed product is the first to touch, without reading them: results that whoever runs the program gives other memory
 * each time. What is read before it is written is a parameter, which stays where it is.
 */
export function movingSlots({ kernels, slots }: Program): Set<number> {
  const moving = new Set<number>();
  const touched = new Set<number>();
  if (kernels.length <= fewKernels) return moving;
  for (const kernel of kernels) {
    if (isClaimed(kernel)) {
      for (const { slot } of loadsIn([kernel.a, kernel.b, ...storeParts(kernel.stores)])) touched.add(slot);
      for (const { slot } of kernel.stores) if (isSmall(slots[slot]) && !touched.has(slot)) moving.add(slot);
    }
    for (const slot of kernelSlots(kernel)) touched.add(slot);
  }
  return moving;
}

function isSmall(slot: Slot | undefined): boolean {
  return slot?.kind === 'buffer' && slot.size * storedBytes(slot.dtype) <= mostBytes;
}

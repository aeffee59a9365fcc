/**
 * A product of the kernel language as a convolution that cuDNN is asked for: which claims are made, and the step of a program. Owns that translation; what is a
 * convolution is `convolution.ts`, and where its result goes `library-step.ts`.
 */
import { type Expression, isFloat, type MatmulCandidate, type MatmulKernel, type Store } from '@torchlet/device';
import type { ConvolutionStep, LibraryConvolution, StepOperand } from '../generated.js';
import type { KernelSite } from '../kernels/site.js';
import { product } from '../kernels/threads.js';
import { storedBytes } from '../ptx/dtypes.js';
import { libraries } from './claimed.js';
import { adjointOf } from './adjoint.js';
import { convolutionOf, type Recognised } from './convolution.js';
import { epilogueOf } from './epilogue.js';
import { spanOf } from './tensors.js';
import { alignmentOf, type ByLibrary, byLibrary, type LibraryPlans } from './library-step.js';

/** What the fastest kernels of the library ask of every tensor, in bytes. */
const tensorAlignment = 16;

/** Whether the product of `candidate` is a convolution, should its result lie as the library likes it. */
export function takesConvolution(candidate: MatmulCandidate): boolean {
  return recognise(candidate, null) !== null;
}

/** A factor is all that the library does behind a convolution in the same pass and without rounding twice. */
export function takesFactor({ dtype }: MatmulCandidate, value: Expression, result: number): boolean {
  return factorOf(value, result, dtype) !== null;
}

/** The kernel by the library; null where the library does not do it. */
export function convolutionByLibrary(
  kernel: MatmulKernel,
  site: KernelSite,
  library: LibraryPlans,
  moving: ReadonlySet<number>,
): ByLibrary | null {
  const natural = recognise(kernel, null);
  if (natural === null) return null;
  const value: Expression = { kind: 'result', dtype: kernel.dtype, id: kernel.result };
  return byLibrary(kernel, site, moving, {
    alone: { slot: -1, index: natural.index, value, mask: null },
    takes: (store) => store.mask === null && recognise(kernel, store.index) !== null,
    step: (given, store) => stepFor(given, store, site, library),
  });
}

function recognise(candidate: MatmulCandidate, result: Expression | null): Recognised | null {
  const { dtype, batch, m, n, k, a, b } = candidate;
  const isOf = (read: Expression) => read.kind === 'load' && read.dtype === dtype;
  if (!isFloat(dtype) || product([...batch, m, n, k]) === 0 || !isOf(a) || !isOf(b)) return null;
  return convolutionOf(candidate, result) ?? adjointOf(candidate, result);
}

function factorOf(value: Expression, result: number, dtype: MatmulKernel['dtype']): number | null {
  const epilogue = epilogueOf(value, result, dtype);
  return epilogue === null || epilogue.addend !== null ? null : epilogue.alpha;
}

function stepFor(kernel: MatmulKernel, store: Store, site: KernelSite, library: LibraryPlans): ConvolutionStep | null {
  const { dtype, result } = kernel;
  const alpha = factorOf(store.value, result, dtype);
  const made = alpha === null || store.mask !== null ? null : recognise(kernel, store.index);
  if (alpha === null || made === null) return null;
  const [image, other] = made.image === 'a' ? [kernel.a, kernel.b] : [kernel.b, kernel.a];
  if (image.kind !== 'load' || other.kind !== 'load') return null;
  // A dim may be told longer than what windows read of it.
  const { computes, image: whole, output } = made.convolution;
  const held = site.slots[image.slot]?.size ?? 0;
  if (made.imageOffset + spanOf(computes === 'image' ? output : whole) > held) return null;
  const width = storedBytes(dtype);
  const operands = [
    { slot: image.slot, offset: made.imageOffset },
    { slot: other.slot, offset: made.otherOffset },
    { slot: store.slot, offset: made.resultOffset },
  ].map(({ slot, offset }): StepOperand => ({ argument: site.argumentOf(slot), offset: offset * width }));
  if (operands.some(({ offset }) => offset < 0 || alignmentOf(offset) < tensorAlignment)) return null;
  const precision = kernel.precision ?? site.target.matmulPrecision;
  const convolution: LibraryConvolution = { ...made.convolution, dtype, precision, alpha };
  const plan = library.planConvolution(convolution);
  return plan === null
    ? null
    : { kind: 'convolution', kernel: -1, library: libraries.convolutions, plan, convolution, operands };
}

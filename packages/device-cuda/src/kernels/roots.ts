/** What kernels compute: the expressions of their phases and stores, the slots they write, the lengths of their axes. Owns these questions. */
import { type Expression, type LoopKernel, type Phase, type Store, storeParts } from '@torchlet/device';

export function phaseRoots({ reductions, stores }: Phase): Expression[] {
  return [...reductions.map(({ of }) => of), ...storeParts(stores)];
}

export function writtenSlots(stores: readonly Store[]): Set<number> {
  return new Set(stores.map(({ slot }) => slot));
}

export function loopRoots(kernel: LoopKernel): Expression[] {
  return kernel.phases.flatMap(phaseRoots);
}

export function loopWritten(kernel: LoopKernel): Set<number> {
  return writtenSlots(kernel.phases.flatMap(({ stores }) => stores));
}

/** Lengths of the axes by number: inner axes differ from phase to phase, and the longest stands for all. */
export function axisLengths(kernel: LoopKernel): number[] {
  const inner = Math.max(0, ...kernel.phases.map(({ lengths }) => lengths.length));
  return [
    ...kernel.axes,
    ...Array.from({ length: inner }, (_, i) => Math.max(1, ...kernel.phases.map(({ lengths }) => lengths[i] ?? 1))),
  ];
}

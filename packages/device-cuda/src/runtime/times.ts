/** The time stamps of a profile as kernels' times. Owns the sum alone. */
import type { KernelTime } from '@torchlet/device';
import type { CudaCompiled } from './compiled.js';

/**
 * Adds up what the addon measured.
 *
 * @param stamps program, step and milliseconds, one after the other. @param find the program of a number; one that is gone is left out.
 */
export function kernelTimes(stamps: Float64Array, find: (program: number) => CudaCompiled | undefined): KernelTime[] {
  const sums = new Map<string, KernelTime>();
  for (let i = 0; i + 2 < stamps.length; i += 3) {
    const [program = 0, step = 0, milliseconds = 0] = stamps.subarray(i, i + 3);
    const compiled = find(program);
    const kernel = compiled?.kernelNames(step)[0];
    if (compiled === undefined || kernel === undefined) continue;
    const key = `${program} ${kernel}`;
    const sum = sums.get(key);
    sums.set(key, {
      program: compiled.program.name,
      kernel,
      // A kernel may be several steps, of which the first counts its runs.
      runs: (sum?.runs ?? 0) + (compiled.isFirstOf(step) ? 1 : 0),
      milliseconds: (sum?.milliseconds ?? 0) + milliseconds,
    });
  }
  return [...sums.values()];
}

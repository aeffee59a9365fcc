/** Checks of indices whose values the host knows: what a device could only answer with NaN is an error at the user's line. */
import type { Tensor } from '@torchlet/tensor';

/**
 * @param ignored a value that is allowed beside [0, bound).
 * @returns whether the values were on the host, and so are known to be in range.
 * @throws RangeError that names the first index outside.
 */
export function checkHostIndices(op: string, indices: Tensor, bound: number, ignored: number | null): boolean {
  const { source } = indices.node;
  if (source === null || source.kind !== 'host' || source.data === null) return false;
  for (const raw of source.data) {
    const index = Number(raw);
    if ((index < 0 || index >= bound) && index !== ignored) {
      throw new RangeError(`${op}: expected indices in [0, ${bound}), got ${index}`);
    }
  }
  return true;
}

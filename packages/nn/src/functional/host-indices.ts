/** Checks of indices whose values the host knows: what a device could only answer with NaN is an error at the user's line. */
import type { Tensor } from '@torchlet/tensor';

/** What the host knows of indices: nothing, that all are in range, or that some are the ignored value and the rest are in range. */
export type HostKnowledge = 'nothing' | 'all in range' | 'some ignored';

/**
 * @param ignored a value that is allowed beside [0, bound).
 * @throws RangeError that names the first index outside.
 */
export function checkHostIndices(op: string, indices: Tensor, bound: number, ignored: number | null): HostKnowledge {
  const { source } = indices.node;
  if (source === null || source.kind !== 'host' || source.data === null) return 'nothing';
  const { data } = source;
  let some = false;
  for (let i = 0; i < data.length; i++) {
    const index = Number(data[i]);
    if (index === ignored) some = true;
    else if (!(index >= 0 && index < bound))
      throw new RangeError(`${op}: expected indices in [0, ${bound}), got ${index}`);
  }
  return some ? 'some ignored' : 'all in range';
}

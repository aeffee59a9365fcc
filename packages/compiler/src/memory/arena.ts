/**
 * The arena: where intermediates lie. Owns their addresses (segment, offset) by liveness: first fit among the holes that are free while a value
 * lives, segments no larger than a device's buffers and bindings. When values live, the caller says.
 */

/** A value that is in memory from kernel `first` to kernel `last`, both included. */
export interface Lifetime {
  readonly bytes: number;
  readonly first: number;
  readonly last: number;
}

export interface ArenaPlan {
  /** Per lifetime, in the order given. */
  readonly addresses: readonly { readonly segment: number; readonly offset: number }[];
  /** Bytes of each segment. */
  readonly segments: readonly number[];
}

interface Hole {
  offset: number;
  bytes: number;
}

interface Segment {
  bytes: number;
  /** Free parts below `bytes`, by offset, never adjacent. */
  readonly holes: Hole[];
}

/**
 * Places every lifetime.
 *
 * @throws RangeError if one is larger than `segmentBytes`.
 */
export function planArena(lifetimes: readonly Lifetime[], alignment: number, segmentBytes: number): ArenaPlan {
  const segments: Segment[] = [];
  const addresses = new Array<{ segment: number; offset: number }>(lifetimes.length);
  const order = lifetimes
    .map((_, i) => i)
    .sort((a, b) => at(a).first - at(b).first || at(b).bytes - at(a).bytes || a - b);
  const ending = [...order].sort((a, b) => at(a).last - at(b).last);
  let ended = 0;
  function at(i: number): Lifetime {
    return lifetimes[i] as Lifetime;
  }
  for (const i of order) {
    for (; ended < ending.length && at(ending[ended] as number).last < at(i).first; ended++) {
      const done = ending[ended] as number;
      const { segment, offset } = addresses[done] as { segment: number; offset: number };
      release((segments[segment] as Segment).holes, offset, aligned(at(done).bytes, alignment));
    }
    addresses[i] = take(segments, aligned(at(i).bytes, alignment), segmentBytes);
  }
  return { addresses, segments: segments.map(({ bytes }) => bytes) };
}

function aligned(bytes: number, alignment: number): number {
  return Math.max(1, Math.ceil(bytes / alignment)) * alignment;
}

/** The smallest hole that is large enough; else more of a segment, else a new one. */
function take(segments: Segment[], bytes: number, limit: number): { segment: number; offset: number } {
  if (bytes > limit) {
    throw new RangeError(
      `compiler: an intermediate of ${bytes} bytes is larger than this device's largest buffer (${limit} bytes)`,
    );
  }
  let best: { segment: number; hole: number; bytes: number } | null = null;
  segments.forEach(({ holes }, segment) => {
    holes.forEach((hole, index) => {
      if (hole.bytes >= bytes && (best === null || hole.bytes < best.bytes))
        best = { segment, hole: index, bytes: hole.bytes };
    });
  });
  if (best !== null) {
    const { segment, hole: index } = best as { segment: number; hole: number };
    const { holes } = segments[segment] as Segment;
    const hole = holes[index] as Hole;
    const { offset } = hole;
    hole.offset += bytes;
    hole.bytes -= bytes;
    if (hole.bytes === 0) holes.splice(index, 1);
    return { segment, offset };
  }
  for (let segment = 0; segment < segments.length; segment++) {
    const known = segments[segment] as Segment;
    const tail = known.holes.at(-1);
    const offset = tail !== undefined && tail.offset + tail.bytes === known.bytes ? tail.offset : known.bytes;
    if (offset + bytes > limit) continue;
    if (offset < known.bytes) known.holes.pop();
    known.bytes = offset + bytes;
    return { segment, offset };
  }
  segments.push({ bytes, holes: [] });
  return { segment: segments.length - 1, offset: 0 };
}

/** Gives a part back, and joins it with the holes beside it. */
function release(holes: Hole[], offset: number, bytes: number): void {
  let low = 0;
  let high = holes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((holes[middle] as Hole).offset < offset) low = middle + 1;
    else high = middle;
  }
  const before = holes[low - 1];
  const after = holes[low];
  const joinsBefore = before !== undefined && before.offset + before.bytes === offset;
  const joinsAfter = after !== undefined && offset + bytes === after.offset;
  if (joinsBefore) {
    before.bytes += bytes + (joinsAfter ? after.bytes : 0);
    if (joinsAfter) holes.splice(low, 1);
    return;
  }
  if (joinsAfter) {
    after.offset = offset;
    after.bytes += bytes;
    return;
  }
  holes.splice(low, 0, { offset, bytes });
}

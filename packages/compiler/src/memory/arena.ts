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

interface Segment {
  /** The most that was ever in use. */
  bytes: number;
  /** What lives, by offset. */
  live: readonly Placed[];
}

interface Placed {
  readonly offset: number;
  readonly end: number;
  readonly last: number;
}

/** Places every lifetime. One that is larger than `segmentBytes` has a segment of its own, which the device refuses by program and kernel. */
export function planArena(lifetimes: readonly Lifetime[], alignment: number, segmentBytes: number): ArenaPlan {
  const segments: Segment[] = [];
  const addresses = new Array<ArenaPlan['addresses'][number]>(lifetimes.length);
  const order = lifetimes.map((lifetime, i) => ({ ...lifetime, i }));
  order.sort((a, b) => a.first - b.first || b.bytes - a.bytes || a.i - b.i);
  for (const { i, bytes, first, last } of order) {
    const size = Math.max(1, Math.ceil(bytes / alignment)) * alignment;
    for (const segment of segments) segment.live = segment.live.filter((placed) => placed.last >= first);
    const { segment, offset } = roomFor(size, segments, segmentBytes);
    const end = offset + size;
    segment.bytes = Math.max(segment.bytes, end);
    segment.live = [...segment.live, { offset, end, last }].sort((a, b) => a.offset - b.offset);
    addresses[i] = { segment: segments.indexOf(segment), offset };
  }
  return { addresses, segments: segments.map(({ bytes }) => bytes) };
}

/** The smallest hole that is large enough; else more of a segment, else a new one. */
function roomFor(size: number, segments: Segment[], limit: number): { segment: Segment; offset: number } {
  let hole: { segment: Segment; offset: number } | null = null;
  let smallest = Number.POSITIVE_INFINITY;
  for (const segment of segments) {
    let offset = 0;
    for (const next of [...segment.live, { offset: segment.bytes, end: 0 }]) {
      const room = next.offset - offset;
      if (room >= size && room < smallest) [hole, smallest] = [{ segment, offset }, room];
      offset = next.end;
    }
  }
  if (hole !== null) return hole;
  for (const segment of segments) {
    const offset = segment.live.at(-1)?.end ?? 0;
    if (offset + size <= limit) return { segment, offset };
  }
  const segment: Segment = { bytes: 0, live: [] };
  segments.push(segment);
  return { segment, offset: 0 };
}

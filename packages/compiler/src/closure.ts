/** Walks of graphs, whatever their points are. Owns the one that the stages share; none of them recurses. */

/** `roots` and all that `next` leads to from them, each once, in no order that counts. */
export function closure<T>(roots: Iterable<T>, next: (point: T) => Iterable<T>): Set<T> {
  const found = new Set(roots);
  // A set is walked in the order of insertion, additions on the way included.
  for (const point of found) for (const other of next(point)) found.add(other);
  return found;
}

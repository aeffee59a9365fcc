/**
 * The results that a root module keeps until it gives new ones. Owns how their memory goes round: older results become void, and their storages take the next
 * ones. Which nodes are results is `pending.ts`.
 */
import { dtypes } from '@torchlet/device';
import type { Node } from '@torchlet/graph';
import type { DeviceMemory } from './memory.js';
import type { RootRecord } from './pending.js';
import type { Storage } from './storage.js';

/** Results of this size are written over the last ones: two of them at once may be more than the memory. */
const overwrittenFromBytes = 1024 * 1024;
const mostSpares = 8;

/** A storage of an older result that the program does not read. */
export function takeSpare(root: RootRecord, node: Node, size: number, leaves: readonly Node[]): Storage | null {
  const fits = (storage: Storage): boolean =>
    storage.size === size &&
    storage.dtype === node.dtype &&
    !storage.kept &&
    storage.span !== null &&
    !leaves.some((leaf) => leaf.source === storage);
  const position = root.spare.findIndex(fits);
  if (position >= 0) return root.spare.splice(position, 1)[0] as Storage;
  if (size * dtypes[node.dtype].bytes < overwrittenFromBytes) return null;
  const last = root.kept.findIndex(fits);
  if (last < 0) return null;
  const storage = root.kept.splice(last, 1)[0] as Storage;
  outdate(storage, root);
  return storage;
}

/** Handles of an older result refuse from now on. */
function outdate(storage: Storage, root: RootRecord): void {
  storage.validity.outdate(
    `it was a result of evaluation ${root.evaluations} of ${root.name}, which has given new ones since`,
  );
}

/** The root's older results are void once new ones exist; their storages serve later ones. */
export function renew(root: RootRecord, storage: Storage, renewed: Set<RootRecord>, memory: DeviceMemory): void {
  if (!renewed.has(root)) {
    renewed.add(root);
    for (const old of root.kept) {
      if (old.kept) continue;
      outdate(old, root);
      if (root.spare.length < mostSpares) root.spare.push(old);
      else memory.free(old);
    }
    root.kept = [];
    root.evaluations++;
  }
  root.kept.push(storage);
}

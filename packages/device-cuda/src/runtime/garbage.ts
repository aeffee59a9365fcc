/** A full collection on request: dropped tensors keep device memory that the engine does not see. Owns how the function is found. */
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

/** The engine's collector, or null where it gives none. */
export function garbageCollector(): (() => void) | null {
  setFlagsFromString('--expose-gc');
  const collect: unknown = runInNewContext('gc');
  return typeof collect === 'function' ? () => collect() : null;
}

/**
 * Where downloads are kept between runs. Owns that one path; who writes there decides what.
 */

import { join } from 'node:path';
import envPaths from 'env-paths';

/** `part` of the user's cache folder for Torchlet, as the system places caches: `~/.cache/torchlet` or `$XDG_CACHE_HOME/torchlet` on Linux. */
export function cacheFolder(...part: readonly string[]): string {
  return join(envPaths('torchlet', { suffix: '' }).cache, ...part);
}

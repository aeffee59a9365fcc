/**
 * Before packing: puts the binary for this platform into `prebuilds/`, which git does not keep. Where there is no C++ compiler the package is packed
 * without, and says so; `scripts/packages.mjs` of the checkout looks at what came out.
 */
import { copyFileSync, mkdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildAddon, CannotBuild } from './build-addon.mjs';

const prebuilds = fileURLToPath(new URL('../prebuilds/', import.meta.url));
rmSync(prebuilds, { recursive: true, force: true });
try {
  const built = await buildAddon();
  const folder = join(prebuilds, `${process.platform}-${process.arch}`);
  mkdirSync(folder, { recursive: true });
  copyFileSync(built, join(folder, 'torchlet_cuda.node'));
} catch (error) {
  if (!(error instanceof CannotBuild)) throw error;
  console.error(`packed without a binary: ${error.message}`);
}

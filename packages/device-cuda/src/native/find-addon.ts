/**
 * Where the native addon is: what TORCHLET_CUDA_ADDON names, the binary that the package brings, or one built in this checkout. Owns the search and the
 * reasons; what the addon can do is `addon.ts`.
 */
import { existsSync } from 'node:fs';
import { createRequire } from 'node:module';
import { fileURLToPath } from 'node:url';

export const addonVariable = 'TORCHLET_CUDA_ADDON';
const fileName = 'torchlet_cuda.node';

/** A loaded addon, and the file it came from. */
export interface FoundAddon {
  readonly exports: unknown;
  readonly file: string;
}

type Machine = Pick<NodeJS.Process, 'platform' | 'arch' | 'env'>;

/** The files that are tried, in order. @param named what the environment variable says. */
export function addonFiles(named: string | undefined, platform: string, arch: string): string[] {
  if (named !== undefined && named !== '') return [named];
  // The same two steps up from `src/native` and from `dist/native`.
  const packageFolder = new URL('../../', import.meta.url);
  return [`prebuilds/${platform}-${arch}/${fileName}`, `native/build/Release/${fileName}`].map((path) =>
    fileURLToPath(new URL(path, packageFolder)),
  );
}

/** @param machine for which it is sought. @throws Error that says which files were tried, why each did not do, and what helps. */
export function findAddon({ platform, arch, env }: Machine = process): FoundAddon {
  const named = env[addonVariable];
  const elsewhere = `the addon of @torchlet/device-cuda is built for linux-x64, and this is ${platform}-${arch}: @torchlet/device-webgpu and @torchlet/device-cpu run here`;
  if (platform !== 'linux') throw new Error(elsewhere);
  const require = createRequire(import.meta.url);
  const reasons: string[] = [];
  for (const file of addonFiles(named, platform, arch)) {
    if (!existsSync(file)) {
      reasons.push(`${file} is not there`);
      continue;
    }
    try {
      return { exports: require(file), file };
    } catch (error) {
      reasons.push(`${file} could not be loaded (${error instanceof Error ? error.message : String(error)})`);
    }
  }
  const tried = reasons.join('; ');
  if (named !== undefined && named !== '') throw new Error(`${addonVariable} names no addon that loads here: ${tried}`);
  if (arch !== 'x64') throw new Error(`${elsewhere} (${tried})`);
  throw new Error(
    `the addon of @torchlet/device-cuda is missing: ${tried}. A published package brings it; in a checkout it is built by \`npm run build:addon\` in packages/device-cuda`,
  );
}

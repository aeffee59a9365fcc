/**
 * Golden groups in a folder. Owns finding the files; reading them is `manifest.ts`.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GoldenGroup, parseGoldenGroup } from './manifest.js';

const manifestName = /^(.+)\.json$/;

/**
 * The groups of a folder: every NAME of which it has `NAME.json` and `NAME.safetensors`, in alphabetical order.
 *
 * @param only the ones that are wanted; all where it is not given.
 * @throws Error where the folder has no group, or none of a name in `only`.
 */
export async function goldenNames(folder: string, only?: readonly string[]): Promise<readonly string[]> {
  const files = new Set(await readdir(folder));
  const names = [...files]
    .map((file) => manifestName.exec(file)?.[1])
    .filter((name): name is string => name !== undefined && files.has(`${name}.safetensors`))
    .sort();
  if (names.length === 0) {
    throw new Error(`${folder}: expected golden groups (NAME.json with NAME.safetensors beside it), found none`);
  }
  const missing = only?.find((name) => !names.includes(name));
  if (missing !== undefined) throw new Error(`${folder}: there is no group ${missing}; there are ${names.join(', ')}`);
  return only ?? names;
}

/**
 * Reads the groups that `goldenNames` gives.
 *
 * @throws FormatError where a file is malformed; Error as `goldenNames` does.
 */
export async function readGoldens(folder: string, only?: readonly string[]): Promise<GoldenGroup[]> {
  const groups: GoldenGroup[] = [];
  for (const name of await goldenNames(folder, only)) {
    const path = join(folder, name);
    const [manifest, tensors] = await Promise.all([readFile(`${path}.json`, 'utf8'), readFile(`${path}.safetensors`)]);
    groups.push(parseGoldenGroup(manifest, tensors, path));
  }
  return groups;
}

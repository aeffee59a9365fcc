/**
 * Golden groups in a folder. Owns finding the files; reading them is `manifest.ts`.
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GoldenGroup, parseGoldenGroup } from './manifest.js';

const manifestName = /^(.+)\.json$/;

/**
 * Reads every `NAME.json` of a folder that has a `NAME.safetensors` beside it, in alphabetical order.
 *
 * @param only the groups to read; all where it is not given.
 * @throws FormatError where a file is malformed; Error where the folder has no group, or none of a name in `only`.
 */
export async function readGoldens(folder: string, only?: readonly string[]): Promise<GoldenGroup[]> {
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
  const groups: GoldenGroup[] = [];
  for (const name of only ?? names) {
    const path = join(folder, name);
    const [manifest, tensors] = await Promise.all([readFile(`${path}.json`, 'utf8'), readFile(`${path}.safetensors`)]);
    groups.push(parseGoldenGroup(manifest, tensors, path));
  }
  return groups;
}

/**
 * Named tensors in files: a model's weights saved and loaded. Owns the file; the bytes are `state-dict.ts`'s.
 */

import { randomBytes } from 'node:crypto';
import { readFile, rename, rm, writeFile } from 'node:fs/promises';
import type { StateDict } from '@torchlet/nn';
import { fromSafetensors, type NamedTensors, toSafetensors } from './state-dict.js';

/**
 * Writes the tensors to a safetensors file, which PyTorch can read. The file appears whole, or stays what it was.
 *
 * @param metadata further text kept in the file.
 * @throws RangeError for the reserved name `__metadata__`; the file system's error where `path` can't be written.
 * @example
 * await saveSafetensors('mnist.safetensors', model.stateDict());
 */
export async function saveSafetensors(
  path: string,
  tensors: Readonly<StateDict>,
  metadata?: Readonly<Record<string, string>>,
): Promise<void> {
  await writeWhole(path, await toSafetensors(tensors, metadata));
}

/** Writes a file that appears whole, or stays what it was. */
export async function writeWhole(path: string, bytes: Uint8Array): Promise<void> {
  const partial = `${path}.${process.pid}-${randomBytes(4).toString('hex')}.partial`;
  try {
    await writeFile(partial, bytes);
    await rename(partial, path);
  } finally {
    await rm(partial, { force: true });
  }
}

/**
 * The tensors of a safetensors file, as host data.
 *
 * @throws FormatError with the reason if the file is truncated or corrupt; then no tensor is given. The file system's error where it
 *   can't be read.
 * @example
 * model.loadStateDict((await loadSafetensors('mnist.safetensors')).tensors);
 */
export async function loadSafetensors(path: string): Promise<NamedTensors> {
  return fromSafetensors(await readFile(path), path);
}

/** Checkpoints in files. Owns the file; the bytes are `checkpoint.ts`'s. */
import { readFile } from 'node:fs/promises';
import { fromCheckpoint, toCheckpoint } from './checkpoint.js';
import { writeWhole } from './safetensors-file.node.js';

/**
 * Writes what training needs to go on (torch.save). The file appears whole, or stays what it was.
 *
 * @throws TypeError for what a checkpoint cannot hold; the file system's error where `path` can't be written.
 * @example
 * await saveCheckpoint('last.safetensors', { model: model.stateDict(), optimizer: optimizer.stateDict(), epoch });
 */
export async function saveCheckpoint(path: string, state: object): Promise<void> {
  await writeWhole(path, await toCheckpoint(state));
}

/**
 * What `saveCheckpoint` was given (torch.load).
 *
 * @throws FormatError or TypeError with the reason if the file is no checkpoint; the file system's error where it can't be read.
 * @example
 * const last = await loadCheckpoint<{ model: StateDict; optimizer: OptimizerState; epoch: number }>('last.safetensors');
 * model.loadStateDict(last.model);
 * optimizer.loadStateDict(last.optimizer);
 */
export async function loadCheckpoint<State extends object>(path: string): Promise<State> {
  return fromCheckpoint<State>(await readFile(path), path);
}

/**
 * The error of every file format here: a file that is not what it should be. Owns the class alone; what is checked is said in
 * `idx.ts`, `safetensors.ts` and `npy.ts`.
 */

/** A file was refused: truncated, mislabelled, corrupt, or of a kind that is not supported. Its message gives the reason. */
export class FormatError extends Error {
  override readonly name = 'FormatError';
}

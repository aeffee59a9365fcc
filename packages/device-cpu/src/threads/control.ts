/**
 * The words through which the threads of a device speak: a block of its linear memory. Owns the layout. The protocol: the main thread posts a
 * job (which program, where its arguments are) and then runs the program; each kernel that is worth sharing is opened under a new
 * sequence number, and whoever comes takes its chunks one by one. The main thread waits for chunks that were taken, never for a thread
 * that did not come; a thread that comes late finds another sequence number and takes nothing.
 */

/** Byte offsets from the start of the block. */
export const control = {
  /** i64: sequence number of the open kernel << 12 | its next chunk. */
  claim: 0,
  /** i32: chunks of the open kernel that are done. */
  done: 8,
  /** i32: not 0 once a thread failed; then the main thread stops too, where it would wait. */
  failed: 12,
  /** i64: sequence number of the last opened kernel; the main thread alone writes it. */
  sequence: 16,
  /** i32: 1 where the main thread may block (not in a page). */
  mayBlock: 24,
  /** i32: odd while a job is written, then even and 2 more than before. */
  job: 28,
  /** i32 each: the job's program, argument block, scratch and bytes of it per thread, sequence number before its first kernel in two words, code and its length. */
  program: 32,
  block: 36,
  scratch: 40,
  scratchBytes: 44,
  sequenceLow: 48,
  sequenceHigh: 52,
  code: 56,
  codeBytes: 60,
} as const;

export const controlBytes = 64;

/** Chunk numbers take the low bits of a claim. */
export const chunkBits = 12;

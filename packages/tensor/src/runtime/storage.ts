/**
 * Storages: where a value lies while it exists. One storage is either host data or a span of device memory, and may move from one to the other;
 * whoever reads a leaf names its storage and the version it saw. Owns that state; who allocates and frees is `memory.ts`.
 */
import { type DType, dtypes, type HostArray, type Span } from '@torchlet/device';
import type { Source } from '@torchlet/graph';
import type { Runtime } from './runtime.js';

/** Which of its values a storage holds. Apart from the storage, so that who waits for a run does not keep alive what it wrote. */
export class Validity {
  /** Raised by every write; a leaf that saw an older version is stale. */
  version = 0;
  /** Why leaves of the version before are stale, for the error. */
  staleBecause = '';

  /** What leaves have seen so far is void. */
  outdate(because: string): void {
    this.version++;
    this.staleBecause = because;
  }
}

export class Storage implements Source {
  readonly dtype: DType;
  readonly size: number;
  /** `stored` before it has a span: its data is uploaded by the first program that reads it, so that the first plan is the thousandth's. */
  kind: 'host' | 'stored';
  data: HostArray | null;
  span: Span | null = null;
  runtime: Runtime | null = null;
  readonly validity = new Validity();
  /** At one address for good (a parameter, state, a gradient): writes in place go there, and it never moves. */
  fixed = false;
  /** The user's until dropped: never taken back for another value. */
  kept = false;
  /** Programs that copied this host data in; data used again and again becomes stored. */
  uses = 0;
  mark = 0;
  number = 0;

  constructor(kind: 'host' | 'stored', dtype: DType, size: number, data: HostArray | null) {
    this.kind = kind;
    this.dtype = dtype;
    this.size = size;
    this.data = data;
  }

  get version(): number {
    return this.validity.version;
  }

  /** Bytes in host memory. */
  get bytes(): number {
    return this.size * dtypes[this.dtype].bytes;
  }

  /** The value now lies in host memory; the span is no longer this storage's. */
  moveToHost(data: HostArray): void {
    this.kind = 'host';
    this.data = data;
    this.span = null;
  }
}

/** A value that is gone or was changed in place after it was recorded. */
export class StaleValueError extends Error {
  override readonly name: string = 'StaleValueError';
}

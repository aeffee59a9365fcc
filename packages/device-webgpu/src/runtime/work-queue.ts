/**
 * The order of things on a WebGPU device. What can run runs at once; a program whose pipelines are still being made waits, and all later runs, writes, reads
 * and frees wait behind it. Past four waiting programs pipelines are made at once instead. Owns the order; what each piece of work does it says itself.
 */
import type { WebGpuCompiled } from './compiled.js';

/** Programs that may wait for pipelines. */
const waitingPrograms = 4;

export interface Work {
  /** The program it runs; null for writes, reads and frees. */
  readonly compiled: WebGpuCompiled | null;
  execute(): void;
  /** Called instead of `execute` where it cannot be done any more. */
  fail(error: unknown): void;
}

export class WorkQueue {
  #waiting: Work[] = [];
  #programs = 0;
  #listening: WebGpuCompiled | null = null;

  /** Whether something waits, so that what comes now must wait too. */
  get isWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether work with `compiled` would be done at once. */
  runsNow(compiled: WebGpuCompiled | null): boolean {
    return this.#waiting.length === 0 && (compiled === null || compiled.isReady);
  }

  /** Does the work now if nothing is in its way; then what it throws is thrown here. */
  add(work: Work): void {
    if (this.runsNow(work.compiled)) {
      work.execute();
      return;
    }
    this.#waiting.push(work);
    if (work.compiled !== null) this.#programs++;
    if (this.#programs > waitingPrograms) this.#force();
    else this.#listen();
  }

  /** Nothing of what waits will be done. */
  failAll(error: unknown): void {
    const waiting = this.#waiting;
    this.#waiting = [];
    this.#programs = 0;
    for (const work of waiting) work.fail(error);
  }

  #listen(): void {
    const compiled = this.#waiting[0]?.compiled ?? null;
    if (compiled === null || compiled === this.#listening) return;
    this.#listening = compiled;
    const drain = (): void => {
      if (this.#listening === compiled) this.#listening = null;
      this.#drain();
    };
    compiled.ready.then(drain, drain);
  }

  #drain(): void {
    for (let work = this.#waiting[0]; work !== undefined; work = this.#waiting[0]) {
      if (work.compiled !== null && !work.compiled.isReady) {
        this.#listen();
        return;
      }
      this.#next(work);
    }
  }

  #force(): void {
    for (let work = this.#waiting[0]; work !== undefined; work = this.#waiting[0]) {
      work.compiled?.finish();
      this.#next(work);
    }
  }

  #next(work: Work): void {
    this.#waiting.shift();
    if (work.compiled !== null) this.#programs--;
    try {
      work.execute();
    } catch (error) {
      work.fail(error);
    }
  }
}

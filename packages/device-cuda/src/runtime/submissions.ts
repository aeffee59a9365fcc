/**
 * What was submitted and is not known to be done, in order, with the promises for it. The addon tells how far the card came. Owns the promises, and that
 * the process stays alive while there are any; the words of a failure are `faults.ts`.
 */
import type { Ticket } from '@torchlet/device';
import type { FaultPlace } from './faults.js';

/** Something behind a mark: a run, a read, or nothing but the mark. */
export class Submission implements Ticket {
  readonly sequence: number;
  readonly place: FaultPlace;
  #state: 'waiting' | 'done' | 'failed' = 'waiting';
  #error: unknown = null;
  #promise: Promise<void> | null = null;
  #resolve: () => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(sequence: number, place: FaultPlace) {
    this.sequence = sequence;
    this.place = place;
  }

  /** Made when it is asked for: most runs of a loop are waited for by none. */
  get done(): Promise<void> | null {
    if (this.#state === 'done') return null;
    if (this.#promise === null) {
      this.#promise = new Promise((resolve, reject) => {
        this.#resolve = resolve;
        this.#reject = reject;
      });
      // Who asks is told; nobody need ask.
      this.#promise.catch(() => undefined);
      if (this.#state === 'failed') this.#reject(this.#error);
    }
    return this.#promise;
  }

  settle(error: unknown): void {
    this.#state = error === null ? 'done' : 'failed';
    this.#error = error;
    if (error === null) this.#resolve();
    else this.#reject(error);
  }
}

export class Submissions {
  #waiting: Submission[] = [];
  /** Settled ones at the front of `#waiting`, which go all at once. */
  #settled = 0;
  readonly #hold: (wanted: boolean) => void;

  /** @param hold keeps the process alive. */
  constructor(hold: (wanted: boolean) => void) {
    this.#hold = hold;
  }

  add(sequence: number, place: FaultPlace): Submission {
    const submission = new Submission(sequence, place);
    if (this.#waiting.length === this.#settled) this.#hold(true);
    this.#waiting.push(submission);
    return submission;
  }

  /** The one that is being worked on. */
  get oldest(): Submission | null {
    return this.#waiting[this.#settled] ?? null;
  }

  /** Names of the programs that are not known to be done, in order, each once. */
  programs(): string[] {
    const names = this.#waiting.slice(this.#settled).map(({ place }) => place.program);
    return [...new Set(names.filter((name) => name !== null))];
  }

  /** Settles all up to `sequence`. @param errorOf what to tell each; null where it is done. */
  settle(sequence: number, errorOf: (submission: Submission) => unknown): void {
    for (let next = this.oldest; next !== null && next.sequence <= sequence; next = this.oldest) {
      this.#settled++;
      next.settle(errorOf(next));
    }
    if (this.#settled === this.#waiting.length) {
      this.#waiting = [];
      this.#settled = 0;
      this.#hold(false);
    } else if (this.#settled > 1024) {
      this.#waiting.splice(0, this.#settled);
      this.#settled = 0;
    }
  }
}

/**
 * Pausing and stopping a training run. Owns the two switches; the training looks at them between batches.
 */

export class RunControl {
  readonly #stopping = new AbortController();
  #pause: { readonly over: Promise<void>; readonly end: () => void } | undefined;

  get signal(): AbortSignal {
    return this.#stopping.signal;
  }

  /** Resolves at once, or when the pause under way is over. */
  get resumed(): Promise<void> | undefined {
    return this.#pause?.over;
  }

  pause(): void {
    if (this.#pause !== undefined) {
      return;
    }
    let end = () => {};
    const over = new Promise<void>((resolve) => {
      end = resolve;
    });
    this.#pause = { over, end };
  }

  resume(): void {
    this.#pause?.end();
    this.#pause = undefined;
  }

  stop(): void {
    this.#stopping.abort();
    this.resume();
  }
}

/** Promises of values that say what to do when they are used without `await`. Owns nothing else. */

/** A promise that throws with advice when arithmetic or text is tried on it. */
export class Awaited<T> extends Promise<T> {
  #what = 'this value';

  /** The promise of `run()`; `what` names the call in the advice. */
  static of<T>(run: () => Promise<T>, what: string): Promise<T> {
    const promise = new Awaited<T>((resolve, reject) => run().then(resolve, reject));
    promise.#what = what;
    return promise;
  }

  static override get [Symbol.species](): PromiseConstructor {
    return Promise;
  }

  /** @throws TypeError always. */
  [Symbol.toPrimitive](): never {
    throw new TypeError(`${this.#what} is a promise: reading waits for the device. Write await ${this.#what}`);
  }
}

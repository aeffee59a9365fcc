/** The error of a browser that is not there, apart from `chromium.ts`, so that a command that has to know it does not load what drives a browser. */

/** There is no browser; the message says what to do. */
export class NoChromiumError extends Error {
  override readonly name = 'NoChromiumError';
}

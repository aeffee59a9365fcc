/**
 * Events before results. Owns that order: what is told to the page travels on a channel of its own, which may be slower.
 */

import type { Hear, TrainingEvent } from '../protocol.js';

export type Tell = (event: TrainingEvent) => void;

/** What `work` gives, or throws, once the page has heard all that it was told. */
export async function heard<Result>(hear: Hear, work: (tell: Tell) => Promise<Result>): Promise<Result> {
  let last: Promise<void> | undefined;
  try {
    return await work((event) => {
      last = hear(event) ?? undefined;
    });
  } finally {
    await last;
  }
}

/**
 * Whether CUDA can be tried here without a card, on the driver stand-in. Owns that question and its answer in a test's name: what needs the stand-in is
 * skipped by the reason why it cannot be built. Titles say that it is the stand-in, so that nothing it passes is taken for a card's.
 */
import { CannotBuild } from '../packages/device-cuda/scripts/build-addon.mjs';
import { cudaStandin } from '../packages/device-cuda/standin/open.js';

/** Why there is no stand-in here, or null. One that is built and does not open is an error, and no reason. */
export const noStandin: string | null = await cudaStandin().then(
  (device) => {
    device.dispose();
    return null;
  },
  (error: Error) => {
    if (error instanceof CannotBuild) return error.message;
    throw error;
  },
);

/** A suite's title, with the reason where it will be skipped. */
export function onStandin(name: string): string {
  const title = `${name}, CUDA on the driver stand-in`;
  return noStandin === null ? title : `${title} (skipped: ${noStandin})`;
}

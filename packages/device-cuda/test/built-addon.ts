/** The addon of this checkout, built on first use. Owns the reason where it cannot be: tests that need it are skipped by that. */
import { buildAddon, CannotBuild } from '../scripts/build-addon.mjs';

/** Why there is no addon here, or null. */
export const noAddon: string | null = await buildAddon().then(
  () => null,
  (error: Error) => {
    if (error instanceof CannotBuild) return error.message;
    throw error;
  },
);

/** A suite's title, with the reason where it will be skipped. */
export function titled(name: string): string {
  return noAddon === null ? name : `${name} (skipped: ${noAddon})`;
}

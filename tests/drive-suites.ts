/** The conformance suites as tests. Owns how a suite becomes a `describe`; which devices they run on the tests say. */
import { conformanceSuites } from '@torchlet/conformance';
import type { Opener } from '@torchlet/device';
import { afterAll, describe, it } from 'vitest';

/** Suites in which the code of a kernel decides; the rest judges what is recorded and planned. */
export const kernelSuites: ReadonlySet<string> = new Set(['device', 'values', 'programs']);

/** The suite that takes as long as half of the others: every sample in five layouts. */
export const longestSuite = 'layouts';

/** @param wanted which suites, by name. */
export function driveSuites(opener: Opener, wanted: (suite: string) => boolean = () => true): void {
  for (const { name, tests, close } of conformanceSuites(opener)) {
    if (!wanted(name)) continue;
    describe(name, () => {
      for (const test of tests) it(test.name, () => test.run());
      afterAll(close);
    });
  }
}

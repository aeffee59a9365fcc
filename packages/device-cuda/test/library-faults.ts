/** What the tests of faults of cuBLASLt and of cuDNN share: the calls that the addon makes of a library, and variables that are as before after each test. */
import { readFileSync } from 'node:fs';
import { afterEach } from 'vitest';

/** The calls in the addon's own table of a library: `cublaslt.h` or `cudnn.h`. */
export function callsIn(header: string): string[] {
  const table = readFileSync(new URL(`../native/src/${header}`, import.meta.url), 'utf8');
  return [...table.matchAll(/^ *X\((cu\w+),/gm)].map(([, name = '']) => name);
}

/** Gives variables of the environment, after each test, the values that they have now. */
export function restoreAfterEach(names: readonly string[]): void {
  const before = names.map((name) => [name, process.env[name]] as const);
  afterEach(() => {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });
}

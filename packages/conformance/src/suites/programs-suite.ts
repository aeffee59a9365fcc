/** Suite `programs`: loops as people write them, each on a device of its own. */
import type { Opener } from '@torchlet/device';
import { runProgram } from '../programs/program.js';
import { programs } from '../programs/programs.js';
import type { Suite } from './suite.js';

export function programsSuite(opener: Opener): Suite {
  return {
    name: 'programs',
    tests: programs.map((row) => ({
      name: row.name,
      run: async () => {
        await runProgram(row, opener);
      },
    })),
    close: async () => undefined,
  };
}

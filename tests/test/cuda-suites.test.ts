/**
 * Every suite on CUDA's driver stand-in, which executes the PTX that ships, finds races, and works only when somebody waits; and those in which kernels decide
 * once more with its threads in reverse. The other ways to run are `cuda-modes.long.test.ts`.
 */
import { afterAll, beforeAll, describe } from 'vitest';
import { standinOpener } from '../../packages/device-cuda/standin/open.js';
import { setStandin } from '../../packages/device-cuda/standin/library.js';
import { driveSuites, kernelSuites } from '../drive-suites.js';
import { noStandin, onStandin } from '../standin.js';

describe.skipIf(noStandin !== null)(onStandin('every suite'), () => driveSuites(standinOpener()));

describe.skipIf(noStandin !== null)(onStandin('threads from the last to the first'), () => {
  beforeAll(() => setStandin({ reversed: true }));
  afterAll(() => setStandin({}));
  driveSuites(standinOpener(), (suite) => kernelSuites.has(suite));
});

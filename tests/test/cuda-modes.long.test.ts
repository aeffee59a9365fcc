/**
 * Every suite and every golden case on CUDA's driver stand-in in each way that it and the device can run: what depends on the order of threads, on when work
 * is done, or on how it is submitted, differs in one of them.
 */
import type { CudaOptions } from '@torchlet/device-cuda';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type StandinSettings, setStandin } from '../../packages/device-cuda/standin/library.js';
import { cudaStandin, standinOpener } from '../../packages/device-cuda/standin/open.js';
import { watchStandin } from '../../packages/device-cuda/standin/watch.js';
import { driveGoldens } from '../drive-goldens.js';
import { driveSuites, longestSuite } from '../drive-suites.js';
import { withOwnBuffers } from '../own-buffers.js';
import { noStandin, onStandin } from '../standin.js';

const cachingVariable = 'TORCHLET_CUDA_CACHING';

interface Mode {
  readonly settings?: StandinSettings;
  readonly options?: CudaOptions;
  /** The environment while devices are opened. */
  readonly variables?: Readonly<Record<string, string>>;
}

const modes: Readonly<Record<string, Mode>> = {
  'work when somebody waits for it': {},
  'threads from the last to the first': { settings: { reversed: true } },
  'work when it is submitted': { settings: { eager: true } },
  'a card that lags behind': { settings: { lag: 1000 } },
  'a large card': { settings: { card: { multiprocessors: 132, capability: 90 } } },
  'products by warpgroups': {
    settings: { card: { multiprocessors: 132, capability: 90 } },
    options: { wgmma: 'always' },
  },
  'no graphs': { options: { graphs: false } },
  'one kernel at a time': { variables: { TORCHLET_CUDA_SYNC: '1' } },
  // An access past the end of a buffer then leaves the driver's memory, which the stand-in reports.
  'every buffer an allocation of the driver': { variables: { [cachingVariable]: 'off' } },
  'products and convolutions by stand-ins of libraries': { options: { libraries: 'always' } },
};

for (const [name, { settings = {}, options = {}, variables = {} }] of Object.entries(modes)) {
  describe.skipIf(noStandin !== null)(onStandin(name), () => {
    beforeAll(async () => {
      (await watchStandin()).groupProducts();
      await setStandin(settings);
      Object.assign(process.env, variables);
    });
    afterAll(() => {
      for (const name of Object.keys(variables)) delete process.env[name];
    });
    driveSuites(standinOpener(options));
    describe('golden cases made with PyTorch', () => driveGoldens(() => cudaStandin(options), { altered: true }));
    it('has products by warpgroups where they are asked for', async () => {
      expect((await watchStandin()).groupProducts() > 0).toBe(options.wgmma === 'always');
    });
  });
}

describe.skipIf(noStandin !== null)(onStandin('every value an allocation of the driver'), () => {
  beforeAll(() => {
    process.env[cachingVariable] = 'off';
  });
  afterAll(() => {
    delete process.env[cachingVariable];
  });
  const opener = withOwnBuffers(standinOpener());
  // The others count buffers, of which there are more.
  driveSuites(opener, (suite) => suite === 'values' || suite === longestSuite);
  describe('golden cases made with PyTorch', () => driveGoldens(() => opener.open(), { altered: false }));
});

/**
 * Suite `device`: the contract of `@torchlet/device`, on programs written by hand. No tensor and no compiler is involved, so a new device begins here.
 */
import type { Opener } from '@torchlet/device';
import { kernelTests } from './device-kernels.js';
import { lifecycleTests } from './device-lifecycle.js';
import { Session, type Suite } from './suite.js';

export function deviceSuite(opener: Opener): Suite {
  const session = new Session(opener);
  return {
    name: 'device',
    tests: [...kernelTests, ...lifecycleTests].map(({ name, run }) => ({
      name,
      run: async () => run((await session.use()).device, session),
    })),
    close: () => session.close(),
  };
}

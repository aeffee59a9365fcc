/** 10,000 steps of a small training on CUDA's driver stand-in: flat in bytes, buffers and every object of the driver. `npm run soak` does the like for MNIST. */
import { describe, it } from 'vitest';
import { cudaStandin } from '../../packages/device-cuda/standin/open.js';
import { noStandin, onStandin } from '../standin.js';
import { expectFlat, optimizers } from '../standin-training.js';

describe.skipIf(noStandin !== null)(onStandin('a long training'), () => {
  it.each(Object.entries(optimizers))('with %s: flat over 10,000 steps', async (_, optimizer) => {
    const device = await cudaStandin();
    await expectFlat(device, optimizer, 10_000);
    device.dispose();
  });
});

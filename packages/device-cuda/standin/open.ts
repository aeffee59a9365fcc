/** Opens the driver stand-in as a device, for the commands and tests of this repository. Nothing of this is in the published package. */
import { cuda } from '../src/cuda.js';
import type { CudaDevice } from '../src/runtime/device.js';
import { buildStandin } from './build.js';

/**
 * The device over the stand-in, called `cuda-standin`, so that its results are never taken for a card's. The driver's library is opened once in a
 * process: a real card and the stand-in cannot both be there.
 *
 * @throws Error where there is no g++, or it is not Linux on x86-64
 */
export async function cudaStandin(): Promise<CudaDevice> {
  process.env['TORCHLET_LIBCUDA'] = await buildStandin();
  return cuda({ name: 'cuda-standin' });
}

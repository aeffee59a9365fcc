/** Opens the driver stand-in as a device, for the commands and tests of this repository. Nothing of this is in the published package. */
import type { Opener } from '@torchlet/device';
import { buildAddon } from '../scripts/build-addon.mjs';
import { type CudaOptions, cuda, librariesVariable } from '../src/cuda.js';
import { libraryPlaces } from '../src/libraries/find-library.js';
import { addonVariable } from '../src/native/find-addon.js';
import type { CudaDevice } from '../src/runtime/device.js';
import { buildStandin, libraryBeside } from './build.js';

/** As the device is called, so that its results are never taken for a card's. */
export const standinName = 'cuda-standin';

/** Names a stand-in that was built elsewhere, with those of the libraries beside it: for a machine without a compiler. */
const builtVariable = 'TORCHLET_CUDA_STANDIN';

/**
 * The device over the stand-in. It and the addon are built where they are not there. The driver's library is opened once in a process: a real card and the
 * stand-in cannot both be there. Products are the device's own, unless an option or TORCHLET_CUDA_LIBRARIES asks for the stand-ins of
 * cuBLASLt and cuDNN.
 *
 * @throws Error where there is no g++, or it is not Linux on x86-64
 */
export async function cudaStandin(options: CudaOptions = {}): Promise<CudaDevice> {
  const driver = process.env[builtVariable] ?? (await buildStandin());
  process.env['TORCHLET_LIBCUDA'] = driver;
  // NVIDIA's own libraries would not bear this driver.
  process.env[libraryPlaces.cuBLASLt.variable] ??= libraryBeside(driver, 'cublaslt');
  process.env[libraryPlaces.cuDNN.variable] ??= libraryBeside(driver, 'cudnn');
  const libraries = process.env[librariesVariable] === undefined ? ({ libraries: 'off' } as const) : {};
  // The binary of these sources, whatever was packed before.
  process.env[addonVariable] ??= await buildAddon();
  return cuda({ ...libraries, ...options, name: standinName });
}

/** An opener of the device over the stand-in. */
export function standinOpener(options: CudaOptions = {}): Opener {
  return { name: standinName, open: () => cudaStandin(options) };
}

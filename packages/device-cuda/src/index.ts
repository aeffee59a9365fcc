/** The CUDA device plug-in: `cuda()` opens it. Owns the list of what is public. */
export { type CudaOptions, cuda, cudaOpener } from './cuda.js';
export type { GraphCounts } from './native/addon.js';
export type { CudaDevice, CudaInfo } from './runtime/device.js';
export type { LibraryUse } from './runtime/libraries.js';
export type { LibraryInfo } from './runtime/one-library.js';

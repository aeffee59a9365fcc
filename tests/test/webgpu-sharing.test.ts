/** The suites whose kernels differ on WebGPU as real adapters run it: threads that share workgroup memory. The rest is `webgpu-sharing.long.test.ts`. */
import { webgpuOpener } from '@torchlet/device-webgpu';
import { describe } from 'vitest';
import { noAdapter, titled } from '../adapter.js';
import { driveSuites, kernelSuites } from '../drive-suites.js';

describe.skipIf(noAdapter !== null)(titled('WebGPU, threads that share'), () => {
  driveSuites(webgpuOpener({ fallback: true, sharing: true }), (suite) => kernelSuites.has(suite));
});

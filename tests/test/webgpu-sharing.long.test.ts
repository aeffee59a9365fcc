/** The suites on WebGPU, threads sharing workgroup memory, that `webgpu-sharing.test.ts` has no time for. */
import { webgpuOpener } from '@torchlet/device-webgpu';
import { describe } from 'vitest';
import { noAdapter, titled } from '../adapter.js';
import { driveSuites, kernelSuites } from '../drive-suites.js';

describe.skipIf(noAdapter !== null)(titled('WebGPU, threads that share'), () => {
  driveSuites(webgpuOpener({ fallback: true, sharing: true }), (suite) => !kernelSuites.has(suite));
});

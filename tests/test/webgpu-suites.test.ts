/** Every suite on WebGPU as emulated adapters run it: threads that work alone. */
import { webgpuOpener } from '@torchlet/device-webgpu';
import { describe } from 'vitest';
import { noAdapter, titled } from '../adapter.js';
import { driveSuites } from '../drive-suites.js';

describe.skipIf(noAdapter !== null)(titled('WebGPU, threads alone'), () => {
  driveSuites(webgpuOpener({ fallback: true, sharing: false }));
});

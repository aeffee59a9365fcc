/** Every suite but the longest on WebGPU as emulated adapters run it: threads that work alone. The longest is `webgpu-layouts.test.ts`. */
import { webgpuOpener } from '@torchlet/device-webgpu';
import { describe } from 'vitest';
import { noAdapter, titled } from '../adapter.js';
import { driveSuites, longestSuite } from '../drive-suites.js';

describe.skipIf(noAdapter !== null)(titled('WebGPU, threads alone'), () => {
  driveSuites(webgpuOpener({ fallback: true, sharing: false }), (suite) => suite !== longestSuite);
});

/** The longest suite on WebGPU, threads alone, in a file of its own: it runs beside `webgpu-suites.test.ts`. */
import { webgpuOpener } from '@torchlet/device-webgpu';
import { describe } from 'vitest';
import { noAdapter, titled } from '../adapter.js';
import { driveSuites, longestSuite } from '../drive-suites.js';

describe.skipIf(noAdapter !== null)(titled('WebGPU, threads alone'), () => {
  driveSuites(webgpuOpener({ fallback: true, sharing: false }), (suite) => suite === longestSuite);
});

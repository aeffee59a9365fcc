/** Every suite on the CPU device: as it is, without multiply-add and host reads, and within WebGPU's limits. */
import type { Capabilities } from '@torchlet/device';
import { type CpuOptions, cpuOpener } from '@torchlet/device-cpu';
import { describe } from 'vitest';
import { driveSuites } from '../drive-suites.js';

/** What a browser's default limits are (https://www.w3.org/TR/webgpu/#limits), and what WGSL stores. */
const webgpuLimits: Partial<Capabilities> = {
  buffersPerKernel: 8,
  bufferBytes: 256 * 1024 * 1024,
  bindingBytes: 128 * 1024 * 1024,
  alignment: 256,
  ownedBytes: 4,
};

const devices: Readonly<Record<string, CpuOptions>> = {
  'the CPU': {},
  "the CPU within WebGPU's limits, read asynchronously": { limits: webgpuLimits, readNow: false, fma: false },
};

for (const [device, options] of Object.entries(devices)) describe(device, () => driveSuites(cpuOpener(options)));

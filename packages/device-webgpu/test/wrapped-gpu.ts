/** A GPU whose device a test can reach, to break it. Owns no behaviour of its own. */
import { findGpu } from '../src/find-gpu.js';
import { openOn, type WebGpuOptions } from '../src/webgpu.js';
import type { WebGpuDevice } from '../src/index.js';

/** Opens a device, and gives the GPUDevice under it. */
export async function openedWithin(options: WebGpuOptions = {}): Promise<{ device: WebGpuDevice; gpu: GPUDevice }> {
  const found = await findGpu();
  let inner: GPUDevice | null = null;
  const origin = {
    requestAdapter: async (wanted: GPURequestAdapterOptions) => {
      const adapter = await found.gpu.requestAdapter(wanted);
      if (adapter === null) return null;
      return {
        info: adapter.info,
        features: adapter.features,
        limits: adapter.limits,
        requestDevice: async (descriptor: GPUDeviceDescriptor) => {
          inner = await adapter.requestDevice(descriptor);
          return inner;
        },
      };
    },
    // The webgpu package takes everything down when the GPU is collected.
    found,
  };
  const device = await openOn({ gpu: origin as unknown as GPU, source: 'a test' }, options);
  return { device, gpu: inner as unknown as GPUDevice };
}

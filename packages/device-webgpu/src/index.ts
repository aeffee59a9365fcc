/** The WebGPU device plug-in: `webgpu()` opens it. Owns the list of what is public. */
export type { AdapterDescription, WebGpuDevice } from './runtime/device.js';
export { type WebGpuOptions, webgpu, webgpuOpener } from './webgpu.js';

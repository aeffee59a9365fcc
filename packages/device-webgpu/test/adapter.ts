/** The adapter that tests run on, or why there is none: tests that need one are skipped by that name. */
import { webgpu, type WebGpuOptions, type WebGpuDevice } from '../src/index.js';

const attempt = await webgpu().then(
  (device) => {
    device.dispose();
    return null;
  },
  (error: Error) => error.message,
);

/** Why no WebGPU device opens here, or null. */
export const noAdapter: string | null = attempt;

/** A suite's title, with the reason where it will be skipped. */
export function titled(name: string): string {
  return noAdapter === null ? name : `${name} (skipped: ${noAdapter})`;
}

export async function opened(options: WebGpuOptions = {}): Promise<WebGpuDevice> {
  return webgpu(options);
}

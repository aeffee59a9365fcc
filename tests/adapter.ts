/**
 * Whether WebGPU opens on this machine. Owns that question and its answer in a test's name: what needs an adapter is skipped by the reason why there is
 * none.
 */
import { webgpu } from '@torchlet/device-webgpu';

/** Why no WebGPU device opens here, or null. */
export const noAdapter: string | null = await webgpu().then(
  (device) => {
    device.dispose();
    return null;
  },
  (error: Error) => error.message,
);

/** A suite's title, with the reason where it will be skipped. */
export function titled(name: string): string {
  return noAdapter === null ? name : `${name} (skipped: ${noAdapter})`;
}

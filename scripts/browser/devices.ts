/** The devices that a browser has, by the names that root commands use. Owns the names; opening is each plug-in's. */
import type { Device } from '@torchlet/device';

const openers: Readonly<Record<string, () => Promise<Device>>> = {
  cpu: async () => (await import('@torchlet/device-cpu')).cpu(),
  webgpu: async () => (await import('@torchlet/device-webgpu')).webgpu(),
};

export const browserDeviceNames: readonly string[] = Object.keys(openers);

/** @throws RangeError where no device of a browser is called so; Error, with the reason, where there is none. */
export async function openInBrowser(name: string): Promise<Device> {
  const open = openers[name];
  if (open === undefined) throw new RangeError(`expected a device of ${browserDeviceNames.join(', ')}, got ${name}`);
  return open();
}

/**
 * Where the example trains. Owns the choice from the command line; without one it is `getDefaultDevice()`: CUDA if there is one, else a real
 * WebGPU adapter, else the CPU.
 */

import { type Device, NoDeviceError } from '@torchlet/device';
import { type CpuOptions, cpu } from '@torchlet/device-cpu';
import { getDefaultDevice } from 'torchlet';
import type { Options } from './options.js';

/** Packages that a machine without such a device need not have installed; each exports a function of the device's name. */
const plugins = { cuda: '@torchlet/device-cuda', webgpu: '@torchlet/device-webgpu' } as const;

/** @throws NoDeviceError with the reason if the device asked for can't be had. */
export async function openDevice({ device, threads }: Pick<Options, 'device' | 'threads'>): Promise<Device> {
  if (device === undefined && threads === undefined) {
    return getDefaultDevice();
  }
  if (device === undefined || device === 'cpu') {
    const options: CpuOptions & { readonly threads?: number } = threads === undefined ? {} : { threads };
    return cpu(options);
  }
  try {
    const plugin: Readonly<Record<string, () => Promise<Device>>> = await import(plugins[device]);
    const open = plugin[device];
    if (open === undefined) {
      throw new Error(`${plugins[device]} exports no ${device}`);
    }
    return await open();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'ERR_MODULE_NOT_FOUND' ? `${plugins[device]} is not installed` : message;
    throw new NoDeviceError([{ name: device, reason }]);
  }
}

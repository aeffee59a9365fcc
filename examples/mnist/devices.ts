/**
 * Where the example trains. Owns the choice from the command line; without one it is `getDefaultDevice()`: CUDA if there is one, else a real
 * WebGPU adapter, else the CPU.
 */

import { type Device, NoDeviceError, type Opener } from '@torchlet/device';
import { type CpuOptions, cpu } from '@torchlet/device-cpu';
import { getDefaultDevice } from 'torchlet';
import type { Options } from './options.js';

/** Packages that a machine without such a device need not have installed. */
const plugins = {
  cuda: { specifier: '@torchlet/device-cuda', exported: 'cudaOpener' },
  webgpu: { specifier: '@torchlet/device-webgpu', exported: 'webgpuOpener' },
} as const;

/** @throws NoDeviceError with the reason if the device asked for can't be had. */
export async function openDevice({ device, threads }: Pick<Options, 'device' | 'threads'>): Promise<Device> {
  if (device === undefined && threads === undefined) {
    return getDefaultDevice();
  }
  if (device === undefined || device === 'cpu') {
    const options: CpuOptions & { readonly threads?: number } = threads === undefined ? {} : { threads };
    return cpu(options);
  }
  const { specifier, exported } = plugins[device];
  try {
    const plugin: Readonly<Record<string, Opener | undefined>> = await import(specifier);
    const opener = plugin[exported];
    if (opener === undefined) {
      throw new Error(`${specifier} exports no ${exported}`);
    }
    return await opener.open();
  } catch (error) {
    throw new NoDeviceError([{ name: device, reason: reasonOf(error, specifier) }]);
  }
}

function reasonOf(error: unknown, specifier: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  return code === 'ERR_MODULE_NOT_FOUND' ? `${specifier} is not installed` : message;
}

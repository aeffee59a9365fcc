/**
 * The devices of a browser. Owns opening them and the one that is open; a device's code is loaded when it is asked for.
 */

import type { WebGpuDevice } from '@torchlet/device-webgpu';
import { type Device, setDefaultDevice } from '@torchlet/tensor';
import type { DeviceName, DeviceState } from '../protocol.js';

const openers: Readonly<Record<DeviceName, () => Promise<Device>>> = {
  webgpu: async () => (await import('@torchlet/device-webgpu')).webgpu(),
  cpu: async () => (await import('@torchlet/device-cpu')).cpu(),
};

export class Devices {
  #open: { readonly name: DeviceName; readonly device: Device } | undefined;

  /** What this browser has. WebGPU stays open: it is the likely choice. */
  async states(): Promise<DeviceState[]> {
    return [await this.#webgpu(), { name: 'cpu', available: true, detail: 'WebAssembly SIMD', emulated: false }];
  }

  /**
   * The device, which becomes the default one; another that was open is closed.
   *
   * @throws Error with the reason if there is none.
   */
  async use(name: DeviceName): Promise<Device> {
    if (this.#open?.name === name) {
      return this.#open.device;
    }
    const device = await openers[name]();
    const opened = { name, device };
    this.#open?.device.dispose();
    this.#open = opened;
    setDefaultDevice(device);
    void device.lost.then(() => {
      if (this.#open === opened) {
        this.#open = undefined;
      }
    });
    return device;
  }

  async #webgpu(): Promise<DeviceState> {
    const name = 'webgpu';
    try {
      const { adapter } = (await this.use(name)) as WebGpuDevice;
      const { vendor, architecture, description, emulated } = adapter;
      const detail = description || `${vendor} ${architecture}`.trim() || 'a graphics adapter';
      return { name, available: true, detail, emulated };
    } catch (error) {
      return { name, available: false, detail: (error as Error).message, emulated: false };
    }
  }
}

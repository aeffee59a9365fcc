/** The device that the tests of this package run on. */
import { cpu } from '@torchlet/device-cpu';
import { type Device, setDefaultDevice } from '@torchlet/tensor';

/** Opens the CPU device, and sets it as the default. */
export async function openDevice(): Promise<Device> {
  const device = await cpu();
  setDefaultDevice(device);
  return device;
}

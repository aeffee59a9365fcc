/** The best device of this machine: CUDA, then WebGPU, then the CPU, each loaded only when it is its turn. Sets nothing. */
import { type Device, NoDeviceError, type Opener, openFirst } from '@torchlet/device';
import { cpuOpener } from '@torchlet/device-cpu';

/** Optional plug-ins, by the name of the package that exports an opener. A variable, so that bundlers do not require them to be installed. */
const optional = [
  { name: 'cuda', specifier: '@torchlet/device-cuda', exported: 'cudaOpener' },
  { name: 'webgpu', specifier: '@torchlet/device-webgpu', exported: 'webgpuOpener' },
] as const;

/**
 * Opens the best device there is: an NVIDIA card, else a real WebGPU adapter (emulated ones are slower than the CPU and passed over),
 * else the CPU.
 *
 * @example const device = await getDefaultDevice();
 */
export async function getDefaultDevice(): Promise<Device> {
  const openers: Opener[] = optional.map(({ name, specifier, exported }) => ({
    name,
    open: async () => {
      const plugin = (await import(/* @vite-ignore */ specifier)) as Readonly<
        Record<string, (() => Opener) | undefined>
      >;
      const opener = plugin[exported];
      if (opener === undefined) throw new NoDeviceError([{ name, reason: `${specifier} exports no ${exported}` }]);
      return opener().open();
    },
  }));
  const { device } = await openFirst([...openers, cpuOpener()]);
  return device;
}

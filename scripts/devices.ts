/**
 * The devices that root commands can be asked for, by name. Owns the names and the import of each plug-in, which happens when it is asked for: a
 * plug-in that isn't here, or finds no hardware, is a reason and not a crash.
 */
import type { Device } from '@torchlet/device';

/** A device of a known name that cannot be had here. Commands end with exit code 3 and this message. */
export class NoSuchDevice extends Error {
  override readonly name = 'NoSuchDevice';
}

interface PlugIn {
  readonly specifier: string;
  /** The function that opens the device. An import written out, so that a bundle of a command has it. */
  readonly load: () => Promise<(options?: object) => Promise<Device>>;
}

const plugIns: Readonly<Record<string, PlugIn>> = {
  cpu: { specifier: '@torchlet/device-cpu', load: async () => (await import('@torchlet/device-cpu')).cpu },
  webgpu: { specifier: '@torchlet/device-webgpu', load: async () => (await import('@torchlet/device-webgpu')).webgpu },
  cuda: { specifier: '@torchlet/device-cuda', load: async () => (await import('@torchlet/device-cuda')).cuda },
  'cuda-standin': {
    specifier: '../packages/device-cuda/standin/open.js',
    load: async () => (await import('../packages/device-cuda/standin/open.js')).cudaStandin,
  },
};

export const deviceNames = Object.keys(plugIns);

/**
 * Opens the device called `name`.
 *
 * @param options what the plug-in's function takes; its own defaults where there are none.
 * @throws RangeError where no device is called so; NoSuchDevice, with the reason, where there is none here.
 */
export async function openDevice(name: string, options?: object): Promise<Device> {
  const plugIn = Object.hasOwn(plugIns, name) ? plugIns[name] : undefined;
  if (plugIn === undefined) throw new RangeError(`expected a device of ${deviceNames.join(', ')}, got ${name}`);
  const open = await openerOf(name, plugIn);
  try {
    return await open(options);
  } catch (cause) {
    throw new NoSuchDevice(`no such device: ${name}: ${(cause as Error).message}`, { cause });
  }
}

async function openerOf(name: string, { specifier, load }: PlugIn): Promise<(options?: object) => Promise<Device>> {
  try {
    return await load();
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new NoSuchDevice(`no such device: ${name}: ${specifier} is not installed`, { cause });
  }
}

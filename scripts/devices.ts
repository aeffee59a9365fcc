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
  /** The export that opens the device. */
  readonly open: string;
}

const plugIns: Readonly<Record<string, PlugIn>> = {
  cpu: { specifier: '@torchlet/device-cpu', open: 'cpu' },
  webgpu: { specifier: '@torchlet/device-webgpu', open: 'webgpu' },
  cuda: { specifier: '@torchlet/device-cuda', open: 'cuda' },
  'cuda-standin': { specifier: '../packages/device-cuda/standin/open.js', open: 'cudaStandin' },
};

export const deviceNames = Object.keys(plugIns);

/**
 * Opens the device called `name`.
 *
 * @throws RangeError where no device is called so; NoSuchDevice, with the reason, where there is none here.
 */
export async function openDevice(name: string): Promise<Device> {
  const plugIn = Object.hasOwn(plugIns, name) ? plugIns[name] : undefined;
  if (plugIn === undefined) throw new RangeError(`expected a device of ${deviceNames.join(', ')}, got ${name}`);
  const open = await openerOf(name, plugIn);
  try {
    return await open();
  } catch (cause) {
    throw new NoSuchDevice(`no such device: ${name}: ${(cause as Error).message}`, { cause });
  }
}

async function openerOf(name: string, { specifier, open }: PlugIn): Promise<() => Promise<Device>> {
  let module: Record<string, unknown>;
  try {
    module = (await import(specifier)) as Record<string, unknown>;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code !== 'ERR_MODULE_NOT_FOUND') throw cause;
    throw new NoSuchDevice(`no such device: ${name}: ${specifier} is not installed`, { cause });
  }
  const found = module[open];
  if (typeof found !== 'function') throw new NoSuchDevice(`no such device: ${name}: ${specifier} has no ${open}()`);
  return found as () => Promise<Device>;
}

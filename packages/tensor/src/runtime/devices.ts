/**
 * Which device an evaluation uses: one `Runtime` per device, and the default that uncommitted tensors go to. Owns the registry; opens nothing by itself but
 * a default opener, and that only when something must be evaluated.
 */
import type { Device, Opener } from '@torchlet/device';
import { Runtime, type RuntimeStats } from './runtime.js';

const runtimes = new Map<Device, Runtime>();
let defaultOpener: Opener | null = null;
let defaultRuntime: Runtime | null = null;
/** How the last default device came to its end, until there is another. */
let ended: string | null = null;

/** The runtime of `device`, made on first use and dropped when the device is lost or disposed. */
export function runtimeOf(device: Device): Runtime {
  const known = runtimes.get(device);
  if (known !== undefined) return known;
  const runtime = new Runtime(device);
  runtimes.set(device, runtime);
  void device.lost.then(({ message }) => {
    runtimes.delete(device);
    if (defaultRuntime !== runtime) return;
    defaultRuntime = null;
    ended = `the default device ${device.name} is gone (${message})`;
  });
  return runtime;
}

/** Every device that has been used. */
export function openRuntimes(): Iterable<Runtime> {
  return runtimes.values();
}

/**
 * Where tensors that live nowhere yet are evaluated. An opener is opened when the first value is needed.
 *
 * @example setDefaultDevice(await cpu());
 */
export function setDefaultDevice(device: Device | Opener): void {
  ended = null;
  if ('open' in device) {
    defaultOpener = device;
    defaultRuntime = null;
    return;
  }
  defaultRuntime = runtimeOf(device);
}

/** The default device, or null while none is open. */
export function defaultDevice(): Device | null {
  return defaultRuntime?.device ?? null;
}

/** The default runtime if one is open; opens nothing. */
export function openDefault(): Runtime | null {
  return defaultRuntime;
}

/**
 * The default runtime at once.
 *
 * @throws Error where no default is set, or where its opener must be waited for.
 */
export function defaultRuntimeNow(): Runtime {
  if (defaultRuntime !== null) return defaultRuntime;
  if (defaultOpener === null) throw noDevice();
  if (defaultOpener.openNow === undefined) {
    throw new Error(
      `the default device (${defaultOpener.name}) must be opened before this: await a value first, or setDefaultDevice(await ${defaultOpener.name}())`,
    );
  }
  defaultRuntime = runtimeOf(defaultOpener.openNow());
  return defaultRuntime;
}

/** The default runtime, opened if need be. */
export async function defaultRuntimeReady(): Promise<Runtime> {
  if (defaultRuntime !== null || defaultOpener === null || defaultOpener.openNow !== undefined)
    return defaultRuntimeNow();
  const opener = defaultOpener;
  const device = await opener.open();
  if (defaultRuntime === null && defaultOpener === opener) defaultRuntime = runtimeOf(device);
  return defaultRuntimeNow();
}

function noDevice(): Error {
  if (ended !== null) {
    return new Error(`${ended}, so nothing can be computed. Open a new device and set it: setDefaultDevice(device)`);
  }
  return new Error(
    "no device is set, so nothing can be computed. Add: import { cpu } from '@torchlet/device-cpu'; and: setDefaultDevice(await cpu());",
  );
}

/** What `device` has done so far: programs run and compiled, kernels. All zero for a device no tensor has used. */
export function deviceStats(device: Device): RuntimeStats {
  return (
    runtimes.get(device)?.stats() ?? {
      programsRun: 0,
      programsCompiled: 0,
      cacheHits: 0,
      kernelsRun: 0,
      kernelsOfLast: 0,
    }
  );
}

/// <reference types="@webgpu/types" />
/**
 * Where WebGPU is: `navigator.gpu`, or in Node the package `webgpu`, which is loaded only when asked for. Owns the search and the reasons; no import of Node or
 * of that package is seen by bundlers for browsers.
 */

/** A way to adapters, and where it was found. */
export interface FoundGpu {
  readonly gpu: GPU;
  readonly source: string;
}

interface NodeProcess {
  readonly versions?: { readonly node?: string };
  readonly platform?: string;
  readonly env: Record<string, string | undefined>;
  getBuiltinModule?(name: 'node:fs'): { existsSync(path: string): boolean; readdirSync(path: string): string[] };
}

/** @throws Error that says why there is no WebGPU here. */
export async function findGpu(): Promise<FoundGpu> {
  const here = (globalThis as { navigator?: { readonly gpu?: GPU } }).navigator?.gpu;
  if (here !== undefined) return { gpu: here, source: 'navigator.gpu' };
  const { process } = globalThis as { process?: NodeProcess };
  if (process?.versions?.node !== undefined) return fromNode(process);
  if ((globalThis as { isSecureContext?: boolean }).isSecureContext === false) {
    throw new Error(
      'there is no navigator.gpu, because the page is not a secure context: serve it over https, or from localhost',
    );
  }
  throw new Error(
    'there is no navigator.gpu: this browser has no WebGPU, or it is turned off. Chrome and Edge 113, Safari 26 and Firefox 141 have it',
  );
}

/** A variable, so that bundlers do not ask for the package. */
const dawn = 'webgpu';

async function fromNode(process: NodeProcess): Promise<FoundGpu> {
  const driver = chooseDriver(process);
  let module: { create(options: string[]): GPU };
  try {
    module = (await import(/* @vite-ignore */ /* webpackIgnore: true */ dawn)) as typeof module;
  } catch (cause) {
    const missing = (cause as { code?: string }).code === 'ERR_MODULE_NOT_FOUND';
    const reason = missing
      ? 'is not installed: npm install webgpu'
      : `cannot be loaded: ${cause instanceof Error ? cause.message : String(cause)}`;
    throw new Error(`Node has no WebGPU of its own, and the package webgpu ${reason}`, { cause });
  }
  return {
    gpu: module.create([]),
    source: driver === null ? 'the package webgpu' : `the package webgpu with ${driver}`,
  };
}

const driverFolders = ['/usr/share/vulkan/icd.d', '/etc/vulkan/icd.d', '/usr/local/share/vulkan/icd.d'];
/** Chromium brings a Vulkan driver that runs on the CPU, which the Vulkan loader does not look for. */
const chromiumDrivers = [
  '/usr/lib/chromium/vk_swiftshader_icd.json',
  '/opt/google/chrome/vk_swiftshader_icd.json',
  '/usr/lib64/chromium-browser/vk_swiftshader_icd.json',
];

/** On Linux, names Chromium's driver to the Vulkan loader where no other is installed. @returns what was chosen, or null. */
function chooseDriver({ platform, env, getBuiltinModule }: NodeProcess): string | null {
  const chosen = env['VK_DRIVER_FILES'] ?? env['VK_ICD_FILENAMES'];
  if (chosen !== undefined) return chosen;
  if (platform !== 'linux' || getBuiltinModule === undefined) return null;
  const fs = getBuiltinModule('node:fs');
  const installed = driverFolders.some(
    (folder) => fs.existsSync(folder) && fs.readdirSync(folder).some((file) => file.endsWith('.json')),
  );
  if (installed) return null;
  const found = chromiumDrivers.find((file) => fs.existsSync(file));
  if (found === undefined) return null;
  env['VK_ICD_FILENAMES'] = found;
  return `Chromium's SwiftShader (${found})`;
}

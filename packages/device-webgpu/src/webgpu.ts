/**
 * Opening a WebGPU device. Owns the options, what is asked of the adapter, and the words where there is none; where a GPU is found is `find-gpu.ts`, what the
 * device does `runtime/device.ts`.
 */
import type { Capabilities, DType, Opener } from '@torchlet/device';
import { type FoundGpu, findGpu } from './find-gpu.js';
import { OpenWebGpuDevice, type WebGpuDevice } from './runtime/device.js';
import { dtypeRows } from './wgsl/kinds.js';

export interface WebGpuOptions {
  /** As the device is called in errors. Default `webgpu`. */
  readonly name?: string;
  /** Whether an adapter that runs on the CPU will do; it is slower than the cpu device. Default true for `webgpu`, false for `webgpuOpener`. */
  readonly fallback?: boolean;
  /** Which adapter is preferred where there are several. */
  readonly powerPreference?: 'low-power' | 'high-performance';
  /** The most memory the device takes, in bytes. Default: what the adapter gives. */
  readonly memoryBytes?: number;
  /**
   * Whether threads share work through workgroup memory and barriers. Default: on real adapters; on emulated ones, where barriers are slow,
   * each thread works alone.
   */
  readonly sharing?: boolean;
  /** Limits to claim instead of the adapter's, e.g. smaller ones in tests. */
  readonly limits?: Partial<Capabilities>;
}

/** Features that kernels or profiles use where they are there. */
const usedFeatures = ['shader-f16', 'subgroups', 'timestamp-query'] as const;

/** Limits that are asked for as far as the adapter goes; without asking, a device has the least that the specification allows. */
const usedLimits = [
  'maxStorageBuffersPerShaderStage',
  'maxStorageBufferBindingSize',
  'maxBufferSize',
  'maxDynamicStorageBuffersPerPipelineLayout',
  'maxComputeWorkgroupStorageSize',
  'maxComputeInvocationsPerWorkgroup',
  'maxComputeWorkgroupSizeX',
  'maxComputeWorkgroupsPerDimension',
] as const satisfies readonly (keyof GPUSupportedLimits)[];

const alignment = 256;
/** Bindings kept free of program slots: scratch memory of kernels that are cut in two. */
const reservedBindings = 1;

/**
 * Opens a WebGPU device: `navigator.gpu` in browsers, the optional package `webgpu` (Dawn) in Node. Several may be open at once.
 *
 * @returns the device, which also tells about its adapter. @throws Error that says why there is none and what to do.
 * @example
 * setDefaultDevice(await webgpu());
 */
export async function webgpu(options: WebGpuOptions = {}): Promise<WebGpuDevice> {
  return openOn(await findGpu(), options);
}

/** An opener for `openFirst`. Emulated adapters are passed over unless `fallback` says otherwise: the cpu device is faster. */
export function webgpuOpener(options: WebGpuOptions = {}): Opener {
  return { name: options.name ?? 'webgpu', open: () => webgpu({ fallback: false, ...options }) };
}

/** Opens a device on a GPU that was found already. */
export async function openOn({ gpu, source }: FoundGpu, options: WebGpuOptions = {}): Promise<WebGpuDevice> {
  const { name = 'webgpu', fallback = true, powerPreference, memoryBytes = Infinity, limits = {} } = options;
  const adapter = await gpu
    .requestAdapter(powerPreference === undefined ? {} : { powerPreference })
    .catch((cause: unknown) => {
      throw new Error(`${source} gave no adapter: ${reasonOf(cause)}`, { cause });
    });
  if (adapter === null) {
    throw new Error(
      `${source} has no adapter: WebGPU found no GPU that it accepts. Update the graphics driver; in a browser see chrome://gpu or about:support, in Node the webgpu package needs a Vulkan, Metal or D3D12 driver`,
    );
  }
  const { vendor, architecture, description, isFallbackAdapter } = adapter.info;
  const emulated = isFallbackAdapter || (adapter as { isFallbackAdapter?: boolean }).isFallbackAdapter === true;
  const called = [vendor, architecture].filter((word) => word !== '').join(' ') || 'unnamed adapter';
  if (emulated && !fallback) {
    throw new Error(
      `the only adapter (${called}) is emulated, and slower than the cpu device; webgpu({ fallback: true }) opens it all the same`,
    );
  }
  const features = usedFeatures.filter((feature) => adapter.features.has(feature));
  const requiredLimits: Record<string, number> = {};
  for (const limit of usedLimits) {
    const most = adapter.limits[limit];
    if (typeof most === 'number') requiredLimits[limit] = most;
  }
  const device = await adapter
    .requestDevice({ label: name, requiredFeatures: features as GPUFeatureName[], requiredLimits })
    .catch((cause: unknown) => {
      throw new Error(
        `the adapter (${called}) gave no device: ${reasonOf(cause)}. Reload the page or restart the program; if it stays so, update the graphics driver`,
        { cause },
      );
    });
  return new OpenWebGpuDevice({
    name,
    origin: gpu,
    gpu: device,
    capabilities: { ...capabilitiesOf(device.limits), ...limits },
    target: {
      f16: device.features.has('shader-f16'),
      sharing: options.sharing ?? !emulated,
      maxGroupsPerDimension: device.limits.maxComputeWorkgroupsPerDimension,
    },
    adapter: { vendor, architecture, description, emulated, source, features },
    budget: memoryBytes,
  });
}

function reasonOf(cause: unknown): string {
  return cause instanceof Error ? cause.message : String(cause);
}

/** The adapter's limits in the words of the contract. Indices are int32, so nothing may be larger than they reach. */
function capabilitiesOf(limits: GPUSupportedLimits): Capabilities {
  const bytes = (limit: number): number => Math.floor(Math.min(limit, 2 ** 32 - alignment) / alignment) * alignment;
  return {
    storedBytes: Object.fromEntries(
      Object.entries(dtypeRows).map(([dtype, row]) => [dtype, row.storedBytes]),
    ) as Record<DType, number>,
    buffersPerKernel: limits.maxStorageBuffersPerShaderStage - reservedBindings,
    bufferBytes: bytes(limits.maxBufferSize),
    bindingBytes: bytes(limits.maxStorageBufferBindingSize),
    alignment,
    ownedBytes: 4,
  };
}

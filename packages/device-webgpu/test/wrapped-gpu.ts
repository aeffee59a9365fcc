/** A GPU whose device a test can reach, to break it. Owns no behaviour of its own. */
import { findGpu } from '../src/find-gpu.js';
import type { WebGpuDevice } from '../src/index.js';
import { openOn, type WebGpuOptions } from '../src/webgpu.js';

/** What a test puts in the place of the GPUDevice's own. */
export interface Broken {
  /** Tells of the loss, whatever becomes of the device. */
  readonly lost?: Promise<Pick<GPUDeviceLostInfo, 'message' | 'reason'>>;
  readonly limits?: Partial<Record<keyof GPUSupportedLimits, number>>;
}

/** Opens a device, and gives the GPUDevice under it. */
export async function openedWithin(
  options: WebGpuOptions = {},
  { lost, limits = {} }: Broken = {},
): Promise<{ device: WebGpuDevice; gpu: GPUDevice }> {
  const found = await findGpu();
  let inner: GPUDevice | null = null;
  const origin = {
    requestAdapter: async (wanted: GPURequestAdapterOptions) => {
      const adapter = await found.gpu.requestAdapter(wanted);
      if (adapter === null) return null;
      return {
        info: adapter.info,
        features: adapter.features,
        limits: adapter.limits,
        requestDevice: async (descriptor: GPUDeviceDescriptor) => {
          inner = await adapter.requestDevice(descriptor);
          if (lost !== undefined) Object.defineProperty(inner, 'lost', { value: lost });
          Object.defineProperty(inner, 'limits', { value: withLimits(inner.limits, limits) });
          return inner;
        },
      };
    },
    // The webgpu package takes everything down when the GPU is collected.
    found,
  };
  const device = await openOn({ gpu: origin as unknown as GPU, source: 'a test' }, options);
  return { device, gpu: inner as unknown as GPUDevice };
}

function withLimits(own: GPUSupportedLimits, limits: NonNullable<Broken['limits']>): GPUSupportedLimits {
  return new Proxy(own, {
    get: (target, key) => limits[key as keyof GPUSupportedLimits] ?? Reflect.get(target, key, target),
  });
}

/** Of no use for a kernel, so that validation refuses it. */
const mapReadAlone = 1;

/**
 * The adapter has no memory from now on: buffers are invalid, as WebGPU gives them, and their scope tells later.
 *
 * @returns ends it.
 */
export function refuseBuffers(gpu: GPUDevice): () => void {
  const { createBuffer, pushErrorScope, popErrorScope } = gpu;
  const scopes: { readonly filter: GPUErrorFilter; refused: boolean }[] = [];
  gpu.pushErrorScope = (filter) => {
    scopes.push({ filter, refused: false });
    return pushErrorScope.call(gpu, filter);
  };
  gpu.createBuffer = (descriptor) => {
    const scope = scopes.findLast(({ filter }) => filter === 'out-of-memory');
    if (scope !== undefined) scope.refused = true;
    return createBuffer.call(gpu, { ...descriptor, size: 4, usage: mapReadAlone });
  };
  gpu.popErrorScope = async () => {
    const scope = scopes.pop();
    const error = await popErrorScope.call(gpu);
    return scope?.refused === true ? ({ message: 'no memory' } as GPUError) : error;
  };
  return () => Object.assign(gpu, { createBuffer, pushErrorScope, popErrorScope });
}

const opened: WebGpuDevice[] = [];

/** As `openedWithin`, until `disposeOpened`. */
export async function openHere(...options: Parameters<typeof openedWithin>): ReturnType<typeof openedWithin> {
  const pair = await openedWithin(...options);
  opened.push(pair.device);
  return pair;
}

/** Disposes of what `openHere` opened. */
export function disposeOpened(): void {
  for (const device of opened.splice(0)) device.dispose();
}

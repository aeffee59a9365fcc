/**
 * Opening an NVIDIA card. Owns the options, what is asked of driver and card, and the words where there is none; where the addon is found is
 * `native/find-addon.ts`, what the device does `runtime/device.ts`.
 */
import { type Capabilities, type DType, dtypeNames, dtypes, type Opener } from '@torchlet/device';
import { type Addon, type Card, type DriverState, type LoadedAddon, loadAddon, runModes } from './native/addon.js';
import { type CudaDevice, OpenCudaDevice } from './runtime/device.js';
import { Faults } from './runtime/faults.js';
import { type LibraryUse, libraryUses } from './runtime/libraries.js';

export interface CudaOptions {
  /** Which card, counted from 0 as the driver does (CUDA_VISIBLE_DEVICES hides and orders them). Default 0. */
  readonly index?: number;
  /** As the device is called in errors. Default `cuda:INDEX`. */
  readonly name?: string;
  /** The most memory the device takes, in bytes. Default: what the card has. */
  readonly memoryBytes?: number;
  /** `high` lets float32 products be rounded to TF32 on tensor cores, as `torch.set_float32_matmul_precision` does. Default `highest`. */
  readonly matmulPrecision?: 'highest' | 'high';
  /** Whether programs are replayed as CUDA graphs after their first run. Default true. */
  readonly graphs?: boolean;
  /**
   * Which products cuBLASLt is asked for where it is found: `auto` those that are large enough to pay, `always` all that it can do, `off` none. Default: what
   * TORCHLET_CUDA_LIBRARIES says, else `auto`.
   */
  readonly libraries?: LibraryUse;
  /**
   * Which products warpgroups compute (`wgmma`), where the card has compute capability 9.0 and the driver is of CUDA 12 or later: `auto` those that it is expected to
   * pay for, `always` all that it can do, `off` none. Default: what TORCHLET_CUDA_WGMMA says, else `auto`.
   */
  readonly wgmma?: 'auto' | 'always' | 'off';
  /** Limits to claim instead of the card's, e.g. smaller ones in tests. */
  readonly limits?: Partial<Capabilities>;
}

/** The driver's library, where it is not to be searched for. */
const libraryVariable = 'TORCHLET_LIBCUDA';

/** Whether libraries beside the driver are used. */
export const librariesVariable = 'TORCHLET_CUDA_LIBRARIES';

/** Which products warpgroups compute. */
export const wgmmaVariable = 'TORCHLET_CUDA_WGMMA';

/** Waits for every kernel, so that a fault names the one it came from. */
const synchronousVariable = 'TORCHLET_CUDA_SYNC';

/** `off`: each buffer is an allocation of the driver's, so that a tool that watches over memory (compute-sanitizer) sees where it ends. */
const cachingVariable = 'TORCHLET_CUDA_CACHING';

/** What tensor cores, asynchronous copies and bfloat16 need. */
const leastCapability = 80;
/** What warpgroups need: this card, for no later one has them, and a driver of CUDA 12. */
const warpgroupCapability = 90;
const warpgroupDriver = 12000;
const alignment = 256;
/** Each is an address among a kernel's parameters, of which there may be 4,096 bytes; so many are far from what a kernel gains by. */
const buffersPerKernel = 128;
const largestBuffer = 2 ** 33;

interface FoundDriver extends LoadedAddon {
  readonly state: DriverState;
}

/**
 * Opens an NVIDIA card. Several may be open at once.
 *
 * @returns the device, which also tells about its card. @throws Error that says why there is none and what to do.
 * @example
 * setDefaultDevice(await cuda());
 */
export async function cuda(options: CudaOptions = {}): Promise<CudaDevice> {
  return openCuda(options);
}

/** Whether a card can be opened here. */
cuda.isAvailable = (): boolean => cuda.deviceCount() > 0;

/** Cards that the driver shows; 0 where there is no driver. */
cuda.deviceCount = (): number => {
  try {
    return findDriver().state.count;
  } catch {
    return 0;
  }
};

/** An opener for `openFirst`. */
export function cudaOpener(options: CudaOptions = {}): Opener {
  return {
    name: options.name ?? `cuda:${options.index ?? 0}`,
    open: () => cuda(options),
    openNow: () => openCuda(options),
  };
}

function openCuda(options: CudaOptions): CudaDevice {
  const { index = 0, matmulPrecision = 'highest', graphs = true, limits = {} } = options;
  const name = options.name ?? `cuda:${index}`;
  const { addon, file, state } = findDriver();
  const card = cardsOf(name, addon)[index];
  if (card === undefined)
    throw new RangeError(`there is no card ${index}: the driver shows ${state.count}, counted from 0`);
  const computeCapability = 10 * card.major + card.minor;
  if (computeCapability < leastCapability) {
    throw new Error(
      `${card.name} has compute capability ${card.major}.${card.minor}, and 8.0 is needed (A100, RTX 30 or later)`,
    );
  }
  const { multiprocessors, sharedBytesPerBlock, memoryBytes } = card;
  const hasWarpgroups = computeCapability === warpgroupCapability && state.version >= warpgroupDriver;
  const asked = options.wgmma ?? useOf(wgmmaVariable);
  const wgmma = hasWarpgroups ? asked : 'off';
  const synchronous = (process.env[synchronousVariable] ?? '0') !== '0';
  return new OpenCudaDevice({
    name,
    addon,
    card: {
      index,
      card: card.name,
      computeCapability: `${card.major}.${card.minor}`,
      multiprocessors,
      memoryBytes,
      driver: `${Math.floor(state.version / 1000)}.${Math.floor((state.version % 1000) / 10)}`,
      driverLibrary: state.file,
      addon: file,
      wgmma,
    },
    capabilities: { ...capabilitiesOf(card), ...limits },
    target: { computeCapability, multiprocessors, sharedBytesPerBlock, matmulPrecision, wgmma },
    budget: options.memoryBytes ?? memoryBytes,
    caching: process.env[cachingVariable] !== 'off',
    libraries: options.libraries ?? useOf(librariesVariable),
    mode: synchronous ? runModes.synchronous : graphs ? runModes.graph : runModes.direct,
  });
}

/** @throws Error that says why there is no driver with a card. */
function findDriver(): FoundDriver {
  const loaded = loadAddon();
  const state = loaded.addon.driver(process.env[libraryVariable] ?? '');
  if (state.reason !== null) throw new Error(state.reason);
  return { ...loaded, state };
}

/** @throws DeviceError where the driver does not tell. */
function cardsOf(name: string, addon: Addon): readonly Card[] {
  try {
    return addon.cards();
  } catch (error) {
    throw new Faults(name, () => {}).ofOpening(error);
  }
}

/** @throws RangeError where the variable says something else. */
function useOf(variable: string): LibraryUse {
  const said = process.env[variable];
  if (said === undefined || said === '') return 'auto';
  const use = libraryUses.find((each) => each === said);
  if (use !== undefined) return use;
  throw new RangeError(`${variable}: expected ${libraryUses.join(', ')}, got ${said}`);
}

function capabilitiesOf({ memoryBytes }: Card): Capabilities {
  const most = Math.floor(Math.min(memoryBytes, largestBuffer) / alignment) * alignment;
  return {
    storedBytes: Object.fromEntries(dtypeNames.map((dtype) => [dtype, dtypes[dtype].bytes])) as Record<DType, number>,
    buffersPerKernel,
    bufferBytes: most,
    bindingBytes: most,
    alignment,
    ownedBytes: 1,
  };
}

/**
 * The libraries of one device: whether cuBLASLt is used, its memory to work in, the claims it makes and the plans it is asked for. Owns the choice of what is
 * claimed and the numbers that the addon takes; what a product looks like to it is `libraries/`.
 */
import { type Claim, DeviceError, type MatmulCandidate } from '@torchlet/device';
import type { LibraryProduct } from '../generated.js';
import { libraryName } from '../libraries/claimed.js';
import { cublasLtCandidates } from '../libraries/find-cublaslt.js';
import { type ProductLibrary, takesEpilogue, takesProduct } from '../libraries/product-step.js';
import { type Addon, isNativeError, type LibraryState, type ProductCounts } from '../native/addon.js';
import type { DeviceMemory } from './memory.js';

/** Which products libraries are asked for: those large enough to pay, all that they can do, or none. */
export const libraryUses = ['auto', 'always', 'off'] as const;
export type LibraryUse = (typeof libraryUses)[number];

/** A library beside the driver. */
export interface LibraryInfo {
  readonly name: string;
  /** Null where it is not used. */
  readonly version: string | null;
  readonly file: string | null;
  /** Why it is not used. */
  readonly reason: string | null;
  /** Algorithms that it was asked for, products whose algorithm was known, and products that it does not do. */
  readonly products: ProductCounts;
}

export interface LibrariesSetup {
  readonly addon: Addon;
  readonly handle: number;
  readonly memory: DeviceMemory;
  readonly use: LibraryUse;
  readonly computeCapability: number;
}

/**
 * Below this many products of two numbers, which take a card about a microsecond, a kernel that takes in what is around it is better than a launch more; below so
 * many rows, columns or terms a loop is.
 */
const leastWork = 2 ** 24;
const leastSide = 16;
/** What NVIDIA advises for cards from 9.0 on, and enough for those before. */
const workspaces = { large: 32 * 2 ** 20, small: 8 * 2 ** 20, largeFrom: 90 };

/** As cublasLt.h numbers them. */
const dataTypes = { float32: 0, float64: 1, float16: 2, bfloat16: 14 } as const;
const computeTypes = { float32: 68, tf32: 77, float64: 70 } as const;
const epilogues = { none: 1, bias: 4 } as const;

const nothing: ProductCounts = { asked: 0, reused: 0, refused: 0 };

export class Libraries implements ProductLibrary {
  readonly #setup: LibrariesSetup;
  #state: LibraryState | null = null;

  constructor(setup: LibrariesSetup) {
    this.#setup = setup;
  }

  info(): LibraryInfo[] {
    const { reason, file, version } = this.#open();
    const isUsed = reason === null;
    return [
      {
        name: libraryName,
        version: isUsed ? versionText(version) : null,
        file: isUsed ? file : null,
        reason,
        products: isUsed ? this.#setup.addon.productCounts(this.#setup.handle) : nothing,
      },
    ];
  }

  claim(candidate: MatmulCandidate): Claim | null {
    const { use } = this.#setup;
    if (use === 'off' || !(use === 'always' || pays(candidate)) || !takesProduct(candidate)) return null;
    if (this.#open().reason !== null) return null;
    return {
      library: libraryName,
      workspaceBytes: this.#workspaceBytes,
      epilogue: (value, result) => takesEpilogue(candidate, value, result),
    };
  }

  plan(product: LibraryProduct): number | null {
    if (this.#open().reason !== null) return null;
    try {
      const plan = this.#setup.addon.planProduct(this.#setup.handle, Float64Array.from(numbersOf(product)));
      return plan < 0 ? null : plan;
    } catch (error) {
      // The card could not be asked: what is wrong with it the next call says, in the words of a fault.
      if (isNativeError(error)) return null;
      throw error;
    }
  }

  get #workspaceBytes(): number {
    return this.#setup.computeCapability >= workspaces.largeFrom ? workspaces.large : workspaces.small;
  }

  /** Opens the library the first time that it is wanted, which takes up to a second. */
  #open(): LibraryState {
    if (this.#state === null) this.#state = this.#setup.use === 'off' ? turnedOff : this.#start();
    return this.#state;
  }

  #start(): LibraryState {
    const { addon, handle, memory } = this.#setup;
    const { files, named } = cublasLtCandidates(process.env);
    const state = addon.library(files, named);
    if (state.reason !== null) return named ? state : { ...state, reason: `${state.reason}; ${sought}` };
    try {
      addon.startLibrary(handle);
      const bytes = this.#workspaceBytes;
      addon.giveWorkspace(handle, memory.setAside(bytes, `workspace of ${libraryName}`), bytes);
      return state;
    } catch (error) {
      const isFinal = error instanceof DeviceError ? error.sticky : !isNativeError(error);
      if (isFinal) throw error;
      return { ...state, reason: `${state.file} could not be started: ${(error as Error).message}` };
    }
  }
}

const sought =
  'it was sought in CUDA_HOME, CUDA_PATH, /usr/local/cuda*, conda and the Python packages of NVIDIA too, and TORCHLET_CUBLASLT can name it';
const turnedOff: LibraryState = { reason: 'turned off by TORCHLET_CUDA_LIBRARIES or an option', file: '', version: 0 };

function pays({ batch, m, n, k }: MatmulCandidate): boolean {
  return Math.min(m, n, k) >= leastSide && batch.reduce((size, length) => size * length, m * n * k) >= leastWork;
}

function versionText(version: number): string {
  return [Math.floor(version / 10000), Math.floor((version % 10000) / 100), version % 100].join('.');
}

/** In the order that `ProductShape` of the addon reads them in. */
function numbersOf({ dtype, precision, m, n, k, batch, matrices, epilogue, alpha, beta }: LibraryProduct): number[] {
  const isHalf = dtype === 'float16' || dtype === 'bfloat16';
  const type = dataTypes[dtype as keyof typeof dataTypes];
  const compute = dtype === 'float64' ? 'float64' : !isHalf && precision === 'high' ? 'tf32' : 'float32';
  const [a, b] = matrices;
  return [
    ...[type, computeTypes[compute], m, n, k, a?.isTransposed ? 1 : 0, b?.isTransposed ? 1 : 0],
    ...matrices.map(({ leading }) => leading),
    batch,
    ...matrices.map(({ batchOffset }) => batchOffset),
    ...matrices.map(({ alignment }) => alignment),
    ...[epilogues[epilogue], alpha, beta],
  ];
}

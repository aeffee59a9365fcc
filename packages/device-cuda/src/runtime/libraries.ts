/**
 * The libraries of one device: what is claimed for cuBLASLt and for cuDNN, the memory that both work in, and the plans they are asked for. Owns the choice of what
 * is claimed; opening one is `one-library.ts`, what a product looks like to it is `libraries/`.
 */
import type { Claim, MatmulCandidate } from '@torchlet/device';
import type { LibraryConvolution, LibraryProduct } from '../generated.js';
import { libraries, type LibraryName } from '../libraries/claimed.js';
import { takesConvolution, takesFactor } from '../libraries/convolution-step.js';
import type { LibraryPlans } from '../libraries/library-step.js';
import { takesEpilogue, takesProduct } from '../libraries/product-step.js';
import { type Addon, isNativeError } from '../native/addon.js';
import { numbersOfConvolution, numbersOfProduct } from './library-numbers.js';
import type { DeviceMemory } from './memory.js';
import { type LibraryInfo, OneLibrary } from './one-library.js';

/** Which products libraries are asked for: those large enough to pay, all that they can do, or none. */
export const libraryUses = ['auto', 'always', 'off'] as const;
export type LibraryUse = (typeof libraryUses)[number];

export interface LibrariesSetup {
  readonly addon: Addon;
  readonly handle: number;
  readonly memory: DeviceMemory;
  readonly use: LibraryUse;
  readonly computeCapability: number;
}

/**
 * Below this many products of two numbers, which take a card about a microsecond, a kernel that takes in what is around it is better than a launch more; below so
 * many rows, columns or terms a loop is. For convolutions, too: a guess until a card has measured it.
 */
const leastWork = 2 ** 24;
const leastSide = 16;
/** What NVIDIA advises for cards from 9.0 on, and enough for those before. */
const workspaces = { large: 32 * 2 ** 20, small: 8 * 2 ** 20, largeFrom: 90 };

export class Libraries implements LibraryPlans {
  readonly #setup: LibrariesSetup;
  readonly #opened: Readonly<Record<LibraryName, OneLibrary>>;
  #hasWorkspace = false;

  constructor(setup: LibrariesSetup) {
    const { addon, handle, use } = setup;
    this.#setup = setup;
    const open = (name: LibraryName, before: OneLibrary | null): OneLibrary =>
      new OneLibrary({ name, addon, handle, before, isOff: use === 'off', prepare: () => this.#giveWorkspace(name) });
    const cuBLASLt = open(libraries.products, null);
    this.#opened = { cuBLASLt, cuDNN: open(libraries.convolutions, cuBLASLt) };
  }

  info(): LibraryInfo[] {
    return Object.values(this.#opened).map((library) => library.info());
  }

  claim(candidate: MatmulCandidate): Claim | null {
    const { use } = this.#setup;
    if (use === 'off' || !(use === 'always' || pays(candidate))) return null;
    const [library, takes] = takesProduct(candidate)
      ? [libraries.products, takesEpilogue]
      : takesConvolution(candidate)
        ? [libraries.convolutions, takesFactor]
        : [null, null];
    if (library === null || !this.#opened[library].isUsed) return null;
    return {
      library,
      workspaceBytes: this.#workspaceBytes,
      epilogue: (value, result) => takes(candidate, value, result),
    };
  }

  planProduct(product: LibraryProduct): number | null {
    const { addon, handle } = this.#setup;
    return this.#plan(libraries.products, () => addon.planProduct(handle, numbersOfProduct(product)));
  }

  planConvolution(convolution: LibraryConvolution): number | null {
    const { addon, handle } = this.#setup;
    return this.#plan(libraries.convolutions, () => addon.planConvolution(handle, numbersOfConvolution(convolution)));
  }

  #plan(library: LibraryName, ask: () => number): number | null {
    if (!this.#opened[library].isUsed) return null;
    try {
      const plan = ask();
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

  /** One for both: their work follows one another. */
  #giveWorkspace(name: LibraryName): void {
    if (this.#hasWorkspace) return;
    const { addon, handle, memory } = this.#setup;
    const bytes = this.#workspaceBytes;
    addon.giveWorkspace(handle, memory.setAside(bytes, `workspace of ${name}`), bytes);
    this.#hasWorkspace = true;
  }
}

function pays({ batch, m, n, k }: MatmulCandidate): boolean {
  return Math.min(m, n, k) >= leastSide && batch.reduce((size, length) => size * length, m * n * k) >= leastWork;
}

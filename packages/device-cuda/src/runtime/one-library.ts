/**
 * One library of a device: opened the first time that it is wanted, which takes up to a second, or the reason why it is not used. Owns that and what is told of it;
 * which products it is asked for is `libraries.ts`.
 */
import { DeviceError } from '@torchlet/device';
import type { LibraryName } from '../libraries/claimed.js';
import { libraryCandidates, libraryPlaces } from '../libraries/find-library.js';
import { type Addon, isNativeError, type LibraryState, type ProductCounts } from '../native/addon.js';

/** A library beside the driver. */
export interface LibraryInfo {
  readonly name: string;
  /** Null where it is not used. */
  readonly version: string | null;
  readonly file: string | null;
  /** Why it is not used. */
  readonly reason: string | null;
  /** Algorithms that it was asked for, products or convolutions whose algorithm was known, and those that it does not do. */
  readonly products: ProductCounts;
}

export interface OneLibrarySetup {
  readonly name: LibraryName;
  readonly addon: Addon;
  readonly handle: number;
  readonly isOff: boolean;
  /** A library that it looks for by name alone, and finds where it is loaded. */
  readonly before: OneLibrary | null;
  /** Gives it memory to work in. */
  prepare(): void;
}

const nothing: ProductCounts = { asked: 0, reused: 0, refused: 0 };
const turnedOff: LibraryState = { reason: 'turned off by TORCHLET_CUDA_LIBRARIES or an option', file: '', version: 0 };

/** What a major version is counted by; cuDNN before 9 counted otherwise. */
const perMajor = 10_000;
const perOldMajor = 1000;

export class OneLibrary {
  readonly #setup: OneLibrarySetup;
  #state: LibraryState | null = null;

  constructor(setup: OneLibrarySetup) {
    this.#setup = setup;
  }

  get isUsed(): boolean {
    return this.open().reason === null;
  }

  info(): LibraryInfo {
    const { name, addon, handle } = this.#setup;
    const { reason, file, version } = this.open();
    return reason === null
      ? { name, version: versionText(version), file, reason, products: addon.libraryCounts(handle, name) }
      : { name, version: null, file: null, reason, products: nothing };
  }

  /** What came of opening it. */
  open(): LibraryState {
    if (this.#state === null) this.#state = this.#setup.isOff ? turnedOff : this.#start();
    return this.#state;
  }

  #start(): LibraryState {
    const { name, addon, handle, before, prepare } = this.#setup;
    before?.open();
    const { files, named } = libraryCandidates(name, process.env);
    const state = addon.library(name, files, named);
    if (state.reason !== null) return named ? state : { ...state, reason: `${state.reason}; ${soughtFor(name)}` };
    try {
      addon.startLibrary(handle, name);
      prepare();
      return state;
    } catch (error) {
      const isFinal = error instanceof DeviceError ? error.sticky : !isNativeError(error);
      if (isFinal) throw error;
      return { ...state, reason: `${state.file} could not be started: ${(error as Error).message}` };
    }
  }
}

function soughtFor(name: LibraryName): string {
  return `it was sought in CUDA_HOME, CUDA_PATH, /usr/local/cuda*, conda and the Python packages of NVIDIA too, and ${libraryPlaces[name].variable} can name it`;
}

/** As NVIDIA writes it. */
export function versionText(version: number): string {
  const major = version < perMajor ? perOldMajor : perMajor;
  return [Math.floor(version / major), Math.floor((version % major) / 100), version % 100].join('.');
}

/**
 * The addon's functions as TypeScript sees them, and its errors. Owns their types and nothing they do: numbers go in and come out (a device and a program
 * are numbers too), and whoever calls has checked them. Read `native/src/addon.cc` for the other side.
 */
import type { LibraryName } from '../libraries/claimed.js';
import { findAddon } from './find-addon.js';

/** How the steps of a run are submitted. */
export const runModes = {
  /** As a CUDA graph after the first run. */
  graph: 0,
  /** One by one. */
  direct: 1,
  /** One by one, each waited for: a fault names its step. */
  synchronous: 2,
  /** One by one, each between two time stamps. */
  timed: 3,
} as const;

export type RunMode = (typeof runModes)[keyof typeof runModes];

/** `reason` says why there is no driver with a card; null where there is one. */
export interface DriverState {
  readonly reason: string | null;
  readonly file: string;
  /** As the driver counts: 12040 is CUDA 12.4. */
  readonly version: number;
  readonly count: number;
}

/** `reason` says why there is no library that will do; null where there is one. */
export interface LibraryState {
  readonly reason: string | null;
  readonly file: string;
  /** As the library counts: 120804 is 12.8.4. */
  readonly version: number;
}

/** Algorithms that a library was asked for, products or convolutions whose algorithm was known, and those that it does not do. */
export interface ProductCounts {
  readonly asked: number;
  readonly reused: number;
  readonly refused: number;
}

export interface Card {
  readonly name: string;
  readonly memoryBytes: number;
  readonly major: number;
  readonly minor: number;
  readonly multiprocessors: number;
  readonly sharedBytesPerBlock: number;
  readonly threadsPerBlock: number;
  readonly clockKilohertz: number;
  readonly memoryKilohertz: number;
  readonly busWidthBits: number;
  readonly l2Bytes: number;
}

/** How runs were submitted. */
export interface GraphCounts {
  /** Graphs made, runs that were one, and kernels that were given new addresses in one. */
  readonly captured: number;
  readonly replayed: number;
  readonly updatedNodes: number;
  /** Runs without a graph. */
  readonly direct: number;
  /** Graphs that the driver did not make or change, which is no fault: the run goes without. Why the last was refused. */
  readonly refused: number;
  readonly refusal: string | null;
}

/** Told when marks are reached: all up to `sequence`, or, with a code, that `sequence` failed. */
export type OnOutcome = (sequence: number, code: number, description: string | null) => void;

export interface Addon {
  /** Opens the driver: the library named, or with an empty name the one that is found. */
  driver(library: string): DriverState;
  cards(): readonly Card[];
  /** @param caching whether freed memory is kept for the next that asks. */
  open(ordinal: number, caching: boolean, onOutcome: OnOutcome): number;
  close(device: number): void;
  allocate(device: number, bytes: number): number;
  free(device: number, address: number): boolean;
  trim(device: number): void;
  memory(device: number): { readonly reserved: number; readonly free: number; readonly total: number };
  reserved(device: number): number;
  zero(device: number, address: number, bytes: number): void;
  /** Pinned memory for what goes to the device; the one before it is detached. */
  ring(device: number, bytes: number): ArrayBuffer;
  /** The offset of a piece of the ring that the device has read. */
  stage(device: number, bytes: number): number;
  upload(device: number, offset: number, address: number, bytes: number): void;
  /** A mark behind all that was submitted; `onOutcome` tells when it is reached. */
  mark(device: number): number;
  /** Whether the waiter keeps the process alive. */
  hold(device: number, wanted: boolean): void;
  /** Starts to read; `take` gives the bytes once the mark was reached. */
  read(device: number, address: number, bytes: number): number;
  take(device: number, sequence: number): ArrayBuffer | undefined;
  /** @param bases read at each run: whoever calls keeps the array as long as the program. */
  program(device: number, ptx: string, entries: readonly string[], steps: Float64Array, bases: Float64Array): number;
  remove(device: number, program: number): void;
  forget(device: number, program: number): void;
  run(device: number, program: number, inputOffset: number, inputs: number, inputBytes: number, mode: RunMode): number;
  times(device: number): Float64Array;
  dropTimes(device: number): void;
  counts(device: number): GraphCounts;
  /** A number for an object, which is not kept alive by it; the object, while it exists; numbers of those that were collected, each told once. */
  watch(device: number, target: object): number;
  watched(device: number, watch: number): object | undefined;
  ended(device: number): Uint32Array | undefined;
  /** Opens a library: the first of `files` that will do. @param named whether the one file was asked for by name. */
  library(name: LibraryName, files: readonly string[], named: boolean): LibraryState;
  startLibrary(device: number, name: LibraryName): void;
  /** Memory for the libraries of a device to work in. */
  giveWorkspace(device: number, address: number, bytes: number): void;
  /** The number of a library's plan for a product or a convolution, -1 where it has none. */
  planProduct(device: number, numbers: Float64Array): number;
  planConvolution(device: number, numbers: Float64Array): number;
  libraryCounts(device: number, name: LibraryName): ProductCounts;
}

/** What the addon throws where a call of the driver failed. */
export interface NativeError extends Error {
  readonly code: number;
  readonly call: string;
  /** Position in the program's steps, or -1. */
  readonly step: number;
  /** Whether steps before it were submitted. */
  readonly started: boolean;
  readonly log?: string;
}

export function isNativeError(error: unknown): error is NativeError {
  return error instanceof Error && typeof (error as Partial<NativeError>).code === 'number';
}

export interface LoadedAddon {
  readonly addon: Addon;
  readonly file: string;
}

/** The addon. Node keeps it once it was loaded. @throws Error that says where it was looked for. */
export function loadAddon(): LoadedAddon {
  const { exports, file } = findAddon();
  return { addon: exports as Addon, file };
}

/**
 * The stand-in's library as TypeScript calls it: functions of the driver, and those that steer the stand-in. It is the same copy that the addon opens, so
 * what is set here holds for every device of the process. Owns the loading and the settings; building it is `build.ts`, what can be called is in
 * `driver/control.cc`.
 */
import { buildStandin } from './build.js';

/** What an argument may be: numbers, strings, and arrays for their memory. */
export type Argument = number | bigint | string | NodeJS.TypedArray;

export interface StandinLibrary {
  /** Calls a function. @returns its code. */
  call(name: string, ...values: readonly Argument[]): number;
  /** Calls a function that gives text. */
  text(name: string): string;
  addressOf(array: NodeJS.TypedArray): bigint;
}

/** How the stand-in works. What is not named is as it is at the start. */
export interface StandinSettings {
  /** Blocks, warps and lanes take their turns from the last to the first. */
  readonly reversed?: boolean;
  /** Whether accesses to shared memory are checked for races. Default true. */
  readonly races?: boolean;
  /** Whether work runs when it is submitted, and not when somebody waits for it. */
  readonly eager?: boolean;
  /** Microseconds that whoever waits for work loses first: what was submitted stays undone meanwhile, as on a busy card. Default 0. */
  readonly lag?: number;
  /** As what the card shows itself to devices that are opened from now on. Default: a small one. */
  readonly card?: { readonly multiprocessors: number; readonly capability: number };
  /** Of CUDA, as the driver tells it. Default: 13000. */
  readonly version?: number;
}

const smallCard = { multiprocessors: 4, capability: 80 };

/** The library, loaded once in a process. @throws CannotBuild where it cannot be built here. */
export async function standinLibrary(): Promise<StandinLibrary> {
  const module: { exports: StandinLibrary } = { exports: {} as StandinLibrary };
  process.dlopen(module, await buildStandin());
  return module.exports;
}

/** Sets how the stand-in works from now on, for every device of this process. */
export async function setStandin({
  reversed = false,
  races = true,
  eager = false,
  lag = 0,
  card = smallCard,
  version = 13000,
}: StandinSettings): Promise<void> {
  const library = await standinLibrary();
  library.call('standin_reversed', Number(reversed));
  library.call('standin_races', Number(races));
  library.call('standin_eager', Number(eager));
  library.call('standin_lag', lag);
  library.call('standin_card', card.multiprocessors, card.capability);
  library.call('standin_version', version);
}

/**
 * The stand-in as tests watch it: what is alive in the driver, which calls were made, and failures that are asked for. It is the library that the addon opens,
 * so all of it is about the devices of this process. Owns the reading of what the stand-in tells; what it does is in `driver/control.cc`.
 */
import { readFileSync } from 'node:fs';
import { standinLibrary } from './library.js';

/** A number by name: objects of the driver by kind and the bytes of the card's memory, or calls by symbol. */
export type Counts = Readonly<Record<string, number>>;

export interface StandinWatch {
  /** What is alive. */
  alive(): Counts;
  /** Every call of the driver so far. */
  calls(): Counts;
  /** What was called since `before`. */
  callsSince(before: Counts): Counts;
  /** Products that warpgroups computed since this was asked last. */
  groupProducts(): number;
  /** The `nth` call of a function from now on fails. */
  fail(call: string, code: number, nth?: number): void;
  /** Forgets failures that were asked for and have not happened. @returns how many */
  spare(): number;
  /** The driver as a new process would find it, after an error that stays. */
  recover(): void;
}

/** @throws CannotBuild where the stand-in cannot be built here. */
export async function watchStandin(): Promise<StandinWatch> {
  const library = await standinLibrary();
  const calls = (): Counts => JSON.parse(library.text('standin_calls'));
  return {
    alive: () => JSON.parse(library.text('standin_alive')),
    calls,
    callsSince(before) {
      const made = Object.entries(calls()).map(([name, count]) => [name, count - (before[name] ?? 0)] as const);
      return Object.fromEntries(made.filter(([, count]) => count > 0));
    },
    groupProducts() {
      const works: Readonly<Record<string, Counts>> = JSON.parse(library.text('standin_work'));
      // Each of a group's four warps counts its part.
      return Object.values(works).reduce((sum, { groupProducts = 0 }) => sum + groupProducts / 4, 0);
    },
    fail(call, code, nth = 1) {
      library.call('standin_fail', call, nth, code);
    },
    spare: () => library.call('standin_spare'),
    recover() {
      library.call('standin_recover');
    },
  };
}

/** The driver's calls that the addon uses, as the driver names them: its own table. */
export function callsOfTheAddon(): string[] {
  const table = readFileSync(new URL('../native/src/driver.h', import.meta.url), 'utf8');
  return [...table.matchAll(/^ *X\(\w+, "(\w+)"/gm)].map(([, symbol = '']) => symbol);
}

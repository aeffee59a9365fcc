/**
 * What a program of the suite is: a loop as people write it, with what it must give, how many programs it may run and compile, and what memory it may take.
 * Owns that form and the counting; the loops are in the files beside this one, `programs.ts` joins them.
 */
import type { Device, Opener } from '@torchlet/device';
import { setDefaultDevice, settle } from '@torchlet/tensor';
import { type CountingDevice, countingDevice, type DeviceCounts } from '../counting-device.js';
import { assert } from '../suites/assertions.js';

/** Where a program runs. The device is its own, fresh, and the default one. */
export interface ProgramContext {
  readonly device: Device;
  /** What passed through the device so far. */
  readonly counts: Readonly<DeviceCounts>;
  /** Runs `body` on another fresh device of the same kind, the default one meanwhile; for comparisons. */
  elsewhere<T>(body: (device: Device) => Promise<T>): Promise<T>;
  /** How long the long loops are: 1 in tests, more in a soak. */
  readonly scale: number;
}

/** One row of the specification. */
export interface ProgramRow {
  readonly name: string;
  /** @returns what was seen, in a few words. @throws Error where it is not what must happen. */
  run(context: ProgramContext): Promise<string>;
}

/**
 * Opens a device for one program and runs it.
 *
 * @returns what the row saw. @throws what the row throws; the device is disposed in any case.
 */
export async function runProgram(row: ProgramRow, opener: Opener, scale = 1): Promise<string> {
  const onFreshDevice = async <T>(body: (counted: CountingDevice) => Promise<T>, before: Device | null): Promise<T> => {
    const counted = countingDevice(await opener.open());
    setDefaultDevice(counted.device);
    try {
      return await body(counted);
    } finally {
      if (before !== null) setDefaultDevice(before);
      counted.device.dispose();
    }
  };
  return onFreshDevice(async ({ device, counts }) => {
    const elsewhere = <T>(body: (other: Device) => Promise<T>): Promise<T> =>
      onFreshDevice((counted) => body(counted.device), device);
    return row.run({ device, counts, elsewhere, scale });
  }, null);
}

/** What a stretch of a loop cost. */
export interface Cost {
  readonly programs: number;
  readonly compiled: number;
  readonly kernels: number;
  readonly matmuls: number;
  readonly buffersCreated: number;
}

/** Runs `body` and counts. What was pending before it is evaluated first, what it left pending afterwards. */
export async function costOf(
  { counts, device }: Pick<ProgramContext, 'counts' | 'device'>,
  body: () => unknown,
): Promise<Cost> {
  await settle();
  const before = { ...counts, created: device.memory().created };
  await body();
  await settle();
  return {
    programs: counts.programsRun - before.programsRun,
    compiled: counts.programsCompiled - before.programsCompiled,
    kernels: counts.kernelsRun - before.kernelsRun,
    matmuls: counts.matmulsRun - before.matmulsRun,
    buffersCreated: device.memory().created - before.created,
  };
}

/** Asserts what a stretch of a loop may cost. Each bound is exact where it is a number, and at most the number where it is `{ atMost }`. */
export function assertCost(
  what: string,
  cost: Cost,
  bounds: Partial<Record<keyof Cost, number | { readonly atMost: number }>>,
): void {
  for (const [name, bound] of Object.entries(bounds)) {
    const actual = cost[name as keyof Cost];
    if (typeof bound === 'number') assert(actual === bound, `${what}: expected ${bound} ${name}, got ${actual}`);
    else assert(actual <= bound.atMost, `${what}: expected at most ${bound.atMost} ${name}, got ${actual}`);
  }
}

/** Asserts that device bytes and buffers after each of the last `turns` of a loop are what they were after the first ones. */
export async function assertFlat(
  { device }: Pick<ProgramContext, 'device'>,
  turns: number,
  turn: (i: number) => unknown,
): Promise<void> {
  const warm = Math.max(4, turns >> 3);
  let settled = { allocated: 0, buffers: 0 };
  for (let i = 0; i < turns; i++) {
    await turn(i);
    await settle();
    const { allocated, buffers } = device.memory();
    if (i < warm)
      settled = { allocated: Math.max(settled.allocated, allocated), buffers: Math.max(settled.buffers, buffers) };
    else {
      assert(
        allocated <= settled.allocated,
        `turn ${i}: ${allocated} bytes on the device, ${settled.allocated} after the first ${warm}`,
      );
      assert(
        buffers <= settled.buffers,
        `turn ${i}: ${buffers} buffers on the device, ${settled.buffers} after the first ${warm}`,
      );
    }
  }
}

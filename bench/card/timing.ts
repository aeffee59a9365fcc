/** The protocol by which every side times a case; `peers.py` follows the same. Owns the numbers of it and what comes out. */
import { median } from '../median.js';

export interface Timed {
  /** Of one run: the median over stretches of many runs, which are waited for at their end. */
  readonly ms: number;
  /** (90th - 10th percentile) / median. */
  readonly spread: number;
  /** The first run, everything that is compiled for it included. */
  readonly firstSeconds: number;
  readonly runs: number;
}

export interface Protocol {
  /** How long the timed part may take. */
  readonly seconds: number;
  readonly warmRuns: number;
  readonly mostRuns: number;
  readonly stretches: readonly [fewest: number, most: number];
}

/** At the tiny scale a run is only shown to work. */
export const protocols = {
  full: { warmRuns: 5, mostRuns: 1000, stretches: [5, 30] },
  tiny: { warmRuns: 1, mostRuns: 1, stretches: [2, 2] },
} as const satisfies Record<string, Omit<Protocol, 'seconds'>>;

/** A twelfth of the time for each stretch, so that a case in which one run takes that long still has a spread. */
const STRETCHES_IN_TIME = 12;

/** @param run starts one run; a promise is waited for. @param wait until all that was started is done. */
export async function timeRuns(
  run: () => Promise<void> | void,
  wait: () => Promise<void>,
  { seconds, warmRuns, mostRuns, stretches: [fewest, most] }: Protocol,
): Promise<Timed> {
  const secondsOf = async (count: number): Promise<number> => {
    const start = performance.now();
    for (let i = 0; i < count; i++) {
      const running = run();
      if (running !== undefined) await running;
    }
    await wait();
    return (performance.now() - start) / 1000;
  };
  const firstSeconds = await secondsOf(1);
  await secondsOf(warmRuns);
  const one = Math.max(await secondsOf(1), 1e-6);
  const count = between(1, Math.floor(seconds / STRETCHES_IN_TIME / one), mostRuns);
  const stretches = between(fewest, Math.floor(seconds / (count * one)), most);
  const samples: number[] = [];
  for (let i = 0; i < stretches; i++) samples.push(((await secondsOf(count)) * 1000) / count);
  samples.sort((a, b) => a - b);
  const ms = median(samples);
  const percentile = (part: number): number => samples[Math.floor(samples.length * part)] ?? Number.NaN;
  return { ms, spread: (percentile(0.9) - percentile(0.1)) / ms, firstSeconds, runs: count * stretches };
}

function between(least: number, value: number, most: number): number {
  return Math.max(least, Math.min(value, most));
}

/** Schedules made of others: one after the other, or all at once. */
import { initialLr, type LRScheduler, type Scheduled } from './schedules.js';

/** Counts epochs and sets rates, by what its subclass says of an epoch. */
abstract class Combined {
  readonly optimizer: Scheduled;
  #lastEpoch = 0;

  protected constructor(optimizer: Scheduled) {
    this.optimizer = optimizer;
  }

  protected abstract ratesAt(epoch: number): readonly number[];

  /** Steps taken. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** The rates that are set now. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  step(): void {
    this.#lastEpoch++;
    this.apply();
  }

  /** What is needed to continue. */
  stateDict(): { readonly lastEpoch: number } {
    return { lastEpoch: this.#lastEpoch };
  }

  loadStateDict({ lastEpoch }: { readonly lastEpoch: number }): void {
    this.#lastEpoch = lastEpoch;
    this.apply();
  }

  protected apply(): void {
    const rates = this.ratesAt(this.#lastEpoch);
    this.optimizer.paramGroups.forEach((group, i) => {
      group.lr = rates[i] as number;
    });
  }
}

/**
 * The first schedule until the first milestone, then the next, each from its own beginning.
 *
 * @throws RangeError unless there is a milestone between every two schedules.
 * @example new SequentialLR(optimizer, [warmUp, cosine], { milestones: [5] });
 */
export class SequentialLR extends Combined {
  readonly #schedulers: readonly LRScheduler[];
  readonly #milestones: readonly number[];

  constructor(
    optimizer: Scheduled,
    schedulers: readonly LRScheduler[],
    { milestones }: { readonly milestones: readonly number[] },
  ) {
    super(optimizer);
    if (schedulers.length !== milestones.length + 1) {
      throw new RangeError(
        `SequentialLR: expected a milestone between every two of ${schedulers.length} schedules, got ${milestones.length}`,
      );
    }
    this.#schedulers = [...schedulers];
    this.#milestones = [...milestones];
    this.apply();
  }

  protected override ratesAt(epoch: number): number[] {
    const passed = this.#milestones.filter((milestone) => milestone <= epoch);
    const since = passed.length === 0 ? 0 : (passed[passed.length - 1] as number);
    return (this.#schedulers[passed.length] as LRScheduler).ratesAt(epoch - since);
  }
}

/** All schedules at once: the first rate times what each makes of it. @throws RangeError without schedules. */
export class ChainedScheduler extends Combined {
  readonly #schedulers: readonly LRScheduler[];

  constructor(schedulers: readonly LRScheduler[]) {
    const [first] = schedulers;
    if (first === undefined) throw new RangeError('ChainedScheduler: expected schedules, got none');
    super(first.optimizer);
    this.#schedulers = [...schedulers];
    this.apply();
  }

  protected override ratesAt(epoch: number): number[] {
    const all = this.#schedulers.map((scheduler) => scheduler.ratesAt(epoch));
    return this.optimizer.paramGroups.map((group, i) => {
      const base = initialLr(group);
      return all.reduce((lr, rates) => (base === 0 ? 0 : (lr * (rates[i] as number)) / base), base);
    });
  }
}

/**
 * Learning-rate schedules (https://pytorch.org/docs/stable/optim.html#how-to-adjust-learning-rate). Owns when the rate changes: a schedule says which
 * rate belongs to an epoch, as a function of the rates that the groups began with. A new rate never compiles anything.
 */

import { neverCompiled } from '@torchlet/tensor';

/** What a schedule needs of an optimiser. */
export interface Scheduled {
  readonly paramGroups: readonly { lr: number }[];
}

/** What a schedule needs to continue. */
export interface SchedulerState {
  readonly lastEpoch: number;
  readonly baseLrs: readonly number[];
}

/** The rate that a group had when its first schedule was made: a later one starts from it, too. */
const initialLrs = new WeakMap<object, number>();

export function initialLr(group: { lr: number }): number {
  const known = initialLrs.get(group);
  if (known !== undefined) return known;
  initialLrs.set(group, group.lr);
  return group.lr;
}

/** Sets the learning rates of an optimiser; call `step()` once an epoch, after the optimiser's steps. */
export abstract class LRScheduler {
  readonly optimizer: Scheduled;
  #baseLrs: readonly number[];
  #lastEpoch = 0;

  constructor(optimizer: Scheduled) {
    this.optimizer = optimizer;
    this.#baseLrs = optimizer.paramGroups.map(initialLr);
  }

  /** The rate of `epoch` for group number `group`, which began with `baseLr`. */
  protected abstract lrAt(epoch: number, baseLr: number, group: number): number;

  /** Steps taken. */
  get lastEpoch(): number {
    return this.#lastEpoch;
  }

  /** The rates that are set now. */
  getLastLr(): number[] {
    return this.optimizer.paramGroups.map(({ lr }) => lr);
  }

  /** The rates that belong to `epoch`, group by group. */
  ratesAt(epoch: number): number[] {
    return this.optimizer.paramGroups.map((group, i) => this.lrAt(epoch, this.#baseLrs[i] ?? group.lr, i));
  }

  /** Sets the rates of the next epoch. */
  step(): void {
    neverCompiled('a schedule steps in it');
    this.#lastEpoch++;
    this.apply();
  }

  stateDict(): SchedulerState {
    return { lastEpoch: this.#lastEpoch, baseLrs: this.#baseLrs };
  }

  /** Continues where another schedule of the same kind was, and sets its rates. */
  loadStateDict({ lastEpoch, baseLrs }: SchedulerState): void {
    this.#lastEpoch = lastEpoch;
    this.#baseLrs = [...baseLrs];
    this.apply();
  }

  /** Sets the rates of the epoch that has been reached; subclasses call it when they are made. @throws RangeError for options that give no number. */
  protected apply(): void {
    const rates = this.ratesAt(this.#lastEpoch);
    if (!rates.every(Number.isFinite)) {
      const name = this.constructor.name;
      throw new RangeError(
        `${name}: expected options that give finite rates, got ${rates.join(', ')} for epoch ${this.#lastEpoch}`,
      );
    }
    this.optimizer.paramGroups.forEach((group, i) => {
      group.lr = rates[i] as number;
    });
  }
}

/** Times gamma every `stepSize` epochs. */
export class StepLR extends LRScheduler {
  readonly #stepSize: number;
  readonly #gamma: number;

  constructor(optimizer: Scheduled, { stepSize, gamma = 0.1 }: { readonly stepSize: number; readonly gamma?: number }) {
    super(optimizer);
    this.#stepSize = stepSize;
    this.#gamma = gamma;
    this.apply();
  }

  protected override lrAt(epoch: number, baseLr: number): number {
    return baseLr * this.#gamma ** Math.floor(epoch / this.#stepSize);
  }
}

/** Times gamma at each of the milestones; one that is named twice counts twice. */
export class MultiStepLR extends LRScheduler {
  readonly #milestones: readonly number[];
  readonly #gamma: number;

  constructor(
    optimizer: Scheduled,
    { milestones, gamma = 0.1 }: { readonly milestones: readonly number[]; readonly gamma?: number },
  ) {
    super(optimizer);
    this.#milestones = [...milestones];
    this.#gamma = gamma;
    this.apply();
  }

  protected override lrAt(epoch: number, baseLr: number): number {
    return baseLr * this.#gamma ** this.#milestones.filter((milestone) => milestone <= epoch).length;
  }
}

/** Times gamma every epoch. */
export class ExponentialLR extends LRScheduler {
  readonly #gamma: number;

  constructor(optimizer: Scheduled, { gamma }: { readonly gamma: number }) {
    super(optimizer);
    this.#gamma = gamma;
    this.apply();
  }

  protected override lrAt(epoch: number, baseLr: number): number {
    return baseLr * this.#gamma ** epoch;
  }
}

/** Times `factor` for the first `totalIters` epochs. */
export class ConstantLR extends LRScheduler {
  readonly #factor: number;
  readonly #totalIters: number;

  constructor(
    optimizer: Scheduled,
    { factor = 1 / 3, totalIters = 5 }: { readonly factor?: number; readonly totalIters?: number } = {},
  ) {
    super(optimizer);
    this.#factor = factor;
    this.#totalIters = totalIters;
    this.apply();
  }

  protected override lrAt(epoch: number, baseLr: number): number {
    return epoch < this.#totalIters ? baseLr * this.#factor : baseLr;
  }
}

export interface LinearLROptions {
  readonly startFactor?: number;
  readonly endFactor?: number;
  readonly totalIters?: number;
}

/** Times a factor that goes from `startFactor` to `endFactor` in `totalIters` epochs: a warm-up. */
export class LinearLR extends LRScheduler {
  readonly #start: number;
  readonly #end: number;
  readonly #totalIters: number;

  constructor(optimizer: Scheduled, { startFactor = 1 / 3, endFactor = 1, totalIters = 5 }: LinearLROptions = {}) {
    super(optimizer);
    this.#start = startFactor;
    this.#end = endFactor;
    this.#totalIters = totalIters;
    this.apply();
  }

  protected override lrAt(epoch: number, baseLr: number): number {
    const part = Math.min(epoch, this.#totalIters) / this.#totalIters;
    return baseLr * (this.#start + (this.#end - this.#start) * part);
  }
}

/** Half a cosine from the first rate to `etaMin` in `tMax` epochs, and back (Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983). */
export class CosineAnnealingLR extends LRScheduler {
  readonly #tMax: number;
  readonly #etaMin: number;

  constructor(optimizer: Scheduled, { tMax, etaMin = 0 }: { readonly tMax: number; readonly etaMin?: number }) {
    super(optimizer);
    this.#tMax = tMax;
    this.#etaMin = etaMin;
    this.apply();
  }

  protected override lrAt(epoch: number, baseLr: number): number {
    return this.#etaMin + ((baseLr - this.#etaMin) * (1 + Math.cos((Math.PI * epoch) / this.#tMax))) / 2;
  }
}

/** From the first rate to 0 in `totalIters` epochs, by a power of what is left of them. */
export class PolynomialLR extends LRScheduler {
  readonly #totalIters: number;
  readonly #power: number;

  constructor(
    optimizer: Scheduled,
    { totalIters = 5, power = 1 }: { readonly totalIters?: number; readonly power?: number } = {},
  ) {
    super(optimizer);
    this.#totalIters = totalIters;
    this.#power = power;
    this.apply();
  }

  protected override lrAt(epoch: number, baseLr: number): number {
    return baseLr * (1 - Math.min(epoch, this.#totalIters) / this.#totalIters) ** this.#power;
  }
}

type EpochFunction = (epoch: number) => number;

/** A function of the epoch for all groups, or one each; as options too. */
export type LambdaOptions =
  | EpochFunction
  | readonly EpochFunction[]
  | { readonly lrLambda: EpochFunction | readonly EpochFunction[] };

/** One function for each group. @throws RangeError for another number of them. */
export function lambdasFor(name: string, { paramGroups }: Scheduled, given: LambdaOptions): readonly EpochFunction[] {
  const lambda = 'lrLambda' in given ? given.lrLambda : given;
  const lambdas = typeof lambda === 'function' ? paramGroups.map(() => lambda) : [...lambda];
  if (lambdas.length === paramGroups.length) return lambdas;
  throw new RangeError(
    `${name}: expected one function for each of ${paramGroups.length} groups, got ${lambdas.length}`,
  );
}

/**
 * The first rate times what a function of the epoch gives; one function for all groups, or one each.
 *
 * @example new LambdaLR(optimizer, (epoch) => Math.min(1, (epoch + 1) / 10));
 */
export class LambdaLR extends LRScheduler {
  readonly #lambdas: readonly EpochFunction[];

  constructor(optimizer: Scheduled, given: LambdaOptions) {
    super(optimizer);
    this.#lambdas = lambdasFor('LambdaLR', optimizer, given);
    this.apply();
  }

  protected override lrAt(epoch: number, baseLr: number, group: number): number {
    return baseLr * (this.#lambdas[group] as EpochFunction)(epoch);
  }
}

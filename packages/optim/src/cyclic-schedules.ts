/** Schedules that go up and down, follow a metric, or are made of other schedules. The base and the simple ones are `schedules.ts`. */
import { neverCompiled } from '@torchlet/tensor';
import { type LambdaOptions, LRScheduler, lambdasFor } from './schedules.js';

/** What schedules that move momentum as well need of an optimiser. */
interface Group {
  lr: number;
  momentum?: number;
  betas?: readonly [number, number];
}

interface Scheduled {
  readonly paramGroups: readonly Group[];
}

/** Sets the momentum of a group: the option of that name, or the first of the betas. @throws TypeError where there is neither. */
function setMomentum(group: Group, value: number): void {
  if (group.betas !== undefined) group.betas = [value, group.betas[1]];
  else if (group.momentum !== undefined) group.momentum = value;
  else throw new TypeError('schedule: expected an optimiser with momentum or betas; pass { cycleMomentum: false }');
}

const halfCosine = (from: number, to: number, part: number): number =>
  to + ((from - to) / 2) * (1 + Math.cos(Math.PI * part));
const line = (from: number, to: number, part: number): number => from + (to - from) * part;

export interface WarmRestartsOptions {
  /** Epochs until the first restart. */
  readonly t0: number;
  /** Factor of the epochs until the next. Default 1. */
  readonly tMult?: number;
  readonly etaMin?: number;
}

/** Half a cosine down to `etaMin`, again and again (Loshchilov and Hutter 2017, https://arxiv.org/abs/1608.03983). */
export class CosineAnnealingWarmRestarts extends LRScheduler {
  readonly #options: Required<WarmRestartsOptions>;

  constructor(optimizer: Scheduled, { t0, tMult = 1, etaMin = 0 }: WarmRestartsOptions) {
    super(optimizer);
    if (!(t0 > 0 && tMult >= 1))
      throw new RangeError(
        `CosineAnnealingWarmRestarts: expected a t0 above 0 and a tMult of at least 1, got ${t0} and ${tMult}`,
      );
    this.#options = { t0, tMult, etaMin };
    this.apply();
  }

  protected override lrAt(epoch: number, baseLr: number): number {
    const { t0, tMult, etaMin } = this.#options;
    let [since, length] = [epoch, t0];
    while (since >= length) {
      since -= length;
      length *= tMult;
    }
    return halfCosine(baseLr, etaMin, since / length);
  }
}

/** Each rate times what a function of the epoch gives, epoch after epoch; one function for all groups, or one each. */
export class MultiplicativeLR extends LRScheduler {
  readonly #lambdas: readonly ((epoch: number) => number)[];

  constructor(optimizer: Scheduled, given: LambdaOptions) {
    super(optimizer);
    this.#lambdas = lambdasFor('MultiplicativeLR', optimizer, given);
    this.apply();
  }

  protected override lrAt(epoch: number, baseLr: number, group: number): number {
    const factor = this.#lambdas[group] as (epoch: number) => number;
    let lr = baseLr;
    for (let i = 1; i <= epoch; i++) lr *= factor(i);
    return lr;
  }
}

export interface OneCycleOptions {
  readonly maxLr: number | readonly number[];
  /** Steps of the whole cycle; or epochs and steps in each. */
  readonly totalSteps?: number | null;
  readonly epochs?: number | null;
  readonly stepsPerEpoch?: number | null;
  /** Part of the cycle in which the rate rises. Default 0.3. */
  readonly pctStart?: number;
  readonly annealStrategy?: 'cos' | 'linear';
  /** Whether momentum goes the other way. Default true. */
  readonly cycleMomentum?: boolean;
  readonly baseMomentum?: number;
  readonly maxMomentum?: number;
  /** The first rate is maxLr / divFactor. Default 25. */
  readonly divFactor?: number;
  /** The last rate is the first / finalDivFactor. Default 1e4. */
  readonly finalDivFactor?: number;
  /** Whether the fall to the last rate is a phase of its own. Default false. */
  readonly threePhase?: boolean;
}

/** From a low rate up to a high one and down to a lower one, once; call `step()` after each batch (Smith and Topin 2018, https://arxiv.org/abs/1708.07120). */
export class OneCycleLR extends LRScheduler {
  readonly #optimizer: Scheduled;
  readonly #options: Required<OneCycleOptions>;
  readonly #total: number;

  constructor(
    optimizer: Scheduled,
    {
      maxLr,
      totalSteps = null,
      epochs = null,
      stepsPerEpoch = null,
      pctStart = 0.3,
      annealStrategy = 'cos',
      cycleMomentum = true,
      baseMomentum = 0.85,
      maxMomentum = 0.95,
      divFactor = 25,
      finalDivFactor = 1e4,
      threePhase = false,
    }: OneCycleOptions,
  ) {
    super(optimizer);
    const total = totalSteps ?? (epochs ?? 0) * (stepsPerEpoch ?? 0);
    if (!(Number.isInteger(total) && total > 0)) {
      throw new RangeError(`OneCycleLR: expected totalSteps, or epochs and stepsPerEpoch, above 0, got ${total}`);
    }
    this.#optimizer = optimizer;
    this.#total = total;
    this.#options = {
      maxLr,
      totalSteps,
      epochs,
      stepsPerEpoch,
      pctStart,
      annealStrategy,
      cycleMomentum,
      baseMomentum,
      maxMomentum,
      divFactor,
      finalDivFactor,
      threePhase,
    };
    this.apply();
  }

  /** What belongs to `step`: from `first` at the beginning over `peak` to `last`, with `first` again between where there are three phases. */
  #along(step: number, first: number, peak: number, last: number): number {
    const { pctStart, threePhase, annealStrategy } = this.#options;
    const rise = pctStart * this.#total - 1;
    const ends = threePhase ? [rise, 2 * rise, this.#total - 1] : [rise, this.#total - 1];
    const values = threePhase ? [first, peak, first, last] : [first, peak, last];
    const anneal = annealStrategy === 'cos' ? halfCosine : line;
    let start = 0;
    for (const [i, end] of ends.entries()) {
      if (step <= end || i === ends.length - 1) {
        return anneal(values[i] as number, values[i + 1] as number, (step - start) / (end - start));
      }
      start = end;
    }
    return last;
  }

  protected override lrAt(epoch: number, _: number, group: number): number {
    const { maxLr, divFactor, finalDivFactor, cycleMomentum, baseMomentum, maxMomentum } = this.#options;
    // A loop that steps after each batch steps once more than there are rates to use, which PyTorch allows.
    if (epoch > this.#total) throw new RangeError(`OneCycleLR: expected at most ${this.#total} steps, got ${epoch}`);
    const peak = typeof maxLr === 'number' ? maxLr : (maxLr[group] as number);
    if (cycleMomentum) {
      const momentum = this.#along(epoch, maxMomentum, baseMomentum, maxMomentum);
      setMomentum(this.#optimizer.paramGroups[group] as Group, momentum);
    }
    const first = peak / divFactor;
    return this.#along(epoch, first, peak, first / finalDivFactor);
  }
}

export interface CyclicOptions {
  readonly baseLr: number | readonly number[];
  readonly maxLr: number | readonly number[];
  /** Steps up. Default 2000. */
  readonly stepSizeUp?: number;
  /** Steps down. Default: as many as up. */
  readonly stepSizeDown?: number | null;
  /** The height of each cycle: the same, half of the last, or times gamma each step. Default `triangular`. */
  readonly mode?: 'triangular' | 'triangular2' | 'exp_range';
  readonly gamma?: number;
  readonly cycleMomentum?: boolean;
  readonly baseMomentum?: number;
  readonly maxMomentum?: number;
}

/** Up and down between two rates along lines; call `step()` after each batch (Smith 2017, https://arxiv.org/abs/1506.01186). */
export class CyclicLR extends LRScheduler {
  readonly #optimizer: Scheduled;
  readonly #options: CyclicOptions;

  constructor(optimizer: Scheduled, options: CyclicOptions) {
    super(optimizer);
    this.#optimizer = optimizer;
    this.#options = options;
    this.apply();
  }

  protected override lrAt(epoch: number, _: number, group: number): number {
    const { baseLr, maxLr, stepSizeUp = 2000, stepSizeDown = null, mode = 'triangular', gamma = 1 } = this.#options;
    const { cycleMomentum = true, baseMomentum = 0.8, maxMomentum = 0.9 } = this.#options;
    const total = stepSizeUp + (stepSizeDown ?? stepSizeUp);
    const cycle = Math.floor(1 + epoch / total);
    const x = 1 + epoch / total - cycle;
    const rise = stepSizeUp / total;
    const part = x <= rise ? x / rise : (x - 1) / (rise - 1);
    const height = mode === 'triangular' ? 1 : mode === 'triangular2' ? 1 / 2 ** (cycle - 1) : gamma ** epoch;
    if (cycleMomentum) {
      const fall = (maxMomentum - baseMomentum) * part * height;
      setMomentum(this.#optimizer.paramGroups[group] as Group, maxMomentum - fall);
    }
    const low = typeof baseLr === 'number' ? baseLr : (baseLr[group] as number);
    const high = typeof maxLr === 'number' ? maxLr : (maxLr[group] as number);
    return low + (high - low) * part * height;
  }
}

export interface PlateauOptions {
  /** Whether a lower or a higher metric is better. Default `min`. */
  readonly mode?: 'min' | 'max';
  readonly factor?: number;
  /** Epochs without an improvement that are waited for. Default 10. */
  readonly patience?: number;
  readonly threshold?: number;
  /** Whether the threshold is a part of the best metric, or a difference. Default `rel`. */
  readonly thresholdMode?: 'rel' | 'abs';
  /** Epochs after a reduction in which none is counted. Default 0. */
  readonly cooldown?: number;
  readonly minLr?: number | readonly number[];
  /** The least reduction that is made. Default 1e-8. */
  readonly eps?: number;
}

/** Times `factor` once a metric no longer improves; `step(metric)` after each epoch. */
export class ReduceLROnPlateau {
  readonly #optimizer: Scheduled;
  readonly #options: Required<PlateauOptions>;
  #best: number;
  #bad = 0;
  #cooling = 0;
  #epoch = 0;

  constructor(optimizer: Scheduled, options: PlateauOptions = {}) {
    this.#optimizer = optimizer;
    this.#options = {
      mode: 'min',
      factor: 0.1,
      patience: 10,
      threshold: 1e-4,
      thresholdMode: 'rel',
      cooldown: 0,
      minLr: 0,
      eps: 1e-8,
      ...options,
    };
    const { factor, mode } = this.#options;
    if (!(factor < 1)) throw new RangeError(`ReduceLROnPlateau: expected a factor below 1, got ${factor}`);
    this.#best = mode === 'min' ? Infinity : -Infinity;
  }

  /** Steps taken. */
  get lastEpoch(): number {
    return this.#epoch;
  }

  /** The rates that are set now. */
  getLastLr(): number[] {
    return this.#optimizer.paramGroups.map(({ lr }) => lr);
  }

  step(metric: number): void {
    neverCompiled('a schedule steps in it');
    const { patience, cooldown } = this.#options;
    this.#epoch++;
    if (this.#isBetter(metric)) {
      this.#best = metric;
      this.#bad = 0;
    } else this.#bad++;
    if (this.#cooling > 0) {
      this.#cooling--;
      this.#bad = 0;
    }
    if (this.#bad <= patience) return;
    this.#reduce();
    this.#cooling = cooldown;
    this.#bad = 0;
  }

  #isBetter(metric: number): boolean {
    const { mode, threshold, thresholdMode } = this.#options;
    const sign = mode === 'min' ? -1 : 1;
    const bound = thresholdMode === 'rel' ? this.#best * (1 + sign * threshold) : this.#best + sign * threshold;
    return mode === 'min' ? metric < bound : metric > bound;
  }

  #reduce(): void {
    const { factor, minLr, eps } = this.#options;
    this.#optimizer.paramGroups.forEach((group, i) => {
      const lr = Math.max(group.lr * factor, typeof minLr === 'number' ? minLr : (minLr[i] as number));
      if (group.lr - lr > eps) group.lr = lr;
    });
  }

  /** What is needed to continue. */
  stateDict(): { readonly best: number; readonly bad: number; readonly cooling: number; readonly epoch: number } {
    return { best: this.#best, bad: this.#bad, cooling: this.#cooling, epoch: this.#epoch };
  }

  loadStateDict(state: {
    readonly best: number;
    readonly bad: number;
    readonly cooling: number;
    readonly epoch: number;
  }): void {
    this.#best = state.best;
    this.#bad = state.bad;
    this.#cooling = state.cooling;
    this.#epoch = state.epoch;
  }
}

import { describe, expect, test } from 'vitest';
import {
  ChainedScheduler,
  ConstantLR,
  CosineAnnealingLR,
  CosineAnnealingWarmRestarts,
  CyclicLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  PolynomialLR,
  type LRScheduler,
  MultiplicativeLR,
  MultiStepLR,
  OneCycleLR,
  ReduceLROnPlateau,
  SequentialLR,
  StepLR,
} from '../src/index.js';

type Target = ConstructorParameters<typeof LRScheduler>[0];

const rows: readonly (readonly [string, (target: Target) => LRScheduler, readonly number[]])[] = [
  ['StepLR', (o) => new StepLR(o, { stepSize: 2, gamma: 0.5 }), [8, 8, 4, 4, 2]],
  ['MultiStepLR', (o) => new MultiStepLR(o, { milestones: [1, 3, 3], gamma: 0.5 }), [8, 4, 4, 1, 1]],
  ['ExponentialLR', (o) => new ExponentialLR(o, { gamma: 0.5 }), [8, 4, 2, 1, 0.5]],
  ['ConstantLR', (o) => new ConstantLR(o, { factor: 0.25, totalIters: 2 }), [2, 2, 8, 8, 8]],
  ['PolynomialLR', (o) => new PolynomialLR(o, { totalIters: 4, power: 2 }), [8, 4.5, 2, 0.5, 0]],
  ['LinearLR', (o) => new LinearLR(o, { startFactor: 0.5, totalIters: 2 }), [4, 6, 8, 8, 8]],
  ['CosineAnnealingLR', (o) => new CosineAnnealingLR(o, { tMax: 2, etaMin: 2 }), [8, 5, 2, 5, 8]],
  ['CosineAnnealingWarmRestarts', (o) => new CosineAnnealingWarmRestarts(o, { t0: 2 }), [8, 4, 8, 4, 8]],
  ['MultiplicativeLR', (o) => new MultiplicativeLR(o, { lrLambda: (epoch) => 1 / epoch }), [8, 8, 4, 4 / 3, 1 / 3]],
  ['MultiplicativeLR by place', (o) => new MultiplicativeLR(o, (epoch) => 1 / epoch), [8, 8, 4, 4 / 3, 1 / 3]],
  ['LambdaLR by place', (o) => new LambdaLR(o, (epoch) => 1 / (1 + epoch)), [8, 4, 8 / 3, 2, 1.6]],
  ['LambdaLR', (o) => new LambdaLR(o, { lrLambda: (epoch) => 1 / (1 + epoch) }), [8, 4, 8 / 3, 2, 1.6]],
];

describe.each(rows)('%s', (_, make, expected) => {
  test('sets the rate of every epoch, in each group from its own', () => {
    const optimizer = { paramGroups: [{ lr: 8 }, { lr: 16 }] };
    const scheduler = make(optimizer);
    expected.forEach((lr, epoch) => {
      expect(scheduler.lastEpoch).toBe(epoch);
      const [first, second] = scheduler.getLastLr();
      expect(first).toBeCloseTo(lr, 12);
      if (!(scheduler instanceof CosineAnnealingLR)) expect(second).toBeCloseTo(2 * lr, 12);
      scheduler.step();
    });
  });

  test('continues from a saved state', () => {
    const saved = make({ paramGroups: [{ lr: 8 }] });
    saved.step();
    saved.step();
    const optimizer = { paramGroups: [{ lr: 123 }] };
    const scheduler = make(optimizer);
    scheduler.loadStateDict(saved.stateDict());
    expect(optimizer.paramGroups[0]?.lr).toBeCloseTo(expected[2] as number, 12);
    scheduler.step();
    expect(optimizer.paramGroups[0]?.lr).toBeCloseTo(expected[3] as number, 12);
  });
});

test('options that give no number are refused, and the rate stays', () => {
  const optimizer = { paramGroups: [{ lr: 8 }] };
  expect(() => new CosineAnnealingLR(optimizer, { tMax: 0 })).toThrow(
    'CosineAnnealingLR: expected options that give finite rates, got NaN for epoch 0',
  );
  expect(optimizer.paramGroups[0]?.lr).toBe(8);
});

test('LambdaLR takes a function for each group, and wants one for each', () => {
  const optimizer = { paramGroups: [{ lr: 1 }, { lr: 1 }] };
  new LambdaLR(optimizer, { lrLambda: [() => 2, () => 3] }).step();
  expect(optimizer.paramGroups.map(({ lr }) => lr)).toEqual([2, 3]);
  expect(() => new LambdaLR(optimizer, { lrLambda: [() => 1] })).toThrow(
    'expected one function for each of 2 groups, got 1',
  );
});

const target = () => ({ paramGroups: [{ lr: 8, momentum: 0.5 }] });

/** The rates of `count` epochs. */
function ratesOf(scheduler: { step(): void; getLastLr(): number[] }, count: number): number[] {
  return Array.from({ length: count }, () => {
    const [lr] = scheduler.getLastLr();
    scheduler.step();
    return lr as number;
  });
}

test('SequentialLR begins each schedule from its own beginning, at the first rate', () => {
  const o = target();
  const parts = [new ConstantLR(o, { factor: 0.25 }), new ExponentialLR(o, { gamma: 0.5 })];
  expect(ratesOf(new SequentialLR(o, parts, { milestones: [2] }), 5)).toEqual([2, 2, 8, 4, 2]);
  expect(() => new SequentialLR(o, parts, { milestones: [] })).toThrow(
    'SequentialLR: expected a milestone between every two of 2',
  );
});

test('ChainedScheduler multiplies what each does', () => {
  const o = target();
  const parts = [new ConstantLR(o, { factor: 0.25, totalIters: 2 }), new ExponentialLR(o, { gamma: 0.5 })];
  expect(ratesOf(new ChainedScheduler(parts), 4)).toEqual([2, 1, 2, 1]);
});

test('OneCycleLR goes up and down once, momentum the other way, and no further', () => {
  const o = target();
  const scheduler = new OneCycleLR(o, {
    maxLr: 8,
    totalSteps: 5,
    pctStart: 0.6,
    annealStrategy: 'linear',
    divFactor: 4,
    finalDivFactor: 2,
  });
  const momenta: number[] = [];
  const rates = Array.from({ length: 5 }, (_, i) => {
    if (i > 0) scheduler.step();
    momenta.push(o.paramGroups[0]?.momentum ?? Number.NaN);
    return scheduler.getLastLr()[0];
  });
  expect(rates).toEqual([2, 5, 8, 4.5, 1]);
  for (const [i, value] of [0.95, 0.9, 0.85, 0.9, 0.95].entries()) expect(momenta[i]).toBeCloseTo(value, 12);
  // As in PyTorch, the step after the last batch is no error.
  scheduler.step();
  expect(() => scheduler.step()).toThrow('OneCycleLR: expected at most 5 steps, got 6');
});

test('CyclicLR halves its cycles', () => {
  const o = { paramGroups: [{ lr: 8 }] };
  const scheduler = new CyclicLR(o, { baseLr: 1, maxLr: 5, stepSizeUp: 2, mode: 'triangular2', cycleMomentum: false });
  expect(ratesOf(scheduler, 7)).toEqual([1, 3, 5, 3, 1, 2, 3]);
  expect(() => new CyclicLR(o, { baseLr: 1, maxLr: 5 })).toThrow(/momentum or betas/);
});

test('ReduceLROnPlateau waits, reduces, and cools down', () => {
  const o = target();
  const scheduler = new ReduceLROnPlateau(o, { factor: 0.5, patience: 1, cooldown: 1, minLr: 3 });
  const rates = [5, 5, 5, 5, 5, 5, 5].map((metric) => {
    scheduler.step(metric);
    return scheduler.getLastLr()[0];
  });
  expect(rates).toEqual([8, 8, 4, 4, 4, 3, 3]);
  const continued = new ReduceLROnPlateau(target());
  continued.loadStateDict(scheduler.stateDict());
  expect(continued.lastEpoch).toBe(7);
});

import { describe, expect, test } from 'vitest';
import {
  ConstantLR,
  CosineAnnealingLR,
  ExponentialLR,
  LambdaLR,
  LinearLR,
  type LRScheduler,
  MultiStepLR,
  StepLR,
} from '../src/index.js';

type Target = ConstructorParameters<typeof LRScheduler>[0];

const rows: readonly (readonly [string, (target: Target) => LRScheduler, readonly number[]])[] = [
  ['StepLR', (o) => new StepLR(o, { stepSize: 2, gamma: 0.5 }), [8, 8, 4, 4, 2]],
  ['MultiStepLR', (o) => new MultiStepLR(o, { milestones: [1, 3, 3], gamma: 0.5 }), [8, 4, 4, 1, 1]],
  ['ExponentialLR', (o) => new ExponentialLR(o, { gamma: 0.5 }), [8, 4, 2, 1, 0.5]],
  ['ConstantLR', (o) => new ConstantLR(o, { factor: 0.25, totalIters: 2 }), [2, 2, 8, 8, 8]],
  ['LinearLR', (o) => new LinearLR(o, { startFactor: 0.5, totalIters: 2 }), [4, 6, 8, 8, 8]],
  ['CosineAnnealingLR', (o) => new CosineAnnealingLR(o, { tMax: 2, etaMin: 2 }), [8, 5, 2, 5, 8]],
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

test('LambdaLR takes a function for each group, and wants one for each', () => {
  const optimizer = { paramGroups: [{ lr: 1 }, { lr: 1 }] };
  new LambdaLR(optimizer, { lrLambda: [() => 2, () => 3] }).step();
  expect(optimizer.paramGroups.map(({ lr }) => lr)).toEqual([2, 3]);
  expect(() => new LambdaLR(optimizer, { lrLambda: [() => 1] })).toThrow(
    'expected one function for each of 2 groups, got 1',
  );
});

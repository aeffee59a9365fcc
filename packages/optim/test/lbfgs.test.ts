/** L-BFGS against PyTorch's numbers, on Rosenbrock's valley and a line fit. */
import { type Tensor, tensor, zeros } from '@torchlet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { LBFGS, type LBFGSOptions } from '../src/index.js';
import { openDevice } from './device.js';

beforeAll(openDevice);

const float64 = { dtype: 'float64' } as const;
const digits = 8;

const valley = (x: Tensor): Tensor => {
  const [a, b] = [x.at(0), x.at(1)];
  return a.neg().add(1).square().add(b.sub(a.square()).square().mul(100));
};

async function descended(options: Partial<LBFGSOptions>) {
  const x = tensor([-1.2, 1], { ...float64, requiresGrad: true });
  const optimizer = new LBFGS([x], options);
  const losses: number[] = [];
  let evaluations = 0;
  for (let step = 0; step < 3; step++) {
    losses.push(
      await optimizer.step(() => {
        evaluations++;
        optimizer.zeroGrad();
        const loss = valley(x);
        loss.backward();
        return loss;
      }),
    );
  }
  return { losses, found: (await x.array()) as number[], evaluations };
}

describe('LBFGS', () => {
  test.each<[string, Partial<LBFGSOptions>, number[], number[], number]>([
    [
      'short steps',
      { lr: 0.5, maxIter: 4 },
      [24.2, 4.276533533351236, 4.103832933112598],
      [-1.0098449267, 1.0106428456],
      12,
    ],
    [
      'a short history',
      { lr: 0.1, maxIter: 10, historySize: 3 },
      [24.2, 5.230496995564834, 4.265216967112937],
      [-1.025125128, 1.0497675473],
      30,
    ],
    [
      'steps by search',
      { lineSearchFn: 'strongWolfe' },
      [24.2, 0.4234823024380371, 4.2214575113e-10],
      [0.9999814211, 0.9999619652],
      45,
    ],
  ])('walks as PyTorch does, with %s', async (_, options, losses, found, evaluations) => {
    const walked = await descended(options);
    for (const [i, loss] of losses.entries()) expect(walked.losses[i]).toBeCloseTo(loss, digits);
    for (const [i, value] of found.entries()) expect(walked.found[i]).toBeCloseTo(value, digits);
    expect(walked.evaluations).toBe(evaluations);
  });

  test('fits several parameters at once, with a closure that waits', async () => {
    const [slope, shift] = [
      zeros([1], { ...float64, requiresGrad: true }),
      zeros([], { ...float64, requiresGrad: true }),
    ];
    const [x, y] = [tensor([0, 1, 2, 3], float64), tensor([1, 3, 5, 7], float64)];
    const optimizer = new LBFGS([slope, shift], { lineSearchFn: 'strongWolfe' });
    const loss = await optimizer.step(async () => {
      optimizer.zeroGrad();
      const error = x.mul(slope).add(shift).sub(y).square().mean();
      error.backward();
      await error.item();
      return error;
    });
    expect(loss).toBe(21);
    expect(await slope.item()).toBeCloseTo(2, digits);
    expect(await shift.item()).toBeCloseTo(1, digits);
  });

  test('refuses nothing to train, and an lr that is none', () => {
    expect(() => new LBFGS([])).toThrow('LBFGS: expected parameters, got none');
    expect(() => new LBFGS([zeros([1])], { lr: -1 })).toThrow('expected an lr of at least 0, got -1');
  });
});

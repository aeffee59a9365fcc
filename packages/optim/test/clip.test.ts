import { deviceStats, type Tensor, tensor } from '@torchlet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import { clipGradNorm_, clipGradValue_, SGD } from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, float32Digits, parameter, pull } from './training.js';

beforeAll(openDevice);

function withGradients(...grads: number[][]): Tensor[] {
  return grads.map((slopes) => {
    const p = parameter(slopes);
    p.grad = tensor(Float32Array.from(slopes));
    return p;
  });
}

const gradsOf = async (params: readonly Tensor[]) => (await Promise.all(params.map((p) => dataOf(p.grad)))).flat();

describe('clipGradNorm_', () => {
  test.each([
    [2, 5],
    [1, 7],
    [Infinity, 4],
    [3, 91 ** (1 / 3)],
  ])('of norm %d scales all gradients together', async (normType, norm) => {
    const params = withGradients([3], [0, -4]);
    const total = clipGradNorm_(params, 1, { normType });
    expect(await total.item()).toBeCloseTo(norm, float32Digits);
    const got = await gradsOf(params);
    [3, 0, -4].forEach((g, i) => {
      expect(got[i]).toBeCloseTo(g / norm, float32Digits);
    });
  });

  test('leaves small gradients as they are, and zeros without NaN', async () => {
    const params = withGradients([0.3], [0, 0]);
    clipGradNorm_(params, 1);
    expect(await gradsOf(params)).toEqual([Math.fround(0.3), 0, 0]);
    const zero = withGradients([0, 0]);
    clipGradNorm_(zero, 1);
    expect(await gradsOf(zero)).toEqual([0, 0]);
  });

  test('is part of the step: one program, and the norm can be read', async () => {
    const device = await openDevice();
    const p = parameter([1, 1]);
    const optimizer = new SGD([p], { lr: 1 });
    const before = deviceStats(device).programsRun;
    pull(p, [30, 40]);
    const norm = clipGradNorm_([p], 1);
    optimizer.step();
    optimizer.zeroGrad();
    expect(deviceStats(device).programsRun - before).toBe(1);
    expect(await norm.item()).toBeCloseTo(50, float32Digits);
    const [x, y] = await dataOf(p);
    expect(x).toBeCloseTo(0.4, float32Digits);
    expect(y).toBeCloseTo(0.2, float32Digits);
  });

  test('wants gradients', () => {
    expect(() => clipGradNorm_([parameter([1])], 1)).toThrow('call it after backward()');
  });
});

test('clipGradValue_ cuts each element', async () => {
  const params = [...withGradients([3, -0.5, -9]), parameter([1])];
  clipGradValue_(params, 1);
  expect(await gradsOf(params.slice(0, 1))).toEqual([1, -0.5, -1]);
});

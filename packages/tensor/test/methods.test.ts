/** Methods and the functions of their names, pairs of values and indices, writes by mask, hooks on gradients. Numbers are PyTorch's. */
import { cpu } from '@torchlet/device-cpu';
import { beforeAll, describe, expect, it } from 'vitest';
import * as torch from '../src/index.js';

beforeAll(async () => {
  torch.setDefaultDevice(await cpu());
});

const floats = (values: torch.NestedArray): torch.Tensor => torch.tensor(values, { dtype: 'float32' });
const matrix = (): torch.Tensor =>
  floats([
    [-2.5, -1.5, -0.5],
    [0.5, 1.5, 2.5],
  ]);

describe('pairs of values and indices', () => {
  it('come by name or one after the other', async () => {
    const best = matrix().topk(2);
    const [values, indices] = best;
    expect([values, indices]).toEqual([best.values, best.indices]);
    expect(await values?.array()).toEqual([
      [-0.5, -1.5],
      [2.5, 1.5],
    ]);
    const [, predicted] = matrix().max(1);
    expect(await predicted?.array()).toEqual([2, 2]);
  });

  it('sort, argsort and topk agree with each other, and pass gradients to where the values were', async () => {
    const x = floats([3, Number.NaN, -1, 2]).requiresGrad_();
    const { values, indices } = x.sort();
    expect(await values.array()).toEqual([-1, 2, 3, Number.NaN]);
    expect(await indices.array()).toEqual(await x.argsort().array());
    x.topk(2, -1, { largest: false })
      .values.mul(floats([5, 7]))
      .sum()
      .backward();
    expect(await x.grad?.array()).toEqual([0, 0, 5, 7]);
  });
});

describe('functions of methods', () => {
  const two = (): torch.Tensor => matrix().abs().add(1);
  const rows: [string, (x: torch.Tensor) => unknown, (x: torch.Tensor) => unknown][] = [
    ['sin', (x) => torch.sin(x), (x) => x.sin()],
    ['pow', (x) => torch.pow(x, 2), (x) => x.pow(2)],
    ['clamp', (x) => torch.clamp(x, 0, 1), (x) => x.clamp(0, 1)],
    ['max over all', (x) => torch.max(x), (x) => x.max()],
    ['max along', (x) => torch.max(x, 1, { keepdim: true }).indices, (x) => x.max(1, { keepdim: true }).indices],
    ['max of two', (x) => torch.max(x, two()), (x) => x.maximum(two())],
    ['min along', (x) => torch.min(x, 0).values, (x) => x.min(0).values],
    ['var', (x) => torch.var(x, 1, { correction: 0 }), (x) => x.var(1, { correction: 0 })],
    ['flatten', (x) => torch.flatten(x), (x) => x.reshape(6)],
    ['permute', (x) => torch.permute(x, [1, 0]), (x) => x.permute(1, 0)],
    ['chunk', (x) => torch.chunk(x, 2, 1)[1], (x) => x.chunk(2, 1)[1]],
    ['eq', (x) => torch.eq(x, 0.5), (x) => x.eq(0.5)],
  ];
  it.each(rows)('%s', async (_, asFunction, asMethod) => {
    const [a, b] = [asFunction(matrix()), asMethod(matrix())] as [torch.Tensor, torch.Tensor];
    expect(a.shape).toEqual(b.shape);
    expect(a.dtype).toBe(b.dtype);
    expect(await a.array()).toEqual(await b.array());
  });

  it('dtypes have PyTorch names', () => {
    expect(torch.zeros([1], { dtype: torch.long }).dtype).toBe('int64');
    expect(torch.zeros([1], { dtype: torch.float64 }).typeAs(matrix()).dtype).toBe(torch.float);
  });
});

describe('views and products by short names', () => {
  it('T and mT exchange dims', async () => {
    expect(await matrix().T.array()).toEqual(await matrix().transpose(0, 1).array());
    expect(torch.zeros([4, 2, 3]).mT.shape).toEqual([4, 3, 2]);
    expect(torch.zeros([6]).viewAs(matrix()).shape).toEqual([2, 3]);
    expect(matrix().repeat(2, 1, 1).shape).toEqual([2, 2, 3]);
  });

  it('mm, bmm and dot take the dims they say', async () => {
    expect(await matrix().mm(matrix().T).array()).toEqual([
      [8.75, -4.75],
      [-4.75, 8.75],
    ]);
    expect(() => matrix().mm(floats([1, 2, 3]))).toThrow('mm: expected tensors of 2 dims, got [2, 3] and [3]');
    expect(() => torch.zeros([2, 1, 1]).bmm(torch.zeros([3, 1, 1]))).toThrow('one batch length');
    expect(() => matrix().dot(matrix())).toThrow('dot: expected tensors of 1 dims');
  });

  it('norm and cumsum', async () => {
    expect(await floats([3, 4]).norm().item()).toBe(5);
    expect(await matrix().norm(1, 1, { keepdim: true }).array()).toEqual([[4.5], [4.5]]);
    expect(await torch.tensor([1, 2, 3]).cumsum(0).array()).toEqual([1, 3, 6]);
  });
});

describe('writes by mask', () => {
  const mask = (): torch.Tensor =>
    torch.tensor([
      [true, false, true],
      [false, true, false],
    ]);

  it('take a number, a row for each place, or what broadcasts', async () => {
    expect(await matrix().setAt([mask()], -0).array()).toEqual([
      [-0, -1.5, -0],
      [0.5, -0, 2.5],
    ]);
    expect(
      await matrix()
        .setAt([mask()], floats([10, 20, 30]))
        .array(),
    ).toEqual([
      [10, -1.5, 20],
      [0.5, 30, 2.5],
    ]);
    const last = torch.tensor([false, true]);
    expect(
      await matrix()
        .setAt([last], floats([[7, 8, 9]]))
        .array(),
    ).toEqual([
      [-2.5, -1.5, -0.5],
      [7, 8, 9],
    ]);
    const both = floats([
      [7, 8, 9],
      [1, 2, 3],
    ]);
    expect(
      await matrix()
        .setAt([torch.tensor([true, true])], both)
        .array(),
    ).toEqual(await both.array());
  });

  it('pass gradients to the values written', async () => {
    const values = floats([1, 2, 3]).requiresGrad_();
    const weights = torch.arange(6).float().reshape(2, 3);
    torch.zeros([2, 3]).setAt([mask()], values).mul(weights).sum().backward();
    expect(await values.grad?.array()).toEqual([0, 2, 4]);
  });

  it('refuse a mask that does not lie over the first dims, and a list', () => {
    expect(() => matrix().setAt([torch.tensor([true, false, true])], 0)).toThrow(
      'a mask over the first dims of [2, 3]',
    );
    expect(() => matrix().at(mask())).toThrow('await atMask(x, [mask])');
    expect(() => matrix().at([0, 1] as never)).toThrow('got an array: say slice(start, stop), or tensor([...])');
  });
});

describe('requiresGrad', () => {
  it('can be set, as in PyTorch', async () => {
    const x = matrix();
    x.requiresGrad = true;
    x.square().sum().backward();
    expect(await x.grad?.array()).toEqual(await matrix().mul(2).array());
    x.requiresGrad = false;
    expect(x.requiresGrad).toBe(false);
  });
});

describe('registerHook', () => {
  it('changes the gradient of a leaf, until it is removed', async () => {
    const v = floats([0, 0, 0]).requiresGrad_();
    const handle = v.registerHook((grad) => grad.mul(2));
    v.backward(floats([1, 2, 3]));
    expect(await v.grad?.array()).toEqual([2, 4, 6]);
    handle.remove();
    v.backward(floats([1, 2, 3]));
    expect(await v.grad?.array()).toEqual([3, 6, 9]);
  });

  it('stays with a leaf that is written in place', async () => {
    const w = floats([1]).requiresGrad_();
    w.registerHook((grad) => grad.mul(10));
    w.mul(3).sum().backward();
    torch.noGrad(() => w.sub_(1));
    w.mul(3).sum().backward();
    expect(await w.grad?.array()).toEqual([60]);
  });

  it('sees the whole gradient of a tensor within the graph, in order, also where it was used before', async () => {
    const x = floats([1, 2]).requiresGrad_();
    const y = x.mul(3);
    const z = y.mul(y).sum();
    const seen: torch.Tensor[] = [];
    y.registerHook((grad) => {
      seen.push(grad);
    });
    y.registerHook((grad) => grad.clamp(-10, 10));
    z.backward();
    expect(await x.grad?.array()).toEqual([18, 30]);
    expect(await seen[0]?.array()).toEqual([6, 12]);
  });

  it('refuses what has no gradient, or another shape', () => {
    expect(() => matrix().registerHook((grad) => grad)).toThrow('does not require a gradient');
    const x = matrix().requiresGrad_();
    x.registerHook((grad) => grad.sum());
    expect(() => x.sum().backward()).toThrow('registerHook: expected a gradient of float32 [2, 3], got float32 []');
  });
});

describe('many small values joined', () => {
  const memory = () => Array.from({ length: 20 }, (_, i) => floats([i, -i]).reshape(1, 2));
  const compiled = () =>
    torch.devicesInUse().reduce((sum, device) => sum + torch.deviceStats(device).programsCompiled, 0);

  it('are one plan, whichever were picked and however often, known to the host or computed', async () => {
    const known = memory();
    const computed = memory().map((row) => row.mul(2));
    await torch.evaluate(...computed);
    const pick = (i: number): torch.Tensor => (i % 3 === 0 ? known : computed)[(i * i) % 20] as torch.Tensor;
    const sums: number[] = [];
    let before = 0;
    for (let round = 0; round < 6; round++) {
      const batch = Array.from({ length: 10 }, (_, i) => pick(i * (round + 1)));
      sums.push(Number(await torch.cat(batch).select(1, 0).sum().item()));
      if (round === 0) before = compiled();
      const expected = Array.from({ length: 10 }, (_, i) => {
        const at = i * (round + 1);
        return (at % 3 === 0 ? 1 : 2) * ((at * at) % 20);
      });
      expect(sums.at(-1)).toBe(expected.reduce((sum, value) => sum + value, 0));
    }
    expect(compiled()).toBe(before);
  });

  it('keep their dtype, their gradients, and values written later', async () => {
    const numbers = Array.from({ length: 9 }, (_, i) => torch.tensor(i));
    expect(await torch.stack(numbers).array()).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8]);
    expect(torch.stack(numbers).dtype).toBe('int64');
    const leaf = floats([1]).requiresGrad_();
    torch
      .cat(Array.from({ length: 9 }, () => leaf))
      .sum()
      .backward();
    expect(await leaf.grad?.array()).toEqual([9]);
    const last = numbers[8] as torch.Tensor;
    const joined = torch.stack(numbers);
    last.fill_(50);
    expect(await joined.at(8).item()).toBe(8);
    expect(await torch.stack(numbers).at(8).item()).toBe(50);
  });
});

describe('writes to a position named more than once', () => {
  it('leave the last value there, and give all of them its gradient', async () => {
    const index = torch.tensor([0, 1, 0]);
    const values = floats([10, 20, 30]).requiresGrad_();
    const written = torch.zeros([3]).setAt([index], values);
    expect(await written.array()).toEqual([30, 20, 0]);
    written
      .mul(floats([1, 2, 3]))
      .sum()
      .backward();
    expect(await values.grad?.array()).toEqual([1, 2, 1]);
    expect(await torch.scatter(torch.zeros([3]), 0, index, floats([10, 20, 30])).array()).toEqual([30, 20, 0]);
    const many = torch.arange(100).remainder(7);
    const last = await torch.zeros([7]).setAt([many], torch.arange(100).float()).array();
    expect(last).toEqual([98, 99, 93, 94, 95, 96, 97]);
  });
});

describe('medians beside NaN, norms of matrices', () => {
  it('nanmedian', async () => {
    const nan = Number.NaN;
    const rows = floats([
      [1, nan, 3, 2],
      [nan, nan, nan, nan],
      [4, 1, 2, 3],
    ]);
    expect(await torch.nanmedian(rows, 1).values.array()).toEqual([2, nan, 2]);
    expect(await torch.nanmedian(rows, 1).indices.at(0).item()).toBe(3);
    expect(await torch.nanmedian(floats([3, nan, 1, 2, 5])).item()).toBe(2);
  });

  it.each([
    ['fro', 9.5393920142],
    [1, 9],
    [-1, 5],
    [Infinity, 15],
    [-Infinity, 6],
  ] as const)('matrixNorm %s', async (ord, expected) => {
    const x = floats([
      [1, -2, 3],
      [-4, 5, 6],
    ]);
    expect(await torch.linalg.matrixNorm(x, ord).item()).toBeCloseTo(expected, 5);
    expect(torch.linalg.matrixNorm(x, ord, [0, 1], { keepdim: true }).shape).toEqual([1, 1]);
  });
});

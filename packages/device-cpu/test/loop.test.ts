import { dtypeNames, type LoopKernel, type Phase, type Program } from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { cpu } from '../src/index.js';
import { affine, axis, castTo, constant, fn, load, mapKernel, programOf, result, store, strides } from './build.js';
import { check, randomArrays, randomNumbers } from './execute.js';

const device = await cpu();

describe('element-wise kernels', () => {
  it.each([1, 2, 3, 4, 5, 7, 8, 13, 16, 31, 64, 100])('adds vectors of %i', async (size) => {
    const index = affine([1]);
    const program = programOf(
      [mapKernel('add', [size], 2, fn('add', load('float32', 0, index), load('float32', 1, index)))],
      [
        ['float32', size],
        ['float32', size],
        ['float32', size],
      ],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(size)))).toBeNull();
  });

  it.each(dtypeNames)('copies %s', async (dtype) => {
    for (const size of [1, 2, 3, 4, 6, 9, 19]) {
      const program = programOf(
        [mapKernel('copy', [size], 1, load(dtype, 0, affine([1])))],
        [
          [dtype, size],
          [dtype, size],
        ],
      );
      expect(await check(device, program, randomArrays(program, randomNumbers(size), true))).toBeNull();
    }
  });

  it('reads rows, columns and transposes', async () => {
    const [m, n] = [7, 13];
    const x = load('float32', 0, affine([n, 1]));
    const row = load('float32', 1, affine([0, 1]));
    const column = load('float32', 2, affine([1, 0]));
    const transposed = load('float32', 3, affine([1, m]));
    const program = programOf(
      [mapKernel('mix', [m, n], 4, fn('add', fn('mul', x, row), fn('sub', column, transposed)))],
      [
        ['float32', m * n],
        ['float32', n],
        ['float32', m],
        ['float32', m * n],
        ['float32', m * n],
      ],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(1)))).toBeNull();
  });
});

describe('turned operands', () => {
  it.each([
    [4, 4],
    [5, 9],
    [66, 130],
    [67, 3],
    [2, 70],
  ])('[%i, %i], in a batch, beside a row and a scalar per row', async (m, n) => {
    const batch = 2;
    const turnedLoad = load('float32', 0, affine([m * n, 1, m]));
    const row = load('float32', 1, affine([0, 0, 1]));
    const perRow = load('float32', 2, affine([0, 1, 0]));
    const value = fn('add', fn('mul', turnedLoad, row), fn('mul', perRow, castTo('float32', axis(1))));
    const program = programOf(
      [mapKernel('turned', [batch, m, n], 3, value)],
      [
        ['float32', batch * m * n],
        ['float32', n],
        ['float32', m],
        ['float32', batch * m * n],
      ],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(m)))).toBeNull();
  });
});

describe('row kernels', () => {
  it.each([
    [3, 5],
    [100, 10],
    [7, 64],
    [4, 1000],
    [1, 1],
    [2, 33],
  ])('softmax of [%i, %i]', async (m, n) => {
    const x = load('float32', 0, affine([n, 1]));
    const e = fn('exp', fn('sub', x, result('float32', 0)));
    const program = programOf(
      [
        {
          kind: 'loop',
          name: 'softmax',
          axes: [m],
          phases: [
            { lengths: [n], reductions: [{ id: 0, combine: 'max', dtype: 'float32', of: x }], stores: [] },
            { lengths: [n], reductions: [{ id: 1, combine: 'sum', dtype: 'float32', of: e }], stores: [] },
            {
              lengths: [n],
              reductions: [],
              stores: [store(1, affine(strides([m, n])), fn('div', e, result('float32', 1)))],
            },
          ],
        },
      ],
      [
        ['float32', m * n],
        ['float32', m * n],
      ],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(m * n)))).toBeNull();
  });
});

describe('casts', () => {
  const pairs = dtypeNames.flatMap((from) => dtypeNames.map((to) => [from, to] as const));
  it.each(pairs)('%s to %s', async (from, to) => {
    const size = 23;
    const scaled =
      from === 'bool' || from === 'uint8'
        ? load(from, 0, affine([1]))
        : fn('mul', load(from, 0, affine([1])), constant(from, from === 'int64' ? 3n : 3));
    const program = programOf(
      [mapKernel('cast', [size], 1, castTo(to, scaled))],
      [
        [from, size],
        [to, size],
      ],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(3), true))).toBeNull();
  });
});

function rowKernel(name: string, axes: readonly number[], phases: readonly Phase[]): LoopKernel {
  return { kind: 'loop', name, axes, phases };
}

describe('phases', () => {
  /** exp, in place, then division by the sum of what was stored. */
  const inPlace = (m: number, n: number): Program => {
    const index = affine([n, 1]);
    const x = load('float32', 0, index);
    return programOf(
      [
        rowKernel(
          'in-place',
          [m],
          [
            { lengths: [n], reductions: [{ id: 0, combine: 'max', dtype: 'float32', of: fn('exp', x) }], stores: [] },
            { lengths: [n], reductions: [], stores: [store(0, index, fn('div', fn('exp', x), result('float32', 0)))] },
            { lengths: [n], reductions: [{ id: 1, combine: 'sum', dtype: 'float32', of: x }], stores: [] },
            { lengths: [n], reductions: [], stores: [store(0, index, fn('add', fn('exp', x), result('float32', 1)))] },
          ],
        ),
      ],
      [['float32', m * n]],
    );
  };

  it.each([
    [1, 3],
    [5, 10],
    [9, 16],
    [3, 70],
    [2, 4],
  ])('read back what earlier ones stored, rows [%i, %i]', async (m, n) => {
    const program = inPlace(m, n);
    expect(await check(device, program, randomArrays(program, randomNumbers(m)))).toBeNull();
  });

  it('keep a costly row whatever masks say', async () => {
    const [m, n] = [3, 90];
    const index = affine([n, 1]);
    const e = fn('exp', load('float32', 0, index));
    const masked = load(
      'float32',
      0,
      castTo('int32', fn('max', e, constant('float32', 0))),
      fn('lt', axis(1), constant('int32', 5)),
    );
    const program = programOf(
      [
        rowKernel(
          'masked',
          [m],
          [
            { lengths: [n], reductions: [{ id: 0, combine: 'sum', dtype: 'float32', of: masked }], stores: [] },
            { lengths: [n], reductions: [], stores: [store(1, index, fn('mul', e, result('float32', 0)))] },
          ],
        ),
      ],
      [
        ['float32', m * n],
        ['float32', m * n],
      ],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(8)))).toBeNull();
  });

  it('of one kernel may have inner axes of the same number and different lengths', async () => {
    const m = 6;
    const of = (slot: number, n: number) => load('float32', slot, affine([n, 1]));
    const program = programOf(
      [
        rowKernel(
          'two domains',
          [m],
          [
            {
              lengths: [9],
              reductions: [
                { id: 0, combine: 'sum', dtype: 'float32', of: fn('mul', of(0, 9), castTo('float32', axis(1))) },
              ],
              stores: [],
            },
            {
              lengths: [1],
              reductions: [
                { id: 1, combine: 'sum', dtype: 'float32', of: fn('add', of(1, 1), castTo('float32', axis(1))) },
              ],
              stores: [],
            },
            {
              lengths: [20],
              reductions: [],
              stores: [
                store(
                  2,
                  affine([20, 1]),
                  fn('sub', fn('mul', result('float32', 0), castTo('float32', axis(1))), result('float32', 1)),
                ),
              ],
            },
          ],
        ),
      ],
      [
        ['float32', m * 9],
        ['float32', m],
        ['float32', m * 20],
      ],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(2)))).toBeNull();
  });
});

describe('masks', () => {
  it('keep memory outside untouched', async () => {
    const far = constant('int32', 1 << 28);
    const i = axis(0);
    const inside = fn('lt', i, constant('int32', 6));
    const index = fn('where', inside, i, fn('mul', i, far));
    const program = programOf(
      [
        {
          kind: 'loop',
          name: 'masked',
          axes: [19],
          phases: [
            { lengths: [], reductions: [], stores: [store(1, index, load('float32', 0, index, inside, 7), inside)] },
          ],
        },
      ],
      [
        ['float32', 6],
        ['float32', 6],
      ],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(5)))).toBeNull();
  });
});

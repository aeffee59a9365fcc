import { dtypeNames } from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { cpu } from '../src/index.js';
import { affine, castTo, constant, fn, load, mapKernel, programOf, result, store, strides } from './build.js';
import { check, randomArrays, randomNumbers } from './execute.js';

const device = await cpu();

describe('element-wise kernels', () => {
  it.each([1, 2, 3, 4, 5, 7, 8, 13, 16, 31, 64, 100])('adds vectors of %i', async (size) => {
    const index = affine([1]);
    const program = programOf(
      [mapKernel('add', [size], 2, fn('add', load('float32', 0, index), load('float32', 1, index)))],
      [['float32', size], ['float32', size], ['float32', size]],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(size)))).toBeNull();
  });

  it.each(dtypeNames)('copies %s', async (dtype) => {
    for (const size of [1, 2, 3, 4, 6, 9, 19]) {
      const program = programOf([mapKernel('copy', [size], 1, load(dtype, 0, affine([1])))], [[dtype, size], [dtype, size]]);
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
      [['float32', m * n], ['float32', n], ['float32', m], ['float32', m * n], ['float32', m * n]],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(1)))).toBeNull();
  });
});

describe('row kernels', () => {
  it.each([[3, 5], [100, 10], [7, 64], [4, 1000], [1, 1], [2, 33]])('softmax of [%i, %i]', async (m, n) => {
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
            { lengths: [n], reductions: [], stores: [store(1, affine(strides([m, n])), fn('div', e, result('float32', 1)))] },
          ],
        },
      ],
      [['float32', m * n], ['float32', m * n]],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(m * n)))).toBeNull();
  });
});

describe('casts', () => {
  const pairs = dtypeNames.flatMap((from) => dtypeNames.map((to) => [from, to] as const));
  it.each(pairs)('%s to %s', async (from, to) => {
    const size = 23;
    const scaled = from === 'bool' || from === 'uint8' ? load(from, 0, affine([1])) : fn('mul', load(from, 0, affine([1])), constant(from, from === 'int64' ? 3n : 3));
    const program = programOf([mapKernel('cast', [size], 1, castTo(to, scaled))], [[from, size], [to, size]]);
    expect(await check(device, program, randomArrays(program, randomNumbers(3), true))).toBeNull();
  });
});

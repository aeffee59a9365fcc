import {
  type DType,
  dtypeNames,
  dtypes,
  type Expression,
  type LoopKernel,
  type Phase,
  type Program,
} from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { cpu } from '../src/index.js';
import { affine, axis, castTo, constant, fn, load, mapKernel, programOf, result, store, strides } from './build.js';
import { programModule } from '../src/program-module.js';
import { printModule } from '../src/wasm/index.js';
import { check, execute, randomArrays, randomNumbers } from './execute.js';

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

/** One reduction of slot 0 over `inner`, stored to slot 1. */
function reduction(
  combine: 'sum' | 'max' | 'prod',
  dtype: DType,
  axes: readonly number[],
  inner: readonly number[],
  index: Expression,
): Program {
  const size = [...axes, ...inner].reduce((product, length) => product * length, 1);
  return programOf(
    [
      rowKernel(combine, axes, [
        { lengths: inner, reductions: [{ id: 0, combine, dtype, of: load(dtype, 0, index) }], stores: [] },
        { lengths: [], reductions: [], stores: [store(1, affine(strides(axes)), result(dtype, 0))] },
      ]),
    ],
    [
      [dtype, size],
      [dtype, axes.reduce((product, length) => product * length, 1)],
    ],
  );
}

describe('reductions', () => {
  it.each([
    ['all of a long vector', [], [1 << 20], [1]],
    ['rows', [3], [300_001], [300_001, 1]],
    ['columns', [5], [200_000], [1, 5]],
    ['two inner axes', [2], [300, 501], [300 * 501, 501, 1]],
    ['two inner axes, the short one last', [2], [100_001, 3], [300_003, 3, 1]],
  ])('sums of floats stay exact to a few units over %s', async (_, axes, inner, by) => {
    const program = reduction('sum', 'float32', axes, inner, affine(by));
    const size = program.slots[0]?.size ?? 0;
    const output = await execute(device, program, [
      new Float32Array(size).fill(0.1),
      new Float32Array(program.slots[1]?.size ?? 0),
    ]);
    const expected = (Math.fround(0.1) * size) / (program.slots[1]?.size ?? 1);
    for (const sum of output[1] as Float32Array) expect(Math.abs(sum / expected - 1)).toBeLessThan(20 * 2 ** -24);
  });

  it.each(['float32', 'float64', 'float16'] as const)('a maximum of %s is NaN where any element is', async (dtype) => {
    for (const [axes, inner, by] of [
      [[1], [37], [37, 1]],
      [[37], [5], [1, 37]],
    ] as const) {
      const program = reduction('max', dtype, axes, inner, affine(by));
      const arrays = randomArrays(program, randomNumbers(4), true);
      expect(await check(device, program, arrays)).toBeNull();
    }
  });

  it.each(dtypeNames)('over nothing gives the neutral element of %s', async (dtype) => {
    for (const combine of ['sum', 'max', 'prod'] as const) {
      const program = reduction(combine, dtype, [3], [4, 0], affine([0]));
      const arrays = [dtypes[dtype].zeros(0), dtypes[dtype].zeros(3)];
      expect(await check(device, program, arrays)).toBeNull();
    }
  });

  it('does nothing for no points', async () => {
    const program = reduction('sum', 'float32', [0, 3], [4], affine([12, 4, 1]));
    expect(await check(device, program, [new Float32Array(0), new Float32Array(0)])).toBeNull();
  });
});

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

describe('printed code', () => {
  const features = { fma: false, storedBytes: device.capabilities.storedBytes, threads: 1 };
  const memory = { initial: 1, maximum: null, shared: false };
  const printed = (program: Program) =>
    printModule(programModule(program, features, memory, 'cpu', null).module).split('\n\n')[0];

  it('of a bias and relu', () => {
    const sum = fn('add', load('float32', 0, affine([10, 1])), load('float32', 1, affine([0, 1])));
    const relu = fn('where', fn('lt', constant('float32', 0), sum), sum, constant('float32', 0));
    const program = programOf(
      [mapKernel('relu', [100, 10], 2, relu)],
      [
        ['float32', 1000],
        ['float32', 10],
        ['float32', 1000],
      ],
    );
    expect(printed(program)).toMatchInlineSnapshot(`
      "relu(s0: i32, s1: i32, s2: i32, scalars: i32, scratch: i32, begin: i32, end: i32)
        if i32.lt_u(begin, end)
          i = begin
          p.s2 = i32.add(s2, i32.mul(begin, 40))
          p.s0 = i32.add(s0, i32.mul(begin, 40))
          loop loop0
            x0 = v128.load(p.s0)
            x1 = v128.load(s1)
            add = f32x4.add(x0, x1)
            lt = f32x4.lt(splat(0x00000000), add)
            where = v128.bitselect(add, splat(0x00000000), lt)
            v128.store(p.s2, where)
            x0.1 = v128.load(p.s0, +16)
            x1.1 = v128.load(s1, +16)
            add.1 = f32x4.add(x0.1, x1.1)
            lt.1 = f32x4.lt(splat(0x00000000), add.1)
            where.1 = v128.bitselect(add.1, splat(0x00000000), lt.1)
            v128.store(p.s2, where.1, +16)
            x0.2 = v128.load64_zero(p.s0, +32)
            x1.2 = v128.load64_zero(s1, +32)
            add.2 = f32x4.add(x0.2, x1.2)
            lt.2 = f32x4.lt(splat(0x00000000), add.2)
            where.2 = v128.bitselect(add.2, splat(0x00000000), lt.2)
            v128.store64_lane(p.s2, where.2, +32, lane 0)
            p.s2 = i32.add(p.s2, 40)
            p.s0 = i32.add(p.s0, 40)
            i = i32.add(i, 1)
            branch loop0 if i32.lt_u(i, end)"
    `);
  });

  it('of a sum of rows', () => {
    expect(printed(reduction('sum', 'float32', [8], [4096], affine([4096, 1])))).toMatchInlineSnapshot(`
      "sum(s0: i32, s1: i32, scalars: i32, scratch: i32, begin: i32, end: i32)
        if i32.lt_u(begin, end)
          i = begin
          p.s0 = i32.add(s0, i32.mul(begin, 16384))
          p.s1 = i32.add(s1, i32.mul(begin, 4))
          loop loop0
            sum0 = splat(0x00000000)
            sum0.1 = splat(0x00000000)
            sum0.2 = splat(0x00000000)
            sum0.3 = splat(0x00000000)
            j = 0
            p.s0.1 = p.s0
            loop loop1
              next = i32.add(j, 1024)
              stop = select(next, 4096, i32.lt_u(next, 4096))
              sum0.4 = splat(0x00000000)
              sum0.5 = splat(0x00000000)
              sum0.6 = splat(0x00000000)
              sum0.7 = splat(0x00000000)
              loop loop2
                x0 = v128.load(p.s0.1)
                sum0.4 = f32x4.add(sum0.4, x0)
                x0.1 = v128.load(p.s0.1, +16)
                sum0.5 = f32x4.add(sum0.5, x0.1)
                x0.2 = v128.load(p.s0.1, +32)
                sum0.6 = f32x4.add(sum0.6, x0.2)
                x0.3 = v128.load(p.s0.1, +48)
                sum0.7 = f32x4.add(sum0.7, x0.3)
                p.s0.1 = i32.add(p.s0.1, 64)
                j = i32.add(j, 16)
                branch loop2 if i32.lt_u(j, stop)
              sum0 = f32x4.add(sum0, sum0.4)
              sum0.1 = f32x4.add(sum0.1, sum0.5)
              sum0.2 = f32x4.add(sum0.2, sum0.6)
              sum0.3 = f32x4.add(sum0.3, sum0.7)
              branch loop1 if i32.lt_u(j, 4096)
            partial = f32x4.add(sum0, sum0.1)
            partial.1 = f32x4.add(sum0.2, sum0.3)
            partial.2 = f32x4.add(partial, partial.1)
            swapped = i8x16.shuffle(partial.2, partial.2, [8 9 10 11 12 13 14 15 0 1 2 3 4 5 6 7])
            r0 = f32x4.add(partial.2, swapped)
            swapped.1 = i8x16.shuffle(r0, r0, [4 5 6 7 0 1 2 3 12 13 14 15 8 9 10 11])
            r0.1 = f32x4.add(r0, swapped.1)
            v128.store32_lane(p.s1, r0.1, lane 0)
            p.s0 = i32.add(p.s0, 16384)
            p.s1 = i32.add(p.s1, 4)
            i = i32.add(i, 1)
            branch loop0 if i32.lt_u(i, end)"
    `);
  });
});

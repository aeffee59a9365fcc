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
import { affine, constant, fn, load, mapKernel, programOf, result, store, strides } from './build.js';
import { programModule } from '../src/program-module.js';
import { printModule } from '../src/wasm/index.js';
import { check, execute, randomArrays, randomNumbers } from './execute.js';

const device = await cpu();

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

describe('printed code', () => {
  const features = { fma: false, storedBytes: device.capabilities.storedBytes };
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
      "relu(s2: i32, s0: i32, s1: i32, scratch: i32, begin: i32, end: i32)
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
      "sum(s0: i32, s1: i32, scratch: i32, begin: i32, end: i32)
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

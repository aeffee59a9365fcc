/** The edges of integers and of casts to them: overflow, shifts, numbers that do not fit. */
import type { DType, ScalarFunction } from '@torchlet/device';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebGpuDevice } from '../src/index.js';
import { noAdapter, opened, titled } from './adapter.js';
import { axis, buffer, fn, load, map, program } from '@torchlet/device/by-hand';
import { execute } from './execute.js';
import type { Case } from './float-edges.js';

const inf = Infinity;

let device: WebGpuDevice;

beforeAll(async () => {
  if (noAdapter === null) device = await opened();
});

afterAll(() => {
  device?.dispose();
});

describe.skipIf(noAdapter !== null)(titled('edges of integers'), () => {
  const [most, fewest] = [2 ** 31 - 1, -(2 ** 31)];

  it.each([
    [
      'add',
      [
        [most, 1, fewest],
        [fewest, -1, most],
        [most, most, -2],
      ],
    ],
    [
      'sub',
      [
        [fewest, 1, most],
        [0, fewest, fewest],
        [most, -1, fewest],
      ],
    ],
    [
      'mul',
      [
        [fewest, -1, fewest],
        [65536, 65536, 0],
        [most, 2, -2],
      ],
    ],
    [
      'idiv',
      [
        [fewest, -1, fewest],
        [7, -2, -3],
        [-7, 2, -3],
      ],
    ],
    [
      'shl',
      [
        [1, 31, fewest],
        [3, 31, fewest],
        [-1, 1, -2],
      ],
    ],
    [
      'shr',
      [
        [fewest, 31, -1],
        [-7, 1, -4],
        [most, 30, 1],
      ],
    ],
  ] as [ScalarFunction, Case[]][])('%s wraps', async (name, cases) => {
    const [x, y] = [0, 1].map((which) => Int32Array.from(cases, (one) => one[which] as number)) as [
      Int32Array,
      Int32Array,
    ];
    const size = cases.length;
    const value = fn(name, [load(0, axis(0), 'int32'), load(1, axis(0), 'int32')]);
    const slots = [
      buffer(0, size, 'read', 'int32'),
      buffer(1, size, 'read', 'int32'),
      buffer(2, size, 'write', 'int32'),
    ];
    const [, , got] = await execute(device, program(name, slots, [map(name, size, 2, value)]), [
      x,
      y,
      new Int32Array(size),
    ]);
    expect(Array.from(got as Int32Array)).toEqual(cases.map((one) => one[2]));
  });

  it.each([
    [
      'int32',
      [
        [3e9, most],
        [-3e9, fewest],
        [NaN, 0],
        [inf, most],
        [-inf, fewest],
        [-1.9, -1],
        [2147483520, 2147483520],
      ],
    ],
    [
      'int8',
      [
        [300, 127],
        [-300, -128],
        [NaN, 0],
        [inf, 127],
        [-1.9, -1],
      ],
    ],
    [
      'uint8',
      [
        [300, 255],
        [-5, 0],
        [NaN, 0],
        [inf, 255],
        [200.7, 200],
      ],
    ],
    [
      'bool',
      [
        [0, 0],
        [-0, 0],
        [NaN, 1],
        [inf, 1],
        [0.1, 1],
      ],
    ],
  ] as [DType, Case[]][])('floats beyond %s are clamped to it, NaN is 0', async (dtype, cases) => {
    const size = cases.length;
    const slots = [buffer(0, size, 'read'), buffer(1, size, 'write', dtype)];
    const value = fn('cast', [load(0, axis(0))], dtype);
    const zeros = { int32: Int32Array, int8: Int8Array, uint8: Uint8Array, bool: Uint8Array }[
      dtype as 'int32' | 'int8' | 'uint8' | 'bool'
    ];
    const [, got] = await execute(device, program('cast', slots, [map('cast', size, 1, value)]), [
      Float32Array.from(cases, ([x]) => x),
      new zeros(size),
    ]);
    expect(Array.from(got as Int32Array)).toEqual(cases.map((one) => one[1]));
  });
});

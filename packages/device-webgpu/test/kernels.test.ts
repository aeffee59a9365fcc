/** Kernels of sizes that take each form (a thread, a workgroup or several kernels for a row; tiles in registers and in workgroup memory), against plain loops. */
import type { Program } from '@torchlet/device';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebGpuDevice } from '../src/index.js';
import { noAdapter, opened, titled } from './adapter.js';
import {
  at,
  axis,
  buffer,
  constant,
  fn,
  int,
  load,
  loop,
  map,
  matmul,
  phase,
  program,
  result,
  store,
} from '@torchlet/device/by-hand';
import { execute, noise } from './execute.js';

/** Each form in both ways that threads work. */
const ways = { alone: false, 'through workgroup memory': true } as const;

function softmax(rows: number, columns: number): Program {
  const x = load(0, at(axis(0), columns, axis(1)));
  const exponential = fn('exp', [fn('sub', [x, result(0)])]);
  return program(
    'softmax',
    [buffer(0, rows * columns, 'read'), buffer(1, rows * columns, 'write'), buffer(2, rows, 'write')],
    [
      loop(
        'softmax',
        [rows],
        phase([columns], { reductions: [{ id: 0, combine: 'max', dtype: 'float32', of: x }] }),
        phase([columns], { reductions: [{ id: 1, combine: 'sum', dtype: 'float32', of: exponential }] }),
        phase([columns], { stores: [store(1, at(axis(0), columns, axis(1)), fn('div', [exponential, result(1)]))] }),
        phase([], { stores: [store(2, axis(0), fn('add', [result(0), fn('log', [result(1)])]))] }),
      ),
    ],
  );
}

function close(got: ArrayLike<number>, expected: readonly number[], tolerance: number): void {
  const worst = expected.reduce((most, value, i) => {
    const error = Math.abs((got[i] as number) - value) / (1 + Math.abs(value));
    return Math.max(error, most);
  }, 0);
  expect(got.length).toBe(expected.length);
  expect(worst).toBeLessThan(tolerance);
}

describe.skipIf(noAdapter !== null).each(Object.entries(ways))(`${titled('kernels')}, %s`, (_, sharing) => {
  let device: WebGpuDevice;

  beforeAll(async () => {
    device = await opened({ sharing });
  });

  afterAll(() => {
    device.dispose();
  });

  it.each([
    [3, 5],
    [300, 10],
    [5, 700],
    [2, 3000],
    [40, 1100],
    [1, 9001],
    [1, 9002],
    [3, 4099],
  ])('softmax of %i rows of %i', async (rows, columns) => {
    const x = noise(rows * columns, columns).map((value) => 5 * value);
    const [, got, logs] = await execute(device, softmax(rows, columns), [
      x,
      new Float32Array(rows * columns),
      new Float32Array(rows),
    ]);
    const expected: number[] = [];
    const expectedLogs: number[] = [];
    for (let r = 0; r < rows; r++) {
      const row = Array.from(x.subarray(r * columns, (r + 1) * columns));
      const total = row.reduce((sum, value) => sum + Math.exp(value), 0);
      expected.push(...row.map((value) => Math.exp(value) / total));
      expectedLogs.push(Math.log(total));
    }
    close(got as Float32Array, expected, 2e-6);
    close(logs as Float32Array, expectedLogs, 2e-6);
  });

  it.each([
    [1, 1, 1],
    [1, 10, 300],
    [5, 3, 7],
    [33, 70, 19],
    [64, 64, 64],
    [70, 66, 2000],
    [130, 68, 40],
    [3, 2, 5000],
    [1, 19, 2170],
    [1, 3, 4097],
  ])('a product of %i by %i over %i', async (m, n, k) => {
    const [a, b] = [noise(m * k, m), noise(k * n, n)];
    const slots = [buffer(0, m * k, 'read'), buffer(1, k * n, 'read'), buffer(2, m * n, 'write')];
    const expected = Array.from({ length: m * n }, (_value, place) => {
      const [i, j] = [Math.floor(place / n), place % n];
      let sum = 0;
      for (let p = 0; p < k; p++) sum += (a[i * k + p] as number) * (b[p * n + j] as number);
      return sum;
    });
    const transposed = (values: Float32Array, rows: number, columns: number): Float32Array =>
      values.map((_value, place) => values[(place % rows) * columns + Math.floor(place / rows)] as number);
    const right = load(1, at(axis(1), k, axis(2)));
    const left = load(0, at(axis(2), m, axis(0)));
    const forms = [
      { parts: {}, inputs: [a, b] },
      { parts: { b: right }, inputs: [a, transposed(b, k, n)] },
      { parts: { a: left }, inputs: [transposed(a, m, k), b] },
      // As compiled: an axis of one position is in no index.
      ...(m === 1 ? [{ parts: { a: load(0, axis(2)), b: right }, inputs: [a, transposed(b, k, n)] }] : []),
    ];
    for (const { parts, inputs } of forms) {
      const results = await execute(device, program('product', slots, [matmul('product', [m, n, k], parts)]), [
        ...inputs,
        new Float32Array(m * n),
      ]);
      close(results[2] as Float32Array, expected, 2e-6 * Math.sqrt(Math.min(k, 512)) + 2e-6);
    }
  });

  it('a convolution: windows as an index map of the right operand, with padding', async () => {
    const [channels, size, filters] = [3, 12, 8];
    const k = channels * 9;
    const pixels = size * size;
    const channel = fn('idiv', [axis(2), int(9)]);
    const row = fn('add', [
      fn('idiv', [axis(1), int(size)]),
      fn('sub', [fn('mod', [fn('idiv', [axis(2), int(3)]), int(3)]), int(1)]),
    ]);
    const column = fn('add', [fn('mod', [axis(1), int(size)]), fn('sub', [fn('mod', [axis(2), int(3)]), int(1)])]);
    const inside = [row, column]
      .flatMap((x) => [fn('lt', [int(-1), x]), fn('lt', [x, int(size)])])
      .reduce((all, one) => fn('and', [all, one]));
    const window = { ...load(1, at(at(channel, size, row), size, column)), mask: inside, otherwise: 0 } as const;
    const [weights, image] = [noise(filters * k, 3), noise(channels * pixels, 4)];
    const slots = [
      buffer(0, filters * k, 'read'),
      buffer(1, channels * pixels, 'read'),
      buffer(2, filters * pixels, 'write'),
    ];
    const source = program('convolution', slots, [matmul('convolution', [filters, pixels, k], { b: window })]);
    const results = await execute(device, source, [weights, image, new Float32Array(filters * pixels)]);
    const expected: number[] = [];
    for (let f = 0; f < filters; f++) {
      for (let y = 0; y < size; y++) {
        for (let x = 0; x < size; x++) {
          let sum = 0;
          for (let c = 0; c < channels; c++) {
            for (let dy = 0; dy < 3; dy++) {
              for (let dx = 0; dx < 3; dx++) {
                const [r, s] = [y + dy - 1, x + dx - 1];
                if (r < 0 || s < 0 || r >= size || s >= size) continue;
                sum += (weights[f * k + c * 9 + dy * 3 + dx] as number) * (image[c * pixels + r * size + s] as number);
              }
            }
          }
          expected.push(sum);
        }
      }
    }
    close(results[2] as Float32Array, expected, 1e-5);
  });

  it('a sum of a million ones is a million', async () => {
    const size = 1_000_000;
    const sum = { id: 0, combine: 'sum', dtype: 'float32', of: fn('mul', [load(0, axis(0)), constant(0.1)]) } as const;
    const source = program(
      'sum',
      [buffer(0, size, 'read'), buffer(1, 1, 'write')],
      [loop('sum', [], phase([size], { reductions: [sum] }), phase([], { stores: [store(1, int(0), result(0))] }))],
    );
    const [, total] = await execute(device, source, [new Float32Array(size).fill(1), new Float32Array(1)]);
    expect(Math.abs((total?.[0] as number) - 1e5)).toBeLessThan(0.2);
  });

  it('scatter adds in order, so that twice is the same to the bit', async () => {
    const [rows, columns, places] = [500, 12, 30];
    const source = program(
      'scatter',
      [buffer(0, rows, 'read', 'int32'), buffer(1, rows * columns, 'read'), buffer(2, places * columns)],
      [
        {
          kind: 'scatter',
          name: 'scatter',
          axes: [rows, columns],
          axis: 0,
          length: places,
          index: load(0, axis(0), 'int32'),
          value: load(1, at(axis(0), columns, axis(1))),
          slot: 2,
          strides: [columns, 1],
          offset: 0,
        },
      ],
    );
    const index = Int32Array.from(noise(rows, 7), (x) => Math.floor((x + 1) * 16) - 1);
    const values = noise(rows * columns, 8);
    const expected = new Array<number>(places * columns).fill(1);
    index.forEach((place, r) => {
      if (place < 0 || place >= places) return;
      for (let c = 0; c < columns; c++)
        expected[place * columns + c] = (expected[place * columns + c] as number) + (values[r * columns + c] as number);
    });
    const runs = [];
    for (let i = 0; i < 2; i++)
      runs.push(
        (await execute(device, source, [index, values, new Float32Array(places * columns).fill(1)]))[2] as Float32Array,
      );
    close(runs[0] as Float32Array, expected, 1e-5);
    expect(runs[1]).toEqual(runs[0]);
  });

  it('halves beside each other keep out of each other, whichever threads write them', async () => {
    const size = 1000;
    const odd = fn('add', [fn('mul', [axis(0), int(2)]), int(1)]);
    const source = program(
      'odd',
      [buffer(0, size, 'readwrite', 'bfloat16')],
      [loop('fill', [size / 2], phase([], { stores: [store(0, odd, constant(2, 'bfloat16'))] }))],
    );
    const ones = new Uint16Array(size).fill(0x3f80);
    const [got] = await execute(device, source, [ones]);
    expect(Array.from(got as Uint16Array)).toEqual(
      Array.from({ length: size }, (_value, i) => (i % 2 === 1 ? 0x4000 : 0x3f80)),
    );
  });

  it('more points than one dimension of workgroups holds', async () => {
    const size = 65535 * 64 + 3;
    const source = program('wide', [buffer(0, size, 'write', 'int32')], [map('count', size, 0, axis(0))]);
    const [got] = await execute(device, source, [new Int32Array(size)]);
    expect([0, 1, 65535 * 64 - 1, 65535 * 64, size - 1].map((i) => got?.[i])).toEqual([
      0,
      1,
      65535 * 64 - 1,
      65535 * 64,
      size - 1,
    ]);
  });
});

import type { Device } from '@torchlet/device';
import { afterAll, describe, expect, it } from 'vitest';
import { cpu } from '../../src/index.js';
import { affine, fn, load, mapKernel, programOf, result, store, strides } from '../build.js';
import { check, execute, randomArrays, randomNumbers } from '../execute.js';

const device = await cpu({ threads: 3 });
afterAll(() => device.dispose());

const f32 = 'float32';

/** Long enough to be shared. */
function tanh(size: number) {
  return programOf(
    [mapKernel('tanh', [size], 1, fn('tanh', load(f32, 0, affine([1]))))],
    [
      [f32, size],
      [f32, size],
    ],
  );
}

describe('kernels shared by threads', () => {
  it.each([100_000, 100_003, 131_072])('compute every element of %i once', async (size) => {
    const program = tanh(size);
    expect(await check(device, program, randomArrays(program, randomNumbers(size)))).toBeNull();
  });

  it("have the engine's functions in every thread", async () => {
    const size = 100_000;
    const f64 = 'float64';
    const value = fn('log1p', fn('exp', load(f64, 0, affine([1]))));
    const program = programOf(
      [mapKernel('softplus', [size], 1, value)],
      [
        [f64, size],
        [f64, size],
      ],
    );
    // The helpers need a while to start: they take part in the later runs.
    for (let run = 0; run < 5; run++) {
      expect(await check(device, program, randomArrays(program, randomNumbers(run)))).toBeNull();
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  });

  it('keep scratch memory apart', async () => {
    const [m, n] = [301, 257];
    const x = load(f32, 0, affine([n, 1]));
    const e = fn('exp', fn('sub', x, result(f32, 0)));
    const program = programOf(
      [
        {
          kind: 'loop',
          name: 'softmax',
          axes: [m],
          phases: [
            { lengths: [n], reductions: [{ id: 0, combine: 'max', dtype: f32, of: x }], stores: [] },
            { lengths: [n], reductions: [{ id: 1, combine: 'sum', dtype: f32, of: e }], stores: [] },
            { lengths: [n], reductions: [], stores: [store(1, affine(strides([m, n])), fn('div', e, result(f32, 1)))] },
          ],
        },
      ],
      [
        [f32, m * n],
        [f32, m * n],
      ],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(9)))).toBeNull();
  });

  it('follow each other in a program, and programs follow each other', async () => {
    const size = 20_000;
    const map = (to: number, from: number) =>
      mapKernel(`map${to}`, [size], to, fn('sin', load(f32, from, affine([1]))));
    const chain = programOf(
      [map(1, 0), map(2, 1), map(3, 2), map(0, 3)],
      [
        [f32, size],
        [f32, size],
        [f32, size],
        [f32, size],
      ],
    );
    const arrays = randomArrays(chain, randomNumbers(3));
    for (let round = 0; round < 3; round++) {
      expect(await check(device, chain, arrays)).toBeNull();
      expect(
        await check(device, tanh(30_000 + round), [
          new Float32Array(30_000 + round).fill(0.5),
          new Float32Array(30_000 + round),
        ]),
      ).toBeNull();
    }
  });

  it('give the same bits as one thread', async () => {
    const one = await cpu();
    const n = 200;
    const product = programOf(
      [
        {
          kind: 'matmul',
          name: 'product',
          batch: [],
          m: n,
          n,
          k: n,
          a: load(f32, 0, affine([n, 0, 1])),
          b: load(f32, 1, affine([0, 1, n])),
          dtype: f32,
          result: 0,
          stores: [store(2, affine([n, 1]), result(f32, 0))],
          claim: null,
        },
      ],
      [
        [f32, n * n],
        [f32, n * n],
        [f32, n * n],
      ],
    );
    const arrays = randomArrays(product, randomNumbers(6));
    const [single, shared] = [await execute(one, product, arrays), await execute(device, product, arrays)];
    expect(shared[2]).toEqual(single[2]);
  });

  it('run a thousand times without a helper being missed or met twice', async () => {
    const size = 30_000;
    const add = programOf(
      [
        mapKernel(
          'count',
          [size],
          0,
          fn(
            'add',
            fn('tanh', fn('mul', load(f32, 0, affine([1])), load(f32, 0, affine([1])))),
            load(f32, 0, affine([1])),
          ),
        ),
      ],
      [[f32, size]],
    );
    const start = new Float32Array(size).map((_, i) => i / size / 1000);
    const counted = (on: Device) => {
      const span = { buffer: on.allocate(4 * size, 'counts'), byteOffset: 0 };
      const compiled = on.compile(add);
      on.write(span, f32, start);
      for (let round = 0; round < 1000; round++) on.run(compiled, { buffers: [span], hostInputs: [], scalars: [] });
      return on.read(span, f32, size);
    };
    expect(await counted(device)).toEqual(await counted(await cpu()));
  });

  it('are profiled too, and their memory is given back', async () => {
    const before = device.memory().allocated;
    const program = tanh(100_000);
    const compiled = device.compile(program);
    const buffers = [0, 1].map((i) => ({ buffer: device.allocate(400_000, `b${i}`), byteOffset: 0 }));
    const times = await device.profile?.(() => void device.run(compiled, { buffers, hostInputs: [], scalars: [] }));
    expect(times?.map(({ kernel, runs }) => [kernel, runs])).toEqual([['tanh', 1]]);
    compiled.dispose();
    for (const { buffer } of buffers) device.free(buffer);
    expect(device.memory().allocated).toBe(before);
  });
});

describe('options', () => {
  it.each([0, 1.5, 1000])('refuses %d threads', async (threads) => {
    await expect(cpu({ threads })).rejects.toThrow(
      `threads must be a whole number from 1 to 64, or 'auto', got ${threads}`,
    );
  });

  it('takes what the machine has', async () => {
    const auto = await cpu({ threads: 'auto' });
    const program = tanh(100_000);
    expect(await check(auto, program, randomArrays(program, randomNumbers(2)))).toBeNull();
    auto.dispose();
  });
});

/** Tests of the device suite: memory, and every form of kernel on programs written by hand. */
import { tolerances } from '../op-info/tolerances.js';
import { assert, assertEqual, assertNumbers, assertThrows } from './assertions.js';
import { type DeviceTest, doubled, floats, ran, uploaded } from './device-runs.js';
import * as built from '@torchlet/device/by-hand';
import { reluMatmulKernel, softmaxKernel } from './hand-built.js';

export const kernelTests: readonly DeviceTest[] = [
  {
    name: 'memory is zero when allocated, holds what is written, and is read from an offset',
    run: async (device) => {
      const { alignment } = device.capabilities;
      const buffer = device.allocate(2 * Math.max(alignment, 16), 'scratch');
      const offset = Math.max(alignment, 16);
      assertEqual('fresh memory', await floats(device, buffer, 4), [0, 0, 0, 0]);
      device.write({ buffer, byteOffset: offset }, 'float32', Float32Array.of(1, 2, 3, 4));
      assertEqual('at the offset', await floats(device, buffer, 4, offset), [1, 2, 3, 4]);
      assertEqual('before it', await floats(device, buffer, 4), [0, 0, 0, 0]);
      device.free(buffer);
      device.free(buffer);
    },
  },
  {
    name: 'a read sees every run and write before it',
    run: async (device) => {
      const from = uploaded(device, Float32Array.of(1, 2, 3, 4));
      const to = device.allocate(16, 'to');
      const compiled = device.compile(doubled);
      const bindings = {
        buffers: [from, to].map((buffer) => ({ buffer, byteOffset: 0 })),
        hostInputs: [],
        scalars: [],
      };
      device.run(compiled, bindings);
      const first = floats(device, to, 4);
      device.write({ buffer: from, byteOffset: 0 }, 'float32', Float32Array.of(5, 6, 7, 8));
      device.run(compiled, bindings);
      assertEqual('the first run', await first, [2, 4, 6, 8]);
      assertEqual('the second', await floats(device, to, 4), [10, 12, 14, 16]);
    },
  },
  {
    name: 'host inputs and scalars are copied before run returns',
    run: async (device) => {
      const value = built.fn('mul', [built.load(0, built.axis(0)), built.scalar(0)]);
      const scaled = built.program(
        'scaled',
        [built.host(0, 3), built.buffer(0, 3, 'write')],
        [built.map('scale', 3, 1, value)],
        {
          scalars: ['float32'],
        },
      );
      const to = device.allocate(12, 'to');
      const input = Float32Array.of(1, 2, 3);
      const compiled = device.compile(scaled);
      device.run(compiled, { buffers: [{ buffer: to, byteOffset: 0 }], hostInputs: [input], scalars: [10] });
      input.fill(-1);
      assertEqual('computed', await floats(device, to, 3), [10, 20, 30]);
    },
  },
  {
    name: 'arena slots carry values from kernel to kernel, and programs share the arena',
    run: async (device) => {
      const { alignment } = device.capabilities;
      const second = Math.max(16, alignment);
      const chain = built.program(
        'chain',
        [built.buffer(0, 4, 'read'), built.arena(0, 4), built.arena(second, 4), built.buffer(1, 4, 'write')],
        [
          built.map('one', 4, 1, built.fn('add', [built.load(0, built.axis(0)), built.constant(1)])),
          built.map('two', 4, 2, built.fn('mul', [built.load(1, built.axis(0)), built.load(1, built.axis(0))])),
          built.map('three', 4, 3, built.fn('sub', [built.load(2, built.axis(0)), built.load(1, built.axis(0))])),
        ],
        { arena: [second + 16] },
      );
      const from = uploaded(device, Float32Array.of(0, 1, 2, 3));
      const to = device.allocate(16, 'to');
      await ran(device, chain, [from, to]);
      assertEqual('(x + 1)^2 - (x + 1)', await floats(device, to, 4), [0, 2, 6, 12]);
      const before = device.memory().created;
      for (let i = 0; i < 8; i++) await ran(device, { ...chain, name: `chain ${i}` }, [from, to]);
      assert(device.memory().created - before <= 1, 'expected programs to share one arena');
    },
  },
  {
    name: 'a buffer is changed in place',
    run: async (device) => {
      const step = built.fn('sub', [
        built.load(0, built.axis(0)),
        built.fn('mul', [built.scalar(0), built.load(1, built.axis(0))]),
      ]);
      const update = built.program(
        'update',
        [built.buffer(0, 4, 'readwrite'), built.buffer(1, 4, 'read')],
        [built.map('w -= lr * g', 4, 0, step)],
        { scalars: ['float32'] },
      );
      const weight = uploaded(device, Float32Array.of(1, 2, 3, 4));
      const gradient = uploaded(device, Float32Array.of(1, 1, 2, 2));
      const compiled = device.compile(update);
      const buffers = [weight, gradient].map((buffer) => ({ buffer, byteOffset: 0 }));
      for (const rate of [0.5, 0.25]) device.run(compiled, { buffers, hostInputs: [], scalars: [rate] });
      assertEqual('after two steps', await floats(device, weight, 4), [0.25, 1.25, 1.5, 2.5]);
    },
  },
  {
    name: 'a row kernel: softmax in three phases, with an infinity and a NaN',
    run: async (device) => {
      const rows = [
        [1, 2, 3, 4, 5],
        [0, -Infinity, 0, 0, 0],
        [1, NaN, 1, 1, 1],
      ];
      const softmax = built.program(
        'softmax',
        [built.buffer(0, 15, 'read'), built.buffer(1, 15, 'write')],
        [softmaxKernel(3, 5, 0, 1)],
      );
      const from = uploaded(device, Float32Array.from(rows.flat()));
      const to = device.allocate(60, 'to');
      await ran(device, softmax, [from, to]);
      const exponentials = [1, 2, 3, 4, 5].map((x) => Math.exp(x - 5));
      const total = exponentials.reduce((sum, x) => sum + x, 0);
      const expected = [
        ...exponentials.map((x) => x / total),
        0.25,
        0,
        0.25,
        0.25,
        0.25,
        ...new Array<number>(5).fill(NaN),
      ];
      assertNumbers('softmax', await floats(device, to, 15), expected, tolerances.transcendental);
    },
  },
  {
    name: 'a matrix product with an epilogue, thin and odd shapes included',
    run: async (device) => {
      for (const [m, n, k] of [
        [2, 3, 4],
        [1, 7, 5],
        [9, 1, 17],
        [33, 18, 20],
        [5, 5, 1],
      ] as const) {
        const a = Float32Array.from({ length: m * k }, (_, i) => ((i * 7) % 11) - 5);
        const b = Float32Array.from({ length: k * n }, (_, i) => ((i * 5) % 13) - 6);
        const slots = [built.buffer(0, m * k, 'read'), built.buffer(1, k * n, 'read'), built.buffer(2, m * n, 'write')];
        const to = device.allocate(4 * m * n, 'to');
        await ran(device, built.program('product', slots, [reluMatmulKernel(m, n, k)]), [
          uploaded(device, a),
          uploaded(device, b),
          to,
        ]);
        const expected = Array.from({ length: m * n }, (_, at) => {
          const [i, j] = [Math.floor(at / n), at % n];
          let sum = 0;
          for (let p = 0; p < k; p++) sum += (a[i * k + p] as number) * (b[p * n + j] as number);
          return Math.max(0, sum);
        });
        assertNumbers(`[${m}, ${k}] @ [${k}, ${n}]`, await floats(device, to, m * n), expected, tolerances.exact);
      }
    },
  },
  {
    name: 'scatter adds repeated places, and nothing outside',
    run: async (device) => {
      const scatter = built.program(
        'scatter',
        [built.buffer(0, 6, 'read', 'int32'), built.buffer(1, 6, 'read'), built.buffer(2, 4, 'readwrite')],
        [
          {
            kind: 'scatter',
            name: 'scatter',
            axes: [6],
            axis: 0,
            length: 4,
            index: built.load(0, built.axis(0), 'int32'),
            value: built.load(1, built.axis(0)),
            slot: 2,
            strides: [1],
            offset: 0,
          },
        ],
      );
      const places = uploaded(device, Int32Array.of(0, 1, 1, 3, -1, 4), 'int32');
      const values = uploaded(device, Float32Array.of(1, 2, 3, 4, 5, 6));
      const to = uploaded(device, Float32Array.of(10, 10, 10, 10));
      await ran(device, scatter, [places, values, to]);
      assertEqual('sums', await floats(device, to, 4), [11, 15, 10, 14]);
    },
  },
  {
    name: 'a load outside its mask touches nothing and gives what it says instead',
    run: async (device) => {
      const shifted = built.fn('sub', [built.axis(0), built.int(2)], 'int32');
      const inside = built.fn('lt', [built.int(-1), shifted], 'bool');
      const value = { ...built.load(0, shifted), mask: inside, otherwise: 7 } as const;
      const padded = built.program(
        'padded',
        [built.buffer(0, 3, 'read'), built.buffer(1, 5, 'write')],
        [built.map('pad', 5, 1, value)],
      );
      const to = device.allocate(20, 'to');
      await ran(device, padded, [uploaded(device, Float32Array.of(1, 2, 3)), to]);
      assertEqual('padded', await floats(device, to, 5), [7, 7, 1, 2, 3]);
    },
  },
  {
    name: 'a kernel over no element leaves everything alone',
    run: async (device) => {
      const nothing = built.program(
        'nothing',
        [built.buffer(0, 2, 'readwrite')],
        [built.map('none', 0, 0, built.constant(5))],
      );
      const kept = uploaded(device, Float32Array.of(1, 2));
      await ran(device, nothing, [kept]);
      assertEqual('kept', await floats(device, kept, 2), [1, 2]);
    },
  },
  {
    name: 'int64 beyond 32 bits is exact, or refused when it is written',
    run: async (device) => {
      const values = BigInt64Array.of(2n ** 40n, -3n);
      const buffer = device.allocate(16, 'integers');
      const write = (): void => device.write({ buffer, byteOffset: 0 }, 'int64', values);
      if (device.capabilities.storedBytes.int64 === 4) {
        await assertThrows('2^40', write, /./);
        return;
      }
      write();
      assertEqual('read', Array.from(await device.read({ buffer, byteOffset: 0 }, 'int64', 2), String), [
        '1099511627776',
        '-3',
      ]);
    },
  },
];

/** Tests of the device suite: what is refused and how, memory that is counted, several devices, the end of one. */
import { type DeviceBuffer, DeviceError } from '@torchlet/device';
import { assert, assertEqual, assertThrows } from './assertions.js';
import { type DeviceTest, doubled, floats, ran, uploaded } from './device-runs.js';
import * as built from '@torchlet/device/by-hand';

export const lifecycleTests: readonly DeviceTest[] = [
  {
    name: 'a custom kernel without a text for this device is refused, by name, and the device stays usable',
    run: async (device) => {
      const kernel = { kind: 'custom', name: 'mystery', inputs: [0], outputs: [1], sources: { nowhere: '' } } as const;
      const program = built.program('escape', [built.buffer(0, 1, 'read'), built.buffer(1, 1, 'write')], [kernel]);
      const error = await assertThrows('compiling', () => device.compile(program), /mystery/);
      assert(error instanceof DeviceError, `expected a DeviceError, got ${error.name}`);
      assertEqual('program, kernel, sticky', [error.program, error.kernel, error.sticky], ['escape', 'mystery', false]);
      const to = device.allocate(16, 'to');
      await ran(device, doubled, [uploaded(device, Float32Array.of(1, 2, 3, 4)), to]);
      assertEqual('computed afterwards', await floats(device, to, 4), [2, 4, 6, 8]);
    },
  },
  {
    name: 'bindings that do not fit the program are refused',
    run: async (device) => {
      const compiled = device.compile(doubled);
      const from = uploaded(device, Float32Array.of(1, 2, 3, 4));
      const run =
        (buffers: readonly DeviceBuffer[], scalars: readonly number[] = []): (() => unknown) =>
        () =>
          device.run(compiled, {
            buffers: buffers.map((buffer) => ({ buffer, byteOffset: 0 })),
            hostInputs: [],
            scalars,
          });
      await assertThrows('one buffer too few', run([from]), /doubled/);
      await assertThrows('a buffer too small', run([from, device.allocate(8, 'small')]), /doubled/);
      await assertThrows('a scalar too many', run([from, device.allocate(16, 'to')], [1]), /doubled/);
    },
  },
  {
    name: 'out of memory names the request and leaves the device usable',
    run: async (device) => {
      const error = await assertThrows('a petabyte', () => device.allocate(2 ** 50, 'too much'), /1125899906842624/);
      assert(error instanceof DeviceError, `expected a DeviceError, got ${error.name}`);
      const to = device.allocate(16, 'to');
      await ran(device, doubled, [uploaded(device, Float32Array.of(1, 2, 3, 4)), to]);
      assertEqual('computed afterwards', await floats(device, to, 4), [2, 4, 6, 8]);
    },
  },
  {
    name: 'memory is counted, and comes back when freed',
    run: async (device) => {
      const before = device.memory();
      const buffers = [1024, 4096].map((bytes) => device.allocate(bytes, 'counted'));
      const during = device.memory();
      assertEqual('buffers', during.buffers - before.buffers, 2);
      assertEqual('created', during.created - before.created, 2);
      assert(during.allocated - before.allocated >= 5120, 'expected at least the bytes that were asked for');
      assert(during.peak >= during.allocated, 'expected the peak to be no lower than what is allocated');
      for (const buffer of buffers) device.free(buffer);
      await device.synchronize();
      assertEqual('bytes afterwards', device.memory().allocated, before.allocated);
      assertEqual('buffers afterwards', device.memory().buffers, before.buffers);
    },
  },
  {
    name: 'two devices are open at once and share nothing',
    run: async (first, session) => {
      const { device: second } = await session.separate();
      const a = uploaded(first, Float32Array.of(1, 2, 3, 4));
      const b = uploaded(second, Float32Array.of(10, 20, 30, 40));
      const [toA, toB] = [first.allocate(16, 'a'), second.allocate(16, 'b')];
      await Promise.all([ran(first, doubled, [a, toA]), ran(second, doubled, [b, toB])]);
      assertEqual('the first', await floats(first, toA, 4), [2, 4, 6, 8]);
      assertEqual('the second', await floats(second, toB, 4), [20, 40, 60, 80]);
      second.dispose();
      assertEqual('the first after the second is gone', await floats(first, toA, 4), [2, 4, 6, 8]);
    },
  },
  {
    name: 'a disposed device says so: lost resolves, calls throw, disposing again does nothing',
    run: async (_, session) => {
      const { device } = await session.separate();
      device.dispose();
      device.dispose();
      assertEqual('the reason', (await device.lost).reason, 'disposed');
      await assertThrows('allocating', () => device.allocate(16, 'late'), /disposed/);
    },
  },
  {
    name: 'a profile names each kernel that ran',
    run: async (device) => {
      if (device.profile === undefined) return;
      const from = uploaded(device, Float32Array.of(1, 2, 3, 4));
      const to = device.allocate(16, 'to');
      const times = await device.profile(() => ran(device, doubled, [from, to]));
      const own = times.filter(({ program }) => program === 'doubled');
      assertEqual(
        'kernels',
        own.map(({ kernel, runs }) => [kernel, runs]),
        [['double', 1]],
      );
      assert(
        own.every(({ milliseconds }) => milliseconds >= 0),
        'expected a time of at least 0',
      );
    },
  },
];

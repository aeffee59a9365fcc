import {
  type Capabilities,
  type Device,
  DeviceError,
  dtypeNames,
  dtypes,
  openFirst,
  OutOfMemoryError,
  type Program,
} from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { cpu, cpuOpener } from '../src/index.js';
import { affine, axis, constant, fn, load, mapKernel, programOf, store } from './build.js';
import { check, execute, randomArrays, randomNumbers } from './execute.js';

const f32 = 'float32';

/** slot 1 = slot 0 * scalar 0. */
function scale(size: number): Program {
  const factor = { kind: 'scalar', dtype: f32, slot: 0 } as const;
  return programOf(
    [mapKernel('scale', [size], 1, fn('mul', load(f32, 0, affine([1])), factor))],
    [
      [f32, size],
      [f32, size],
    ],
    [f32],
  );
}

const at = (device: Device, bytes: number, label = 'buffer') => ({
  buffer: device.allocate(bytes, label),
  byteOffset: 0,
});

describe('memory', () => {
  it('comes zeroed, also when it was used before', async () => {
    const device = await cpu();
    const first = at(device, 400);
    device.write(first, f32, new Float32Array(100).fill(1));
    device.free(first.buffer);
    const second = at(device, 400);
    expect([...(await device.read(second, f32, 100))]).toEqual(new Array(100).fill(0));
  });

  it.each(dtypeNames)('holds %s', async (dtype) => {
    const device = await cpu();
    const span = at(device, 8 * 5);
    const data = dtypes[dtype].zeros(5);
    if (data instanceof BigInt64Array) data.set([1n, -1n, 2n ** 62n, 0n, 5n]);
    else data.set([1, 2, 100, 0, 5]);
    device.write(span, dtype, data);
    expect(await device.read(span, dtype, 5)).toEqual(data);
  });

  it('is counted', async () => {
    const device = await cpu();
    const before = device.memory();
    const a = device.allocate(1000, 'a');
    const b = device.allocate(3000, 'b');
    expect(device.memory().buffers).toBe(before.buffers + 2);
    expect(device.memory().created).toBe(before.created + 2);
    expect(device.memory().allocated - before.allocated).toBeGreaterThanOrEqual(4000);
    device.free(a);
    device.free(a);
    device.free(b);
    const after = device.memory();
    expect([after.buffers, after.allocated]).toEqual([before.buffers, before.allocated]);
    expect(after.peak).toBeGreaterThanOrEqual(4000);
    expect(after.reserved).toBeGreaterThanOrEqual(after.peak);
  });

  it('grows past its first size and keeps what it held', async () => {
    const device = await cpu();
    const small = at(device, 16);
    device.write(small, f32, new Float32Array([1, 2, 3, 4]));
    const big = at(device, 64 << 20);
    device.write({ ...big, byteOffset: (64 << 20) - 4 }, f32, new Float32Array([5]));
    expect([...(await device.read(small, f32, 4))]).toEqual([1, 2, 3, 4]);
  });

  it('that cannot be had is an error that names the largest, and the device goes on', async () => {
    const device = await cpu({ memoryBytes: 4 << 20, name: 'small' });
    device.allocate(1 << 20, 'weights');
    device.allocate(2 << 20, 'activations');
    const attempt = () => device.allocate(2 << 20, 'more');
    expect(attempt).toThrow(OutOfMemoryError);
    expect(attempt).toThrow(
      /small: out of memory: 2097152 bytes were asked for, \d+ of 4194304 .* activations \(2097152 bytes\), weights \(1048576 bytes\)/,
    );
    expect(await execute(device, scale(3), [new Float32Array([1, 2, 3]), new Float32Array(3)], [2])).toEqual([
      new Float32Array([1, 2, 3]),
      new Float32Array([2, 4, 6]),
    ]);
  });

  it('for an arena that cannot be had fails at compile, and the device goes on', async () => {
    const device = await cpu({ memoryBytes: 2 << 20 });
    const before = device.memory().allocated;
    const program: Program = { ...scale(3), arena: [4 << 20] };
    expect(() => device.compile(program)).toThrow(/bytes|out of memory/);
    expect(device.memory().allocated).toBe(before);
    device.compile(scale(3));
  });
});

describe('programs', () => {
  const staged: Program = {
    name: 'staged',
    slots: [
      { kind: 'host', dtype: f32, size: 5, index: 0 },
      { kind: 'arena', dtype: f32, size: 5, segment: 0, offset: 64 },
      { kind: 'buffer', dtype: f32, size: 5, index: 0, access: 'write' },
    ],
    scalars: [f32],
    kernels: [
      mapKernel('double', [5], 1, fn('add', load(f32, 0, affine([1])), load(f32, 0, affine([1])))),
      mapKernel('scale', [5], 2, fn('mul', load(f32, 1, affine([1])), { kind: 'scalar', dtype: f32, slot: 0 })),
    ],
    arena: [256],
  };

  it('copy host inputs and scalars at the call, and use the arena', async () => {
    const device = await cpu();
    const compiled = device.compile(staged);
    const out = at(device, 20);
    const host = new Float32Array([1, 2, 3, 4, 5]);
    const ticket = device.run(compiled, { buffers: [out], hostInputs: [host], scalars: [3] });
    host.fill(0);
    expect(ticket.done).toBeNull();
    expect([...(await device.read(out, f32, 5))]).toEqual([6, 12, 18, 24, 30]);
  });

  it('run on other buffers, and on parts of buffers, without anything compiled or allocated', async () => {
    const device = await cpu();
    const compiled = device.compile(staged);
    const [a, b] = [at(device, 20), at(device, 256)];
    const before = device.memory();
    for (let i = 0; i < 50; i++) {
      device.run(compiled, {
        buffers: [i % 2 ? a : { ...b, byteOffset: 64 }],
        hostInputs: [new Float32Array(5).fill(i)],
        scalars: [1],
      });
    }
    expect(device.memory()).toEqual(before);
    expect([...(await device.read(a, f32, 5))]).toEqual(new Array(5).fill(98));
    expect([...(await device.read({ ...b, byteOffset: 64 }, f32, 5))]).toEqual(new Array(5).fill(96));
  });

  it('keep working when a larger program moves the arena', async () => {
    const device = await cpu();
    const compiled = device.compile(staged);
    device.compile({ ...staged, name: 'larger', arena: [1 << 20] });
    const out = at(device, 20);
    device.run(compiled, { buffers: [out], hostInputs: [new Float32Array([1, 2, 3, 4, 5])], scalars: [1] });
    expect([...(await device.read(out, f32, 5))]).toEqual([2, 4, 6, 8, 10]);
  });

  it('of two devices do not meet', async () => {
    const [left, right] = [await cpu({ name: 'left' }), await cpu({ name: 'right' })];
    const program = scale(4);
    const data = [new Float32Array([1, 2, 3, 4]), new Float32Array(4)];
    const [a, b] = await Promise.all([execute(left, program, data, [2]), execute(right, program, data, [3])]);
    expect([[...(a[1] as Float32Array)], [...(b[1] as Float32Array)]]).toEqual([
      [2, 4, 6, 8],
      [3, 6, 9, 12],
    ]);
    const span = at(left, 16, 'mine');
    expect(() => right.run(right.compile(program), { buffers: [span, span], hostInputs: [], scalars: [1] })).toThrow(
      'right: buffer mine belongs to another device',
    );
    expect(() => right.run(left.compile(program), { buffers: [], hostInputs: [], scalars: [1] })).toThrow(
      'compiled by another device',
    );
  });

  it('are profiled kernel by kernel', async () => {
    const device = await cpu();
    const compiled = device.compile(staged);
    const bindings = { buffers: [at(device, 20)], hostInputs: [new Float32Array(5)], scalars: [3] };
    const times = await device.profile?.(() => {
      for (let i = 0; i < 3; i++) device.run(compiled, bindings);
    });
    expect(times?.map(({ program, kernel, runs }) => [program, kernel, runs])).toEqual([
      ['staged', 'double', 3],
      ['staged', 'scale', 3],
    ]);
    for (const { milliseconds } of times ?? []) expect(milliseconds).toBeGreaterThanOrEqual(0);
  });
});

describe('faults', () => {
  const bindings = (device: Device, bytes = 16) => ({
    buffers: [at(device, bytes, 'in'), at(device, bytes, 'out')],
    hostInputs: [],
    scalars: [1],
  });

  it('of bindings name program, buffer and sizes, before anything ran', async () => {
    const device = await cpu();
    const compiled = device.compile(scale(4));
    const good = bindings(device);
    const [input, output] = good.buffers as [(typeof good.buffers)[0], (typeof good.buffers)[0]];
    const run = (change: Partial<typeof good>) => () => device.run(compiled, { ...good, ...change });
    expect(run({ buffers: [input] })).toThrow('cpu: program scale: expected 2 buffers, got 1');
    expect(run({ scalars: [] })).toThrow('expected 1 scalars, got 0');
    expect(run({ buffers: [input, at(device, 8, 'short')] })).toThrow(
      'buffer 1 (short) must hold 16 bytes from 0 on, it has 8',
    );
    expect(run({ buffers: [{ ...input, byteOffset: 4 }, output] })).toThrow('starts at 4, which is no multiple of 64');
    device.free(output.buffer);
    expect(run({})).toThrow('buffer 1 (out) was freed');
    const error = attempt(run({}));
    expect(error).toBeInstanceOf(DeviceError);
    expect([error?.device, error?.program, error?.sticky]).toEqual(['cpu', 'scale', false]);
  });

  it('of host inputs', async () => {
    const device = await cpu();
    const program: Program = {
      ...scale(4),
      slots: [{ kind: 'host', dtype: f32, size: 4, index: 0 }, ...scale(4).slots.slice(1)],
    };
    const compiled = device.compile({
      ...program,
      slots: [
        program.slots[0] as Program['slots'][0],
        { kind: 'buffer', dtype: f32, size: 4, index: 0, access: 'write' },
      ],
    });
    const out = at(device, 16);
    const run = (hostInputs: Float32Array[] | Int8Array[]) => () =>
      device.run(compiled, { buffers: [out], hostInputs, scalars: [1] });
    expect(run([])).toThrow('expected 1 host inputs, got 0');
    expect(run([new Float32Array(3)])).toThrow('host input 0 must have 4 elements, got 3');
    expect(run([new Int8Array(4)])).toThrow('host input 0 is float32, got a Int8Array');
  });

  it('of spans', async () => {
    const device = await cpu();
    const span = at(device, 16, 'four');
    expect(() => device.write(span, f32, new Float32Array(5))).toThrow(
      'bytes 0 to 20 were asked for of buffer four, which has 16',
    );
    expect(() => device.write(span, f32, new Int8Array(4))).toThrow('float32 data was expected, got a Int8Array');
    await expect(device.read({ ...span, byteOffset: 8 }, f32, 3)).rejects.toThrow('bytes 8 to 20');
    device.free(span.buffer);
    await expect(device.read(span, f32, 1)).rejects.toThrow('buffer four was freed');
  });

  it('of a disposed program and a disposed device', async () => {
    const device = await cpu();
    const compiled = device.compile(scale(4));
    const good = bindings(device);
    compiled.dispose();
    compiled.dispose();
    expect(() => device.run(compiled, good)).toThrow('program scale: it was disposed');
    device.dispose();
    device.dispose();
    expect(await device.lost).toEqual({ reason: 'disposed', message: 'cpu was disposed' });
    const error = attempt(() => device.allocate(4, 'late'));
    expect(error?.message).toBe('cpu was disposed; open a new device');
    expect(error?.sticky).toBe(true);
  });

  it('of custom kernels name what sources there are', async () => {
    const device = await cpu();
    const custom = { kind: 'custom', name: 'mine', inputs: [0], outputs: [1], sources: { wgsl: '' } } as const;
    const error = attempt(() =>
      device.compile(
        programOf(
          [custom],
          [
            [f32, 1],
            [f32, 1],
          ],
        ),
      ),
    );
    expect(error?.message).toContain('custom kernel mine has no form that this device runs; it has sources for: wgsl');
    expect(error?.kernel).toBe('mine');
  });
});

function attempt(run: () => unknown): DeviceError | undefined {
  try {
    run();
  } catch (error) {
    if (error instanceof DeviceError) return error;
    throw error;
  }
  return undefined;
}

const webgpu: Partial<Capabilities> = {
  storedBytes: {
    ...(Object.fromEntries(dtypeNames.map((name) => [name, dtypes[name].bytes])) as Capabilities['storedBytes']),
    int64: 4,
    float64: 0,
  },
  buffersPerKernel: 3,
  bufferBytes: 1 << 20,
  bindingBytes: 1 << 16,
  alignment: 256,
  ownedBytes: 4,
};
const limited = await cpu({ limits: webgpu, readNow: false });

describe('limits of another device', () => {
  const device = limited;

  it('are told and kept', () => {
    expect(device.capabilities).toMatchObject(webgpu);
    expect(device.readNow).toBeUndefined();
    expect(() => device.allocate((1 << 20) + 1, 'large')).toThrow(
      'buffer large would have 1048577 bytes, the largest may have 1048576',
    );
    expect(() => device.compile(scale(1 << 15))).toThrow('slot 0 has 131072 bytes, a kernel may see 65536');
    const index = affine([1]);
    const sum = fn('add', fn('add', load(f32, 0, index), load(f32, 1, index)), load(f32, 2, index));
    const wide = programOf(
      [mapKernel('wide', [4], 3, sum)],
      [
        [f32, 4],
        [f32, 4],
        [f32, 4],
        [f32, 4],
      ],
    );
    expect(() => device.compile(wide)).toThrow('program wide, kernel wide: it touches 4 slots, a kernel may touch 3');
    const misplaced: Program = {
      ...scale(4),
      slots: [{ kind: 'arena', dtype: f32, size: 4, segment: 0, offset: 64 }, ...scale(4).slots.slice(1)],
      arena: [512],
    };
    expect(() => device.compile(misplaced)).toThrow('slot 0 starts at 64, which is no multiple of 256');
    expect(() => device.write(at(device, 8), 'float64', new Float64Array(1))).toThrow(
      'float64 is not a dtype of this device',
    );
  });

  it('int64 in 4 bytes: computes, reads back, and refuses what does not fit', async () => {
    const i = affine([1]);
    const program = programOf(
      [mapKernel('sum', [7], 1, fn('add', load('int64', 0, i), fn('mul', load('int64', 0, i), constant('int64', 3n))))],
      [
        ['int64', 7],
        ['int64', 7],
      ],
    );
    expect(await check(device, program, randomArrays(program, randomNumbers(1)))).toBeNull();
    expect(() => device.write(at(device, 8), 'int64', new BigInt64Array([2n ** 31n]))).toThrow(
      'int64 is stored in 4 bytes here, and element 0, 2147483648, does not fit',
    );
  });

  it('picks rows by an int64 index in 4 bytes', async () => {
    const picked = { kind: 'apply', dtype: 'int32', fn: 'cast', args: [load('int64', 1, axis(0))] } as const;
    const index = fn('add', fn('mul', picked, constant('int32', 5)), axis(1));
    const program = programOf(
      [
        {
          kind: 'loop',
          name: 'rows',
          axes: [4, 5],
          phases: [{ lengths: [], reductions: [], stores: [store(2, affine([5, 1]), load(f32, 0, index))] }],
        },
      ],
      [
        [f32, 15],
        ['int64', 4],
        [f32, 20],
      ],
    );
    const rows = new Float32Array(15).map((_, i) => i);
    const [, , out] = await execute(device, program, [rows, new BigInt64Array([2n, 0n, 1n, 2n]), new Float32Array(20)]);
    expect([...(out as Float32Array)].filter((_, i) => i % 5 === 0)).toEqual([10, 0, 5, 10]);
  });
});

describe('opening', () => {
  it('works through an opener', async () => {
    const { device, unavailable } = await openFirst([cpuOpener({ name: 'cpu:test' })]);
    expect([device.name, unavailable]).toEqual(['cpu:test', []]);
  });

  it('refuses a budget that holds nothing', async () => {
    await expect(cpu({ memoryBytes: 100 })).rejects.toThrow('memoryBytes must be at least 65536, got 100');
  });
});

/** The order of runs, reads and writes; what is remembered between runs; and what is said when something breaks. */
import { DeviceError, type DeviceBuffer, OutOfMemoryError, type Program, type Span } from '@torchlet/device';
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { WebGpuDevice } from '../src/index.js';
import { noAdapter, titled } from './adapter.js';
import { arena, axis, buffer, constant, fn, host, load, map, program, scalar } from './build.js';
import { openedWithin } from './wrapped-gpu.js';

const open: WebGpuDevice[] = [];

async function openHere(...options: Parameters<typeof openedWithin>): ReturnType<typeof openedWithin> {
  const opened = await openedWithin(...options);
  open.push(opened.device);
  return opened;
}

afterEach(() => {
  vi.restoreAllMocks();
  for (const device of open.splice(0)) device.dispose();
});

const size = 8;

/** slot 1 = slot 0 * factor. The factor is in the code, so each is a pipeline of its own. */
function times(factor: number): Program {
  const value = fn('mul', [load(0, axis(0)), constant(factor)]);
  return program(
    `times ${factor}`,
    [buffer(0, size, 'read'), buffer(1, size, 'write')],
    [map(`times ${factor}`, size, 1, value)],
  );
}

function span(target: DeviceBuffer, byteOffset = 0): Span {
  return { buffer: target, byteOffset };
}

function uploaded(device: WebGpuDevice, value: number, bytes = 4 * size): DeviceBuffer {
  const target = device.allocate(bytes, 'uploaded');
  device.write(span(target), 'float32', new Float32Array(size).fill(value));
  return target;
}

async function first(device: WebGpuDevice, at: Span): Promise<number> {
  return (await device.read(at, 'float32', 1))[0] as number;
}

const bound = (...spans: Span[]) => ({ buffers: spans, hostInputs: [], scalars: [] });

describe.skipIf(noAdapter !== null)(titled('a run before its pipelines are ready'), () => {
  it('waits, and what comes after it waits behind it: runs, reads, writes and frees, in order', async () => {
    const { device } = await openHere();
    const [x, y, z] = [uploaded(device, 1), device.allocate(32, 'y'), device.allocate(32, 'z')];
    const [by3, by5] = [device.compile(times(3)), device.compile(times(5))];
    device.run(by3, bound(span(x), span(y)));
    const three = first(device, span(y));
    device.write(span(x), 'float32', new Float32Array(size).fill(2));
    device.run(by5, bound(span(x), span(y)));
    device.run(by3, bound(span(y), span(z)));
    device.free(y);
    expect(await three).toBe(3);
    expect(await first(device, span(z))).toBe(30);
    expect(() => device.run(by3, bound(span(y), span(z)))).toThrow(/freed/);
  });

  it('copies host inputs and scalars at the call', async () => {
    const { device } = await openHere();
    const value = fn('mul', [load(0, axis(0)), scalar(0)]);
    const source = program('scaled', [host(0, size), buffer(0, size, 'write')], [map('scale', size, 1, value)], {
      scalars: ['float32'],
    });
    const compiled = device.compile(source);
    const input = new Float32Array(size);
    const results = [1, 2, 3].map((factor) => {
      const to = device.allocate(32, 'to');
      input.fill(factor);
      device.run(compiled, { buffers: [span(to)], hostInputs: [input], scalars: [10 * factor] });
      input.fill(-1);
      return to;
    });
    expect(await Promise.all(results.map((to) => first(device, span(to))))).toEqual([10, 40, 90]);
  });

  it('past four waiting programs makes pipelines at once', async () => {
    const { device, gpu } = await openHere();
    const atOnce = vi.spyOn(gpu, 'createComputePipeline');
    const x = uploaded(device, 1);
    const results = [2, 3, 4, 5].map((factor) => {
      const y = device.allocate(32, 'y');
      device.run(device.compile(times(factor)), bound(span(x), span(y)));
      return y;
    });
    expect(atOnce).not.toHaveBeenCalled();
    const last = device.allocate(32, 'last');
    device.run(device.compile(times(6)), bound(span(x), span(last)));
    expect(atOnce).toHaveBeenCalledTimes(5);
    expect(await Promise.all([...results, last].map((y) => first(device, span(y))))).toEqual([2, 3, 4, 5, 6]);
  });
});

describe.skipIf(noAdapter !== null)(titled('a program that runs again'), () => {
  it('is one submission and makes nothing: no pipeline, no buffer, no bind group', async () => {
    const { device, gpu } = await openHere();
    const chain = program(
      'chain',
      [buffer(0, size, 'read'), arena(0, size), buffer(1, size, 'write')],
      [
        map('one', size, 1, fn('add', [load(0, axis(0)), constant(1)])),
        map('two', size, 2, fn('mul', [load(1, axis(0)), load(1, axis(0))])),
      ],
      { arena: [32] },
    );
    const [x, y] = [uploaded(device, 1), device.allocate(32, 'y')];
    const compiled = device.compile(chain);
    await device.run(compiled, bound(span(x), span(y))).done;
    const made = (['createBuffer', 'createBindGroup', 'createShaderModule', 'createComputePipelineAsync'] as const).map(
      (name) => vi.spyOn(gpu, name),
    );
    const submitted = vi.spyOn(gpu.queue, 'submit');
    for (let i = 0; i < 3; i++) device.run(compiled, bound(span(x), span(y)));
    expect(made.map((spy) => spy.mock.calls.length)).toEqual([0, 0, 0, 0]);
    expect(submitted).toHaveBeenCalledTimes(3);
    expect(await first(device, span(y))).toBe(4);
  });

  it('remembers four sets of outside buffers, and takes small values at offsets that change', async () => {
    const { device, gpu } = await openHere();
    const compiled = device.compile(times(2));
    await compiled.ready;
    const page = device.allocate(8 * 256, 'page');
    const groups = vi.spyOn(gpu, 'createBindGroup');
    const x = uploaded(device, 1);
    for (let i = 0; i < 8; i++) device.run(compiled, bound(span(x), span(page, 256 * i)));
    expect(groups).toHaveBeenCalledTimes(1);
    expect(await first(device, span(page, 256 * 7))).toBe(2);
    const others = Array.from({ length: 4 }, () => uploaded(device, 3));
    for (const other of others) device.run(compiled, bound(span(other), span(page)));
    for (const other of others) device.run(compiled, bound(span(other), span(page)));
    expect(groups).toHaveBeenCalledTimes(5);
  });

  it('binds anew when the arena has grown', async () => {
    const { device } = await openHere();
    const through = (at: number): Program =>
      program(
        `through ${at}`,
        [buffer(0, size, 'read'), arena(at, size), buffer(1, size, 'write')],
        [map('in', size, 1, load(0, axis(0))), map('out', size, 2, load(1, axis(0)))],
        { arena: [at + 32] },
      );
    const [x, y] = [uploaded(device, 7), device.allocate(32, 'y')];
    const small = device.compile(through(0));
    await device.run(small, bound(span(x), span(y))).done;
    const { buffers } = device.memory();
    const large = device.compile(through(4096));
    await device.run(large, bound(span(x), span(y))).done;
    device.write(span(x), 'float32', new Float32Array(size).fill(8));
    await device.run(small, bound(span(x), span(y))).done;
    expect(await first(device, span(y))).toBe(8);
    expect(device.memory().buffers).toBe(buffers);
  });

  it('gives memory back when it is disposed, and refuses to run', async () => {
    const { device } = await openHere();
    const before = device.memory();
    const source = program('copy', [host(0, size), buffer(0, size, 'write')], [map('copy', size, 1, load(0, axis(0)))]);
    const y = device.allocate(32, 'y');
    const compiled = device.compile(source);
    await device.run(compiled, { buffers: [span(y)], hostInputs: [new Float32Array(size)], scalars: [] }).done;
    compiled.dispose();
    compiled.dispose();
    device.free(y);
    expect(device.memory()).toMatchObject({ allocated: before.allocated, buffers: before.buffers });
    expect(() => device.run(compiled, bound(span(y)))).toThrow(/program copy: it was disposed/);
  });
});

describe.skipIf(noAdapter !== null)(titled('two programs with an equal kernel'), () => {
  it('share its pipeline', async () => {
    const { device, gpu } = await openHere();
    const made = vi.spyOn(gpu, 'createComputePipelineAsync');
    device.compile(times(2));
    device.compile({ ...times(2), name: 'again' });
    expect(made).toHaveBeenCalledTimes(1);
  });
});

describe.skipIf(noAdapter !== null)(titled('faults'), () => {
  it('a shader that does not compile: its program and kernel are named, and the device stays usable', async () => {
    const { device, gpu } = await openHere();
    const compile = gpu.createShaderModule.bind(gpu);
    gpu.createShaderModule = (descriptor) =>
      compile({ ...descriptor, code: descriptor.code.replace('let i', 'lett i') });
    const [x, y] = [uploaded(device, 1), device.allocate(32, 'y')];
    const compiled = device.compile(times(2));
    const ticket = device.run(compiled, bound(span(x), span(y)));
    const fault = await ticket.done?.catch((error: unknown) => error);
    expect(fault).toBeInstanceOf(DeviceError);
    expect(fault).toMatchObject({ program: 'times 2', kernel: 'times 2', sticky: false });
    expect((fault as Error).message).toMatch(/program times 2, kernel times 2: its shader does not compile: line \d+/);
    await expect(compiled.ready).rejects.toThrow(/does not compile/);
    expect(() => device.run(compiled, bound(span(x), span(y)))).toThrow(/does not compile/);
    gpu.createShaderModule = compile;
    device.run(device.compile(times(3)), bound(span(x), span(y)));
    expect(await first(device, span(y))).toBe(3);
  });

  it('a device that is lost: running work and later calls say so, and a new device carries on', async () => {
    const { device, gpu } = await openHere();
    const [x, y] = [uploaded(device, 1), device.allocate(32, 'y')];
    const compiled = device.compile(times(2));
    await device.run(compiled, bound(span(x), span(y))).done;
    const waiting = device.run(device.compile(times(9)), bound(span(x), span(y)));
    gpu.destroy();
    const loss = await device.lost;
    expect(loss.reason).toBe('lost');
    await expect(waiting.done).rejects.toThrow(/lost.*times 2.*Open a new device/);
    await expect(first(device, span(y))).rejects.toMatchObject({ sticky: true });
    expect(() => device.run(compiled, bound(span(x), span(y)))).toThrow(/lost/);
    expect(() => device.allocate(16, 'late')).toThrow(/checkpoint/);
    const { device: next } = await openHere();
    expect(await first(next, span(uploaded(next, 4)))).toBe(4);
  });

  it('what a kernel may not have is refused by name before anything runs', async () => {
    const { device } = await openHere({ limits: { buffersPerKernel: 2, bindingBytes: 1024 } });
    const three = map('sum', 4, 2, fn('add', [load(0, axis(0)), load(1, axis(0))]));
    const slots = [buffer(0, 4, 'read'), buffer(1, 4, 'read'), buffer(2, 4, 'write')];
    expect(() => device.compile(program('crowded', slots, [three]))).toThrow(
      /program crowded, kernel sum: it touches 3 slots, a kernel may touch 2/,
    );
    expect(() => device.compile(program('large', [buffer(0, 500)], []))).toThrow(
      /slot 0 has 2000 bytes, a kernel may see 1024/,
    );
    expect(() => device.compile(program('wide', [buffer(0, 4, 'read', 'float64')], []))).toThrow(
      /float64, which this device does not have/,
    );
  });

  it('memory that the adapter does not have is told by the next call, and the device stays usable', async () => {
    const { device, gpu } = await openHere();
    const pop = gpu.popErrorScope.bind(gpu);
    gpu.popErrorScope = async () => {
      gpu.popErrorScope = pop;
      await pop();
      return { message: 'no memory' } as GPUError;
    };
    device.allocate(1024, 'the one');
    await new Promise<void>((resolve) => setTimeout(resolve, 0));
    await expect(device.synchronize()).rejects.toThrow(OutOfMemoryError);
    await device.synchronize();
    expect(await first(device, span(uploaded(device, 5)))).toBe(5);
  });

  it('a dispatch that would write what it also sees by another name is refused', async () => {
    const { device } = await openHere();
    const x = uploaded(device, 1);
    const compiled = device.compile(times(2));
    await compiled.ready;
    expect(() => device.run(compiled, bound(span(x), span(x)))).toThrow(
      /program times 2, kernel times 2: two of its buffers overlap in uploaded/,
    );
  });

  it('an int64 that does not fit is refused where it is uploaded: by write, as a host input, as a scalar', async () => {
    const { device } = await openHere();
    const target = device.allocate(16, 'integers');
    expect(() => device.write(span(target), 'int64', BigInt64Array.of(1n, 2n ** 31n))).toThrow(RangeError);
    const copy = map('copy', 1, 1, fn('add', [load(0, axis(0), 'int64'), scalar(0, 'int64')]));
    const compiled = device.compile(
      program('copy', [host(0, 1, 'int64'), buffer(0, 1, 'write', 'int64')], [copy], { scalars: ['int64'] }),
    );
    const run = (input: bigint, by: bigint) => () =>
      device.run(compiled, { buffers: [span(target)], hostInputs: [BigInt64Array.of(input)], scalars: [by] });
    expect(run(-(2n ** 31n) - 1n, 0n)).toThrow(/element 0 of int64 is -2147483649/);
    expect(run(0n, 2n ** 40n)).toThrow(/1099511627776/);
    run(5n, -2n)();
    expect(await device.read(span(target), 'int64', 1)).toEqual(BigInt64Array.of(3n));
  });

  it('work that waits is told when the device is disposed', async () => {
    const { device } = await openHere();
    const [x, y] = [uploaded(device, 1), device.allocate(32, 'y')];
    const ticket = device.run(device.compile(times(11)), bound(span(x), span(y)));
    const read = first(device, span(y));
    device.dispose();
    await expect(ticket.done).rejects.toThrow(/disposed/);
    await expect(read).rejects.toThrow(/disposed/);
  });
});

describe.skipIf(noAdapter !== null)(titled('a profile'), () => {
  it('has a row for each kernel, in order, with its runs', async () => {
    const { device } = await openHere();
    if (device.profile === undefined) return;
    const [x, y] = [uploaded(device, 1), device.allocate(32, 'y')];
    const compiled = device.compile(times(2));
    const { buffers } = device.memory();
    const times3 = await device.profile(() => {
      for (let i = 0; i < 3; i++) device.run(compiled, bound(span(x), span(y)));
    });
    expect(times3).toEqual([{ program: 'times 2', kernel: 'times 2', runs: 3, milliseconds: expect.any(Number) }]);
    expect(device.memory().buffers).toBeLessThanOrEqual(buffers + 1);
  });
});

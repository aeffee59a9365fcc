/** What is said when something breaks on the way, who is told, and what still works afterwards. */
import { type DeviceBuffer, DeviceError, OutOfMemoryError, type Program } from '@torchlet/device';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { noAdapter, titled } from './adapter.js';
import { arena, axis, buffer, constant, fn, host, load, map, program, scalar } from '@torchlet/device/by-hand';
import { bound, first, size, span, times, uploaded } from './small-runs.js';
import { disposeOpened, openHere, refuseBuffers } from './wrapped-gpu.js';

/** slot 1 = slot 0 + 1, by way of an arena of `bytes`. */
function throughArena(name: string, bytes: number): Program {
  return program(
    name,
    [buffer(0, size, 'read'), arena(0, size), buffer(1, size, 'write')],
    [map('into', size, 1, fn('add', [load(0, axis(0)), constant(1)])), map('out of', size, 2, load(1, axis(0)))],
    { arena: [bytes] },
  );
}

const later = () => new Promise<void>((resolve) => setTimeout(resolve, 10));

afterEach(() => {
  vi.restoreAllMocks();
  disposeOpened();
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
    expect(() => device.compile(program('large', [buffer(0, 500)], [map('fill', 500, 0, constant(1))]))).toThrow(
      /program large, kernel fill: slot 0 has 2000 bytes, a kernel may see 1024/,
    );
    expect(() => device.compile(program('wide', [buffer(0, 4, 'read', 'float64')], []))).toThrow(
      /float64, which this device does not have/,
    );
  });

  it('reads and runs that are under way when it is destroyed are told that it was lost', async () => {
    const { device, gpu } = await openHere();
    const [x, y] = [uploaded(device, 1), device.allocate(32, 'y')];
    const compiled = device.compile(times(2));
    await compiled.ready;
    const ticket = device.run(compiled, bound(span(x), span(y)));
    const reads = [first(device, span(y)), device.read(span(x), 'float32', 2)];
    gpu.destroy();
    for (const ended of await Promise.allSettled([ticket.done, ...reads, device.synchronize()])) {
      expect(ended).toMatchObject({ status: 'rejected', reason: { sticky: true, program: 'times 2' } });
    }
  });

  it('a loss that is told from outside ends what waits for an adapter that never answers', async () => {
    let lose: (info: Pick<GPUDeviceLostInfo, 'message' | 'reason'>) => void = () => undefined;
    const lost = new Promise<Pick<GPUDeviceLostInfo, 'message' | 'reason'>>((resolve) => {
      lose = resolve;
    });
    const { device, gpu } = await openHere({}, { lost });
    const [x, y] = [uploaded(device, 1), device.allocate(32, 'y')];
    const compiled = device.compile(times(2));
    await device.run(compiled, bound(span(x), span(y))).done;
    vi.spyOn(gpu.queue, 'onSubmittedWorkDone').mockReturnValue(new Promise(() => undefined));
    const ticket = device.run(compiled, bound(span(x), span(y)));
    const waiting = [
      ticket.done,
      device.synchronize(),
      device.run(device.compile(times(9)), bound(span(x), span(y))).done,
    ];
    const read = first(device, span(y));
    const told = Promise.allSettled([...waiting, read]);
    lose({ reason: 'unknown', message: 'the driver was updated' });
    for (const { status, reason } of (await told) as PromiseRejectedResult[]) {
      expect(status).toBe('rejected');
      expect(reason).toMatchObject({ program: 'times 2', kernel: 'times 2', sticky: true });
      expect(reason.message).toMatch(
        /lost while or after program times 2 \(kernel times 2\) ran: lost: the driver was updated\. Open a new device/,
      );
    }
    expect(await device.lost).toEqual({ reason: 'lost', message: 'lost: the driver was updated' });
  });

  it('a device that is lost while it is profiled says so', async () => {
    const { device, gpu } = await openHere();
    if (device.profile === undefined) return;
    const [x, y] = [uploaded(device, 1), device.allocate(32, 'y')];
    const compiled = device.compile(times(2));
    await compiled.ready;
    const profile = device.profile(() => {
      device.run(compiled, bound(span(x), span(y)));
      gpu.destroy();
    });
    await expect(profile).rejects.toThrow(/lost.*times 2/);
  });

  it('a shader that does not compile where work may not wait for it is told by its run, by program and kernel', async () => {
    const { device, gpu } = await openHere();
    const compile = gpu.createShaderModule.bind(gpu);
    gpu.createShaderModule = (descriptor) =>
      compile({ ...descriptor, code: descriptor.label === 'times 3' ? 'nothing' : descriptor.code });
    const x = uploaded(device, 1);
    const runs = [2, 3, 4, 5, 6].map((factor) => {
      const y = device.allocate(32, 'y');
      return { y, done: device.run(device.compile(times(factor)), bound(span(x), span(y))).done };
    });
    const ended = await Promise.allSettled(runs.map(({ done }) => done));
    expect(ended.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled', 'fulfilled', 'fulfilled']);
    expect((ended[1] as PromiseRejectedResult).reason).toMatchObject({ program: 'times 3', kernel: 'times 3' });
    expect((ended[1] as PromiseRejectedResult).reason.message).toContain('its shader does not compile');
    expect(await Promise.all([0, 2, 3, 4].map((i) => first(device, span(runs[i]?.y as DeviceBuffer))))).toEqual([
      2, 4, 5, 6,
    ]);
  });

  it('what the adapter refuses when it is submitted names program and kernel', async () => {
    const { device } = await openHere();
    const [x, y] = [uploaded(device, 1), device.allocate(32, 'y')];
    const compiled = device.compile(times(2));
    await compiled.ready;
    (x as DeviceBuffer & { readonly gpu: GPUBuffer }).gpu.destroy();
    const refused = await device.run(compiled, bound(span(x), span(y))).done?.catch((error: unknown) => error);
    expect(refused).toMatchObject({ program: 'times 2', kernel: 'times 2', sticky: false });
    expect((refused as Error).message).toMatch(/program times 2, kernel times 2 was refused: .*destroyed/i);
    expect(await first(device, span(uploaded(device, 5)))).toBe(5);
  });

  it('workgroups beyond one dimension go to the second, and beyond both are refused by name', async () => {
    const points = 400;
    const slots = [buffer(0, points, 'write')];
    const source = program('many', slots, [map('count', points, 0, fn('cast', [axis(0)], 'float32'))]);
    const { device } = await openHere({}, { limits: { maxComputeWorkgroupsPerDimension: 5 } });
    const to = device.allocate(4 * points, 'to');
    await device.run(device.compile(source), bound(span(to))).done;
    expect(Array.from((await device.read(span(to), 'float32', points)) as Float32Array)).toEqual(
      Array.from({ length: points }, (_, i) => i),
    );
    const { device: smaller } = await openHere({}, { limits: { maxComputeWorkgroupsPerDimension: 2 } });
    expect(() => smaller.compile(source)).toThrow(
      /program many, kernel count: it needs \d+ workgroups, and this adapter runs at most 2 by 2/,
    );
  });

  it('an arena that outgrows the budget is refused by program, and programs before it run on', async () => {
    const { device } = await openHere({ memoryBytes: 256 * 1024 });
    const [x, y] = [uploaded(device, 1), device.allocate(32, 'y')];
    const small = device.compile(throughArena('small', 1024));
    device.run(small, bound(span(x), span(y)));
    expect(() => device.compile(throughArena('large', 300 * 1024))).toThrow(OutOfMemoryError);
    expect(() => device.compile(throughArena('large', 300 * 1024))).toThrow(
      /program large: out of memory: 307200 bytes were asked for \(arena 0\), \d+ of 262144 bytes are in use; the largest: \w+/,
    );
    device.write(span(x), 'float32', new Float32Array(size).fill(4));
    device.run(small, bound(span(x), span(y)));
    expect(await first(device, span(y))).toBe(5);
  });

  it('an arena that the adapter has no memory for fails its run, by program; the next finds some', async () => {
    const { device, gpu } = await openHere();
    const [x, y] = [uploaded(device, 1), device.allocate(32, 'y')];
    await device.compile(throughArena('before', 1024)).ready;
    const mend = refuseBuffers(gpu);
    const compiled = device.compile(throughArena('step', 2048));
    const fault = await device.run(compiled, bound(span(x), span(y))).done?.catch((error: unknown) => error);
    mend();
    expect(fault).toBeInstanceOf(OutOfMemoryError);
    expect(fault).toMatchObject({ program: 'step', requested: 2048, sticky: false });
    expect((fault as Error).message).toMatch(
      /program step: out of memory: 2048 bytes were asked for \(arena 0\), \d+ bytes/,
    );
    device.run(compiled, bound(span(x), span(y)));
    expect(await first(device, span(y))).toBe(2);
  });

  it('inputs that the adapter has no memory for fail their run, by program; the next finds some', async () => {
    const { device, gpu } = await openHere();
    const source = program('copy', [host(0, size), buffer(0, size, 'write')], [map('copy', size, 1, load(0, axis(0)))]);
    const y = device.allocate(32, 'y');
    await device.compile(source).ready;
    const mend = refuseBuffers(gpu);
    const compiled = device.compile(source);
    const bindings = { buffers: [span(y)], hostInputs: [new Float32Array(size).fill(3)], scalars: [] };
    await expect(device.run(compiled, bindings).done).rejects.toThrow(/program copy: out of memory: .*inputs of copy/);
    mend();
    device.run(compiled, bindings);
    expect(await first(device, span(y))).toBe(3);
  });

  it('a buffer that the adapter has no memory for is told by the next call, and refused from then on', async () => {
    const { device, gpu } = await openHere();
    const mend = refuseBuffers(gpu);
    const failed = device.allocate(1024, 'the one');
    mend();
    expect(failed.failed).toBe(false);
    await later();
    expect(failed.failed).toBe(true);
    await expect(device.synchronize()).rejects.toThrow(/out of memory: 1024 bytes were asked for \(the one\)/);
    await device.synchronize();
    expect(() => device.write(span(failed), 'float32', new Float32Array(1))).toThrow(/the one has no memory/);
    const compiled = device.compile(times(2));
    expect(() => device.run(compiled, bound(span(failed), span(device.allocate(32, 'y'))))).toThrow(
      /program times 2: buffer 0 \(the one\) has no memory/,
    );
    const { allocated } = device.memory();
    device.free(failed);
    expect(device.memory().allocated).toBe(allocated - 1024);
    expect(await first(device, span(uploaded(device, 5)))).toBe(5);
  });

  it('a read that the adapter has no memory for is told, and the next is right', async () => {
    const { device, gpu } = await openHere();
    const large = 100_000;
    const before = device.memory().buffers;
    const target = device.allocate(4 * large, 'large');
    device.write(span(target), 'float32', new Float32Array(large).fill(7));
    const mend = refuseBuffers(gpu);
    const read = device.read(span(target), 'float32', large);
    await expect(read).rejects.toThrow(/out of memory: 524288 bytes were asked for \(staging\)/);
    mend();
    expect(device.memory().buffers).toBe(before + 1);
    expect((await device.read(span(target), 'float32', large))[large - 1]).toBe(7);
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

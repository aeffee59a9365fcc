/** The order of runs, reads and writes; what is remembered between runs; profiles. What is said when something breaks is `faults.test.ts`. */
import type { Program } from '@torchlet/device';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { noAdapter, titled } from './adapter.js';
import { arena, axis, buffer, constant, fn, host, load, map, program, scalar } from '@torchlet/device/by-hand';
import { bound, first, size, span, times, uploaded } from './small-runs.js';
import { disposeOpened, openHere } from './wrapped-gpu.js';

afterEach(() => {
  vi.restoreAllMocks();
  disposeOpened();
});

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
  it('is one submission, a read of it included, and makes nothing: no pipeline, no buffer, no bind group', async () => {
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
    expect(await first(device, span(y))).toBe(4);
    // The read goes along with the run before it.
    expect(submitted).toHaveBeenCalledTimes(3);
  });

  it('has what it was given, whatever is freed, written or compiled before it is submitted', async () => {
    const { device } = await openHere();
    const compiled = device.compile(times(3));
    await compiled.ready;
    const [x, y] = [uploaded(device, 2), device.allocate(32, 'y')];
    device.run(compiled, bound(span(x), span(y)));
    device.write(span(x), 'float32', new Float32Array(size).fill(100));
    device.run(compiled, bound(span(y), span(x)));
    device.free(y);
    const grown = program(
      'grown',
      [arena(0, 4096), buffer(0, 4096, 'write')],
      [map('one', 4096, 0, constant(1)), map('two', 4096, 1, load(0, axis(0)))],
      { arena: [4 * 4096] },
    );
    device.compile(grown);
    expect(await first(device, span(x))).toBe(18);
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

  it('tells its kernels apart, has one at a time, and survives what fails in it', async () => {
    const { device } = await openHere();
    if (device.profile === undefined) return;
    const points = 100_000;
    const source = program(
      'two',
      [buffer(0, points, 'read'), arena(0, points), buffer(1, points, 'write')],
      [map('sines', points, 1, fn('sin', [load(0, axis(0))])), map('copies', points, 2, load(1, axis(0)))],
      { arena: [4 * points] },
    );
    const [x, y] = [device.allocate(4 * points, 'x'), device.allocate(4 * points, 'y')];
    const compiled = device.compile(source);
    await compiled.ready;
    const times = await device.profile(() => {
      for (let i = 0; i < 5; i++) device.run(compiled, bound(span(x), span(y)));
    });
    expect(times.map(({ kernel, runs }) => [kernel, runs])).toEqual([
      ['sines', 5],
      ['copies', 5],
    ]);
    expect(times.every(({ milliseconds }) => milliseconds > 0)).toBe(true);
    const outer = device.profile(async () => {
      await expect(device.profile?.(() => undefined)).rejects.toThrow(/a profile is being taken already/);
      throw new Error('not a fault of the device');
    });
    await expect(outer).rejects.toThrow('not a fault of the device');
    expect(await device.profile(() => undefined)).toEqual([]);
  });
});

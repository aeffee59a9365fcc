/**
 * The way of host data to a card that lags behind: the host goes on while nothing was copied yet, the ring of pinned memory fills, and what is in it stays until
 * it was read. The stand-in keeps whoever waits for it, so that a wait that is missing shows.
 */
import type { DeviceBuffer } from '@torchlet/device';
import { axis, buffer, constant, fn, host, load, map, program } from '@torchlet/device/by-hand';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CudaDevice } from '../src/index.js';
import { setStandin } from '../standin/library.js';
import { cudaStandin } from '../standin/open.js';
import { noStandin, onStandin } from './standin-driver.js';

/** Elements of an input: a quarter of the ring, so that every fifth run finds it full. */
const size = 65_536;
const microseconds = 2000;

describe.skipIf(noStandin !== null)(onStandin('host data'), () => {
  let device: CudaDevice;

  beforeEach(async () => {
    await setStandin({ lag: microseconds });
    device = await cudaStandin();
  });
  afterEach(async () => {
    device.dispose();
    await setStandin({});
  });

  const allocate = (count: number): DeviceBuffer[] =>
    Array.from({ length: count }, (_, i) => device.allocate(4 * size, `buffer ${i}`));
  const filled = (value: number) => new Float32Array(size).fill(value);
  const read = async (buffers: readonly DeviceBuffer[]) =>
    Promise.all(
      buffers.map(async (one) => new Set<unknown>(await device.read({ buffer: one, byteOffset: 0 }, 'float32', size))),
    );

  it('of runs is that of each run, in graphs and without', async () => {
    const copy = device.compile(
      program(
        'copy',
        [host(0, size), buffer(0, size, 'write')],
        [map('copy', size, 1, fn('add', [load(0, axis(0)), constant(1)]))],
      ),
    );
    const outputs = allocate(16);
    for (const [i, one] of outputs.entries())
      device.run(copy, { buffers: [{ buffer: one, byteOffset: 0 }], hostInputs: [filled(i)], scalars: [] });
    expect(await read(outputs)).toEqual(outputs.map((_, i) => new Set([i + 1])));
    expect(device.info().graphs.replayed).toBeGreaterThan(8);
  });

  it('that is written is what it was then', async () => {
    const buffers = allocate(16);
    const data = filled(0);
    for (const [i, one] of buffers.entries()) {
      data.fill(i);
      device.write({ buffer: one, byteOffset: 0 }, 'float32', data);
    }
    expect(await read(buffers)).toEqual(buffers.map((_, i) => new Set([i])));
  });
});

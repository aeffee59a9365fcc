/**
 * How runs are submitted: the first step by step, the second captured, later ones replayed, each with one copy of its inputs and nothing that waits; and that
 * what changes from run to run (buffers, inputs, scalars, the arena) is what a graph computes with.
 */
import type { Compiled, DeviceBuffer } from '@torchlet/device';
import { arena, axis, buffer, constant, fn, host, load, map, program, scalar } from '@torchlet/device/by-hand';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { CudaDevice } from '../src/index.js';
import { cudaStandin } from '../standin/open.js';
import { type StandinWatch, watchStandin } from '../standin/watch.js';
import { noStandin, onStandin } from './standin-driver.js';

const size = 8;
/** Kernels beside the two, where there are many. */
const most = 6;
const value = (slot: number) => load(slot, axis(0));

/** out = (x + h) * s, through the arena; `more` kernels beside it read the buffers too. */
function sumTimes(more = 0) {
  return program(
    'sum times',
    [buffer(0, size, 'read'), host(0, size), arena(0, size), buffer(1, size), buffer(2, size * Math.max(1, more))],
    [
      map('sum', size, 2, fn('add', [value(0), value(1)])),
      map('times', size, 3, fn('mul', [value(2), scalar(0)])),
      ...Array.from({ length: more }, (_, i) => map(`beside ${i}`, size, 4, fn('add', [value(3), constant(i)]))),
    ],
    { scalars: ['float32'], arena: [4 * size] },
  );
}

/** What a run does besides what it computes: where it is a graph, and not the first with these addresses. */
const replayed = { cuMemcpyHtoDAsync_v2: 1, cuGraphLaunch: 1, cuEventRecord: 1, cuCtxSetCurrent: 2 };

/** The calls of the thread that waits for the card: how often it asks is not the same each time. */
const ofTheWaiter = ['cuEventQuery', 'cuEventSynchronize'];

describe.skipIf(noStandin !== null)(onStandin('programs as graphs'), () => {
  let watch: StandinWatch;
  let device: CudaDevice;
  let compiled: Compiled;
  let x: DeviceBuffer;
  let beside: DeviceBuffer;

  beforeEach(async () => {
    watch = await watchStandin();
    device = await cudaStandin();
    compiled = device.compile(sumTimes());
    x = device.allocate(4 * size, 'x');
    beside = device.allocate(4 * size * most, 'beside');
    device.write(
      { buffer: x, byteOffset: 0 },
      'float32',
      Float32Array.from({ length: size }, (_, i) => i),
    );
  });
  afterEach(() => device.dispose());

  const outputs = (count: number) => Array.from({ length: count }, (_, i) => device.allocate(4 * size, `out ${i}`));

  function submit(out: DeviceBuffer, added: number, factor: number, what = compiled): void {
    const buffers = [x, out, beside].map((each) => ({ buffer: each, byteOffset: 0 }));
    device.run(what, { buffers, hostInputs: [new Float32Array(size).fill(added)], scalars: [factor] });
  }

  async function expectIn(out: DeviceBuffer, added: number, factor: number): Promise<void> {
    const got = await device.read({ buffer: out, byteOffset: 0 }, 'float32', size);
    expect([...got]).toEqual(Array.from({ length: size }, (_, i) => (i + added) * factor));
  }

  function callsOf(work: () => void): Record<string, number> {
    const before = watch.calls();
    work();
    const made = Object.entries(watch.callsSince(before));
    return Object.fromEntries(made.filter(([call]) => !ofTheWaiter.includes(call)));
  }

  it('the first run goes step by step, the second is captured, the third is one launch', async () => {
    const [out] = outputs(1) as [DeviceBuffer];
    await device.synchronize();
    const first = callsOf(() => submit(out, 1, 2));
    expect(first).toMatchObject({ cuLaunchKernel: 2, cuMemcpyHtoDAsync_v2: 1 });
    expect(first).not.toHaveProperty('cuGraphLaunch');
    expect(callsOf(() => submit(out, 2, 3))).toMatchObject({ cuStreamBeginCapture_v2: 1, cuGraphLaunch: 1 });
    await device.synchronize();
    expect(callsOf(() => submit(out, 3, 4))).toEqual(replayed);
    expect(device.info().graphs).toEqual({
      captured: 1,
      replayed: 2,
      updatedNodes: 0,
      direct: 1,
      refused: 0,
      refusal: null,
    });
    await expectIn(out, 3, 4);
  });

  it('inputs and scalars are those of their run, however many are under way', async () => {
    const outs = outputs(4);
    for (let turn = 0; turn < 20; turn++) for (const [i, out] of outs.entries()) submit(out, 10 * turn + i, turn + 1);
    for (const [i, out] of outs.entries()) await expectIn(out, 190 + i, 20);
  });

  it('another buffer in one kernel is given to the graph that is there', async () => {
    const [a, b] = outputs(2) as [DeviceBuffer, DeviceBuffer];
    for (let i = 0; i < 3; i++) submit(a, i, 1);
    await device.synchronize();
    expect(callsOf(() => submit(b, 7, 2))).toEqual({ ...replayed, cuGraphExecKernelNodeSetParams_v2: 1 });
    await expectIn(b, 7, 2);
    await expectIn(a, 2, 1);
    expect(device.info().graphs).toMatchObject({ captured: 1, updatedNodes: 1 });
  });

  it('another buffer in many kernels gets a graph of its own, up to four; then the nearest is changed', async () => {
    const wide = device.compile(sumTimes(most));
    const outs = outputs(6);
    for (let turn = 0; turn < 4; turn++) for (const [i, out] of outs.entries()) submit(out, turn, i, wide);
    for (const [i, out] of outs.entries()) await expectIn(out, 3, i);
    const { captured, updatedNodes, direct } = device.info().graphs;
    expect({ captured, direct }).toEqual({ captured: 4, direct: 1 });
    expect(updatedNodes).toBeGreaterThan(0);
    expect(watch.alive()['execs']).toBe(4);
  });

  it('an arena that grew is the one that a graph computes in', async () => {
    const [out] = outputs(1) as [DeviceBuffer];
    for (let i = 0; i < 3; i++) submit(out, i, 1);
    const large = 2 ** 20;
    device.compile(program('large', [arena(0, large)], [map('fill', large, 0, constant(1))], { arena: [4 * large] }));
    submit(out, 5, 6);
    await expectIn(out, 5, 6);
    expect(watch.alive()['execs']).toBe(1);
  });

  it('a program that is let go of takes its graphs along', async () => {
    const [out] = outputs(1) as [DeviceBuffer];
    for (let i = 0; i < 3; i++) submit(out, i, 1);
    compiled.dispose();
    expect(watch.alive()).toMatchObject({ execs: 0, graphs: 0, modules: 0 });
    await expectIn(out, 2, 1);
  });

  it('without graphs each step is submitted by itself', async () => {
    const plain = await cudaStandin({ graphs: false });
    const before = watch.calls();
    const [to, from] = [plain.allocate(4 * size, 'to'), plain.allocate(4 * size, 'from')];
    const own = plain.compile(sumTimes());
    const buffers = [from, to, plain.allocate(4 * size, 'beside')].map((each) => ({ buffer: each, byteOffset: 0 }));
    for (let i = 0; i < 4; i++) plain.run(own, { buffers, hostInputs: [new Float32Array(size)], scalars: [1] });
    await plain.synchronize();
    expect(watch.callsSince(before)).toMatchObject({ cuLaunchKernel: 8 });
    expect(plain.info().graphs).toMatchObject({ captured: 0, direct: 4 });
    plain.dispose();
  });

  it.each([
    ['cuStreamBeginCapture_v2', 900],
    ['cuLaunchKernel', 901],
    ['cuGraphInstantiateWithFlags', 2],
  ])('where %s refuses, runs go on step by step, and the driver is asked again later', async (call, code) => {
    const [out] = outputs(1) as [DeviceBuffer];
    submit(out, 0, 1);
    watch.fail(call, code);
    submit(out, 1, 2);
    await expectIn(out, 1, 2);
    const { refused, refusal, direct } = device.info().graphs;
    expect({ refused, direct }).toEqual({ refused: 1, direct: 2 });
    expect(refusal).toMatch(/failed with CUDA_ERROR_\w+ \(\d+\)/);
    for (let i = 0; i < 64; i++) submit(out, i, 3);
    await expectIn(out, 63, 3);
    expect(device.info().graphs).toMatchObject({ captured: 1, refused: 1 });
  });

  it('a graph that cannot be changed is made anew', async () => {
    const [a, b] = outputs(2) as [DeviceBuffer, DeviceBuffer];
    for (let i = 0; i < 3; i++) submit(a, i, 1);
    watch.fail('cuGraphExecKernelNodeSetParams_v2', 910);
    submit(b, 5, 2);
    await expectIn(b, 5, 2);
    expect(device.info().graphs).toMatchObject({ captured: 1, refused: 1, direct: 2 });
    expect(watch.alive()['execs']).toBe(0);
  });
});

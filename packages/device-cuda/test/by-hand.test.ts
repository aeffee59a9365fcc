/**
 * PTX written by hand, through the addon: a module, a launch, a read, with nothing of the device between. What the device makes of that is tested with it;
 * here numbers go in and come out, and what does not fit is refused.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type Addon, isNativeError, loadAddon, runModes } from '../src/native/addon.js';
import { buildStandin } from '../standin/build.js';
import { cudaStandin } from '../standin/open.js';
import { watchStandin } from '../standin/watch.js';
import { noStandin, onStandin } from './standin-driver.js';

const words = 64;

/** y[i] = x[i] + 7 */
const ptx = `.version 7.0
.target sm_80
.address_size 64
.visible .entry add_seven(.param .u64 x, .param .u64 y)
{
  .reg .u32 %r<4>;
  .reg .u64 %d<5>;
  ld.param.u64 %d0, [x];
  ld.param.u64 %d1, [y];
  mov.u32 %r0, %tid.x;
  mul.wide.u32 %d2, %r0, 4;
  add.u64 %d3, %d0, %d2;
  add.u64 %d4, %d1, %d2;
  ld.global.u32 %r1, [%d3];
  add.u32 %r2, %r1, 7;
  st.global.u32 [%d4], %r2;
  ret;
}
`;

/** A launch of entry 0: grid, block, shared bytes, and its arguments as base and offset. */
const launch = (threads: number, ...addresses: readonly number[]) =>
  Float64Array.of(1, 0, 1, 1, 1, threads, 1, 1, 0, addresses.length / 2, ...addresses);

describe.skipIf(noStandin !== null)(onStandin('PTX by hand, through the addon'), () => {
  let addon: Addon;
  let device: number;
  let told: (sequence: number, code: number, problem: string | null) => void;

  beforeEach(async () => {
    // Builds what is not there, and names it.
    (await cudaStandin()).dispose();
    addon = loadAddon().addon;
    expect(addon.driver(await buildStandin()).reason).toBeNull();
    told = () => {};
    device = addon.open(0, true, (...news) => told(...news));
  });
  afterEach(() => addon.close(device));

  /** Resolves when the mark `sequence` was reached. @throws Error where it failed */
  function reached(sequence: number): Promise<void> {
    addon.hold(device, true);
    return new Promise((resolve, reject) => {
      told = (last, code, problem) => {
        if (last < sequence) return;
        addon.hold(device, false);
        if (code === 0) resolve();
        else reject(new Error(`${code}: ${problem}`));
      };
    });
  }

  const thrown = (call: () => unknown): Error => {
    try {
      call();
    } catch (error) {
      return error as Error;
    }
    throw new Error('nothing was thrown');
  };

  it('is loaded, launched in each mode, and read back', async () => {
    const [x, y] = [addon.allocate(device, 4 * words), addon.allocate(device, 4 * words)];
    const ring = addon.ring(device, 4096);
    const bases = Float64Array.of(x, y);
    const program = addon.program(device, ptx, ['add_seven'], launch(words, 0, 0, 1, 0), bases);
    for (const [turn, mode] of Object.values(runModes).entries()) {
      const offset = addon.stage(device, 4 * words);
      new Uint32Array(ring, offset, words).forEach((_, i, all) => {
        all[i] = 100 * turn + i;
      });
      addon.run(device, program, offset, x, 4 * words, mode);
      const sequence = addon.read(device, y, 4 * words);
      await reached(sequence);
      const values = new Uint32Array(addon.take(device, sequence) ?? new ArrayBuffer(0));
      expect([...values]).toEqual(Array.from({ length: words }, (_, i) => 100 * turn + i + 7));
      expect(addon.take(device, sequence)).toBeUndefined();
    }
    expect(addon.times(device)).toHaveLength(3);
    addon.remove(device, program);
    // The addon reads the array at each run, and does not keep it.
    expect([...bases]).toEqual([x, y]);
    expect(addon.free(device, x) && addon.free(device, y)).toBe(true);
    expect(addon.free(device, x)).toBe(false);
  });

  it('what does not assemble is told with the words of the compiler', () => {
    const error = thrown(() =>
      addon.program(device, `${ptx} nonsense`, ['add_seven'], new Float64Array(), new Float64Array()),
    );
    expect(isNativeError(error) && error.call).toBe('cuModuleLoadDataEx');
    expect(error).toMatchObject({ code: 218, log: expect.stringMatching(/nonsense/) });
  });

  it('an entry that is not there, and steps that do not decode, are refused', async () => {
    const before = (await watchStandin()).alive();
    const bases = Float64Array.of(0);
    const refuse = (steps: Float64Array, entry = 'add_seven') =>
      thrown(() => addon.program(device, ptx, [entry], steps, bases));
    expect(refuse(new Float64Array(), 'another')).toMatchObject({ code: 500, call: 'cuModuleGetFunction' });
    for (const steps of [
      launch(words, 1, 0),
      launch(words, 0, -1),
      launch(words, 0, 0).subarray(0, 9),
      Float64Array.of(7),
      Float64Array.of(Number.NaN),
      Float64Array.of(1, 1, 1, 1, 1, 1, 1, 1, 0, 0),
    ])
      expect(refuse(steps).message).toBe('the steps of the program do not decode');
    expect((await watchStandin()).alive()).toEqual(before);
  });

  it('what was closed, and programs that there are not, are errors', () => {
    expect(thrown(() => addon.run(device, 9, 0, 0, 0, runModes.direct)).message).toBe('there is no such program');
    addon.close(device);
    addon.close(device);
    expect(thrown(() => addon.allocate(device, 1)).message).toBe('the device is closed');
    expect(addon.free(device, 1)).toBe(false);
  });
});

/** That what is set of the stand-in holds: for kernels, and for devices that the addon opens. */
import { afterEach, describe, expect, test } from 'vitest';
import { setStandin } from '../standin/library.js';
import { cudaStandin } from '../standin/open.js';
import { driver, handle, launch, load, noStandin, onStandin, run, stream } from './standin-driver.js';

const storeThread =
  '.reg .b32 %r<2>; .reg .b64 %d<2>; ld.param.u64 %d0, [p0]; mov.u32 %r0, %tid.x; st.global.u32 [%d0], %r0; ret;';

afterEach(async () => {
  if (noStandin === null) await setStandin({});
});

describe.skipIf(noStandin !== null)(onStandin('settings'), () => {
  test('threads take their turns from the first to the last, or the other way', async () => {
    const last = () => run(storeThread, 64, Uint32Array.of(99))[0];
    expect(last()).toBe(63);
    await setStandin({ reversed: true });
    expect(last()).toBe(0);
  });

  test('work waits for somebody who waits for it, or not', async () => {
    const { module, entry } = load(storeThread);
    const memory = handle('cuMemHostAlloc', 128, 0);
    const seen = () => {
      const words = new Uint32Array(32);
      driver('cuMemcpyDtoH_v2', words, memory, 128);
      return words[0];
    };
    launch(entry, 1, memory);
    expect(seen()).toBe(0xffffffff);
    driver('cuStreamSynchronize', stream);
    expect(seen()).toBe(0);
    await setStandin({ eager: true });
    launch(entry, 8, memory);
    expect(seen()).toBe(7);
    driver('cuMemFreeHost', memory);
    driver('cuModuleUnload', module);
  });

  test('a card that lags keeps whoever waits', async () => {
    await setStandin({ lag: 30_000 });
    const start = performance.now();
    driver('cuStreamSynchronize', stream);
    expect(performance.now() - start).toBeGreaterThan(29);
  });

  test('a device sees the card that was chosen', async () => {
    const card = async () => {
      const device = await cudaStandin();
      const { multiprocessors, computeCapability } = device.info();
      device.dispose();
      return { multiprocessors, computeCapability };
    };
    expect(await card()).toEqual({ multiprocessors: 4, computeCapability: '8.0' });
    await setStandin({ card: { multiprocessors: 132, capability: 90 } });
    expect(await card()).toEqual({ multiprocessors: 132, computeCapability: '9.0' });
  });
});

/** That the stand-in runs PTX as it is meant, and that each of its checks catches what it is for. */
import { describe, expect, test } from 'vitest';
import { driver, handle, launch, load, noStandin, onStandin, run, standin, stream } from './standin-driver.js';

const head = `
  .reg .b32 %r<8>; .reg .f32 %f<4>; .reg .b64 %d<4>; .reg .pred %p<2>;
  .shared .align 16 .b8 s[512];
  ld.param.u64 %d0, [p0]; mov.u32 %r0, %tid.x; mul.wide.u32 %d1, %r0, 4; add.u64 %d1, %d0, %d1;
  mov.u32 %r1, s; shl.b32 %r2, %r0, 2; add.u32 %r2, %r1, %r2; sub.u32 %r3, 63, %r0; shl.b32 %r3, %r3, 2; add.u32 %r3, %r1, %r3;`;
const reverse = (barrier: string) =>
  `${head} ld.global.u32 %r4, [%d1]; st.shared.u32 [%r2], %r4; ${barrier} ld.shared.u32 %r5, [%r3]; st.global.u32 [%d1], %r5; ret;`;
const count = (length: number) => Uint32Array.from({ length }, (_, at) => at);

describe.skipIf(noStandin !== null)(onStandin('checks'), () => {
  test('threads exchange words through shared memory', () => {
    expect([...run(reverse('bar.sync 0;'), 64, count(64))]).toEqual([...count(64)].reverse());
  });

  test('a removed barrier is a race', () => {
    expect(() => run(reverse(''), 64, count(64))).toThrow(/719 kernel k.*race in shared memory.*no barrier between/);
  });

  test('a store outside memory is reported with its thread', () => {
    expect(() => run(`${head} st.global.u32 [%d1], %r0; ret;`, 64, count(40))).toThrow(
      /700 kernel k.*thread \(40, 0, 0\).*writes 4 bytes/,
    );
  });

  test('a misaligned store is reported', () => {
    expect(() => run(`${head} st.global.u32 [%d0+2], %r0; ret;`, 1, count(4))).toThrow(/716/);
  });

  test('barriers that diverge or are abandoned are reported', () => {
    const some = 'setp.lt.u32 %p0, %r0, 32;';
    expect(() => run(`${head} ${some} @%p0 bra A; bar.sync 0; bra B; A: bar.sync 0; B: ret;`, 64, count(64))).toThrow(
      /719.*divergent barrier/,
    );
    expect(() => run(`${head} ${some} @%p0 ret; bar.sync 0; ret;`, 64, count(64))).toThrow(/719.*abandoned barrier/);
  });

  test('copies to shared memory are not there before the wait', () => {
    const copy = (wait: string) =>
      `${head} cp.async.ca.shared.global [%r2], [%d1], 4; cp.async.commit_group; ${wait} ld.shared.u32 %r5, [%r2]; st.global.u32 [%d1], %r5; ret;`;
    expect([...run(copy('cp.async.wait_group 0;'), 64, count(64))]).toEqual([...count(64)]);
    expect(() => run(copy(''), 64, count(64))).toThrow(/has not waited for/);
  });

  test('what is not known is refused, not skipped', () => {
    expect(() => load('frobnicate.f32 %f0; ret;')).toThrow(/218.*frobnicate.f32: unknown opcode/);
    expect(() => load(`${head} add.odd.f32 %f0, %f0, %f0; ret;`)).toThrow(/218.*modifier .odd/);
    expect(() => load(`${head} add.f32 %f0, %f0, %d0; ret;`)).toThrow(/218.*register %d0/);
  });

  test('work runs when somebody waits for it', () => {
    const { module, entry } = load(`${head} st.global.u32 [%d1], %r0; ret;`);
    const memory = handle('cuMemHostAlloc', 128, 0);
    launch(entry, 32, memory);
    const seen = new Uint32Array(32);
    const read = () => {
      driver('cuMemcpyDtoH_v2', seen, memory, 128);
      return seen[5];
    };
    expect(read()).toBe(0xffffffff);
    driver('cuStreamSynchronize', stream);
    expect(read()).toBe(5);
    driver('cuMemFreeHost', memory);
    driver('cuModuleUnload', module);
  });

  test('a failure that is asked for happens once', () => {
    standin.call('standin_fail', 'cuMemAlloc_v2', 2, 2);
    const first = handle('cuMemAlloc_v2', 256);
    expect(() => handle('cuMemAlloc_v2', 256)).toThrow(/cuMemAlloc_v2: 2/);
    driver('cuMemFree_v2', first);
  });
});

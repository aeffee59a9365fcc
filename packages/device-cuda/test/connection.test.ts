/** Which program a fault is said to be of, where several are under way. The addon is a few functions here, so that its news come when the test says. */
import { describe, expect, it } from 'vitest';
import type { Addon, OnOutcome } from '../src/native/addon.js';
import { Connection } from '../src/runtime/connection.js';

const illegalAddress = 700;
const unknown = 999;

function connected(): { connection: Connection; tell: OnOutcome } {
  let tell: OnOutcome = () => {};
  const addon: Partial<Addon> = {
    open(_ordinal, _caching, onOutcome) {
      tell = onOutcome;
      return 1;
    },
    hold: () => {},
  };
  return { connection: new Connection('cuda:0', addon as Addon, 0, true), tell: (...news) => tell(...news) };
}

/** Marks of which each is told apart, with the error that it is told or null. */
function submitted({ submissions }: Connection, ...programs: readonly (string | null)[]) {
  return programs.map((program, i) => {
    const kernels = program === null ? [] : [`kernel of ${program}`];
    return submissions.add(i + 1, { program, kernels }).done?.then(
      () => null,
      (error: unknown) => error,
    );
  });
}

const native = (code: number) =>
  Object.assign(new Error(`cuX failed with ${code}`), { code, call: 'cuX', step: -1, started: false });

describe('a fault while several programs are under way', () => {
  it('that is final may be of any that is not done', async () => {
    const { connection, tell } = connected();
    const [first, second, third] = submitted(connection, 'done', 'early', 'late');
    tell(1, 0, null);
    tell(2, illegalAddress, 'cuEventSynchronize failed');
    expect(await first).toBeNull();
    const error = await second;
    expect(error).toMatchObject({ program: 'early', kernel: null, sticky: true });
    expect((error as Error).message).toContain(
      'program early, or one that was submitted after it, late (TORCHLET_CUDA_SYNC=1 tells which): ',
    );
    tell(3, illegalAddress, 'cuEventQuery failed');
    expect(await third).toBe(error);
  });

  it('that is final is of the one, where only that is under way', async () => {
    const { connection, tell } = connected();
    const [first] = submitted(connection, 'alone', 'alone', null);
    tell(1, illegalAddress, 'cuEventQuery failed');
    expect(await first).toMatchObject({ program: 'alone', kernel: 'kernel of alone' });
  });

  it('that passes is of the call that met it; one that is final of what was submitted before', () => {
    const { connection } = connected();
    submitted(connection, 'before');
    const own = { program: 'own', kernels: [] };
    const thrower = (code: number) => () => {
      throw native(code);
    };
    expect(() => connection.attempt(thrower(unknown), own)).toThrow(
      /^cuda:0: program own: cuX failed with 999\. The device is still usable/,
    );
    expect(() => connection.attempt(thrower(illegalAddress), own)).toThrow(
      /^cuda:0: program before, kernel kernel of before: the card could not finish: cuX failed with 700, that is /,
    );
  });

  it('of many programs, the first few are named', async () => {
    const { connection, tell } = connected();
    const [first] = submitted(connection, ...Array.from({ length: 7 }, (_, i) => `p${i}`));
    tell(1, illegalAddress, 'cuEventQuery failed');
    expect(((await first) as Error).message).toContain(
      'program p0, or one that was submitted after it, p1, p2, p3, p4 and 2 more ',
    );
  });
});

/** The suites on an interpreter of kernels: they pass where it is right, and each notices where it is broken. */
import type { Opener } from '@torchlet/device';
import { afterAll, describe, expect, it } from 'vitest';
import { conformanceSuites } from '../src/index.js';
import { type Faults, interpreter } from './interpreter.js';

/** Programs whose size is their point: interpreting them takes minutes. */
const tooLarge = /large logits|accumulation over 8|losses pushed/;

describe('on an interpreter of kernels', () => {
  for (const { name, tests, close } of conformanceSuites(interpreter())) {
    describe(name, () => {
      for (const test of tests) it.skipIf(tooLarge.test(test.name))(test.name, () => test.run());
      afterAll(close);
    });
  }
});

/** The names of the tests of one suite that fail on a device. */
async function failuresOf(suiteName: string, opener: Opener, only: RegExp): Promise<string[]> {
  const suite = conformanceSuites(opener).find(({ name }) => name === suiteName);
  const failed: string[] = [];
  for (const test of suite?.tests ?? []) {
    if (!only.test(test.name)) continue;
    await test.run().catch(() => failed.push(test.name));
  }
  await suite?.close();
  return failed;
}

describe('on a broken device', () => {
  it.each<[string, Faults, string, string]>([
    ['exp is a little off', { exp: ([x]) => Math.exp(Number(x)) * 1.0001 }, 'values', 'exp'],
    ['max gives the smaller', { max: ([x, y]) => Math.min(Number(x), Number(y)) }, 'values', 'maximum'],
    ['eq holds for NaN', { eq: ([x, y]) => (Object.is(x, y) || x === y ? 1 : 0) }, 'values', 'isnan'],
    ['cos has the wrong sign', { cos: ([x]) => -Math.cos(Number(x)) }, 'gradients', 'sin'],
    [
      'where takes the other side',
      { where: ([c, x = 0, y = 0]) => (c === 0 ? x : y) },
      'device',
      'a matrix product with an epilogue, thin and odd shapes included',
    ],
    [
      'mul adds',
      { mul: ([x, y]) => (typeof x === 'number' && typeof y === 'number' ? x + y : 0) },
      'programs',
      'tied weights: one gradient, the sum of both uses',
    ],
  ])('%s', async (_, faults, suite, test) => {
    const only = new RegExp(`^${test}$`);
    expect(await failuresOf(suite, interpreter(faults), only)).toEqual([test]);
  });
});

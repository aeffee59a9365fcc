import { afterAll, describe, expect, it } from 'vitest';
import { conformanceSuites } from '../src/index.js';
import { interpreter } from './interpreter.js';

describe('the suites on an interpreter of kernels', () => {
  for (const { name, tests, close } of conformanceSuites(interpreter())) {
    describe(name, () => {
      for (const test of tests) it(test.name, () => test.run());
      afterAll(close);
    });
  }
});

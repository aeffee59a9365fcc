/** All suites, in the order in which a new device should pass them. */
import type { Opener } from '@torchlet/device';
import { deviceSuite } from './device-suite.js';
import { programsSuite } from './programs-suite.js';
import type { Suite } from './suite.js';
import {
  determinismSuite,
  dtypesSuite,
  errorsSuite,
  fusionSuite,
  gradientsSuite,
  layoutsSuite,
  valuesSuite,
} from './values-suite.js';

const makers = [
  deviceSuite,
  valuesSuite,
  gradientsSuite,
  fusionSuite,
  layoutsSuite,
  dtypesSuite,
  errorsSuite,
  determinismSuite,
  programsSuite,
] as const;

/**
 * Every suite for the device that `opener` opens. Nothing is opened before the first test runs.
 *
 * @example
 * for (const { name, tests, close } of conformanceSuites(cpu)) {
 *   describe(name, () => {
 *     for (const test of tests) it(test.name, () => test.run());
 *     afterAll(close);
 *   });
 * }
 */
export function conformanceSuites(opener: Opener): Suite[] {
  return makers.map((make) => make(opener));
}

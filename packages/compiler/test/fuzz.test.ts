/** Random graphs: what is fused equals what is not, and both equal the reference, on a device with many buffers and on one with few. */
import type { HostArray } from '@torchlet/device';
import { evaluateReference, type Node } from '@torchlet/graph';
import { describe, expect, test } from 'vitest';
import { Planner } from '../src/index.js';
import { contents, evaluate } from './evaluate.js';
import { Interpreter } from './interpret.js';
import { Random, randomGraph } from './random-graph.js';

const rounds = 100;
/** Of float32 after a few dozen operations on values of size 1. */
const float32Chain = 2e-4;

function expectClose(actual: HostArray, expected: readonly number[], dtype: string, what: string): void {
  expect(actual.length, what).toBe(expected.length);
  const numbers = Array.from(actual as ArrayLike<number | bigint>, Number);
  numbers.forEach((value, i) => {
    const other = expected[i] as number;
    const same = Object.is(value, other) || value === other || (Number.isNaN(value) && Number.isNaN(other));
    const close = dtype === 'float32' && Math.abs(value - other) <= float32Chain * Math.max(1, Math.abs(other));
    if (!same && !close) throw new Error(`${what}: element ${i} is ${value}, expected ${other}`);
  });
}

function check(seed: number, size: number, options: { fuse: boolean; buffersPerKernel: number }): void {
  const { fuse, buffersPerKernel } = options;
  const device = new Interpreter({ capabilities: { buffersPerKernel } });
  const { outputs } = randomGraph(new Random(seed), device, size);
  const read = (source: Node['source']) => contents(device, source as NonNullable<Node['source']>);
  const expected = evaluateReference(outputs, { round: true, read });
  const actual = evaluate(device, new Planner(device, { fuse }), outputs);
  actual.forEach((data, i) => {
    const { data: values, dtype } = expected[i] as (typeof expected)[number];
    expectClose(data, values, dtype, `seed ${seed}, output ${i} (${outputs[i]?.op})`);
  });
}

describe.each([
  { fuse: false, buffersPerKernel: 64 },
  { fuse: true, buffersPerKernel: 64 },
  { fuse: true, buffersPerKernel: 5 },
])('fuse $fuse, $buffersPerKernel buffers', (options) => {
  test.each([8, 20, 40])('graphs of %i nodes', (size) => {
    for (let seed = 1; seed <= rounds; seed++) check(seed * 1000 + size, size, options);
  });
});

/** Graphs of many nodes: no stack overflow, no kernel that outgrows its bounds, time that grows with the graph. */
import * as g from '@torchlet/graph';
import { expect, test } from 'vitest';
import { Planner } from '../src/index.js';
import { evaluate, stored } from './evaluate.js';
import { Interpreter, slotsOf } from './interpret.js';

const ones = (length: number) => new Float32Array(length).fill(1);

test('a chain of 12,000 nodes', () => {
  const device = new Interpreter();
  const planner = new Planner(device);
  const step = g.full([4], 0.5, 'float32');
  let x = stored(device, ones(4), [4], 'float32');
  for (let i = 0; i < 12_000; i++) x = g.add(x, step);
  expect(evaluate(device, planner, [x])).toEqual([new Float32Array(4).fill(6001)]);
});

test('a chain that doubles: what is shared is computed once', () => {
  const device = new Interpreter();
  const planner = new Planner(device);
  const half = g.full([4], 0.5, 'float32');
  let x = stored(device, ones(4), [4], 'float32');
  for (let i = 0; i < 1_000; i++) x = g.mul(g.add(x, x), half);
  expect(evaluate(device, planner, [x])).toEqual([ones(4)]);
});

test('shifted sums: each step reads its input twice, at different places', () => {
  const device = new Interpreter();
  const planner = new Planner(device);
  let x = stored(device, ones(64), [64], 'float32');
  for (let length = 63; length > 23; length--) {
    x = g.mul(g.add(g.shrink(x, [0], [length]), g.shrink(x, [1], [length])), g.full([length], 0.5, 'float32'));
  }
  expect(evaluate(device, planner, [x])).toEqual([ones(24)]);
});

test('a stack of 10,000 losses respects the buffers of a kernel', () => {
  const device = new Interpreter({ capabilities: { buffersPerKernel: 10 } });
  const planner = new Planner(device);
  const losses = Array.from({ length: 10_000 }, (_, i) => {
    return g.reshape(stored(device, new Float32Array([i % 4]), [], 'float32'), [1]);
  });
  const mean = g.reduce('reduceSum', g.cat(losses, 0), [0]);
  const { plan } = planner.plan([mean]);
  expect(Math.max(...plan.program.kernels.map((kernel) => slotsOf(kernel).size))).toBeLessThanOrEqual(10);
  expect(evaluate(device, planner, [mean])).toEqual([new Float32Array([15_000])]);
});

test('a sum of 2,000 tensors respects the buffers of a kernel', () => {
  const device = new Interpreter({ capabilities: { buffersPerKernel: 8 } });
  const planner = new Planner(device);
  let sum = stored(device, ones(3), [3], 'float32');
  for (let i = 1; i < 2_000; i++) sum = g.add(sum, stored(device, ones(3), [3], 'float32'));
  expect(evaluate(device, planner, [sum])).toEqual([new Float32Array(3).fill(2000)]);
});

test('planning time grows with the graph, not with its square', () => {
  const device = new Interpreter();
  const layers = (count: number) => {
    let x = stored(device, ones(16), [4, 4], 'float32');
    for (let i = 0; i < count; i++) {
      const w = stored(device, ones(16), [4, 4], 'float32');
      x = g.unary('tanh', g.matmul(x, w));
    }
    return x;
  };
  const time = (count: number) => {
    const nodes = layers(count);
    const start = performance.now();
    new Planner(device).plan([nodes]);
    return performance.now() - start;
  };
  time(50);
  const [small, large] = [time(200), time(1600)];
  expect(large).toBeLessThan(Math.max(small, 20) * 8 * 4);
});

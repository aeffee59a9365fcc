/** The training step of the tutorial: one program of few kernels, whose list is kept here, and the values of the reference. */
import { printKernel, type Program } from '@torchlet/device';
import { evaluateReference, type Source } from '@torchlet/graph';
import { expect, test } from 'vitest';
import { Planner } from '../src/index.js';
import { contents, evaluate } from './evaluate.js';
import { Interpreter } from './interpret.js';
import { mnist, parameters, recordStep, type Sizes } from './mnist-step.js';

const small: Sizes = { batch: 5, inputs: 7, hidden: 4, classes: 3, from: null };
/** Of float32 after two products and a softmax. */
const trainingStep = 1e-5;

function kernels({ kernels }: Program): string {
  return kernels.map(printKernel).join('\n');
}

test('one program of at most 12 kernels', () => {
  const device = new Interpreter();
  const { plan } = new Planner(device).plan(recordStep(mnist, parameters(device, mnist), 1));
  expect(plan.program.kernels.length).toBeLessThanOrEqual(12);
  expect(kernels(plan.program)).toMatchSnapshot();
  expect(plan.outputs.map(({ inPlaceLeaf }) => inPlaceLeaf !== null)).toEqual([true, true, true, true, false, false]);
});

test('with the batch gathered from a stored data set, one kernel more', () => {
  const device = new Interpreter();
  const sizes = { ...mnist, from: 8000 };
  const { plan } = new Planner(device).plan(recordStep(sizes, parameters(device, sizes), 1));
  expect(plan.program.kernels.length).toBeLessThanOrEqual(12);
  expect(kernels(plan.program)).toMatchSnapshot();
});

test('a step compiles once, a ragged last batch once more', () => {
  const device = new Interpreter();
  const planner = new Planner(device);
  const all = parameters(device, mnist);
  for (let step = 0; step < 3; step++) planner.plan(recordStep(mnist, all, step));
  expect(planner.stats.misses).toBe(1);
  for (let step = 0; step < 3; step++) planner.plan(recordStep({ ...mnist, batch: 60 }, all, step));
  expect(planner.stats).toEqual({ plans: 2, hits: 4, misses: 2 });
});

test.each([
  { fuse: true, from: null },
  { fuse: true, from: 20 },
  { fuse: false, from: null },
])('five steps as the reference takes them: %o', ({ fuse, from }) => {
  const device = new Interpreter();
  const planner = new Planner(device, { fuse });
  const sizes = { ...small, from };
  const all = parameters(device, sizes);
  const read = (source: Source) => contents(device, source);
  for (let step = 0; step < 5; step++) {
    const outputs = recordStep(sizes, all, step);
    const expected = evaluateReference(outputs, { read });
    evaluate(device, planner, outputs).forEach((data, i) => {
      expected[i]?.data.forEach((value, k) => {
        expect(Math.abs(Number(data[k]) - value)).toBeLessThanOrEqual(trainingStep * Math.max(1, Math.abs(value)));
      });
    });
  }
  expect(planner.stats.misses).toBe(1);
});

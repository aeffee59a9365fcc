/** Writes in place: after every read of the old value, in the kernel that computes the value where that is possible. */
import * as g from '@torchlet/graph';
import { beforeEach, describe, expect, test } from 'vitest';
import { Planner } from '../src/index.js';
import { contents, evaluate, run, stored } from './evaluate.js';
import { Interpreter } from './interpret.js';

let device: Interpreter;
let planner: Planner;

beforeEach(() => {
  device = new Interpreter();
  planner = new Planner(device);
});

const leaf = (values: readonly number[], shape: g.Shape = [values.length]) =>
  stored(device, Float32Array.from(values), shape, 'float32');
const now = (node: g.Node) => [...contents(device, node.source as g.Source)];
const kernelsOf = (...outputs: g.Node[]) => planner.plan(outputs).plan.program.kernels.length;

test('an update is one kernel, and tells which leaf it writes', () => {
  const [w, d] = [leaf([1, 2, 3]), leaf([1, 1, 1])];
  const make = () => [g.assign(w, g.sub(w, g.mul(d, g.scalar(0.5, 'float32', [3]))))];
  const { plan, leaves } = planner.plan(make());
  expect(plan.program.kernels).toHaveLength(1);
  expect(leaves[plan.outputs[0]?.inPlaceLeaf as number]).toBe(w);
  evaluate(device, planner, make());
  expect(now(w)).toEqual([0.5, 1.5, 2.5]);
});

test('momentum: the state and what reads its old value, in one kernel', () => {
  const [w, m, d] = [leaf([1, 2]), leaf([10, 20]), leaf([1, 1])];
  const next = g.add(m, d);
  const outputs = [g.assign(m, next), g.assign(w, g.add(w, g.mul(next, m)))];
  expect(kernelsOf(...outputs)).toBe(1);
  evaluate(device, planner, outputs);
  expect([now(m), now(w)]).toEqual([
    [11, 21],
    [111, 422],
  ]);
});

test('two leaves change places', () => {
  const [a, b] = [leaf([1, 2]), leaf([3, 4])];
  evaluate(device, planner, [g.assign(a, b), g.assign(b, a)]);
  expect([now(a), now(b)]).toEqual([
    [3, 4],
    [1, 2],
  ]);
});

test('a read of the old value that is recorded later still comes first', () => {
  const w = leaf([1, 2, 3]);
  const written = g.assign(w, g.neg(w));
  const old = g.reduce('reduceSum', w, [0]);
  expect(evaluate(device, planner, [written, old])[1]).toEqual(Float32Array.of(6));
  expect(now(w)).toEqual([-1, -2, -3]);
});

test('the new value is read after the write, from where it was written', () => {
  const w = leaf([1, 2, 3]);
  const next = g.exp(g.mul(w, g.full([3], 0, 'float32')));
  const written = g.assign(w, next);
  const sum = g.reduce('reduceSum', written, [0]);
  expect(
    evaluate(device, planner, [written, g.matmul(g.reshape(written, [1, 3]), g.reshape(next, [3, 1])), sum])[2],
  ).toEqual(Float32Array.of(3));
  expect(now(w)).toEqual([1, 1, 1]);
});

test('a kernel that reads other elements than it writes goes through memory', () => {
  const w = leaf([1, 2, 3, 4]);
  evaluate(device, planner, [g.assign(w, g.flip(w, [0]))]);
  expect(now(w)).toEqual([4, 3, 2, 1]);
  const m = leaf([1, 1, 0, 1], [2, 2]);
  evaluate(device, planner, [g.assign(m, g.matmul(m, m))]);
  expect(now(m)).toEqual([1, 2, 0, 1]);
});

test('a reader that needs the value another kernel is to write over it', () => {
  const w = leaf([1, 2, 3, 4], [2, 2]);
  const product = g.matmul(w, w);
  const next = g.add(w, product);
  const later = g.matmul(product, w);
  const [, after] = evaluate(device, planner, [g.assign(w, next), later]);
  expect(after).toEqual(Float32Array.of(37, 54, 81, 118));
  expect(now(w)).toEqual([8, 12, 18, 26]);
});

describe('slices', () => {
  test('a write to a slice leaves the rest', () => {
    const w = leaf([0, 1, 2, 3, 4, 5]);
    const slice = g.shrink(w, [2], [2]);
    const outputs = [g.assignSlice(w, g.add(slice, g.full([2], 10, 'float32')), [2], [1])];
    expect(kernelsOf(...outputs)).toBe(1);
    evaluate(device, planner, outputs);
    expect(now(w)).toEqual([0, 1, 12, 13, 4, 5]);
  });

  test('steps, and several writes in their order', () => {
    const w = leaf([0, 0, 0, 0, 0, 0]);
    const even = g.assignSlice(w, g.full([3], 1, 'float32'), [0], [2]);
    const both = g.assignSlice(even, g.full([2], 2, 'float32'), [1], [1]);
    evaluate(device, planner, [both]);
    expect(now(w)).toEqual([1, 2, 2, 0, 1, 0]);
  });

  test('a later write that reads an earlier one', () => {
    const w = leaf([1, 2, 3]);
    const first = g.assignSlice(w, g.full([1], 5, 'float32'), [0], [1]);
    const second = g.assignSlice(first, g.shrink(first, [0], [1]), [2], [1]);
    evaluate(device, planner, [second]);
    expect(now(w)).toEqual([5, 2, 5]);
  });

  test('an assignment that is no output is a value', () => {
    const w = leaf([1, 2, 3, 4]);
    const changed = g.assignSlice(w, g.full([2], 9, 'float32'), [1], [2]);
    expect(evaluate(device, planner, [g.neg(changed)])).toEqual([Float32Array.of(-1, -9, -3, -9)]);
    expect(now(w)).toEqual([1, 2, 3, 4]);
  });

  test('an assignment to what is not stored has a buffer of its own', () => {
    const output = g.assignSlice(g.neg(leaf([1, 2])), g.full([1], 7, 'float32'), [1], [1]);
    const planned = planner.plan([output]);
    expect(planned.plan.outputs[0]?.inPlaceLeaf).toBeNull();
    expect(run(device, planned)).toEqual([Float32Array.of(-1, 7)]);
  });
});

test('an update of a product goes into its epilogue', () => {
  const [w, x, d] = [leaf([1, 2, 3, 4], [2, 2]), leaf([1, 2, 3, 4], [2, 2]), leaf([1, 1, 1, 1], [2, 2])];
  const outputs = [g.assign(w, g.sub(w, g.permute(g.matmul(g.permute(x, [1, 0]), d), [1, 0])))];
  expect(kernelsOf(...outputs)).toBe(1);
  evaluate(device, planner, outputs);
  expect(now(w)).toEqual([-3, -4, -1, -2]);
});

import { describe, expect, test } from 'vitest';
import {
  assignSlice,
  attach,
  binary,
  cast,
  cat,
  constant,
  custom,
  expand,
  flip,
  gather,
  iota,
  marker,
  matmul,
  type Node,
  type Primitive,
  pad,
  permute,
  primitives,
  reduce,
  reshape,
  scalar,
  scatterAdd,
  shrink,
  unary,
  where,
  window,
} from '../src/index.js';
import { counting, host, valueOf } from './samples.js';

const nan = Number.NaN;

/** Small cases worked out by hand; a new primitive without one is a type error. */
const cases: { readonly [Name in Exclude<Primitive, 'buffer'>]: readonly (readonly [Node, readonly number[]])[] } = {
  constant: [
    [constant(2.5, 'float32'), [2.5]],
    [constant(1, 'bool', [2, 2]), [1, 1, 1, 1]],
  ],
  scalar: [
    [scalar(7, 'int64'), [7]],
    [scalar(2, 'float32', [2]), [2, 2]],
  ],
  iota: [[iota(3, 'int64'), [0, 1, 2]]],
  reshape: [[reshape(counting([2, 3]), [3, 2]), [0, 1, 2, 3, 4, 5]]],
  permute: [
    [permute(counting([2, 3]), [1, 0]), [0, 3, 1, 4, 2, 5]],
    [permute(counting([2, 1, 3]), [2, 0, 1]), [0, 3, 1, 4, 2, 5]],
  ],
  expand: [[expand(counting([2, 1]), [2, 3]), [0, 0, 0, 1, 1, 1]]],
  shrink: [
    [shrink(counting([3, 3]), [1, 0], [2, 2]), [3, 4, 6, 7]],
    [shrink(counting([3, 3]), [0, 1], [2, 2], { axis: 0, start: scalar(1, 'int32') }), [4, 5, 7, 8]],
  ],
  pad: [
    [pad(counting([2]), [1, 2], 9), [9, 0, 1, 9, 9]],
    [pad(counting([1, 2]), [1, 0, 0, 1]), [0, 0, 0, 0, 1, 0]],
  ],
  flip: [[flip(counting([2, 2]), [1]), [1, 0, 3, 2]]],
  window: [
    [window(counting([5]), 0, 2, 2, 1), [0, 1, 2, 3]],
    [window(counting([5]), 0, 2, 1, 3), [0, 3, 1, 4]],
    [window(counting([3, 2]), 0, 2, 1, 1), [0, 2, 1, 3, 2, 4, 3, 5]],
  ],
  cat: [[cat([counting([2, 1]), host([7, 8, 9, 10], [2, 2])], 1), [0, 7, 8, 1, 9, 10]]],
  neg: [[unary('neg', host([1, -2])), [-1, 2]]],
  sqrt: [[unary('sqrt', host([4, 0])), [2, 0]]],
  exp: [[unary('exp', host([0])), [1]]],
  expm1: [[unary('expm1', host([0])), [0]]],
  log: [[unary('log', host([1])), [0]]],
  log1p: [[unary('log1p', host([0])), [0]]],
  sin: [[unary('sin', host([0])), [0]]],
  cos: [[unary('cos', host([0])), [1]]],
  atan: [[unary('atan', host([1])), [Math.PI / 4]]],
  tanh: [[unary('tanh', host([0])), [0]]],
  erf: [[unary('erf', host([0])), [0]]],
  floor: [[unary('floor', host([1.5, -1.5])), [1, -2]]],
  cast: [[cast(host([1.9, -1.9, nan]), 'int32'), [1, -1, 0]]],
  add: [[binary('add', counting([2]), host([1, 1])), [1, 2]]],
  mul: [[binary('mul', counting([2]), host([3, 3])), [0, 3]]],
  div: [[binary('div', host([1, 0]), host([2, 0])), [0.5, nan]]],
  idiv: [[binary('idiv', host([7, 7], [2], 'int32'), host([-2, 0], [2], 'int32')), [-3, 0]]],
  mod: [
    [binary('mod', host([7, -7], [2], 'int32'), host([-2, 0], [2], 'int32')), [1, -7]],
    [binary('mod', host([-7.5, 1, 1, nan]), host([2, 0, Infinity, 1])), [-1.5, nan, 1, nan]],
  ],
  max: [[binary('max', host([1, nan]), host([2, 0])), [2, nan]]],
  pow: [[binary('pow', host([2, 0]), host([3, 0])), [8, 1]]],
  lt: [[binary('lt', host([1, nan]), host([2, 2])), [1, 0]]],
  eq: [[binary('eq', host([1, nan]), host([1, nan])), [1, 0]]],
  and: [[binary('and', host([3], [1], 'int8'), host([5], [1], 'int8')), [1]]],
  or: [[binary('or', host([3], [1], 'int8'), host([5], [1], 'int8')), [7]]],
  xor: [[binary('xor', host([3], [1], 'int8'), host([5], [1], 'int8')), [6]]],
  shl: [[binary('shl', host([3], [1], 'uint8'), host([7], [1], 'uint8')), [128]]],
  shr: [[binary('shr', host([-3], [1], 'int8'), host([1], [1], 'int8')), [-2]]],
  where: [[where(host([1, 0], [2], 'bool'), host([1, nan]), host([nan, 2])), [1, 2]]],
  reduceSum: [
    [reduce('reduceSum', counting([2, 3]), [1]), [3, 12]],
    [reduce('reduceSum', counting([2, 0]), [1]), [0, 0]],
    [reduce('reduceSum', host([100, 100], [2], 'int8'), [0]), [-56]],
  ],
  reduceMax: [
    [reduce('reduceMax', counting([2, 3]), [0, 1]), [5]],
    [reduce('reduceMax', host([1, nan]), [0]), [nan]],
    [reduce('reduceMax', counting([0], 'int32'), [0]), [-(2 ** 31)]],
  ],
  reduceProd: [
    [reduce('reduceProd', host([2, 3, 4]), [0]), [24]],
    [reduce('reduceProd', counting([0]), [0]), [1]],
  ],
  matmul: [
    [matmul(counting([2, 3]), counting([3, 2])), [10, 13, 28, 40]],
    [matmul(counting([2, 1, 2]), counting([2, 2, 1])), [1, 13]],
    [matmul(counting([1, 0]), counting([0, 2])), [0, 0]],
  ],
  gather: [
    [gather(counting([2, 3]), host([2, 0], [2, 1], 'int64'), 1), [2, 3]],
    [gather(counting([3]), host([-4, 9], [2], 'int32'), 0), [0, 2]],
  ],
  scatterAdd: [
    [scatterAdd(counting([3]), host([1, 1, -1, 3], [4], 'int64'), host([5, 6, 7, 8]), 0), [0, 12, 2]],
    [scatterAdd(counting([2, 2]), host([1], [1, 1], 'int32'), host([9], [1, 1]), 0), [0, 1, 11, 3]],
  ],
  contiguous: [[marker('contiguous', permute(counting([2, 2]), [1, 0])), [0, 2, 1, 3]]],
  copy: [[marker('copy', counting([2])), [0, 1]]],
  detach: [[marker('detach', counting([2])), [0, 1]]],
  attach: [[attach(counting([2]), [host([5, 6])], () => [null]), [0, 1]]],
  assign: [
    [assignSlice(counting([5]), host([8, 9]), [1], [2]), [0, 8, 2, 9, 4]],
    [assignSlice(counting([2, 2]), host([7], [1, 1]), [1, 0], [1, 1]), [0, 1, 7, 3]],
  ],
  custom: [
    [
      custom({ name: 'twice', sources: {}, meaning: ([x = []]) => x.map((v) => 2 * v) }, [counting([2])], [2], 'int64'),
      [0, 2],
    ],
  ],
};

describe.each(Object.entries(cases))('%s', (_, rows) => {
  test.each(rows.map(([node, expected], i) => [i, node, expected] as const))('case %i', (_i, node, expected) => {
    expect(valueOf(node)).toEqual(expected);
  });
});

test('every primitive has its cases', () => {
  expect(Object.keys(cases).length).toBe(Object.keys(primitives).length - 1);
  for (const [name, rows] of Object.entries(cases)) for (const [node] of rows) expect(node.op).toBe(name);
});

test('a constant is reshaped and repeated when it is recorded', () => {
  expect(expand(reshape(constant(3, 'int32'), [1, 1]), [2, 1])).toMatchObject({
    op: 'constant',
    shape: [2, 1],
    value: 3,
  });
});

test('a box moved outside at run time is refused', () => {
  const start = scalar(2, 'int32');
  expect(() => valueOf(shrink(counting([3]), [0], [2], { axis: 0, start }))).toThrow('outside of 3');
});

test('a custom kernel that gives the wrong number of elements is refused', () => {
  const spec = { name: 'short', sources: {}, meaning: () => [1] };
  expect(() => valueOf(custom(spec, [counting([2])], [2], 'float32'))).toThrow(
    'custom short: expected 2 elements, got 1',
  );
});

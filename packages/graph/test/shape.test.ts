import { describe, expect, test } from 'vitest';
import {
  axisOf,
  binary,
  broadcast,
  cat,
  contiguousStrides,
  expand,
  gather,
  matmul,
  pad,
  permute,
  reshape,
  scatterAdd,
  shrink,
  sizeOf,
  where,
  window,
} from '../src/index.js';
import { counting } from './samples.js';

test('sizes and strides', () => {
  expect(sizeOf([])).toBe(1);
  expect(sizeOf([2, 0, 3])).toBe(0);
  expect(contiguousStrides([2, 3, 4])).toEqual([12, 4, 1]);
});

test('broadcasting is PyTorch\u2019s', () => {
  expect(broadcast([2, 1], [3])).toEqual([2, 3]);
  expect(broadcast([], [0])).toEqual([0]);
  expect(broadcast([2], [3])).toBeNull();
  expect(broadcast([0], [3])).toBeNull();
});

test('a dim may be negative, and must be within the rank', () => {
  expect(axisOf('sum', -1, 3)).toBe(2);
  expect(axisOf('sum', 0, 0)).toBe(0);
  expect(() => axisOf('sum', 3, 3)).toThrow('sum: expected a dim in [-3, 2], got 3');
});

describe('builders refuse what does not fit', () => {
  const x = counting([2, 3]);
  const index = counting([2, 3], 'int64');
  test.each<readonly [string, () => unknown]>([
    ['reshape: [2, 3] has 6 elements and cannot become [4] with 4', () => reshape(x, [4])],
    ['permute: expected each of 2 axes once, got [0, 0]', () => permute(x, [0, 0])],
    ['expand: [2, 3] does not broadcast to [4, 3]', () => expand(x, [4, 3])],
    ['is outside [2, 3]', () => shrink(x, [1, 0], [2, 3])],
    ['pad: expected 4 counts of at least 0, got [-1, 0, 0, 0]', () => pad(x, [-1, 0, 0, 0])],
    ['window: size 4, stride 1, dilation 1 does not fit axis 1', () => window(x, 1, 4, 1, 1)],
    ['cat: expected shapes equal but along dim 1', () => cat([x, counting([3, 1])], 1)],
    ['cat: expected at least one part', () => cat([], 0)],
    ['add: expected equal shapes, got [2, 3] and [3]', () => binary('add', x, counting([3]))],
    ['add: expected equal dtypes, got float64 and int64', () => binary('add', x, index)],
    ['div: expected a float dtype, got int64', () => binary('div', index, index)],
    ['idiv: expected an integer dtype, got float64', () => binary('idiv', x, x)],
    ['and: expected an integer dtype or bool, got float64', () => binary('and', x, x)],
    ['where: expected a bool condition, got int64', () => where(index, x, x)],
    ['matmul: inner dimensions differ: [2, 3] @ [2, 3] (3 and 2)', () => matmul(x, x)],
    ['gather: expected an integer index, got float64', () => gather(x, x, 0)],
    ['gather: expected an index no longer than [2, 3] but along dim 0', () => gather(x, counting([2, 4], 'int32'), 0)],
    ['scatterAdd: expected index and src of one shape', () => scatterAdd(x, index, counting([2, 2]), 0)],
  ])('%s', (message, build) => {
    expect(build).toThrow(message);
  });
});

test('movements that change nothing give their input back', () => {
  const x = counting([2, 3]);
  expect(reshape(x, [2, 3])).toBe(x);
  expect(permute(x, [0, 1])).toBe(x);
  expect(expand(x, [2, 3])).toBe(x);
  expect(shrink(x, [0, 0], [2, 3])).toBe(x);
  expect(pad(x, [0, 0, 0, 0])).toBe(x);
  expect(cat([x], 0)).toBe(x);
});

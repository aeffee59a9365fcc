import type { DType, ScalarFunction } from '@torchlet/device';
import { describe, expect, test } from 'vitest';
import { type Element, elementOf, rangeOf, scalarMeanings } from '../src/index.js';

type Case = readonly [dtype: DType, args: readonly Element[], result: Element];

const nan = Number.NaN;
const inf = Number.POSITIVE_INFINITY;
const int64Least = -(2n ** 63n);

/** What the doc lines of `scalarFunctions` promise, function by function; a new function without a case is a type error. */
const cases: { readonly [Name in Exclude<ScalarFunction, 'cast'>]: readonly Case[] } = {
  neg: [
    ['float64', [0], -0],
    ['int32', [-(2 ** 31)], -(2 ** 31)],
    ['uint8', [1], 255],
    ['int64', [int64Least], int64Least],
  ],
  sqrt: [
    ['float64', [-0], -0],
    ['float64', [-1], nan],
    ['float64', [9], 3],
  ],
  exp: [
    ['float64', [-inf], 0],
    ['float64', [1], Math.E],
  ],
  expm1: [['float64', [1e-20], 1e-20]],
  log: [
    ['float64', [0], -inf],
    ['float64', [-1], nan],
  ],
  log1p: [['float64', [1e-20], 1e-20]],
  sin: [['float64', [Math.PI / 2], 1]],
  cos: [['float64', [0], 1]],
  atan: [['float64', [inf], Math.PI / 2]],
  tanh: [
    ['float64', [1000], 1],
    ['float64', [-1000], -1],
  ],
  erf: [
    ['float64', [0], 0],
    ['float64', [-0], -0],
    ['float64', [inf], 1],
    ['float64', [-inf], -1],
    ['float64', [nan], nan],
  ],
  floor: [
    ['float64', [-0.5], -1],
    ['int64', [7n], 7n],
  ],
  add: [
    ['int8', [127, 1], -128],
    ['bool', [1, 1], 1],
    ['int64', [2n ** 63n - 1n, 1n], int64Least],
    ['uint8', [255, 2], 1],
  ],
  sub: [
    ['uint8', [0, 1], 255],
    ['float64', [inf, inf], nan],
  ],
  mul: [
    ['int32', [65537, 65537], 131073],
    ['int64', [2n ** 40n, 2n ** 40n], 0n],
    ['bool', [1, 0], 0],
    ['int16', [300, 300], 24464],
  ],
  div: [
    ['float64', [1, -0], -inf],
    ['float64', [0, 0], nan],
  ],
  idiv: [
    ['int32', [-7, 2], -3],
    ['int32', [7, 0], 0],
    ['int64', [7n, 0n], 0n],
    ['int32', [-(2 ** 31), -1], -(2 ** 31)],
    ['int64', [int64Least, -1n], int64Least],
  ],
  mod: [
    ['int32', [-7, 2], -1],
    ['int32', [7, -2], 1],
    ['int32', [-4, 2], 0],
    ['int32', [7, 0], 7],
    ['int64', [-7n, 0n], -7n],
  ],
  max: [
    ['float64', [nan, 1], nan],
    ['float64', [1, nan], nan],
    ['int64', [3n, 2n ** 60n], 2n ** 60n],
    ['int64', [5n, -(2n ** 60n)], 5n],
  ],
  pow: [
    ['float64', [nan, 0], 1],
    ['float64', [1, nan], 1],
    ['float64', [-1, -inf], 1],
    ['float64', [-8, 1 / 3], nan],
    ['float64', [-2, 3], -8],
  ],
  lt: [
    ['float64', [nan, 1], 0],
    ['float64', [1, 2], 1],
    ['int64', [2n ** 60n, 2n ** 60n + 1n], 1],
  ],
  eq: [
    ['float64', [nan, nan], 0],
    ['float64', [0, -0], 1],
    ['int64', [2n ** 60n, 2n ** 60n + 1n], 0],
  ],
  and: [
    ['int32', [12, 10], 8],
    ['int64', [-1n, 2n ** 40n], 2n ** 40n],
  ],
  or: [
    ['int32', [12, 10], 14],
    ['bool', [0, 1], 1],
  ],
  xor: [
    ['int32', [12, 10], 6],
    ['bool', [1, 1], 0],
  ],
  shl: [
    ['int8', [64, 1], -128],
    ['int64', [1n, 63n], int64Least],
    ['uint8', [255, 4], 240],
  ],
  shr: [
    ['int32', [-8, 1], -4],
    ['uint8', [128, 7], 1],
    ['int64', [int64Least, 63n], -1n],
  ],
  where: [
    ['float64', [1, 2, nan], 2],
    ['float64', [0, nan, 3], 3],
  ],
};

describe.each(Object.entries(cases) as [Exclude<ScalarFunction, 'cast'>, readonly Case[]][])('%s', (name, rows) => {
  test.each(rows)('of %s %o is %o', (dtype, args, result) => {
    const got = scalarMeanings[name](args, dtype, dtype);
    expect(got).toBe(result);
  });
});

describe('cast', () => {
  const casts: readonly (readonly [x: Element, from: DType, to: DType, result: Element])[] = [
    [-1.9, 'float32', 'int32', -1],
    [-0.5, 'float32', 'int32', 0],
    [3e9, 'float32', 'int32', 2 ** 31 - 1],
    [-3e9, 'float32', 'int32', -(2 ** 31)],
    [300, 'float32', 'uint8', 255],
    [-3, 'float32', 'uint8', 0],
    [nan, 'float32', 'int64', 0n],
    [inf, 'float32', 'int64', 2n ** 63n - 1n],
    [2 ** 60, 'float64', 'int64', 2n ** 60n],
    [nan, 'float32', 'bool', 1],
    [-0, 'float32', 'bool', 0],
    [0.1, 'float32', 'bool', 1],
    [300, 'int32', 'uint8', 44],
    [200, 'uint8', 'int8', -56],
    [2n ** 40n + 5n, 'int64', 'int32', 5],
    [2n ** 53n, 'int64', 'float64', 2 ** 53],
    [-1, 'int8', 'int64', -1n],
    [1, 'bool', 'float32', 1],
  ];
  test.each(casts)('%o of %s to %s is %o', (x, from, to, result) => {
    expect(scalarMeanings.cast([x], to, from)).toBe(result);
  });
});

test('erf agrees with its integral on both sides of the change of formula', () => {
  const erf = (x: number) => scalarMeanings.erf([x], 'float64', 'float64') as number;
  for (const x of [0.1, 0.5, 1, 1.9, 2, 2.1, 3, 5]) {
    // Simpson's rule on 2 / sqrt(pi) * exp(-t^2), whose error here is far under a millionth of the tolerance of float64 sums.
    const steps = 2000;
    let sum = 1 + Math.exp(-x * x);
    for (let i = 1; i < steps; i++) sum += (i % 2 === 1 ? 4 : 2) * Math.exp(-(((x * i) / steps) ** 2));
    const integral = (2 / Math.sqrt(Math.PI)) * ((x / steps / 3) * sum);
    expect(erf(x)).toBeCloseTo(integral, 13);
    expect(erf(-x)).toBe(-erf(x));
  }
});

test('an element takes the representation of its dtype', () => {
  expect(elementOf(3, 'int64')).toBe(3n);
  expect(elementOf(300, 'uint8')).toBe(44);
  expect(elementOf(7, 'bool')).toBe(1);
  expect(rangeOf('int8')).toEqual({ least: -128, greatest: 127 });
});

test('a number where an int64 should be is refused', () => {
  expect(() => scalarMeanings.add([1n, 1], 'int64', 'int64')).toThrow('expected an int64, got number');
  expect(() => scalarMeanings.sqrt([1n], 'float64', 'int64')).toThrow('expected a number, got bigint');
});

/**
 * Products of windows, as convolutions and their gradients are: found by tables, with borders, strides and dilations, whichever dimension of the product the
 * places are; and the leading digit of a dimension, which becomes an axis of the batch.
 */
import type { Expression, HostArray, Load, MatmulKernel, Program } from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { boundsOf, type Range, rangeOf } from '../../src/matmul/bounds.js';
import { withLeadingDigit } from '../../src/matmul/leading-digit.js';
import { affine, axis, constant, fn, load, programOf, result, store } from '../build.js';
import { difference, randomArrays, randomNumbers } from '../execute.js';
import { interpret } from '../interpret.js';
import { hasFused, operandsOf, planOf, runMatmul } from './run-matmul.js';

interface Shape {
  readonly images: number;
  readonly channels: number;
  readonly out: number;
  readonly length: number;
  readonly size: number;
  readonly stride?: number;
  readonly dilation?: number;
  readonly border?: number;
  readonly groups?: number;
  /** Of the images: 2 unless said. */
  readonly rank?: 1 | 2;
}

const int = (value: number) => constant('int32', value);
const times = (x: Expression, by: number) => (by === 1 ? x : fn('mul', x, int(by)));
const quotient = (x: Expression, by: number) => (by === 1 ? x : fn('idiv', x, int(by)));
const digit = (x: Expression, by: number, length: number) => fn('mod', quotient(x, by), int(length));
const sum = (...parts: readonly Expression[]) => parts.reduce((all, part) => fn('add', all, part));

/** Element (image, place) x (channel, place in the window) of square images, zero beyond the border. */
function windows(shape: Shape, place: Expression, within: Expression, group: Expression | null): Load {
  const { channels, length, size, stride = 1, dilation = 1, border = 0, rank = 2 } = shape;
  const count = countOf(shape);
  const coordinate = (by: [number, number]) =>
    sum(times(digit(place, by[0], count), stride), times(digit(within, by[1], size), dilation), int(-border));
  const at = rank === 1 ? [coordinate([1, 1])] : [coordinate([count, size]), coordinate([1, 1])];
  const inside = at.map((x) => fn('and', fn('lt', int(-1), x), fn('lt', x, int(length))));
  const area = length ** rank;
  const index = sum(
    times(quotient(place, count ** rank), channels * (shape.groups ?? 1) * area),
    times(quotient(within, size ** rank), area),
    ...at.map((x, i) => times(x, length ** (rank - 1 - i))),
    ...(group === null ? [] : [times(group, channels * area)]),
  );
  const mask = inside.reduce((both, one) => fn('and', both, one));
  return load('float32', 0, index, border > 0 ? mask : null);
}

function countOf({ length, size, stride = 1, dilation = 1, border = 0 }: Shape): number {
  return Math.floor((length + 2 * border - dilation * (size - 1) - 1) / stride) + 1;
}

const forms = ['rows are places', 'columns are places', 'terms are places', 'terms are places in order'] as const;

function product(shape: Shape, form: (typeof forms)[number]): Program {
  const { images, channels, out, length, size, groups = 1, rank = 2 } = shape;
  const count = countOf(shape) ** rank;
  const places = images * count;
  const depth = channels * size ** rank;
  const batch = groups === 1 ? [] : [groups];
  const first = batch.length;
  const [m, n, k] = [axis(first), axis(first + 1), axis(first + 2)];
  const group = groups === 1 ? null : axis(0);
  const offset = (by: number) => (group === null ? [] : [times(group, by)]);
  const kernel = (lengths: Pick<MatmulKernel, 'm' | 'n' | 'k' | 'a' | 'b'>, at: Expression): MatmulKernel => ({
    kind: 'matmul',
    name: form,
    batch,
    ...lengths,
    dtype: 'float32',
    result: 0,
    stores: [store(2, at, result('float32', 0))],
    claim: null,
  });
  const weight = (row: Expression, column: Expression) =>
    load('float32', 1, sum(times(row, depth), column, ...offset(out * depth)));
  /** Image by image, as it is read by others. */
  const output = (channel: Expression, place: Expression) =>
    sum(
      times(quotient(place, count), groups * out * count),
      times(channel, count),
      digit(place, 1, count),
      ...offset(out * count),
    );
  const slots = (weights: number, results: number) =>
    [
      ['float32', images * channels * groups * length ** rank],
      ['float32', weights],
      ['float32', results],
    ] as const;
  const [weights, results] = [groups * out * depth, groups * out * places];
  switch (form) {
    case 'rows are places':
      return programOf(
        [kernel({ m: places, n: out, k: depth, a: windows(shape, m, k, group), b: weight(n, k) }, output(n, m))],
        slots(weights, results),
      );
    case 'columns are places':
      return programOf(
        [kernel({ m: out, n: places, k: depth, a: weight(m, k), b: windows(shape, n, k, group) }, output(m, n))],
        slots(weights, results),
      );
    case 'terms are places in order':
    case 'terms are places': {
      const inOrder = sum(times(m, places), k, ...offset(out * places));
      const gradient = load('float32', 1, form === 'terms are places' ? output(m, k) : inOrder);
      const at = sum(times(m, depth), n, ...offset(out * depth));
      return programOf(
        [kernel({ m: out, n: depth, k: places, a: gradient, b: windows(shape, k, n, group) }, at)],
        slots(results, weights),
      );
    }
    default: {
      const never: never = form;
      return never;
    }
  }
}

const shapes: readonly Shape[] = [
  { images: 2, channels: 3, out: 5, length: 9, size: 3, border: 1 },
  { images: 1, channels: 1, out: 4, length: 7, size: 5, border: 2 },
  { images: 3, channels: 4, out: 8, length: 8, size: 3, stride: 2, border: 1 },
  { images: 2, channels: 2, out: 3, length: 10, size: 3, dilation: 2, border: 2 },
  { images: 2, channels: 5, out: 6, length: 6, size: 1 },
  { images: 2, channels: 3, out: 4, length: 12, size: 4, stride: 4 },
  { images: 1, channels: 2, out: 2, length: 3, size: 3, border: 4 },
  { images: 2, channels: 2, out: 3, length: 8, size: 3, border: 1, groups: 3 },
  { images: 2, channels: 1, out: 1, length: 8, size: 3, border: 1, groups: 4 },
  { images: 4, channels: 2, out: 5, length: 40, size: 7, border: 3, rank: 1 },
  { images: 3, channels: 2, out: 4, length: 50, size: 5, border: 2, stride: 2, rank: 1 },
];

describe.each(forms)('%s', (form) => {
  it.each(shapes)('%o', (shape) => {
    const program = product(shape, form);
    const arrays = randomArrays(program, randomNumbers(11));
    const want = arrays.map((array) => array.slice() as HostArray);
    interpret(program, want, []);
    for (const fma of hasFused ? [false, true] : [false]) {
      for (const parts of [1, 3]) {
        const got = runMatmul(program, arrays, { fma, parts });
        const apart = difference('float32', got[2] as HostArray, want[2] as HostArray, [1e-5, 1e-4]);
        expect(apart, planOf(program)).toBeNull();
      }
    }
  });

  it('computes no element alone', () => {
    expect(operandsOf(product(shapes[0] as Shape, form))).not.toContain('computed');
  });
});

const lengths = [24, 5, 9];
const whole = (of: number): Range => [0, (lengths[of] as number) - 1];

/** Pure index arithmetic, as it is meant. */
function valueAt(expression: Expression, point: readonly number[]): number {
  if (expression.kind === 'axis') return point[expression.axis] as number;
  if (expression.kind === 'constant') return Number(expression.value);
  if (expression.kind !== 'apply') throw new TypeError(`no index: ${expression.kind}`);
  const [x, y] = expression.args.map((arg) => valueAt(arg, point)) as [number, number];
  const functions: Partial<Record<string, number>> = {
    add: x + y,
    sub: x - y,
    mul: x * y,
    idiv: Math.floor(x / y),
    mod: x % y,
  };
  return functions[expression.fn] as number;
}

const indices = [
  sum(times(quotient(axis(0), 12), 7), digit(axis(0), 4, 3)),
  sum(times(digit(axis(2), 1, 3), 4), quotient(axis(2), 3), int(-1)),
  fn('sub', times(axis(0), -2), digit(axis(1), 2, 2)),
  sum(digit(axis(0), 2, 12), quotient(axis(0), 24), quotient(axis(0), 6)),
];

it('ranges hold every value, and are reached', () => {
  for (const index of indices) {
    const values = Array.from({ length: 24 * 5 * 9 }, (_, i) =>
      valueAt(index, [i % 24, Math.floor(i / 24) % 5, Math.floor(i / 120)]),
    );
    const [low, high] = rangeOf(index, whole) as Range;
    expect(Math.min(...values)).toBeGreaterThanOrEqual(low);
    expect(Math.max(...values)).toBeLessThanOrEqual(high);
  }
  expect(rangeOf(digit(axis(0), 4, 3), whole)).toEqual([0, 2]);
  const [, , , digits] = indices as [Expression, Expression, Expression, Expression];
  for (let at = 0; at < 24; at++) {
    const value = valueAt(digits, [at, 0, 0]);
    expect(rangeOf(digits, (of) => (of === 0 ? [at, at] : [0, 0]))).toEqual([value, value]);
  }
  expect(rangeOf(fn('mod', sum(axis(0), int(-1)), int(4)), whole)).toBeNull();
});

it('bounds are read from masks that are limits of at most two sums', () => {
  const [y, x] = [sum(axis(0), axis(2)), sum(axis(1), int(-1))];
  const both = fn('and', fn('lt', int(2), y), fn('and', fn('lt', y, int(9)), fn('lt', x, int(3))));
  expect(boundsOf(both, lengths)).toEqual([
    { sum: y, low: 3, high: 8 },
    { sum: x, low: -1, high: 2 },
  ]);
  expect(boundsOf(fn('and', both, fn('lt', int(0), axis(2))), lengths)).toBeNull();
  expect(boundsOf(fn('lt', load('int32', 0, axis(0)), int(3)), lengths)).toBeNull();
  expect(boundsOf(fn('lt', x, y), lengths)).toBeNull();
  expect(boundsOf(fn('lt', times(axis(0), 5000), int(9)), lengths)).toBeNull();
});

it('a leading digit moves to the batch with the same meaning, where results then lie in lines', () => {
  const [places, images, out] = [36, 3, 4];
  const at = sum(times(quotient(axis(0), places), out * places), times(axis(1), places), digit(axis(0), 1, places));
  const inner = sum(times(quotient(axis(0), 72), 1000), times(digit(axis(0), 12, 6), 10), digit(axis(0), 1, 6));
  const kernel: MatmulKernel = {
    kind: 'matmul',
    name: 'images',
    batch: [],
    m: images * places,
    n: out,
    k: 2,
    a: load('float32', 0, sum(inner, times(axis(2), 3))),
    b: load('float32', 1, affine([0, 2, 1])),
    dtype: 'float32',
    result: 0,
    stores: [store(2, at, result('float32', 0))],
    claim: null,
  };
  const moved = withLeadingDigit(kernel);
  expect([moved.batch, moved.m, moved.n, moved.k]).toEqual([[images], places, out, 2]);
  for (let image = 0; image < images; image++) {
    for (let place = 0; place < places; place++) {
      for (const [n, k] of [
        [0, 1],
        [3, 0],
      ] as const) {
        const [before, after] = [
          [image * places + place, n, k],
          [image, place, n, k],
        ];
        expect(valueAt((moved.a as Load).index, after)).toBe(valueAt((kernel.a as Load).index, before));
        expect(valueAt((moved.b as Load).index, after)).toBe(valueAt((kernel.b as Load).index, before));
        expect(valueAt(moved.stores[0]?.index as Expression, after)).toBe(valueAt(at, before));
      }
    }
  }
  const inOrder = { ...kernel, stores: [store(2, affine([out, 1]), result('float32', 0))] };
  expect(withLeadingDigit(inOrder)).toBe(inOrder);
});

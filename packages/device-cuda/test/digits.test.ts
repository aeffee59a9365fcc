/** Indices and masks as sums over the fewest digits of axes that tell them apart. */
import type { Expression } from '@torchlet/device';
import { axis, fn, int, load } from '@torchlet/device/by-hand';
import { expect, it } from 'vitest';
import { boundsOf, inDigits, type Sum, sumOf } from '../src/libraries/digits.js';

const div = (x: Expression, by: number): Expression => fn('idiv', [x, int(by)]);
const mod = (x: Expression, by: number): Expression => fn('mod', [x, int(by)]);
const times = (x: Expression, by: number): Expression => fn('mul', [x, int(by)]);
const add = (...terms: Expression[]): Expression => terms.reduce((x, y) => fn('add', [x, y]));

/** One axis of 24 and one of 5. */
const digitsOf = (...indices: Expression[]) =>
  inDigits(
    indices.map((index) => sumOf(index) as Sum),
    [24, 5],
  );

it('an axis that is walked as one is one digit', () => {
  const rows = add(times(div(axis(0), 4), 4), mod(axis(0), 4), axis(1));
  expect(digitsOf(rows)).toEqual({
    digits: [
      { axis: 0, divisor: 1, length: 24 },
      { axis: 1, divisor: 1, length: 5 },
    ],
    forms: [{ constant: 0, times: [1, 1] }],
  });
});

it('another index cuts it, and both walk the parts', () => {
  const apart = add(times(mod(div(axis(0), 4), 3), 10), times(div(div(axis(0), 4), 3), 100), int(7));
  expect(digitsOf(axis(0), apart)).toEqual({
    digits: [
      { axis: 0, divisor: 1, length: 4 },
      { axis: 0, divisor: 4, length: 3 },
      { axis: 0, divisor: 12, length: 2 },
      { axis: 1, divisor: 1, length: 5 },
    ],
    forms: [
      { constant: 0, times: [1, 4, 12, 0] },
      { constant: 7, times: [0, 10, 100, 0] },
    ],
  });
});

it('parts that do not fit into each other are none', () => {
  expect(digitsOf(div(axis(0), 5))).toBeNull();
  expect(digitsOf(div(axis(0), 4), div(axis(0), 6))).toBeNull();
  expect(digitsOf(div(axis(0), 4), div(axis(0), 8))).not.toBeNull();
});

it('an index is a sum, or it is none', () => {
  const none = [
    load(0, axis(0), 'int32'),
    fn('mul', [axis(0), axis(1)]),
    div(add(axis(0), axis(1)), 2),
    mod(add(axis(0), int(1)), 4),
    mod(times(axis(0), 2), 4),
    mod(mod(axis(0), 6), 4),
    div(axis(0), 0),
    fn('max', [axis(0), int(3)]),
  ];
  expect(none.map(sumOf)).toEqual(none.map(() => null));
});

it('a mask is comparisons that all hold, or it is none', () => {
  const [low, high] = [fn('lt', [int(2), axis(0)]), fn('lt', [axis(0), axis(1)])];
  const bounds = boundsOf(fn('and', [low, high]));
  expect(inDigits(bounds as Sum[], [24, 5])?.forms).toEqual([
    { constant: -3, times: [1, 0] },
    { constant: -1, times: [-1, 1] },
  ]);
  for (const mask of [
    fn('or', [low, high]),
    fn('eq', [axis(0), int(1)]),
    fn('lt', [load(0, axis(0)), load(1, axis(0))]),
  ])
    expect(boundsOf(mask)).toBeNull();
});

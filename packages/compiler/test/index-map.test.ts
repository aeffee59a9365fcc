/** Index maps against the arithmetic they stand for, at every point. */
import { expect, test } from 'vitest';
import { eachAtom, type Index, Indices } from '../src/lower/index-map.js';
import { Random } from './random-graph.js';

function valueOf(index: Index, point: readonly number[]): number {
  let sum = index.constant;
  for (const { atom, times } of index.terms) {
    if (atom.kind === 'data') throw new Error('no data here');
    if (atom.kind === 'axis') sum += times * (point[atom.axis] as number);
    else if (atom.kind === 'bounded') sum += times * valueOf(atom.of, point);
    else {
      const inner = valueOf(atom.of, point);
      sum += times * (atom.kind === 'div' ? Math.floor(inner / atom.by) : inner % atom.by);
    }
  }
  return sum;
}

function points(lengths: readonly number[]): number[][] {
  return lengths.reduce<number[][]>(
    (all, length) => all.flatMap((point) => Array.from({ length }, (_, i) => [...point, i])),
    [[]],
  );
}

function divisions(index: Index): number {
  let count = 0;
  eachAtom(index, ({ kind }) => {
    if (kind === 'div' || kind === 'mod') count++;
  });
  return count;
}

test('quotients, remainders and bounds hold everywhere', () => {
  const random = new Random(3);
  for (let round = 0; round < 400; round++) {
    const indices = new Indices();
    const lengths = [2 + random.below(4), 2 + random.below(4), 1 + random.below(5)];
    let index = indices.constant(random.below(5));
    lengths.forEach((length, axis) => {
      index = indices.add(index, indices.scale(indices.axis(axis, length), random.below(13)));
    });
    const by = [1 + random.below(8), 1 + random.below(8)] as const;
    const [quotient, remainder] = indices.divide(index, by[0]);
    const [inner] = indices.divide(quotient, by[1]);
    const [, innermost] = indices.divide(remainder, by[1]);
    for (const point of points(lengths)) {
      const value = valueOf(index, point);
      expect(valueOf(quotient, point)).toBe(Math.floor(value / by[0]));
      expect(valueOf(remainder, point)).toBe(value % by[0]);
      expect(valueOf(inner, point)).toBe(Math.floor(Math.floor(value / by[0]) / by[1]));
      expect(valueOf(innermost, point)).toBe((value % by[0]) % by[1]);
      for (const made of [quotient, remainder, inner, innermost]) {
        expect(valueOf(made, point)).toBeGreaterThanOrEqual(made.min);
        expect(valueOf(made, point)).toBeLessThanOrEqual(made.max);
      }
    }
  }
});

test('splits and merges of contiguous axes leave no division', () => {
  const indices = new Indices();
  const at = [indices.axis(0, 6), indices.axis(1, 4), indices.axis(2, 5)];
  const flat = indices.flatten(at, [6, 4, 5]);
  for (const shape of [[24, 5], [6, 20], [120], [6, 2, 2, 5], [1, 6, 4, 1, 5]]) {
    const moved = indices.unflatten(flat, shape);
    expect(indices.flatten(moved, shape).key).toBe(flat.key);
  }
  for (const shape of [[24, 5], [6, 20], [120]]) {
    expect(indices.unflatten(flat, shape).map(divisions)).toEqual(shape.map(() => 0));
  }
});

test('what is bounded is divided as a whole, and is a sum again at the end', () => {
  const indices = new Indices();
  const shape = [2, 3, 4, 4];
  const at = [indices.axis(0, 2), indices.axis(1, 3)];
  for (const [outer, inner] of [
    [2, 3],
    [4, 5],
  ] as const) {
    const padded = indices.add(indices.add(indices.axis(outer, 4), indices.axis(inner, 3)), indices.constant(-1));
    at.push(indices.bounded(padded, 0, 3));
  }
  const flat = indices.flatten(at, shape);
  const apart = indices.unflatten(flat, shape);
  expect(apart.map(({ key }) => key)).toEqual(at.map(({ key }) => key));
  const sum = indices.expanded(flat);
  expect(divisions(sum)).toBe(0);
  expect([sum.min, sum.max]).toEqual([0, 95]);
  for (const point of points([2, 3, 4, 3, 4, 3])) expect(valueOf(sum, point)).toBe(valueOf(flat, point));
});

test('neighbouring digits become one', () => {
  const indices = new Indices();
  const flat = indices.axis(0, 120);
  const [most = indices.zero, ...rest] = indices.unflatten(flat, [2, 3, 4, 5]);
  const low = indices.flatten(rest, [3, 4, 5]);
  const spread = indices.add(indices.scale(most, 1000), low);
  expect(divisions(spread)).toBe(2);
  for (let x = 0; x < 120; x++) expect(valueOf(spread, [x])).toBe(Math.floor(x / 60) * 1000 + (x % 60));
});

test('what a reshape takes apart, its inverse puts together', () => {
  const indices = new Indices();
  const flat = indices.axis(0, 60);
  const apart = indices.unflatten(flat, [3, 4, 5]);
  expect(apart.map(divisions).some((count) => count > 0)).toBe(true);
  expect(indices.flatten(apart, [3, 4, 5]).key).toBe(flat.key);
});

test('replacing axes is the same as starting from the others', () => {
  const from = new Indices();
  const [quotient] = from.divide(from.flatten([from.axis(0, 6), from.axis(1, 7)], [6, 7]), 3);
  const to = new Indices();
  const joined = to.axis(0, 42);
  const [row, column] = to.divide(joined, 7);
  const moved = to.substitute(quotient, [row, column]);
  for (let i = 0; i < 42; i++) expect(valueOf(moved, [i])).toBe(Math.floor(i / 3));
});

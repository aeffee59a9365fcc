import { binary, eq, fullLike, gather, mul, type Node, reduce, reshape, where } from '@torchlet/graph';
import { describe, expect, test } from 'vitest';
import { gradients } from '../src/index.js';
import { constantLeaf, indices, parameter, valueOf } from './leaves.js';

function slopes(output: Node, ...leaves: Node[]): number[][] {
  return gradients(output, leaves).map(valueOf);
}

/** All orders up to `order` of the derivatives of the sum of `output` by the elements of x named in turn. */
function mixed(output: Node, x: Node, elements: readonly number[]): number {
  let value = output;
  for (const element of elements) {
    const [slope] = gradients(value, [x], { createGraph: true });
    if (slope === undefined || slope === null) throw new Error('no derivative');
    value = reshape(gather(slope, indices([element]), 0), []);
  }
  return valueOf(value)[0] as number;
}

describe('ties', () => {
  test('max gives half to each', () => {
    const [x, y] = [parameter([1, 2, 5]), parameter([1, 3, 4])];
    expect(slopes(binary('max', x, y), x, y)).toEqual([
      [0.5, 0, 1],
      [0.5, 1, 0],
    ]);
  });

  test('max passes both gradients on where either is NaN, as PyTorch does', () => {
    const [x, y] = [parameter([Number.NaN]), parameter([1])];
    expect(slopes(binary('max', x, y), x, y)).toEqual([[1], [1]]);
  });

  test('reduceMax shares evenly', () => {
    const x = parameter([3, 1, 3, 3, 0, 7], [2, 3]);
    expect(slopes(reduce('reduceMax', x, [1]), x)).toEqual([[0.5, 0, 0.5, 0, 0, 1]]);
    expect(slopes(reduce('reduceMax', x, [0]), x)).toEqual([[0.5, 1, 0, 0.5, 0, 1]]);
  });
});

describe('the product is exact with zeros', () => {
  test.each([
    [
      [2, 0, 3],
      [0, 6, 0],
    ],
    [
      [0, 0, 3],
      [0, 0, 0],
    ],
    [
      [2, 5, 3],
      [15, 6, 10],
    ],
  ])('first derivative at %o', (at, expected) => {
    const x = parameter(at);
    expect(slopes(reduce('reduceProd', x, [0]), x)).toEqual([expected]);
  });

  test('second and third derivatives', () => {
    const x = parameter([0, 0, 0, 5]);
    const product = reduce('reduceProd', x, [0]);
    expect(mixed(product, x, [0, 1])).toBe(0);
    expect(mixed(product, x, [0, 1, 2])).toBe(5);
    expect(mixed(product, x, [2, 0, 1, 3])).toBe(1);
    expect(mixed(product, x, [3, 3])).toBe(0);
  });

  test('over more elements than one group holds', () => {
    const at = Array.from({ length: 300 }, () => 1);
    at[77] = 0;
    const x = parameter(at);
    const expected = at.map((_, i) => (i === 77 ? 1 : 0));
    expect(slopes(reduce('reduceProd', x, [0]), x)).toEqual([expected]);
  });

  test('of nothing', () => {
    const x = parameter([], [2, 0]);
    expect(slopes(reduce('reduceProd', x, [1]), x)).toEqual([[]]);
  });
});

describe('pow at the edges', () => {
  test.each([
    // x, y, d/dx, d/dy
    [0, 0, 0, 0],
    [0, 2, 0, 0],
    [0, 1, 1, 0],
    [0, 0.5, Infinity, 0],
    [0, -1, -Infinity, -Infinity],
    [-2, 3, 12, Number.NaN],
    [-2, 0, 0, Number.NaN],
    [Number.NaN, 0, 0, Number.NaN],
  ])('%d ** %d', (x, y, ofX, ofY) => {
    const [base, exponent] = [parameter([x]), parameter([y])];
    // Adding 0 takes away the sign of a zero, which no one promised.
    const got = slopes(binary('pow', base, exponent), base, exponent).map(([slope]) => (slope as number) + 0);
    expect(got).toEqual([ofX, ofY]);
  });

  test('the second derivative of x^2 and x^y at 0 has no NaN', () => {
    const x = parameter([0]);
    expect(mixed(binary('pow', x, fullLike(x, 2)), x, [0, 0])).toBe(2);
    expect(mixed(binary('pow', x, fullLike(x, 3)), x, [0, 0, 0])).toBe(6);
    expect(mixed(binary('pow', x, constantLeaf([2])), x, [0, 0])).toBe(2);
  });
});

test('where keeps the NaN of the other side out of the gradient', () => {
  const x = parameter([Number.NaN, 2]);
  const known = eq(x, x);
  expect(slopes(where(known, mul(x, x), fullLike(x, 0)), x)).toEqual([[Number.NaN, 4]]);
  const y = parameter([1, 1]);
  expect(slopes(where(known, mul(y, y), x), y)).toEqual([[0, 2]]);
});

test('an index outside gets no gradient', () => {
  const x = parameter([1, 2]);
  expect(slopes(gather(x, indices([5, -1, 0]), 0), x)).toEqual([[1, 0]]);
});

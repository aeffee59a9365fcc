/**
 * Derivatives against central differences, in float64 through the reference evaluator. Owns the comparison and its tolerances; not what is
 * compared.
 */
import { add, mul, type Node, reduce, reshape } from '@torchlet/graph';
import { expect } from 'vitest';
import { gradients } from '../src/index.js';
import { constantLeaf, dataOf, spreadNumbers, valueOf } from './leaves.js';

/** The error of a central difference is about step^2 / 6 of the third derivative, plus 1e-16 / step of rounding. */
const step = 1e-5;
const tolerance = 2e-8;

/** Compares the first derivative of `output`, then the derivative of a weighted sum of it, for every leaf. */
export function checkDerivatives(output: Node, leaves: readonly Node[]): void {
  const first = weighted(output, 1);
  const slopes = gradients(first, leaves, { createGraph: true });
  compare(first, leaves, slopes, 'first');
  const dependent = slopes.filter((slope) => slope !== null);
  if (dependent.length === 0) throw new Error('expected the output to depend on a leaf');
  const second = dependent.map((slope, i) => weighted(slope, i + 2)).reduce(add);
  compare(second, leaves, gradients(second, leaves), 'second');
}

function compare(value: Node, leaves: readonly Node[], slopes: readonly (Node | null)[], order: string): void {
  leaves.forEach((leaf, i) => {
    const slope = slopes[i] ?? null;
    const got = slope === null ? valueOf(leaf).map(() => 0) : valueOf(slope);
    const expected = numericSlopes(value, leaf);
    const scale = Math.max(1, ...expected.map(Math.abs));
    got.forEach((x, element) => {
      const difference = Math.abs(x - (expected[element] as number));
      expect(
        difference / scale,
        `${order} derivative, leaf ${i}, element ${element}: ${x}, by differences ${expected[element]}`,
      ).toBeLessThan(tolerance);
    });
    expect(slope === null ? leaf.shape : slope.shape).toEqual(leaf.shape);
  });
}

function numericSlopes(value: Node, leaf: Node): number[] {
  const data = dataOf(leaf);
  return Array.from(data, (x, element) => {
    data[element] = x + step;
    const above = valueOf(value)[0] as number;
    data[element] = x - step;
    const below = valueOf(value)[0] as number;
    data[element] = x;
    return (above - below) / (2 * step);
  });
}

/** A 0-d sum in which every element counts differently, so that no mistake cancels. */
function weighted(node: Node, seed: number): Node {
  const weights = constantLeaf(spreadNumbers(node.shape, seed), node.shape);
  const all = node.shape.map((_, axis) => axis);
  return reshape(reduce('reduceSum', mul(node, weights), all), []);
}

/** Every rewrite rule: its samples fit the pattern, and both sides are equal by the reference, to the bit unless a row says why not. */
import type { DType } from '@torchlet/device';
import * as g from '@torchlet/graph';
import { describe, expect, test } from 'vitest';
import { type RewriteRule, type RewriteRuleName, rewriteRules } from '../src/index.js';
import { Random, randomData } from './random-graph.js';

const random = new Random(11);
/** Sums in another order, or a product in place of a sum. */
const reorderedSum = 1e-12;

function leaf(shape: g.Shape, dtype: DType = 'float32'): g.Node {
  return g.leaf(g.hostSource(randomData(random, g.sizeOf(shape), dtype)), shape, dtype);
}

/** A node as a rewrite leaves it: without the shortcuts of the builders. */
function raw(op: g.Primitive, shape: g.Shape, inputs: readonly g.Node[], attrs: readonly number[] = []): g.Node {
  return new g.Node(op, (inputs[0] as g.Node).dtype, shape, inputs, attrs);
}

const special = g.leaf(
  g.hostSource(Float32Array.of(0, -0, Number.NaN, Number.POSITIVE_INFINITY, -1, 2.5)),
  [6],
  'float32',
);
const x = leaf([2, 3]);
const ints = leaf([2, 3], 'int32');
const oneHot = (index: g.Node, src: g.Node, shape: g.Shape, axis: number) =>
  g.scatterAdd(g.full(shape, 0, src.dtype), index, src, axis);

const samples: { readonly [Name in RewriteRuleName]: () => readonly g.Node[] } = {
  marker: () => [g.marker('contiguous', x), g.marker('copy', x), g.marker('detach', x), g.attach(x, [leaf([4])], null)],
  empty: () => [
    g.add(leaf([0, 3]), leaf([0, 3])),
    g.matmul(leaf([0, 2]), leaf([2, 3])),
    g.gather(leaf([4]), leaf([0], 'int32'), 0),
  ],
  fold: () => [
    g.add(g.full([2], 3, 'float64'), g.full([2], 0.1, 'float64')),
    g.lt(g.constant(1, 'int64'), g.constant(2, 'int64')),
    g.sqrt(g.constant(0.3, 'float64')),
    g.cast(g.constant(-1.5, 'float32'), 'uint8'),
    g.where(g.constant(1, 'bool'), g.constant(2, 'float16'), g.constant(0.1, 'float16')),
  ],
  'reshape of reshape': () => [g.reshape(g.reshape(x, [6]), [3, 2])],
  'reshape to the same': () => [raw('reshape', [2, 3], [x]), raw('expand', [2, 3], [x])],
  'permute of permute': () => [g.permute(g.permute(leaf([2, 3, 4]), [1, 2, 0]), [0, 2, 1])],
  'expand of expand': () => [g.expand(g.expand(leaf([1, 3, 1]), [1, 3, 4]), [2, 3, 4])],
  'movement of one number': () => [
    raw('reshape', [3], [g.full([1, 3], 2, 'float32')]),
    g.flip(g.full([3], 2, 'float32'), [0]),
    g.window(g.full([5], 2, 'float32'), 0, 2, 1, 1),
    g.expand(g.scalar(3, 'float32', [1]), [4]),
  ],
  'cast of cast': () => [
    g.cast(g.cast(special, 'float64'), 'int32'),
    g.cast(g.cast(leaf([5], 'bool'), 'float32'), 'int64'),
    g.cast(g.cast(leaf([5], 'int8'), 'int32'), 'float32'),
  ],
  'neg of neg': () => [g.neg(g.neg(special)), g.neg(g.neg(ints))],
  'times one': () => [
    g.mul(special, g.full([6], 1, 'float32')),
    g.mul(g.full([6], 1, 'float32'), special),
    g.div(special, g.full([6], 1, 'float32')),
    g.binary('pow', special, g.full([6], 1, 'float32')),
    g.binary('idiv', ints, g.full([2, 3], 1, 'int32')),
  ],
  'plus zero': () => [
    g.add(special, g.full([6], -0, 'float32')),
    g.add(g.full([2, 3], 0, 'int32'), ints),
    g.add(leaf([4], 'bool'), g.full([4], 0, 'bool')),
  ],
  'times zero': () => [g.mul(ints, g.full([2, 3], 0, 'int32'))],
  square: () => [g.binary('pow', special, g.full([6], 2, 'float32'))],
  reciprocal: () => [g.binary('pow', special, g.full([6], -1, 'float32'))],
  'same alternatives': () => [g.where(leaf([6], 'bool'), special, special), g.binary('max', special, special)],
  'known condition': () => [
    g.where(g.full([6], 1, 'bool'), special, leaf([6])),
    g.where(g.full([6], 0, 'bool'), leaf([6]), special),
  ],
  'reduce of nothing': () => [
    g.reduce('reduceSum', leaf([2, 0]), [1]),
    g.reduce('reduceMax', leaf([2, 0]), [1]),
    g.reduce('reduceProd', leaf([2, 0], 'int64'), [1]),
    g.reduce('reduceMax', leaf([0], 'uint8'), [0]),
  ],
  'reduce over length one': () => [
    g.reduce('reduceSum', leaf([2, 1, 3]), [1, 2]),
    g.reduce('reduceMax', leaf([2, 1]), [1]),
    g.reduce('reduceProd', leaf([1]), [0]),
  ],
  'reduce of expand': () => [
    g.reduce('reduceSum', g.expand(leaf([2, 1, 3]), [2, 5, 3]), [1, 2]),
    g.reduce('reduceMax', g.expand(leaf([2, 1]), [2, 5]), [1]),
    g.reduce('reduceSum', g.full([2, 3], 0.5, 'float32'), [0]),
    g.reduce('reduceSum', g.scalar(3, 'int32', [4]), [0]),
    g.reduce('reduceSum', g.expand(leaf([1], 'bool'), [5]), [0]),
  ],
  'product over nothing': () => [g.matmul(leaf([2, 0]), leaf([0, 3]))],
  'gather of one number': () => [g.gather(g.full([3], 2, 'float32'), leaf([5], 'int32'), 0)],
  'scatter of nothing': () => [g.scatterAdd(x, leaf([2, 0], 'int32'), leaf([2, 0]), 1)],
  'one hot': () => [
    oneHot(leaf([2, 1], 'int64'), leaf([2, 1]), [2, 4], 1),
    oneHot(leaf([1, 3], 'int32'), leaf([1, 3], 'float64'), [5, 3], 0),
    oneHot(leaf([1], 'int8'), leaf([1]), [3], 0),
  ],
  'sum of one hot': () => [
    g.reduce('reduceSum', hotRows(leaf([3, 1], 'int64'), g.expand(leaf([3, 1]), [3, 4])), [1]),
    g.reduce('reduceSum', hotRows(leaf([3, 1], 'int64'), g.full([3, 4], -0.25, 'float32')), [1]),
  ],
  'cat with empty parts': () => [g.cat([leaf([2, 0]), x, leaf([2, 0]), x], 1)],
  'assign all': () => [g.assign(x, leaf([2, 3]))],
  'assign nothing': () => [g.assignSlice(x, leaf([2, 0]), [0, 0], [1, 1])],
};

function hotRows(index: g.Node, value: g.Node): g.Node {
  const numbers = g.expand(g.reshape(g.iota(4, 'int64'), [1, 4]), [3, 4]);
  return g.where(g.eq(numbers, g.expand(index, [3, 4])), value, g.full([3, 4], 0, 'float32'));
}

describe.each(Object.entries<RewriteRule>(rewriteRules).map(([name, rule]) => ({ name, rule })))(
  '$name',
  ({ name, rule }) => {
    test.each(samples[name as RewriteRuleName]().map((node, i) => ({ i, node })))('sample $i', ({ node }) => {
      expect(rule.ops === null || rule.ops.includes(node.op)).toBe(true);
      const replaced = rule.replacement(node);
      if (replaced === null) throw new Error('the pattern does not fit its sample');
      expect(replaced.shape).toEqual(node.shape);
      expect(replaced.dtype).toBe(node.dtype);
      const [before, after] = g.evaluateReference([node, replaced]) as [g.ReferenceValue, g.ReferenceValue];
      expect(after.bigints).toEqual(before.bigints);
      after.data.forEach((value, i) => {
        const expected = before.data[i] as number;
        if (Object.is(value, expected)) return;
        expect(Math.abs(value - expected)).toBeLessThanOrEqual(reorderedSum * Math.abs(expected));
      });
    });
  },
);

describe('what must not be rewritten', () => {
  const rule = (name: RewriteRuleName) => rewriteRules[name] as RewriteRule;

  test('a float plus 0 turns -0 to 0', () => {
    expect(rule('plus zero').replacement(g.add(special, g.full([6], 0, 'float32')))).toBeNull();
  });
  test('a float times 0 keeps NaN', () => {
    expect(rule('times zero').replacement(g.mul(special, g.full([6], 0, 'float32')))).toBeNull();
  });
  test('a detour through a narrower dtype rounds', () => {
    expect(rule('cast of cast').replacement(g.cast(g.cast(special, 'float16'), 'float32'))).toBeNull();
    expect(rule('cast of cast').replacement(g.cast(g.cast(leaf([4], 'int64'), 'int32'), 'int64'))).toBeNull();
    expect(rule('cast of cast').replacement(g.cast(g.cast(leaf([4], 'int8'), 'uint8'), 'int32'))).toBeNull();
  });
  test('a scatter with several elements a row adds them', () => {
    expect(rule('one hot').replacement(oneHot(leaf([2, 2], 'int32'), leaf([2, 2]), [2, 4], 1))).toBeNull();
  });
});

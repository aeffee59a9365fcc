/** Rewriting expressions: operands first, what is shared stays shared, what nothing changes stays the same object. */
import { expect, test } from 'vitest';
import { type Apply, type AxisIndex, type Expression, type Load, loadsIn, rewriter } from '../src/index.js';

const axis: AxisIndex = { kind: 'axis', dtype: 'int32', axis: 0 };
const other: AxisIndex = { kind: 'axis', dtype: 'int32', axis: 1 };
const load = (slot: number, index: Expression): Load => ({
  kind: 'load',
  dtype: 'float32',
  slot,
  index,
  mask: null,
  otherwise: 0,
});
const add = (...args: Expression[]): Apply => ({ kind: 'apply', dtype: 'float32', fn: 'add', args });

test('operands change first, and shared ones once', () => {
  const shared = load(3, axis);
  const seen: Expression[] = [];
  const rewrite = rewriter((expression) => {
    seen.push(expression);
    return expression.kind === 'load' ? { ...expression, slot: expression.slot + 1 } : expression;
  });
  const first = rewrite(add(shared, shared)) as Apply;
  expect(first.args[0]).toBe(first.args[1]);
  expect(first.args[0]).toEqual({ ...shared, slot: 4 });
  expect(seen.map(({ kind }) => kind)).toEqual(['axis', 'load', 'apply']);
  const second = rewrite(add(shared, load(0, other))) as Apply;
  expect(second.args[0]).toBe(first.args[0]);
});

test('what nothing changes is the same object; masks and indices are operands', () => {
  const kept = add(load(0, axis), load(1, axis));
  const masked: Load = { ...load(2, axis), mask: other };
  const rewrite = rewriter((expression) => (expression === other ? axis : expression));
  expect(rewrite(kept)).toBe(kept);
  expect(rewrite(masked)).toEqual({ ...masked, mask: axis });
});

test('loads are found once, also behind an index', () => {
  const inner = load(0, axis);
  const outer = load(1, inner);
  expect(loadsIn([add(outer, inner), outer]).map(({ slot }) => slot)).toEqual([0, 1]);
});

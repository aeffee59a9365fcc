/** The structural key: what makes two graphs one plan, and what must not. */
import * as g from '@torchlet/graph';
import { beforeEach, describe, expect, test } from 'vitest';
import { Planner } from '../src/index.js';
import { evaluate, stored } from './evaluate.js';
import { Interpreter } from './interpret.js';

let device: Interpreter;
let planner: Planner;

beforeEach(() => {
  device = new Interpreter();
  planner = new Planner(device);
});

const leaf = (...values: number[]) => stored(device, Float32Array.from(values), [values.length], 'float32');

/** Plans compiled for these graphs, one after the other. */
function compiled(...graphs: readonly (readonly g.Node[])[]): number {
  for (const outputs of graphs) planner.plan(outputs);
  return planner.stats.misses;
}

describe('one plan', () => {
  test('for the same structure, whatever the leaves', () => {
    const make = () => [g.add(leaf(1, 2), leaf(3, 4))];
    expect(compiled(make(), make(), make())).toBe(1);
    expect(planner.stats).toEqual({ plans: 1, hits: 2, misses: 1 });
  });

  test('for other values of runtime scalars', () => {
    const make = (value: number) => [g.mul(leaf(1, 2), g.scalar(value, 'float32', [2]))];
    expect(compiled(make(1), make(2))).toBe(1);
    expect(evaluate(device, planner, make(3))).toEqual([Float32Array.of(3, 6)]);
  });

  test('for another start of a slice', () => {
    const x = leaf(1, 2, 3, 4, 5);
    const make = (start: number) => [
      g.add(g.shrink(x, [0], [2], { axis: 0, start: g.scalar(start, 'int32') }), leaf(0, 0)),
    ];
    expect(compiled(make(0), make(3))).toBe(1);
    expect(evaluate(device, planner, make(2))).toEqual([Float32Array.of(3, 4)]);
  });

  test('whatever the inputs that an attach has for its gradient', () => {
    const make = (others: readonly g.Node[]) => [g.exp(g.attach(leaf(1, 2), others, null))];
    expect(compiled(make([leaf(1)]), make([leaf(1, 2), g.neg(leaf(1))]))).toBe(1);
  });

  test('equal scalars stay two slots', () => {
    const make = (a: number, b: number) => [
      g.add(g.scalar(a, 'float32', [1]), g.mul(leaf(1), g.scalar(b, 'float32', [1]))),
    ];
    expect(compiled(make(2, 2))).toBe(1);
    expect(evaluate(device, planner, make(10, 3))).toEqual([Float32Array.of(13)]);
    expect(planner.stats.misses).toBe(1);
  });
});

describe('plans of their own', () => {
  test('(n1 * n2) + n1 and (n1 * n2) + n2, where n1 = x - y and n2 = y - x', () => {
    const [x, y] = [leaf(1, 2), leaf(5, 9)];
    const make = (second: boolean) => {
      const [n1, n2] = [g.sub(x, y), g.sub(y, x)];
      return [g.add(g.mul(n1, n2), second ? n2 : n1)];
    };
    expect(compiled(make(false), make(true))).toBe(2);
    expect(evaluate(device, planner, make(false))).toEqual([Float32Array.of(-20, -56)]);
    expect(evaluate(device, planner, make(true))).toEqual([Float32Array.of(-12, -42)]);
  });

  test('x + x and x + y', () => {
    const [x, y] = [leaf(1), leaf(2)];
    expect(compiled([g.add(x, x)], [g.add(x, y)])).toBe(2);
  });

  test('two leaf nodes of one source, and of two', () => {
    const x = leaf(1, 2);
    const again = g.leaf(x.source as g.Source, [2], 'float32');
    expect(compiled([g.add(x, again)], [g.add(x, leaf(1, 2))])).toBe(2);
    const { plan, leaves } = planner.plan([g.add(x, again)]);
    expect(leaves).toHaveLength(1);
    expect(plan.buffers).toEqual([{ leaf: 0 }, { output: 0 }]);
  });

  test('other constants, -0 and 0 among them', () => {
    const make = (value: number) => [g.add(leaf(1), g.full([1], value, 'float32'))];
    expect(compiled(make(0), make(-0), make(1), make(Number.NaN), make(Number.NaN))).toBe(4);
  });

  test('wide integers', () => {
    const make = (value: bigint) => [g.add(g.iota(2, 'int64'), g.full([2], value, 'int64'))];
    expect(compiled(make(2n ** 40n), make(2n ** 41n))).toBe(2);
    expect(evaluate(device, planner, make(2n ** 60n + 1n))).toEqual([BigInt64Array.of(2n ** 60n + 1n, 2n ** 60n + 2n)]);
  });

  test('other shapes, dtypes, attributes, fills', () => {
    const x = leaf(1, 2, 3, 4);
    const ints = stored(device, Int32Array.of(1, 2, 3, 4), [4], 'int32');
    const graphs = [
      [g.neg(x)],
      [g.neg(leaf(1, 2))],
      [g.neg(ints)],
      [g.reshape(x, [2, 2])],
      [g.reshape(x, [4, 1])],
      [g.pad(x, [0, 1])],
      [g.pad(x, [1, 0])],
      [g.pad(x, [1, 0], 2)],
    ];
    expect(compiled(...graphs)).toBe(graphs.length);
  });

  test('host data and stored data', () => {
    const host = g.leaf(g.hostSource(Float32Array.of(1, 2)), [2], 'float32');
    expect(compiled([g.neg(host)], [g.neg(leaf(1, 2))])).toBe(2);
  });

  test('other outputs of one graph, and their order', () => {
    const make = () => {
      const a = g.exp(leaf(1));
      return [a, g.neg(a)] as [g.Node, g.Node];
    };
    const [a, b] = make();
    expect(compiled([b], [a, b], [b, a])).toBe(3);
  });

  test('what is written in place', () => {
    const x = leaf(1, 2);
    const value = () => g.neg(x);
    expect(compiled([value()], [g.assign(x, value())], [g.assign(leaf(0, 0), value())])).toBe(3);
  });

  test('a node whose value exists is a leaf', () => {
    const inner = g.exp(leaf(1));
    const outer = g.neg(inner);
    planner.plan([outer]);
    inner.source = leaf(7).source;
    expect(compiled([outer])).toBe(2);
    expect(evaluate(device, planner, [outer])).toEqual([Float32Array.of(-7)]);
  });

  test('custom kernels of other names', () => {
    const make = (name: string) => [
      g.custom({ name, sources: { wasm: 'x' }, meaning: () => [0] }, [leaf(1)], [1], 'float32'),
    ];
    expect(compiled(make('a'), make('b'), make('a'))).toBe(2);
  });
});

describe('plans kept', () => {
  const make = (size: number) => [g.neg(stored(device, new Float32Array(size), [size], 'float32'))];

  test('by recency, the oldest disposed', () => {
    planner = new Planner(device, { capacity: 2 });
    planner.plan(make(1));
    planner.plan(make(2));
    planner.plan(make(1));
    planner.plan(make(3));
    expect(device.disposed).toBe(1);
    planner.plan(make(1));
    expect(planner.stats).toEqual({ plans: 2, hits: 2, misses: 3 });
    planner.plan(make(2));
    expect(planner.stats.misses).toBe(4);
  });

  test('the one that was found last too', () => {
    planner = new Planner(device, { capacity: 1 });
    planner.plan(make(1));
    planner.plan(make(1));
    planner.plan(make(2));
    planner.plan(make(1));
    expect(planner.stats).toEqual({ plans: 1, hits: 1, misses: 3 });
    planner.plan(make(1));
    planner.dispose();
    planner.plan(make(1));
    expect(planner.stats.misses).toBe(4);
  });

  test('until the planner is disposed', () => {
    planner.plan(make(1));
    planner.plan(make(2));
    planner.dispose();
    planner.dispose();
    expect(device.disposed).toBe(2);
    expect(planner.stats.plans).toBe(0);
  });

  test('a capacity below 1 is refused', () => {
    expect(() => new Planner(device, { capacity: 0 })).toThrow('expected a capacity of at least 1, got 0');
  });
});

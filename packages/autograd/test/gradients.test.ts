import {
  add,
  attach,
  binary,
  cast,
  expand,
  full,
  fullLike,
  lt,
  marker,
  matmul,
  mul,
  type Node,
  neg,
  permute,
  printGraph,
  reachable,
  reduce,
  reshape,
  unary,
  where,
  window,
  withGradMode,
} from '@torchlet/graph';
import { describe, expect, test } from 'vitest';
import { differentiate, type GradientFunction, gradients, leavesOf, tapeOf, walk } from '../src/index.js';
import { constantLeaf, parameter, valueOf } from './leaves.js';

describe('gradients', () => {
  test('starts from ones, or from the seed', () => {
    const x = parameter([2, 3]);
    const y = mul(x, x);
    expect(gradients(y, [x]).map(valueOf)).toEqual([[4, 6]]);
    expect(gradients(y, [x], { seed: constantLeaf([10, 100]) }).map(valueOf)).toEqual([[40, 600]]);
  });

  test('refuses a seed that does not fit', () => {
    const x = parameter([2, 3]);
    expect(() => gradients(mul(x, x), [x], { seed: constantLeaf([1]) })).toThrow(
      'expected a seed of float64 [2], got float64 [1]',
    );
    const narrow = full([2], 1, 'float32');
    expect(() => gradients(mul(x, x), [x], { seed: narrow })).toThrow('got float32 [2]');
  });

  test('is null for what the root does not depend on, or not through gradients', () => {
    const [x, y, z] = [parameter([1]), parameter([1]), parameter([1])];
    const root = add(mul(x, marker('detach', y)), cast(cast(z, 'int32'), 'float64'));
    expect(gradients(root, [x, y, z]).map((grad) => grad === null)).toEqual([false, true, true]);
    expect(gradients(constantLeaf([1]), [x])).toEqual([null]);
  });

  test('of the root itself is the seed', () => {
    const x = parameter([1]);
    const y = neg(x);
    const seed = constantLeaf([5]);
    expect(gradients(y, [y], { seed })).toEqual([seed]);
    expect(gradients(x, [x], { seed })).toEqual([seed]);
  });

  test('adds what comes by several ways', () => {
    const x = parameter([3]);
    const y = mul(x, x);
    expect(gradients(add(mul(y, x), add(y, x)), [x]).map(valueOf)).toEqual([[27 + 6 + 1]]);
  });

  test('gives those of nodes within the graph and of leaves below them', () => {
    const x = parameter([3]);
    const y = mul(x, x);
    const z = mul(y, y);
    expect(gradients(z, [y, x]).map(valueOf)).toEqual([[18], [108]]);
  });

  test('walks nodes whose value exists, as long as they have their inputs', () => {
    const x = parameter([3]);
    const y = mul(x, x);
    y.source = constantLeaf([9]).source;
    const z = mul(y, y);
    expect(gradients(z, [x]).map(valueOf)).toEqual([[108]]);
    y.walked = 'freed';
    expect(() => gradients(z, [x])).toThrow('let go by an earlier backward()');
    y.walked = 'no';
    y.cut();
    expect(gradients(z, [x, y]).map((grad) => grad === null)).toEqual([true, false]);
    y.walked = 'freed';
    expect(gradients(z, [y]).map(valueOf)).toEqual([[18]]);
    expect(() => gradients(z, [x])).toThrow('let go by an earlier backward()');
  });

  test('are differentiable only with createGraph', () => {
    const x = parameter([3]);
    const y = mul(mul(x, x), x);
    expect(gradients(y, [x])[0]?.requiresGrad).toBe(false);
    const orders: number[] = [];
    let value: Node = y;
    for (let order = 1; order <= 4; order++) {
      const [slope] = gradients(value, [x], { createGraph: true });
      if (slope === null || slope === undefined) break;
      orders.push(valueOf(slope)[0] as number);
      value = slope;
    }
    expect(orders.slice(0, 3)).toEqual([27, 18, 6]);
    expect(orders.slice(3).every((slope) => slope === 0)).toBe(true);
  });

  test('can be asked for under withGradMode(false)', () => {
    const x = parameter([3]);
    const y = mul(x, x);
    const [slope] = withGradMode(false, () => gradients(y, [x], { createGraph: true }));
    expect(slope?.requiresGrad).toBe(true);
  });

  test('goes through 12,000 nodes in a chain', () => {
    const x = parameter([1]);
    let sum: Node = x;
    for (let i = 1; i < 12_000; i++) sum = add(sum, x);
    expect(gradients(sum, [x]).map(valueOf)).toEqual([[12_000]]);
  });

  test('are the same graph each time', () => {
    const text = () => {
      const x = parameter([1, 2]);
      const y = add(mul(x, x), unary('tanh', x));
      return printGraph([gradients(mul(y, x), [x])[0] as Node]);
    };
    expect(text()).toBe(text());
  });
});

describe('differentiate', () => {
  test('tells what it walked, and only towards the leaves asked for', () => {
    const [x, y] = [parameter([1]), parameter([2])];
    const [a, b] = [neg(x), neg(y)];
    const sum = add(a, b);
    expect(differentiate(sum, [x, y]).walked).toEqual([sum, b, a]);
    expect(differentiate(sum, [x]).walked).toEqual([sum, a]);
    expect(differentiate(sum, [a]).walked).toEqual([sum]);
  });
});

describe('leavesOf', () => {
  test('finds the buffers that require a gradient, in order of recording', () => {
    const [x, y, z] = [parameter([1]), parameter([2]), parameter([3])];
    expect(leavesOf(add(mul(y, x), marker('detach', z)))).toEqual([x, y]);
    expect(leavesOf(constantLeaf([1]))).toEqual([]);
  });

  test('includes nodes that a tensor owns, and goes on through them', () => {
    const x = parameter([3]);
    const y = mul(x, x);
    y.owner = {};
    const z = mul(y, y);
    expect(leavesOf(z)).toEqual([x, y]);
    expect(walk(tapeOf(z)).gradients.map(valueOf)).toEqual([[108], [18]]);
  });
});

describe('custom gradients', () => {
  const x = parameter([1, 2]);
  const value = () => marker('detach', x);

  test('give the gradients of the inputs, not of the value', () => {
    const tripled: GradientFunction = (grad) => [mul(grad, fullLike(grad, 3))];
    expect(gradients(attach(mul(x, x), [x], tripled), [x]).map(valueOf)).toEqual([[3, 3]]);
  });

  test('may walk graphs themselves', () => {
    const recompute: GradientFunction = (grad, [input]) => {
      const inner = withGradMode(true, () => unary('sin', input as Node));
      return gradients(inner, [input as Node], { seed: grad });
    };
    const y = mul(attach(value(), [x], recompute), x);
    const [slope] = gradients(y, [x]).map(valueOf);
    expect(slope?.[0]).toBeCloseTo(1 + Math.cos(1), 12);
    expect(slope?.[1]).toBeCloseTo(2 + 2 * Math.cos(2), 12);
  });

  test('are checked', () => {
    const none: GradientFunction = () => [];
    expect(() => gradients(attach(value(), [x], none), [x])).toThrow('one gradient for each of 1 inputs, got 0');
    const wrong: GradientFunction = () => [full([3], 1, 'float64')];
    expect(() => gradients(attach(value(), [x], wrong), [x])).toThrow(
      'expected float64 [2] for input 0, got float64 [3]',
    );
  });
});

describe('the graph of gradients is lean', () => {
  test('a linear layer with relu', () => {
    const x = constantLeaf([1, 2, 3, 4, 5, 6], [2, 3]);
    const weight = parameter([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12], [4, 3]);
    const bias = parameter([1, 2, 3, 4]);
    const linear = add(matmul(x, permute(weight, [1, 0])), expand(reshape(bias, [1, 4]), [2, 4]));
    const zero = fullLike(linear, 0);
    const loss = reshape(reduce('reduceSum', where(lt(zero, linear), linear, zero), [0, 1]), []);
    const outputs = gradients(loss, [weight, bias]).map((grad) => grad as Node);
    const ops = reachable(outputs).map((node) => node.op);
    const count = (op: string) => ops.filter((name) => name === op).length;
    expect({ matmul: count('matmul'), reduce: count('reduceSum'), add: count('add'), mul: count('mul') }).toEqual({
      matmul: 2,
      reduce: 1,
      add: 1,
      mul: 0,
    });
  });

  test('windows come back by one sum and no scatter', () => {
    const image = parameter(new Array(36).fill(1), [6, 6]);
    const patches = window(window(image, 0, 3, 1, 1), 1, 3, 2, 1);
    const ops = reachable([gradients(binary('mul', patches, patches), [image])[0] as Node]).map((node) => node.op);
    expect(ops.filter((op) => op === 'reduceSum').length).toBe(2);
    expect(ops).not.toContain('scatterAdd');
    const apart = window(image, 0, 2, 2, 1);
    const copies = reachable([gradients(apart, [image])[0] as Node]).map((node) => node.op);
    expect(copies).not.toContain('reduceSum');
  });
});

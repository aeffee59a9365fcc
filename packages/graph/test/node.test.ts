import { describe, expect, test } from 'vitest';
import { add, cast, constant, isGradEnabled, marker, type Node, reachable, withGradMode } from '../src/index.js';
import { counting } from './samples.js';

function parameter(): Node {
  const node = counting([2]);
  node.requiresGrad = true;
  return node;
}

describe('requiresGrad', () => {
  test('spreads through differentiable primitives of floats only', () => {
    const x = parameter();
    expect(add(x, counting([2])).requiresGrad).toBe(true);
    expect(marker('detach', x).requiresGrad).toBe(false);
    expect(cast(x, 'int32').requiresGrad).toBe(false);
    expect(cast(x, 'float32').requiresGrad).toBe(true);
    expect(add(counting([2]), counting([2])).requiresGrad).toBe(false);
  });

  test('is not recorded under withGradMode(false), which restores the mode after an error', () => {
    const x = parameter();
    expect(withGradMode(false, () => add(x, x)).requiresGrad).toBe(false);
    expect(() =>
      withGradMode(false, () => {
        throw new Error('inside');
      }),
    ).toThrow('inside');
    expect(isGradEnabled()).toBe(true);
  });
});

describe('reachable', () => {
  test('lists each node once, inputs before users', () => {
    const x = counting([2]);
    const y = add(x, x);
    const z = add(y, x);
    expect(reachable([z, y])).toEqual([x, y, z]);
  });

  test('stops at values that exist, unless it goes through', () => {
    const x = counting([2]);
    const y = add(x, x);
    const z = add(y, y);
    y.source = x.source;
    expect(reachable([z])).toEqual([y, z]);
    expect(reachable([z], true)).toEqual([x, y, z]);
    y.cut();
    expect(reachable([z], true)).toEqual([y, z]);
  });

  test('of a source alone is the source', () => {
    const one = constant(1, 'float32');
    expect(reachable([one])).toEqual([one]);
  });
});

import { describe, expect, test } from 'vitest';
import {
  add,
  binary,
  cast,
  constant,
  evaluateReference,
  full,
  hostSource,
  leaf,
  mul,
  type Node,
  pad,
  printGraph,
  type Source,
} from '../src/index.js';
import { counting, host, valueOf } from './samples.js';

const stored: Source = { kind: 'stored', data: null, mark: 0, number: 0 };

describe('evaluateReference', () => {
  test('gives shape, dtype and row-major data of several outputs', () => {
    const x = counting([2, 2]);
    const [sum, less] = evaluateReference([add(x, x), binary('lt', x, full([2, 2], 2, 'float64'))]);
    expect(sum).toEqual({ shape: [2, 2], dtype: 'float64', data: [0, 2, 4, 6], bigints: null });
    expect(less).toEqual({ shape: [2, 2], dtype: 'bool', data: [1, 1, 0, 0], bigints: null });
  });

  test('is exact for int64', () => {
    const big = leaf(hostSource(BigInt64Array.of(2n ** 60n + 1n)), [1], 'int64');
    const [value] = evaluateReference([add(big, big)]);
    expect(value?.bigints).toEqual([2n ** 61n + 2n]);
  });

  test('keeps float64 unless asked to round', () => {
    const tenth = constant(0.1, 'float32');
    const product = mul(tenth, tenth);
    expect(evaluateReference([product])[0]?.data).toEqual([0.1 * 0.1]);
    const rounded = Math.fround(0.1);
    expect(evaluateReference([product], { round: true })[0]?.data).toEqual([Math.fround(rounded * rounded)]);
  });

  test('reads and rounds the half precision floats', () => {
    const half = leaf(hostSource(Uint16Array.of(0x3c00, 0xc000)), [2], 'float16');
    expect(valueOf(half)).toEqual([1, -2]);
    const brain = leaf(hostSource(Uint16Array.of(0x3f80)), [1], 'bfloat16');
    expect(valueOf(brain)).toEqual([1]);
    const [value] = evaluateReference([cast(constant(1.001, 'float32'), 'bfloat16')], { round: true });
    expect(value?.data).toEqual([1]);
    const [narrow] = evaluateReference([cast(constant(1.0011, 'float32'), 'float16')], { round: true });
    expect(narrow?.data).toEqual([1 + 1 / 1024]);
  });

  test('stops at a value that exists and reads it', () => {
    const sum = add(counting([2]), counting([2]));
    sum.source = hostSource(Float64Array.of(40, 50));
    expect(valueOf(mul(sum, sum))).toEqual([1600, 2500]);
    sum.source = stored;
    expect(evaluateReference([sum], { read: () => Float64Array.of(1, 2) })[0]?.data).toEqual([1, 2]);
  });

  test('says what it cannot read', () => {
    const onDevice = leaf(stored, [2], 'float32');
    expect(() => evaluateReference([onDevice])).toThrow('stored on a device');
    const short = leaf(hostSource(new Float32Array(1)), [2], 'float32');
    expect(() => evaluateReference([short])).toThrow('expected 2 elements for [2], got 1');
  });

  test('walks 12,000 nodes in a chain without recursion', () => {
    const one = constant(1, 'int32');
    let sum: Node = constant(0, 'int32');
    for (let i = 0; i < 12_000; i++) sum = add(sum, one);
    expect(valueOf(sum)).toEqual([12_000]);
  });
});

describe('printGraph', () => {
  test('is one line a node, numbered from the graph alone', () => {
    const text = () => {
      const x = host([1, 2], [2, 1], 'float32');
      x.requiresGrad = true;
      const y = pad(x, [0, 0, 1, 0], 3);
      return printGraph([mul(y, y), x]);
    };
    expect(text()).toBe(
      [
        '%0 = buffer f32[2, 1] host grad',
        '%1 = pad f32[2, 2] %0 {0, 0, 1, 0} fill 3 grad',
        '%2 = mul f32[2, 2] %1 %1 grad',
        'return %2, %0',
      ].join('\n'),
    );
    expect(text()).toBe(text());
  });

  test('shows numbers, and values that exist as leaves', () => {
    const sum = add(constant(2, 'int64'), constant(3, 'int64'));
    expect(printGraph([sum])).toBe('%0 = constant i64[] 2\n%1 = constant i64[] 3\n%2 = add i64[] %0 %1\nreturn %2');
    sum.source = stored;
    sum.version = 4;
    expect(printGraph([sum])).toBe('%0 = add i64[] stored v4\nreturn %0');
  });
});

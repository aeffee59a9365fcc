import type { HostTensor } from '@torchlet/data';
import { describe, expect, it } from 'vitest';
import { type Check, judge, type Observation } from '../src/golden/checks.js';
import { compareTensors } from '../src/golden/compare.js';
import { mutations } from '../src/golden/mutate.js';

const tolerance = { rtol: 1e-5, atol: 1e-6 };

function float(shape: readonly number[], values: readonly number[]): HostTensor {
  return { dtype: 'float32', shape, data: Float32Array.from(values) };
}

function observation(tensors: Record<string, HostTensor | null>, thrown: unknown = null): Observation {
  return { tensors: new Map(Object.entries(tensors)), values: new Map<string, unknown>([['flag', true]]), thrown };
}

describe('comparing', () => {
  it('takes equal NaN and infinities for equal, and nothing else for them', () => {
    const special = float([3], [NaN, Infinity, -Infinity]);
    expect(compareTensors(special, special, tolerance).reason).toBeNull();
    expect(compareTensors(special, float([3], [0, Infinity, -Infinity]), tolerance).reason).toMatch(/at \[0\]/);
    expect(compareTensors(special, float([3], [NaN, -Infinity, -Infinity]), tolerance).reason).toMatch(/at \[1\]/);
    expect(compareTensors(special, float([3], [NaN, Infinity, NaN]), tolerance).reason).toMatch(/at \[2\]/);
  });

  it('widens by atol and by rtol times the expected value, and reports the largest error', () => {
    const { reason, maxError } = compareTensors(float([2], [1000, 0]), float([2], [1000.005, 9e-7]), tolerance);
    expect(reason).toBeNull();
    expect(maxError).toBeCloseTo(0.005, 3);
    expect(compareTensors(float([1], [0]), float([1], [2e-6]), tolerance).reason).not.toBeNull();
  });

  it('names the worst element by its position', () => {
    const reason = compareTensors(float([2, 2], [1, 2, 3, 4]), float([2, 2], [1, 2.1, 3, 5]), tolerance).reason;
    expect(reason).toBe('at [1, 1] expected 4, got 5');
  });

  it('wants integers and booleans equal, whatever the tolerance', () => {
    const seven: HostTensor = { dtype: 'int64', shape: [], data: BigInt64Array.of(7n) };
    const eight: HostTensor = { dtype: 'int64', shape: [], data: BigInt64Array.of(8n) };
    expect(compareTensors(seven, eight, { rtol: 1, atol: 10 }).reason).toMatch(/expected 7, got 8/);
  });

  it('wants dtype and shape the same', () => {
    const doubles: HostTensor = { dtype: 'float64', shape: [1], data: Float64Array.of(1) };
    expect(compareTensors(doubles, float([1], [1]), tolerance).reason).toMatch(/dtype float64, got float32/);
    expect(compareTensors(float([1, 1], [1]), float([1], [1]), tolerance).reason).toMatch(/shape \[1, 1\], got \[1\]/);
  });

  it('reads the bits of halves in files, and their numbers from tensors', () => {
    const bits: HostTensor = { dtype: 'float16', shape: [1], data: Uint16Array.of(0x3c00) };
    const numbers: HostTensor = { dtype: 'float16', shape: [1], data: Float32Array.of(1) };
    expect(compareTensors(bits, numbers, tolerance).reason).toBeNull();
  });
});

describe('judging', () => {
  const checks: Check[] = [
    { kind: 'tensor', what: 'output 0', value: float([2], [1, 2]), tolerance },
    { kind: 'absent', what: 'gradient of 0' },
    { kind: 'value', what: 'flag', value: true },
  ];
  const good = observation({ 'output 0': float([2], [1, 2]), 'gradient of 0': null });

  it('passes where every check holds', () => {
    expect(judge(checks, good)).toEqual({ reason: null, maxError: 0 });
  });

  it('fails on an error, a missing tensor and an unexpected one', () => {
    expect(judge(checks, observation({}, new Error('sum: no'))).reason).toBe('Error: sum: no');
    expect(judge(checks, observation({})).reason).toMatch(/output 0: expected a tensor/);
    const surplus = observation({ 'output 0': float([2], [1, 2]), 'gradient of 0': float([], [1]) });
    expect(judge(checks, surplus).reason).toMatch(/gradient of 0: expected none/);
  });

  it('takes an error of the library where one must be thrown, and no crash of the engine', () => {
    const throws: Check[] = [{ kind: 'throws' }];
    expect(judge(throws, observation({}, new RangeError('sum: expected a dim in [-2, 1], got 2'))).reason).toBeNull();
    expect(judge(throws, observation({}, new TypeError('x.foo is not a function'))).reason).toMatch(/not a function/);
    expect(judge(throws, observation({})).reason).toBe('expected an error, got none');
  });

  it('fails under every alteration of what is expected', () => {
    const altered = mutations(checks);
    expect(altered.map(({ name }) => name)).toEqual([
      'output 0: other dtype',
      'output 0: other shape',
      'output 0: other value at 0',
      'output 0: other value at 1',
      'gradient of 0: present',
      'flag: other value',
    ]);
    for (const { name, checks: other } of altered) expect(judge(other, good).reason, name).not.toBeNull();
    const [success] = mutations([{ kind: 'throws' }]);
    expect(judge(success?.checks ?? [], observation({}, new Error('sum: no'))).reason).not.toBeNull();
  });

  it.each<HostTensor>([
    float([4], [NaN, Infinity, 0.25, -3]),
    { dtype: 'int64', shape: [2], data: BigInt64Array.of(0n, -5n) },
    { dtype: 'uint8', shape: [2], data: Uint8Array.of(0, 255) },
    { dtype: 'bool', shape: [2], data: Uint8Array.of(0, 1) },
    { dtype: 'float16', shape: [2], data: Uint16Array.of(0x3c00, 0x7c00) },
    { dtype: 'bfloat16', shape: [1], data: Uint16Array.of(0x3f80) },
    { dtype: 'float64', shape: [0], data: new Float64Array(0) },
  ])('notices every alteration of %o', (value) => {
    const only: Check[] = [{ kind: 'tensor', what: 'x', value, tolerance: { rtol: 1e-2, atol: 0.5 } }];
    const observed = observation({ x: value });
    expect(judge(only, observed).reason).toBeNull();
    for (const { name, checks: other } of mutations(only)) expect(judge(other, observed).reason, name).not.toBeNull();
  });
});

import { describe, expect, it } from 'vitest';
import { argumentList, camelCase, forwardSignature, functionSignature } from '../src/golden/signatures.js';

const call = (op: string, args: readonly unknown[], kwargs: Record<string, unknown> = {}): unknown[] =>
  argumentList(functionSignature(op), args, new Map(Object.entries(kwargs)));

describe('PyTorch calls in Torchlet form', () => {
  it('writes names in camelCase', () => {
    expect(camelCase('label_smoothing')).toBe('labelSmoothing');
    expect(camelCase('add_')).toBe('add_');
    expect(camelCase('T_max')).toBe('tMax');
    expect(camelCase('log1p')).toBe('log1p');
  });

  it('puts keyword arguments before the bar in their places, and those after it into options', () => {
    expect(call('torch.sum', ['x'], { dim: 1, keepdim: true })).toEqual(['x', 1, { keepdim: true }]);
    expect(call('torch.sum', ['x'], { dtype: 'int32' })).toEqual(['x', undefined, { dtype: 'int32' }]);
    expect(call('torch.clamp', ['x'], { max: 2 })).toEqual(['x', undefined, 2]);
    expect(call('torch.cat', [['a', 'b']], { dim: -1 })).toEqual([['a', 'b'], -1]);
  });

  it('names positional arguments after the bar', () => {
    expect(call('nn.functional.max_pool1d', ['x', 3, 1, 1], { ceil_mode: true })).toEqual([
      'x',
      3,
      { stride: 1, padding: 1, ceilMode: true },
    ]);
    expect(call('torch.topk', ['x', 2, 1, false])).toEqual(['x', 2, 1, { largest: false }]);
  });

  it('passes on what it has no line for', () => {
    expect(call('torch.exp', ['x'])).toEqual(['x']);
    expect(call('torch.meshgrid', ['a', 'b'], { indexing: 'xy' })).toEqual(['a', 'b', { indexing: 'xy' }]);
  });

  it('keeps a method and a function of one name apart', () => {
    expect(call('Tensor.unfold', ['x', 0, 2, 1])).toEqual(['x', 0, 2, 1]);
    expect(call('nn.functional.unfold', ['x', 3], { dilation: 2 })).toEqual(['x', 3, { dilation: 2 }]);
  });

  it('knows what the forward of a module takes', () => {
    const kwargs = new Map([['src_mask', 'm']]);
    expect(argumentList(forwardSignature('nn.TransformerEncoderLayer'), ['x'], kwargs)).toEqual([
      'x',
      { srcMask: 'm' },
    ]);
  });
});

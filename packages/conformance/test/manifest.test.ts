import { type HostTensor, writeSafetensors } from '@torchlet/data';
import { describe, expect, it } from 'vitest';
import { checksOf } from '../src/golden/checks.js';
import { parseGoldenGroup } from '../src/golden/manifest.js';

const one: HostTensor = { dtype: 'float32', shape: [1], data: Float32Array.of(1) };
const tensors = writeSafetensors(['in0', 'out0', 'gin0'].map((name) => [`g/add/001/${name}`, one] as const));

const add = {
  id: 'g/add/001',
  kind: 'op',
  op: 'torch.add',
  args: [{ tensor: 'g/add/001/in0', requiresGrad: true }, { list: [{ tensor: 'g/add/001/in0', requiresGrad: true }] }],
  kwargs: {},
  gradOutputs: ['g/add/001/out0'],
  gradInputs: { '0': 'g/add/001/gin0' },
  outputs: ['g/add/001/out0'],
  tolerances: { rtol: 0, atol: 0 },
};

function manifest(cases: readonly unknown[], head: object = {}): string {
  return JSON.stringify({ format: 'pt-conformance-1', group: 'g', count: cases.length, cases, ...head });
}

describe('a golden manifest', () => {
  it('gives its cases with the tensors they name', () => {
    const group = parseGoldenGroup(manifest([add]), tensors, 'g');
    expect(group.name).toBe('g');
    expect(group.cases.map(({ id }) => id)).toEqual(['g/add/001']);
    expect(group.tensors.get('g/add/001/in0')).toEqual(one);
  });

  it.each([
    ['text that is not JSON', '{', /not JSON/],
    ['another format', manifest([], { format: 'x' }), /expected the format "pt-conformance-1", got "x"/],
    ['another count', manifest([add], { count: 2 }), /counts 2 cases and lists 1/],
    ['a case twice', manifest([add, add]), /two cases are called g\/add\/001/],
    ['an unknown kind', manifest([{ ...add, kind: 'opp' }]), /expected a kind of op, module/],
    ['a case without args', manifest([{ ...add, args: undefined }]), /needs "args"/],
    [
      'a tensor that is not there',
      manifest([{ ...add, outputs: ['g/add/001/out1'] }]),
      /no tensor "g\/add\/001\/out1"/,
    ],
  ])('is refused for %s', (_, text, message) => {
    expect(() => parseGoldenGroup(text, tensors, 'g')).toThrow(message);
  });

  it('expects no gradient where one is required and none is listed', () => {
    const { cases, tensors: stored } = parseGoldenGroup(manifest([add]), tensors, 'g');
    const checks = cases.flatMap((golden) => checksOf(golden, stored));
    expect(checks.map((check) => [check.kind, 'what' in check ? check.what : ''])).toEqual([
      ['value', 'number of outputs'],
      ['tensor', 'output 0'],
      ['tensor', 'gradient of 0'],
      ['absent', 'gradient of 1.0'],
    ]);
  });
});

import { noGrad, type Tensor, zeros } from '@torchlet/tensor';
import { beforeAll, describe, expect, test } from 'vitest';
import * as nn from '../src/index.js';
import { openDevice } from './device.js';
import { dataOf, floats, spreadNumbers } from './values.js';

beforeAll(openDevice);

const sequence = () => floats(spreadNumbers(24), [2, 3, 4]);
const gates = (suffix: string) => [`weight_ih${suffix}`, `weight_hh${suffix}`, `bias_ih${suffix}`, `bias_hh${suffix}`];

describe('recurrent layers', () => {
  test.each([
    ['RNN', () => new nn.RNN(4, 5, { batchFirst: true, bidirectional: true, numLayers: 2, nonlinearity: 'relu' })],
    ['GRU', () => new nn.GRU(4, 5, { batchFirst: true, bidirectional: true, numLayers: 2 })],
  ] as const)('%s gives outputs and last states, of every layer and direction', async (_, make) => {
    const layer = make();
    const [output, last] = layer.forward(sequence());
    expect([output.shape, last.shape]).toEqual([
      [2, 3, 10],
      [4, 2, 5],
    ]);
    const keys = ['_l0', '_l0_reverse', '_l1', '_l1_reverse'].flatMap(gates);
    expect(Object.keys(layer.stateDict())).toEqual(keys);
    output.sum().backward();
    for (const parameter of layer.parameters()) expect((await dataOf(parameter.grad)).some((x) => x !== 0)).toBe(true);
  });

  test('the last output of LSTM is its last state, and a cell walks the same way', async () => {
    const layer = new nn.LSTM(4, 5, { batchFirst: true });
    const cell = new nn.LSTMCell(4, 5);
    const state = layer.stateDict();
    cell.loadStateDict(
      Object.fromEntries(Object.entries(state).map(([key, value]) => [key.replace('_l0', ''), value])),
    );
    const x = sequence();
    const [output, [h, c]] = layer.forward(x);
    let states: [Tensor, Tensor] = [zeros([2, 5]), zeros([2, 5])];
    for (let t = 0; t < 3; t++) states = cell.forward(x.select(1, t), states);
    expect(await dataOf(h.squeeze(0))).toEqual(await dataOf(output.select(1, 2)));
    for (const [mine, theirs] of [
      [states[0], h],
      [states[1], c],
    ] as const) {
      const expected = await dataOf(theirs);
      for (const [i, value] of (await dataOf(mine)).entries()) expect(value).toBeCloseTo(expected[i] as number, 5);
    }
    expect(layer.forward(x.select(0, 0).detach(), [zeros([1, 5]), zeros([1, 5])])[0].shape).toEqual([3, 5]);
  });

  test('states and inputs of other shapes are refused', () => {
    const layer = new nn.GRU(4, 5);
    expect(() => layer.forward(zeros([2, 3]))).toThrow(/GRU: expected an input of 4 features.*\[2, 3\]/);
    expect(() => layer.forward(zeros([3, 2, 4]), zeros([1, 3, 5]))).toThrow(
      /GRU: expected states of shape \[1, 2, 5\], got \[1, 3, 5\]/,
    );
  });
});

describe('attention', () => {
  test('a key that is not seen does not count', async () => {
    const layer = new nn.MultiheadAttention(4, 2, { batchFirst: true });
    const x = sequence();
    const hidden = floats([0, 0, 1, 0, 0, 1], [2, 3]).bool();
    const [output, weights] = layer.forward(x, x, x, { keyPaddingMask: hidden });
    expect((await dataOf(weights)).filter((_, i) => i % 3 === 2)).toEqual(new Array(6).fill(0));
    const changed = x.clone();
    changed.select(1, 2).fill_(7);
    const before = await dataOf(output);
    const after = await dataOf(layer.forward(x, changed, changed, { keyPaddingMask: hidden })[0]);
    expect(after).toEqual(before);
  });

  test('learned and zero keys are added, keys and values may have other features', () => {
    const layer = new nn.MultiheadAttention(4, 2, { kdim: 3, vdim: 5, addBiasKv: true, addZeroAttn: true });
    const [output, weights] = layer.forward(zeros([2, 1, 4]), zeros([6, 1, 3]), zeros([6, 1, 5]));
    expect([output.shape, weights?.shape]).toEqual([
      [2, 1, 4],
      [1, 2, 8],
    ]);
    expect(Object.keys(layer.stateDict())).toEqual([
      'q_proj_weight',
      'k_proj_weight',
      'v_proj_weight',
      'in_proj_bias',
      'bias_k',
      'bias_v',
      'out_proj.weight',
      'out_proj.bias',
    ]);
  });

  test('an encoder under a causal mask does not look ahead', async () => {
    const options = { dimFeedforward: 6, batchFirst: true, dropout: 0, activation: 'gelu' } as const;
    const encoder = new nn.TransformerEncoder(() => new nn.TransformerEncoderLayer(4, 2, options), 2, {
      norm: new nn.LayerNorm(4),
    });
    const x = sequence();
    const changed = x.clone();
    changed.select(1, 2).fill_(7);
    const first = (y: Tensor): Tensor => encoder.forward(y, { isCausal: true }).narrow(1, 0, 2);
    const before = await dataOf(first(x));
    expect(await dataOf(first(changed))).toEqual(before);
    expect(Object.keys(encoder.stateDict()).slice(0, 6)).toEqual([
      'layers.0.self_attn.in_proj_weight',
      'layers.0.self_attn.in_proj_bias',
      'layers.0.self_attn.out_proj.weight',
      'layers.0.self_attn.out_proj.bias',
      'layers.0.linear1.weight',
      'layers.0.linear1.bias',
    ]);
  });

  test('a decoder reads its memory', async () => {
    const options = { dimFeedforward: 6, batchFirst: true, dropout: 0 };
    const decoder = new nn.TransformerDecoder(() => new nn.TransformerDecoderLayer(4, 2, options), 1);
    const memory = sequence().requiresGrad_();
    const output = decoder.forward(floats(spreadNumbers(16, 2), [2, 2, 4]), memory, { tgtIsCausal: true });
    expect(output.shape).toEqual([2, 2, 4]);
    output.square().sum().backward();
    expect((await dataOf(memory.grad)).some((x) => x !== 0)).toBe(true);
  });
});

describe('Transformer', () => {
  const small = () =>
    new nn.Transformer({
      dModel: 4,
      nhead: 2,
      numEncoderLayers: 1,
      numDecoderLayers: 1,
      dimFeedforward: 8,
      dropout: 0,
    });

  test('gives what PyTorch gives of the same weights, under the same keys', async () => {
    const model = small();
    noGrad(() => {
      for (const [i, parameter] of model.parameters().entries()) {
        const values = spreadNumbers(parameter.numel(), i + 1).map((value) => value / 2);
        parameter.copy_(floats(values, parameter.shape));
      }
    });
    const keys = Object.keys(model.stateDict());
    expect(keys.length).toBe(34);
    expect([keys[0], keys[12], keys.at(-1)]).toEqual([
      'encoder.layers.0.self_attn.in_proj_weight',
      'encoder.norm.weight',
      'decoder.norm.bias',
    ]);
    const tgtMask = nn.Transformer.generateSquareSubsequentMask(2);
    const [src, tgt] = [floats(spreadNumbers(24, 7), [3, 2, 4]), floats(spreadNumbers(16, 8), [2, 2, 4])];
    const output = await dataOf(model.forward(src, tgt, { tgtMask }));
    const expected = [-0.33408, 0.49635, 0.81376, -0.18025, -0.33404, 0.49658, 0.81331, -0.18041];
    for (const [i, value] of expected.entries()) expect(output[i]).toBeCloseTo(value, 4);
  });

  test('stacks take a mask by place, and a function that makes their layers', async () => {
    const layer = () => new nn.TransformerEncoderLayer(4, 2, { dimFeedforward: 8, batchFirst: true, dropout: 0 });
    const encoder = new nn.TransformerEncoder(layer, 1);
    const mask = nn.Transformer.generateSquareSubsequentMask(3);
    const byPlace = await dataOf(encoder.forward(sequence(), mask));
    expect(byPlace).toEqual(await dataOf(encoder.forward(sequence(), { srcMask: mask })));
    expect(byPlace).not.toEqual(await dataOf(encoder.forward(sequence())));
    expect(() => new nn.TransformerEncoder(layer() as never, 2)).toThrow(
      'write () => new TransformerEncoderLayer(...)',
    );
  });
});

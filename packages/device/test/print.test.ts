import { describe, expect, it } from 'vitest';
import {
  type Expression,
  type LoopKernel,
  type Program,
  postorder,
  printExpression,
  printKernel,
  printProgram,
} from '../src/index.js';

const axis = (number: number): Expression => ({ kind: 'axis', dtype: 'int32', axis: number });
const int = (value: number): Expression => ({ kind: 'constant', dtype: 'int32', value });
const float = (value: number): Expression => ({ kind: 'constant', dtype: 'float32', value });

function apply(fn: 'add' | 'sub' | 'mul' | 'exp' | 'div', ...args: Expression[]): Expression {
  return { kind: 'apply', dtype: args[0]?.dtype ?? 'float32', fn, args };
}

const at = apply('add', apply('mul', axis(0), int(10)), axis(1));
const x: Expression = { kind: 'load', dtype: 'float32', slot: 0, index: at, mask: null, otherwise: 0 };
const result = (id: number): Expression => ({ kind: 'result', dtype: 'float32', id });

const softmax: LoopKernel = {
  kind: 'loop',
  name: 'softmax',
  axes: [100],
  phases: [
    { lengths: [10], reductions: [{ id: 0, combine: 'max', dtype: 'float32', of: x }], stores: [] },
    {
      lengths: [10],
      reductions: [{ id: 1, combine: 'sum', dtype: 'float32', of: apply('exp', apply('sub', x, result(0))) }],
      stores: [],
    },
    {
      lengths: [10],
      reductions: [],
      stores: [
        { slot: 1, index: at, value: apply('div', apply('exp', apply('sub', x, result(0))), result(1)), mask: null },
      ],
    },
  ],
};

describe('printExpression', () => {
  it.each<[Expression, string]>([
    [at, '((i * 10) + j)'],
    [float(-0), '-0'],
    [{ kind: 'constant', dtype: 'bool', value: 1 }, 'true'],
    [{ kind: 'scalar', dtype: 'float32', slot: 2 }, 'scalar2'],
    [
      { ...x, mask: { kind: 'apply', dtype: 'bool', fn: 'lt', args: [axis(1), int(3)] }, otherwise: 7 } as Expression,
      '((j < 3) ? s0[((i * 10) + j)] : 7)',
    ],
    [{ kind: 'apply', dtype: 'bfloat16', fn: 'cast', args: [x] }, 'bf16(s0[((i * 10) + j)])'],
  ])('%o', (expression, text) => {
    expect(printExpression(expression)).toBe(text);
  });
});

describe('printKernel', () => {
  it('of a row kernel', () => {
    expect(printKernel(softmax)).toMatchInlineSnapshot(`
      "loop softmax for i < 100
        over j < 10
          r0: f32 = max s0[((i * 10) + j)]
        over j < 10
          r1: f32 = sum exp((s0[((i * 10) + j)] - r0))
        over j < 10
          s1[((i * 10) + j)] = (exp((s0[((i * 10) + j)] - r0)) / r1)"
    `);
  });

  it('names what is used twice', () => {
    const e = apply('exp', x);
    const twice: LoopKernel = {
      ...softmax,
      name: 'twice',
      phases: [
        { lengths: [10], reductions: [], stores: [{ slot: 1, index: at, value: apply('mul', e, e), mask: null }] },
      ],
    };
    expect(printKernel(twice)).toMatchInlineSnapshot(`
      "loop twice for i < 100
        over j < 10
          v0 = exp(s0[((i * 10) + j)])
          s1[((i * 10) + j)] = (v0 * v0)"
    `);
  });
});

describe('printProgram', () => {
  it('shows slots, scalars and every form of kernel', () => {
    const program: Program = {
      name: 'step',
      slots: [
        { kind: 'buffer', dtype: 'float32', size: 1000, index: 0, access: 'read' },
        { kind: 'arena', dtype: 'float32', size: 1000, segment: 0, offset: 64 },
        { kind: 'host', dtype: 'int64', size: 100, index: 0 },
      ],
      scalars: ['float32'],
      kernels: [
        softmax,
        {
          kind: 'matmul',
          name: 'product',
          batch: [],
          m: 100,
          n: 10,
          k: 5,
          a: x,
          b: x,
          dtype: 'float32',
          result: 0,
          stores: [
            {
              slot: 1,
              index: at,
              value: result(0),
              mask: { kind: 'apply', dtype: 'bool', fn: 'lt', args: [axis(0), int(99)] },
            },
          ],
          claim: null,
        },
        {
          kind: 'scatter',
          name: 'rows',
          axes: [100, 10],
          axis: 0,
          length: 50,
          index: axis(0),
          value: x,
          slot: 1,
          strides: [10, 1],
          offset: 0,
        },
        { kind: 'custom', name: 'own', inputs: [0], outputs: [1], sources: {} },
      ],
      arena: [4096, 64],
    };
    expect(printProgram(program)).toMatchInlineSnapshot(`
      "program step: 4 kernels, arena 4096 + 64 bytes
        s0: f32[1000] buffer 0 (read)
        s1: f32[1000] arena 0+64
        s2: i64[100] host 0
        scalar0: f32
        loop softmax for i < 100
          over j < 10
            r0: f32 = max s0[((i * 10) + j)]
          over j < 10
            r1: f32 = sum exp((s0[((i * 10) + j)] - r0))
          over j < 10
            s1[((i * 10) + j)] = (exp((s0[((i * 10) + j)] - r0)) / r1)
        matmul product for i < 100, j < 10 over k < 5
          r0: f32 = sum s0[((i * 10) + j)] * s0[((i * 10) + j)]
          if (i < 99): s1[((i * 10) + j)] = r0
        scatter rows for i < 100, j < 10
          i' = i < 50
          s1[0 + strides 10, 1] += s0[((i * 10) + j)]
        custom own (s0) -> (s1)"
    `);
  });
});

describe('postorder', () => {
  it('gives operands before users, each once', () => {
    const order = postorder([apply('add', x, x), x]);
    expect(order).toHaveLength(7);
    expect(order.indexOf(at)).toBeLessThan(order.indexOf(x));
  });

  it('does not recurse', () => {
    let chain: Expression = float(1);
    for (let i = 0; i < 100_000; i++) chain = apply('exp', chain);
    expect(postorder([chain])).toHaveLength(100_001);
  });
});

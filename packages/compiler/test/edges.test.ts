/** Edges: tensors without elements or axes, outputs that are leaves or numbers, dtypes a device lacks, claims, custom kernels, debug text. */
import type { DType, MatmulCandidate } from '@torchlet/device';
import * as g from '@torchlet/graph';
import { describe, expect, test } from 'vitest';
import { type DebugLevel, debugLevels, debugText, Planner } from '../src/index.js';
import { evaluate, stored } from './evaluate.js';
import { Interpreter } from './interpret.js';

function bench(options: ConstructorParameters<typeof Interpreter>[0] = {}) {
  const device = new Interpreter(options);
  const planner = new Planner(device);
  const leaf = (values: readonly number[], shape: g.Shape = [values.length]) =>
    stored(device, Float32Array.from(values), shape, 'float32');
  return { device, planner, leaf, run: (...outputs: g.Node[]) => evaluate(device, planner, outputs) };
}

describe('no elements, no axes', () => {
  test('an empty output needs no kernel', () => {
    const { planner, leaf, run } = bench();
    const empty = g.exp(leaf([], [0, 3]));
    expect(run(empty)).toEqual([new Float32Array(0)]);
    expect(planner.plan([empty]).plan.program.kernels).toEqual([]);
  });

  test('a reduction over nothing stores its identity', () => {
    const { leaf, run } = bench();
    const x = leaf([], [2, 0]);
    expect(run(g.reduce('reduceSum', x, [1]), g.reduce('reduceMax', x, [1]), g.reduce('reduceProd', x, [1]))).toEqual([
      Float32Array.of(0, 0),
      Float32Array.of(Number.NEGATIVE_INFINITY, Number.NEGATIVE_INFINITY),
      Float32Array.of(1, 1),
    ]);
  });

  test('a product over nothing is 0', () => {
    const { leaf, run } = bench();
    expect(run(g.matmul(leaf([], [2, 0]), leaf([], [0, 2])))).toEqual([new Float32Array(4)]);
  });

  test('cat with empty parts, scatter of nothing, a write of nothing', () => {
    const { device, leaf, run } = bench();
    const [x, none] = [leaf([1, 2]), leaf([], [0])];
    const index = stored(device, new Int32Array(0), [0], 'int32');
    const w = leaf([3, 4]);
    expect(run(g.cat([none, x, none], 0), g.scatterAdd(x, index, none, 0), g.assignSlice(w, none, [0], [1]))).toEqual([
      Float32Array.of(1, 2),
      Float32Array.of(1, 2),
      Float32Array.of(3, 4),
    ]);
  });

  test('0-d', () => {
    const { leaf, run } = bench();
    const x = leaf([3], []);
    expect(run(g.mul(x, g.scalar(2, 'float32')), g.reshape(g.neg(x), [1, 1]))).toEqual([
      Float32Array.of(6),
      Float32Array.of(-3),
    ]);
  });
});

test('outputs that are leaves, numbers, equal, or parts of each other have buffers of their own', () => {
  const { leaf, run } = bench();
  const x = leaf([1, 2]);
  const total = g.scatterAdd(x, g.cast(g.full([2], 1, 'float32'), 'int32'), x, 0);
  const outputs = [
    g.marker('copy', x),
    g.marker('contiguous', x),
    g.full([2], 5, 'float32'),
    g.scalar(7, 'float32', [2]),
    g.iota(2, 'float32'),
    g.neg(x),
    g.neg(x),
    total,
    g.marker('copy', total),
  ];
  const expected = [
    [1, 2],
    [1, 2],
    [5, 5],
    [7, 7],
    [0, 1],
    [-1, -2],
    [-1, -2],
    [1, 5],
    [1, 5],
  ];
  expect(run(...outputs)).toEqual(expected.map((values) => Float32Array.from(values)));
});

test('an index outside is clamped by a gather and dropped by a scatter', () => {
  const { device, leaf, run } = bench();
  const index = stored(device, BigInt64Array.of(-5n, 1n, 2n ** 40n), [3], 'int64');
  const x = leaf([1, 2, 3]);
  expect(run(g.gather(x, index, 0), g.scatterAdd(x, index, x, 0))).toEqual([
    Float32Array.of(1, 2, 3),
    Float32Array.of(1, 4, 3),
  ]);
});

test('a dtype that the device lacks is refused when the graph is planned', () => {
  const storedBytes = { ...new Interpreter().capabilities.storedBytes, float64: 0 } as Record<DType, number>;
  const { planner, leaf } = bench({ capabilities: { storedBytes } });
  expect(() => planner.plan([g.cast(leaf([1]), 'float64')])).toThrow(
    'cast: interpreter does not support float64; it supports float32, float16, bfloat16, int64, int32, int16, int8, uint8, bool. Convert with x.to(...) first',
  );
  expect(planner.stats.plans).toBe(0);
});

describe('claims', () => {
  const claiming = (takes: boolean) => {
    const asked: MatmulCandidate[] = [];
    const claim = (candidate: MatmulCandidate) => {
      asked.push(candidate);
      return { library: 'blas', workspaceBytes: 0, epilogue: () => takes };
    };
    return { asked, ...bench({ claim }) };
  };
  const layer = (leaf: (values: readonly number[], shape: g.Shape) => g.Node) => {
    const product = g.matmul(leaf([1, 2, 3, 4], [2, 2]), leaf([1, 0, 0, 1], [2, 2]));
    return g.exp(product);
  };

  test('what the library takes is its epilogue', () => {
    const { asked, planner, leaf } = claiming(true);
    const { kernels } = planner.plan([layer(leaf)]).plan.program;
    expect(kernels).toMatchObject([{ kind: 'matmul', claim: 'blas' }]);
    expect(asked).toMatchObject([{ m: 2, n: 2, k: 2, a: { kind: 'load' }, b: { kind: 'load' } }]);
  });

  test('what it refuses is a kernel behind it', () => {
    const { planner, leaf, run } = claiming(false);
    const output = layer(leaf);
    expect(planner.plan([output]).plan.program.kernels).toMatchObject([
      { kind: 'matmul', claim: 'blas' },
      { kind: 'loop' },
    ]);
    expect([...(run(output)[0] as Float32Array)]).toEqual([1, 2, 3, 4].map((x) => Math.fround(Math.exp(x))));
  });
});

test('a custom kernel reads whole buffers and its result is read by others', () => {
  const { planner, leaf } = bench();
  const spec = { name: 'twice', sources: { wasm: 'body' }, meaning: () => [] };
  const custom = g.custom(spec, [g.permute(leaf([1, 2, 3, 4], [2, 2]), [1, 0]), leaf([5])], [4], 'float32');
  const { program } = planner.plan([g.neg(custom)]).plan;
  expect(program.kernels.map(({ kind, name }) => `${kind} ${name}`)).toEqual(['loop copy', 'custom twice', 'loop neg']);
  expect(program.kernels[1]).toMatchObject({ inputs: [1, 2], outputs: [3], sources: spec.sources });
});

test('debug levels print what they say', () => {
  const device = new Interpreter();
  const lines: [DebugLevel, string][] = [];
  const levels = Object.keys(debugLevels) as DebugLevel[];
  const planner = new Planner(device, {
    capacity: 1,
    observe: debugText({ levels, write: (level, text) => lines.push([level, text]) }),
  });
  const x = stored(device, Float32Array.of(1, 2), [2], 'float32');
  planner.plan([g.neg(g.marker('contiguous', x))]);
  planner.plan([g.neg(g.marker('contiguous', x))]);
  planner.plan([g.exp(x)]);
  const text = (level: DebugLevel) => lines.filter(([at]) => at === level).map(([, line]) => line);
  expect(text('cache').map((line) => line.replace(/ p[0-9a-f]+/, ' p'))).toEqual([
    'compiled p: 1 kernels',
    'hit p',
    'compiled p: 1 kernels',
    'dropped p',
  ]);
  expect(text('graph')[0]).toContain('contiguous');
  expect(text('graph')[1]).not.toContain('contiguous');
  expect(text('schedule')[0]).toContain('#0 loop [2] neg -> %1 neg');
  expect(text('kernels')[0]).toContain('s1[i] = neg(s0[i])');
});

test('two planners keep their plans apart', () => {
  const [one, two] = [bench(), bench()];
  one.run(g.neg(one.leaf([1])));
  expect(two.planner.stats).toEqual({ plans: 0, hits: 0, misses: 0 });
  expect(two.run(g.neg(two.leaf([2])))).toEqual([Float32Array.of(-2)]);
});

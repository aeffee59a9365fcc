/**
 * How fast matmul kernels run on one thread, by shape: `tsx --conditions=@torchlet/source bench/matmul.ts [words]` prints GFLOP/s with multiply and
 * add, and with fused multiply-add, best of many runs. Words select shapes by name.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Expression, MatmulKernel } from '@torchlet/device';
import { apply, axis, constant, index, load, result } from '../test/matmul/expressions.js';
import { planOf, prepare, type SlotData } from '../test/matmul/run-matmul.js';

interface Shape {
  readonly name: string;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** Order of the axes of the operands in memory. */
  readonly a: 'mk' | 'km' | 'gathered';
  readonly b: 'kn' | 'nk';
  readonly epilogue?: 'bias-relu' | 'sgd' | 'gelu';
}

const squares = [256, 512, 1024, 2048].flatMap((n) =>
  (['kn', 'nk'] as const).flatMap((b) =>
    (['mk', 'km'] as const).map((a) => ({ name: `square ${n} ${a} ${b}`, m: n, k: n, n, a, b })),
  ),
);

const shapes: readonly Shape[] = [
  { name: 'small forward 1', m: 100, k: 784, n: 32, a: 'mk', b: 'nk', epilogue: 'bias-relu' },
  { name: 'small forward 1 gathered', m: 100, k: 784, n: 32, a: 'gathered', b: 'nk', epilogue: 'bias-relu' },
  { name: 'small forward 1, weights [in, out]', m: 100, k: 784, n: 32, a: 'mk', b: 'kn', epilogue: 'bias-relu' },
  { name: 'small forward 2', m: 100, k: 32, n: 10, a: 'mk', b: 'nk' },
  { name: 'small dW1', m: 32, k: 100, n: 784, a: 'km', b: 'kn', epilogue: 'sgd' },
  { name: 'small dW2', m: 10, k: 100, n: 32, a: 'km', b: 'kn', epilogue: 'sgd' },
  { name: 'small dH', m: 100, k: 10, n: 32, a: 'mk', b: 'kn' },
  { name: 'big forward 1', m: 100, k: 784, n: 512, a: 'mk', b: 'nk', epilogue: 'bias-relu' },
  { name: 'big forward 2', m: 100, k: 512, n: 256, a: 'mk', b: 'nk', epilogue: 'bias-relu' },
  { name: 'big forward 3', m: 100, k: 256, n: 10, a: 'mk', b: 'nk' },
  { name: 'big dW1', m: 512, k: 100, n: 784, a: 'km', b: 'kn', epilogue: 'sgd' },
  { name: 'big dW2', m: 256, k: 100, n: 512, a: 'km', b: 'kn', epilogue: 'sgd' },
  { name: 'big dH1', m: 100, k: 256, n: 512, a: 'mk', b: 'kn' },
  { name: 'big dH2', m: 100, k: 10, n: 256, a: 'mk', b: 'kn' },
  { name: 'gelu', m: 128, k: 256, n: 256, a: 'mk', b: 'nk', epilogue: 'gelu' },
  { name: 'vector-matrix kn', m: 1, k: 1024, n: 1024, a: 'mk', b: 'kn' },
  { name: 'vector-matrix nk', m: 1, k: 1024, n: 1024, a: 'mk', b: 'nk' },
  { name: 'matrix-vector', m: 1024, k: 1024, n: 1, a: 'mk', b: 'kn' },
  ...squares,
];

function f32(fn: Parameters<typeof apply>[0], ...args: Expression[]): Expression {
  return apply(fn, 'float32', ...args);
}

function epilogue({ epilogue: kind, n }: Shape): Expression {
  const product = result('float32');
  switch (kind) {
    case undefined:
      return product;
    case 'bias-relu': {
      const biased = f32('add', product, load(3, 'float32', axis(1)));
      return f32('where', apply('lt', 'bool', constant(0, 'float32'), biased), biased, constant(0, 'float32'));
    }
    case 'sgd':
      return f32('sub', load(2, 'float32', index(0, { 0: n, 1: 1 })), f32('mul', product, constant(1e-6, 'float32')));
    case 'gelu': {
      const cubic = f32('mul', f32('mul', product, product), f32('mul', product, constant(0.044715, 'float32')));
      const inner = f32('tanh', f32('mul', f32('add', product, cubic), constant(0.7978845608, 'float32')));
      return f32('mul', f32('mul', product, constant(0.5, 'float32')), f32('add', inner, constant(1, 'float32')));
    }
    default: {
      const never: never = kind;
      return never;
    }
  }
}

function kernelOf(shape: Shape): { kernel: MatmulKernel; slots: SlotData[] } {
  const { m, k, n } = shape;
  const ofA = { mk: index(0, { 0: k, 2: 1 }), km: index(0, { 0: 1, 2: m }) };
  const rows = load(4, 'int32', axis(0));
  const gathered = apply('add', 'int32', apply('mul', 'int32', rows, constant(k)), axis(2));
  const kernel: MatmulKernel = {
    kind: 'matmul',
    name: 'matmul',
    batch: [],
    m,
    n,
    k,
    a: load(0, 'float32', shape.a === 'gathered' ? gathered : ofA[shape.a]),
    b: load(1, 'float32', shape.b === 'kn' ? index(0, { 1: 1, 2: n }) : index(0, { 1: k, 2: 1 })),
    dtype: 'float32',
    result: 0,
    stores: [{ slot: 2, index: index(0, { 0: n, 1: 1 }), value: epilogue(shape), mask: null }],
    claim: null,
  };
  const random = (length: number) => ({
    dtype: 'float32' as const,
    data: Float32Array.from({ length }, (_, i) => ((i * 0.6180339) % 1) - 0.5),
  });
  const picked = { dtype: 'int32' as const, data: Int32Array.from({ length: m }, (_, i) => (i * 7) % m) };
  return { kernel, slots: [random(m * k), random(k * n), random(m * n), random(n), picked] };
}

/** Best time of one run in nanoseconds. */
async function best(run: () => void, flops: number): Promise<number> {
  const repeats = Math.max(1, Math.ceil(1e6 / flops));
  const round = () => {
    const start = performance.now();
    for (let i = 0; i < repeats; i++) run();
    return ((performance.now() - start) * 1e6) / repeats;
  };
  for (let i = 0; i < 8; i++) {
    round();
    await sleep(2);
  }
  const until = performance.now() + 400;
  let least = Number.POSITIVE_INFINITY;
  for (let i = 0; i < 5 || performance.now() < until; i++) least = Math.min(least, round());
  return least;
}

const words = process.argv.slice(2);
for (const shape of shapes.filter(({ name }) => words.every((word) => name.includes(word)))) {
  const { kernel, slots } = kernelOf(shape);
  const flops = 2 * shape.m * shape.k * shape.n;
  const figures: string[] = [];
  for (const fma of [false, true]) {
    const start = performance.now();
    const { emitted, run, bytes } = prepare(kernel, slots, fma);
    const made = performance.now() - start;
    const time = await best(() => run(0, emitted.extent), flops);
    figures.push(`${(flops / time).toFixed(1).padStart(6)} (${(time / 1000).toFixed(1)} us)`);
    if (fma) figures.push(`${bytes} bytes, made in ${(made / 2).toFixed(1)} ms`);
  }
  console.log(shape.name.padEnd(36), figures.join('  '), ' ', planOf(kernel, slots));
}

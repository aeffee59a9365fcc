/**
 * How fast matmul kernels run on one thread, by shape: `tsx --conditions=@torchlet/source bench/matmul.ts [words]` prints GFLOP/s with multiply and
 * add, and with fused multiply-add, best of many runs. Words select shapes by name.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Expression, Program } from '@torchlet/device';
import { axis, constant, fn, load, result } from '../test/build.js';
import { plainMatmul, storeOf } from '../test/matmul/cases.js';
import { planOf, prepare } from '../test/matmul/run-matmul.js';

interface Shape {
  readonly name: string;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** Order of the axes of the operands in memory. */
  readonly a: 'mk' | 'km' | 'gathered' | 'masked';
  readonly b: 'kn' | 'nk' | 'window';
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
  { name: 'big dW1, masked', m: 512, k: 100, n: 784, a: 'masked', b: 'kn', epilogue: 'sgd' },
  { name: 'convolution 3x3, 16 of 28x28', m: 32, k: 144, n: 676, a: 'mk', b: 'window' },
  ...squares,
];

const number = (value: number) => constant('float32', value);

function epilogue({ epilogue: kind, n }: Shape): Expression {
  const product = result('float32', 0);
  switch (kind) {
    case undefined:
      return product;
    case 'bias-relu': {
      const biased = fn('add', product, load('float32', 3, axis(2)));
      return fn('where', fn('lt', number(0), biased), biased, number(0));
    }
    case 'sgd':
      return fn(
        'sub',
        load('float32', 2, fn('add', fn('mul', axis(1), constant('int32', n)), axis(2))),
        fn('mul', product, number(1e-6)),
      );
    case 'gelu': {
      const cubic = fn('mul', fn('mul', product, product), fn('mul', product, number(0.044715)));
      const inner = fn('tanh', fn('mul', fn('add', product, cubic), number(0.7978845608)));
      return fn('mul', fn('mul', product, number(0.5)), fn('add', inner, number(1)));
    }
    default: {
      const never: never = kind;
      return never;
    }
  }
}

/** The right operand of a convolution of [16, 28, 28] by 3x3: element (k, n) is at channel k / 9, and row and column n / 26, n % 26 plus k's. */
function windowOf(): Expression {
  const by = (name: 'idiv' | 'mod', x: Expression, y: number) => fn(name, x, constant('int32', y));
  const times = (x: Expression, y: number) => fn('mul', x, constant('int32', y));
  const row = fn('add', by('idiv', axis(2), 26), by('mod', by('idiv', axis(3), 3), 3));
  const column = fn('add', by('mod', axis(2), 26), by('mod', axis(3), 3));
  return load('float32', 5, fn('add', times(by('idiv', axis(3), 9), 784), fn('add', times(row, 28), column)));
}

function programOfShape(shape: Shape): Program {
  const { m, k, n, a, b } = shape;
  const picked = fn('add', fn('mul', load('int32', 4, axis(1)), constant('int32', k)), axis(3));
  const plainA = load('float32', 0, fn('add', axis(1), fn('mul', axis(3), constant('int32', m))));
  const plain = { m, k, n, b: b === 'window' ? 'kn' : b, a: a === 'gathered' || a === 'masked' ? 'mk' : a } as const;
  const changed = {
    ...(a === 'gathered' ? { a: load('float32', 0, picked) } : {}),
    ...(a === 'masked' ? { a: fn('where', fn('lt', number(0), plainA), plainA, number(0)) } : {}),
    ...(b === 'window' ? { b: windowOf() } : {}),
  };
  return plainMatmul(plain, { ...changed, stores: [storeOf(shape, epilogue(shape))] }, [
    ['float32', n],
    ['int32', m],
    ['float32', 16 * 784],
  ]);
}

function dataOf({ m, k, n }: Shape) {
  const random = (length: number) => Float32Array.from({ length }, (_, i) => ((i * 0.6180339) % 1) - 0.5);
  return [
    random(m * k),
    random(k * n),
    random(m * n),
    random(n),
    Int32Array.from({ length: m }, (_, i) => (i * 7) % m),
  ];
}

/** Best time of one run in nanoseconds; of long ones time on the processor, which others cannot take from us. */
async function best(run: () => void, flops: number): Promise<number> {
  const repeats = Math.max(1, Math.ceil(3e8 / flops));
  const round = () => {
    const before = process.cpuUsage();
    const start = performance.now();
    for (let i = 0; i < repeats; i++) run();
    const wall = performance.now() - start;
    const { user, system } = process.cpuUsage(before);
    const cpu = (user + system) / 1000;
    return (Math.min(wall, cpu) * 1e6) / repeats;
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
  const program = programOfShape(shape);
  const flops = 2 * shape.m * shape.k * shape.n;
  const figures: string[] = [];
  for (const fma of [false, true]) {
    const start = performance.now();
    const { emitted, run, bytes } = prepare(program, dataOf(shape), { fma });
    const made = performance.now() - start;
    const time = await best(() => run(0, emitted.extent), flops);
    figures.push(`${(flops / time).toFixed(1).padStart(6)} (${(time / 1000).toFixed(1)} us)`);
    if (fma) figures.push(`${bytes} bytes, made in ${(made / 2).toFixed(1)} ms`);
  }
  console.log(shape.name.padEnd(36), figures.join('  '), ' ', planOf(program));
}

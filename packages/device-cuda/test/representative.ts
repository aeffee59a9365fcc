/** Programs that take every form of kernel, over every dtype: what the assembler is shown and what is measured. Owns no checks. */
import { type DType, dtypeNames, type Expression, isFloat, type Program, type ScalarFunction } from '@torchlet/device';
import {
  at,
  axis,
  buffer,
  constant,
  fn,
  int,
  load,
  loop,
  map,
  masked,
  matmul,
  phase,
  program,
  result,
  scalar,
  store,
} from '@torchlet/device/by-hand';

/** Rows through three passes: maximum, sum of exponentials, quotients, and the logarithm of the sum. */
export function softmax(rows: number, columns: number): Program {
  const x = load(0, at(axis(0), columns, axis(1)));
  const exponential = fn('exp', [fn('sub', [x, result(0)])]);
  return program(
    `softmax ${rows} x ${columns}`,
    [buffer(0, rows * columns, 'read'), buffer(1, rows * columns, 'write'), buffer(2, rows, 'write')],
    [
      loop(
        'softmax',
        [rows],
        phase([columns], { reductions: [{ id: 0, combine: 'max', dtype: 'float32', of: x }] }),
        phase([columns], { reductions: [{ id: 1, combine: 'sum', dtype: 'float32', of: exponential }] }),
        phase([columns], { stores: [store(1, at(axis(0), columns, axis(1)), fn('div', [exponential, result(1)]))] }),
        phase([], { stores: [store(2, axis(0), fn('add', [result(0), fn('log', [result(1)])]))] }),
      ),
    ],
  );
}

/** Sums of columns, or of rows where `along` is 1. */
export function sums(rows: number, columns: number, along: 0 | 1, dtype: DType = 'float32'): Program {
  const [points, length] = along === 0 ? [columns, rows] : [rows, columns];
  const of =
    along === 0 ? load(0, at(axis(1), columns, axis(0)), dtype) : load(0, at(axis(0), columns, axis(1)), dtype);
  return program(
    `sums of ${dtype} ${rows} x ${columns} along ${along}`,
    [buffer(0, rows * columns, 'read', dtype), buffer(1, points, 'write', dtype)],
    [
      loop(
        'sum',
        [points],
        phase([length], { reductions: [{ id: 0, combine: 'sum', dtype, of }] }),
        phase([], { stores: [store(1, axis(0), result(0, dtype))] }),
      ),
    ],
  );
}

export function scatter(rows: number, columns: number, places: number, dtype: DType = 'float32'): Program {
  return program(
    `scatter of ${dtype} ${rows} x ${columns}`,
    [
      buffer(0, rows, 'read', 'int64'),
      buffer(1, rows * columns, 'read', dtype),
      buffer(2, places * columns, 'readwrite', dtype),
    ],
    [
      {
        kind: 'scatter',
        name: 'scatter',
        axes: [rows, columns],
        axis: 0,
        length: places,
        index: load(0, axis(0), 'int64'),
        value: load(1, at(axis(0), columns, axis(1)), dtype),
        slot: 2,
        strides: [columns, 1],
        offset: 0,
      },
    ],
  );
}

/** Adam on one parameter: several outputs, runtime scalars. */
export function adam(size: number): Program {
  const [w, g, m, v] = [0, 1, 2, 3].map((slot) => load(slot, axis(0))) as [
    Expression,
    Expression,
    Expression,
    Expression,
  ];
  const mean = fn('add', [fn('mul', [m, constant(0.9)]), fn('mul', [g, constant(0.1)])]);
  const square = fn('add', [fn('mul', [v, constant(0.999)]), fn('mul', [fn('mul', [g, g]), constant(0.001)])]);
  const step = fn('div', [fn('mul', [mean, scalar(0)]), fn('add', [fn('sqrt', [square]), constant(1e-8)])]);
  return program(
    `adam ${size}`,
    [buffer(0, size), buffer(1, size, 'read'), buffer(2, size), buffer(3, size)],
    [
      loop(
        'adam',
        [size],
        phase([], {
          stores: [store(0, axis(0), fn('sub', [w, step])), store(2, axis(0), mean), store(3, axis(0), square)],
        }),
      ),
    ],
    { scalars: ['float32'] },
  );
}

/** A border of two around rows of `columns`. */
export function padded(rows: number, columns: number): Program {
  const shifted = fn('sub', [axis(1), int(2)]);
  const inside = fn('and', [fn('lt', [int(-1), shifted]), fn('lt', [shifted, int(columns)])]);
  const wide = columns + 4;
  return program(
    `pad ${rows} x ${columns}`,
    [buffer(0, rows * columns, 'read'), buffer(1, rows * wide, 'write')],
    [
      loop(
        'pad',
        [rows, wide],
        phase([], {
          stores: [
            store(
              1,
              at(axis(0), wide, axis(1)),
              masked(0, at(axis(0), columns, shifted), inside, Number.NEGATIVE_INFINITY),
            ),
          ],
        }),
      ),
    ],
  );
}

const unary: readonly ScalarFunction[] = ['neg', 'floor', 'cast'];
const binary: readonly ScalarFunction[] = ['add', 'sub', 'mul', 'max', 'lt', 'eq', 'mod'];
const ofFloats: readonly ScalarFunction[] = [
  'sqrt',
  'exp',
  'expm1',
  'log',
  'log1p',
  'sin',
  'cos',
  'atan',
  'tanh',
  'erf',
];
const ofIntegers: readonly ScalarFunction[] = ['idiv', 'and', 'or', 'xor', 'shl', 'shr'];

/** One kernel for each function of `dtype`. */
export function functionsOf(dtype: DType, size: number): Program {
  const [x, y] = [0, 1].map((slot) => load(slot, axis(0), dtype)) as [Expression, Expression];
  const names = [
    ...unary.filter((name) => dtype !== 'bool' || name === 'neg').map((name) => fn(name, [x], dtype)),
    ...binary.filter((name) => dtype !== 'bool' || name !== 'mod').map((name) => fn(name, [x, y])),
    ...(isFloat(dtype) ? [...ofFloats.map((name) => fn(name, [x])), fn('div', [x, y]), fn('pow', [x, y])] : []),
    ...(isFloat(dtype) || dtype === 'bool' ? [] : ofIntegers.map((name) => fn(name, [x, y]))),
    fn('where', [fn('lt', [x, y]), x, y]),
    ...dtypeNames.map((to) => fn('cast', [x], to)),
  ];
  return program(
    `functions of ${dtype}`,
    [
      buffer(0, size, 'read', dtype),
      buffer(1, size, 'read', dtype),
      ...names.map((value, i) => buffer(i + 2, size, 'write', value.dtype)),
    ],
    names.map((value, i) => map(value.kind === 'apply' ? value.fn : 'load', size, i + 2, value)),
  );
}

/** Bias and activation after a product. */
export function linear(m: number, n: number, k: number, dtype: DType = 'float32'): Program {
  const biased = fn('add', [result(0, dtype), load(2, axis(1), dtype)]);
  return program(
    `linear of ${dtype} ${m} x ${n} x ${k}`,
    [
      buffer(0, m * k, 'read', dtype),
      buffer(1, n * k, 'read', dtype),
      buffer(2, n, 'read', dtype),
      buffer(3, m * n, 'write', dtype),
    ],
    [
      matmul('linear', [m, n, k], {
        dtype,
        a: load(0, at(axis(0), k, axis(2)), dtype),
        b: load(1, at(axis(1), k, axis(2)), dtype),
        stores: [store(3, at(axis(0), n, axis(1)), fn('max', [biased, constant(0, dtype)]))],
      }),
    ],
  );
}

export const representative: readonly Program[] = [
  ...dtypeNames.map((dtype) => functionsOf(dtype, 1000)),
  ...dtypeNames.map((dtype) => functionsOf(dtype, 2 ** 20)),
  ...dtypeNames.flatMap((dtype) => [
    sums(4, 8, 1, dtype),
    sums(300, 1000, 1, dtype),
    sums(5000, 96, 0, dtype),
    sums(2, 100_003, 1, dtype),
    scatter(500, 12, 30, dtype),
  ]),
  ...[
    [3, 5],
    [300, 10],
    [64, 100],
    [300, 1000],
    [40, 1101],
    [64, 4096],
    [100, 20_000],
    [1, 90_001],
  ].map(([rows, columns]) => softmax(rows as number, columns as number)),
  scatter(100_000, 16, 1000),
  adam(1000),
  adam(2 ** 20),
  adam(2 ** 16 + 3),
  padded(100, 64),
  linear(100, 32, 784),
  linear(64, 64, 64, 'bfloat16'),
];

/** What a matmul's stores do with its sums: element-wise work, updates in place, odd layouts, several stores. */
import type { Expression, HostArray, Program } from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { affine, axis, castTo, constant, fn, load, result, store } from '../build.js';
import { difference, randomArrays, randomNumbers } from '../execute.js';
import { interpret } from '../interpret.js';
import { plainMatmul } from './cases.js';
import { hasFused, planOf, runMatmul } from './run-matmul.js';

const product = result('float32', 0);
const number = (value: number) => constant('float32', value);

/** Relative and absolute: a few units in the last place of the sums and of what is made of them. */
const severalRoundings = [1e-5, 1e-5] as const;

function check(program: Program, scalars: readonly number[] = []): HostArray[] {
  const arrays = randomArrays(program, randomNumbers(9));
  const want = arrays.map((array) => array.slice() as HostArray);
  interpret(program, want, scalars);
  for (const fma of hasFused ? [false, true] : [false]) {
    for (const parts of [1, 2]) {
      const got = runMatmul(program, arrays, { fma, parts, scalars });
      program.slots.forEach(({ dtype }, i) => {
        expect(
          difference(dtype, got[i] as HostArray, want[i] as HostArray, severalRoundings),
          `${planOf(program)}, slot ${i}`,
        ).toBeNull();
      });
    }
  }
  return want;
}

const shapes = [
  { m: 10, k: 8, n: 11 },
  { m: 10, k: 8, n: 11, b: 'nk' },
  { m: 33, k: 12, n: 16, a: 'km' },
  { m: 3, k: 5, n: 2, a: 'km', b: 'nk' },
  { m: 70, k: 20, n: 40, b: 'nk' },
] as const;

describe.each(shapes)('$m x $k x $n', (shape) => {
  const { m, n } = shape;
  const place = affine([m * n, n, 1]);

  it('bias and relu', () => {
    const biased = fn('add', product, load('float32', 3, axis(2)));
    const value = fn('where', fn('lt', number(0), biased), biased, number(0));
    check(plainMatmul(shape, { stores: [store(2, place, value)] }, [['float32', n]]));
  });

  it('a bias per row, and the position itself', () => {
    const value = fn(
      'add',
      fn('mul', product, load('float32', 3, axis(1))),
      castTo('float32', fn('sub', axis(2), axis(1))),
    );
    check(plainMatmul(shape, { stores: [store(2, place, value)] }, [['float32', m]]));
  });

  it('updates a weight in place by a runtime rate', () => {
    const rate: Expression = { kind: 'scalar', dtype: 'float32', slot: 0 };
    const value = fn('sub', load('float32', 2, place), fn('mul', product, rate));
    check(plainMatmul(shape, { stores: [store(2, place, value)] }), [0.25]);
  });

  it('stores transposed', () => {
    check(plainMatmul(shape, { stores: [store(2, affine([m * n, 1, m]), product)] }));
  });

  it('stores a part, and to two places', () => {
    const mask = fn('lt', axis(2), axis(1));
    const stores = [
      store(2, place, fn('neg', product), mask),
      store(3, affine([m * n, 2 * n, 2]), fn('add', product, product)),
    ];
    check(plainMatmul(shape, { stores }, [['float32', 2 * m * n]]));
  });

  it('a long expression, as a loop over the tile', () => {
    let value: Expression = product;
    for (let i = 0; i < 40; i++)
      value = fn('add', fn('mul', value, number(0.9)), load('float32', 3, fn('add', axis(2), constant('int32', i))));
    check(plainMatmul(shape, { stores: [store(2, place, value)] }, [['float32', n + 40]]));
  });

  it('another dtype', () => {
    check(plainMatmul(shape, { stores: [store(2, place, castTo('int32', fn('mul', product, number(10))))] }));
  });
});

it('gelu by tanh', () => {
  const shape = { m: 9, k: 6, n: 14 };
  const inner = fn(
    'tanh',
    fn(
      'mul',
      fn('add', product, fn('mul', fn('mul', product, product), fn('mul', product, number(0.044715)))),
      number(0.79788456),
    ),
  );
  const value = fn('mul', fn('mul', product, number(0.5)), fn('add', inner, number(1)));
  check(plainMatmul(shape, { stores: [store(2, affine([126, 14, 1]), value)] }));
});

it('a product over nothing still stores its epilogue', () => {
  const value = fn('add', product, load('float32', 3, axis(2)));
  const [, , out] = check(
    plainMatmul({ m: 2, k: 0, n: 3 }, { stores: [store(2, affine([6, 3, 1]), value)] }, [['float32', 3]]),
  );
  expect(out?.length).toBe(6);
});

it('k in several pieces: the epilogue is done once', () => {
  const shape = { m: 3, k: 2100, n: 6 };
  const value = fn('sub', load('float32', 2, affine([18, 6, 1])), fn('mul', product, number(1e-3)));
  check(plainMatmul(shape, { stores: [store(2, affine([18, 6, 1]), value)] }));
});

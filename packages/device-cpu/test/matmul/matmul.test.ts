/** Matmul kernels against float64: shapes, layouts, parts, dtypes, operands of every kind. What happens after the product is `epilogue.test.ts`. */
import { type DType, type HostArray, isFloat, type Program } from '@torchlet/device';
import { describe, expect, it } from 'vitest';
import { affine, axis, castTo, constant, fn, load, programOf, result, store } from '../build.js';
import { randomArrays, randomNumbers } from '../execute.js';
import { element, interpret } from '../interpret.js';
import { type Plain, plainMatmul, plainProduct } from './cases.js';
import { hasFused, planOf, type RunOptions, runMatmul } from './run-matmul.js';

const ways: readonly RunOptions[] = (hasFused ? [false, true] : [false]).flatMap((fma) =>
  [1, 3].map((parts) => ({ fma, parts })),
);

/** Half a unit in the last place of 1, in which a dtype is stored and in which its sums are computed. */
const roundings: Readonly<Partial<Record<DType, readonly [stored: number, summed: number]>>> = {
  float32: [2 ** -24, 2 ** -24],
  float64: [2 ** -53, 2 ** -53],
  float16: [2 ** -11, 2 ** -24],
  bfloat16: [2 ** -8, 2 ** -24],
};

/** Numbers lie between -2 and 2: a sum of k products grows to about sqrt(k), and rounding k times moves it by sqrt(k) roundings of that. */
function tolerance(dtype: DType, k: number): number {
  const [stored, summed] = roundings[dtype] ?? [0, 0];
  return 2 * stored + 3 * summed * (4 + k);
}

function expectClose(dtype: DType, got: HostArray, want: HostArray, k: number, label: string): void {
  expect(got.length, label).toBe(want.length);
  for (let i = 0; i < want.length; i++) {
    const [x, y] = [element(dtype, got, i), element(dtype, want, i)];
    if (Object.is(x, y) || x === y) continue;
    const [a, b] = [Number(x), Number(y)];
    const near = isFloat(dtype) && Math.abs(a - b) <= tolerance(dtype, k) * (1 + Math.abs(b));
    if (!near) expect.fail(`${label}: element ${i} is ${x}, expected ${y}`);
  }
}

/** Runs in every way and compares with the interpreter; the last slots may be read only. */
function checkProgram(program: Program, arrays: readonly HostArray[], options: RunOptions = {}): void {
  const kernel = program.kernels[0] as Extract<Program['kernels'][number], { kind: 'matmul' }>;
  const want = arrays.map((array) => array.slice() as HostArray);
  interpret(program, want, options.scalars ?? []);
  for (const way of ways) {
    const got = runMatmul(program, arrays, { ...way, ...options });
    program.slots.forEach(({ dtype }, i) => {
      expectClose(dtype, got[i] as HostArray, want[i] as HostArray, kernel.k, `${planOf(program)}, slot ${i}`);
    });
  }
}

function check(program: Program, seed = 1, options: RunOptions = {}): void {
  checkProgram(program, randomArrays(program, randomNumbers(seed)), options);
}

const layouts = (['mk', 'km'] as const).flatMap((a) => (['kn', 'nk'] as const).map((b) => ({ a, b })));

function checkPlain(shape: Plain, tried: readonly RunOptions[] = ways): void {
  const program = plainMatmul(shape);
  const arrays = randomArrays(program, randomNumbers(7));
  const want = Float32Array.from(plainProduct(shape, arrays));
  for (const way of tried) {
    const got = runMatmul(program, arrays, way)[2] as HostArray;
    expectClose('float32', got, want, shape.k, planOf(program));
  }
}

describe.each(layouts)('a stored as $a, b as $b', (layout) => {
  it.each([
    [100, 32, 10],
    [100, 10, 32],
    [10, 100, 32],
    [32, 100, 196],
    [1, 1, 1],
    [1, 300, 100],
    [100, 300, 1],
    [1, 300, 1],
    [17, 65, 33],
    [64, 64, 64],
    [2, 700, 600],
    [600, 70, 2],
  ])('[%i, %i] x [.., %i]', (m, k, n) => {
    checkPlain({ m, k, n, ...layout });
  });

  it('every small shape', () => {
    for (const m of [1, 2, 3, 5]) {
      for (let n = 1; n <= 9; n++) {
        for (const k of [1, 3, 4, 7]) {
          const shape = { m, k, n, ...layout };
          const program = plainMatmul(shape);
          const arrays = randomArrays(program, randomNumbers(m + 10 * n + 100 * k));
          const got = runMatmul(program, arrays, { fma: hasFused })[2] as HostArray;
          expectClose('float32', got, Float32Array.from(plainProduct(shape, arrays)), k, planOf(program));
        }
      }
    }
  });

  it('thin shapes of 1 to 16', () => {
    for (let thin = 1; thin <= 16; thin++) {
      const oneWay = ways.slice(thin % ways.length).slice(0, 1);
      checkPlain({ m: thin, k: 50, n: 40, ...layout }, oneWay);
      checkPlain({ m: 40, k: 50, n: thin, ...layout }, oneWay);
    }
  });

  it('k in several pieces, packed operands, blocks', () => {
    checkPlain({ m: 70, k: 2500, n: 130, ...layout });
    checkPlain({ m: 9, k: 9001, n: 11, ...layout });
    checkPlain({ m: 130, k: 300, n: 300, ...layout });
  });

  it('batches', () => {
    checkPlain({ batch: 5, m: 7, k: 6, n: 10, ...layout });
    checkPlain({ batch: 3, m: 70, k: 300, n: 300, ...layout });
  });
});

describe('empty products', () => {
  it('sums over nothing are 0', () => {
    const program = plainMatmul({ m: 3, k: 0, n: 5 });
    for (const way of ways)
      expect(
        runMatmul(program, [new Float32Array(0), new Float32Array(0), new Float32Array(15).fill(7)], way)[2],
      ).toEqual(new Float32Array(15));
  });

  it.each([
    [0, 4, 4],
    [4, 4, 0],
    [0, 0, 0],
  ])('[%i, %i] x [.., %i] does nothing', (m, k, n) => {
    const program = plainMatmul({ m, k, n });
    const arrays = [new Float32Array(m * k), new Float32Array(k * n), new Float32Array(0)];
    expect(runMatmul(program, arrays)[2]).toEqual(new Float32Array(0));
  });

  it('an empty batch does nothing', () => {
    const program = plainMatmul({ batch: 0, m: 2, k: 2, n: 2 });
    expect(runMatmul(program, [new Float32Array(0), new Float32Array(0), new Float32Array(0)])[2]).toEqual(
      new Float32Array(0),
    );
  });
});

describe('dtypes', () => {
  it.each(['float64', 'int32', 'int64', 'int16', 'int8', 'uint8', 'bool', 'float16', 'bfloat16'] as const)(
    '%s',
    (dtype) => {
      for (const layout of layouts) {
        check(plainMatmul({ m: 5, k: 9, n: 7, dtype, ...layout }));
        check(plainMatmul({ batch: 2, m: 1, k: 33, n: 18, dtype, ...layout }));
        check(plainMatmul({ m: 18, k: 21, n: 3, dtype, ...layout }));
      }
    },
  );

  it.each(['float32', 'float64'] as const)('%s sums in pieces, with columns that fill no group', (dtype) => {
    for (const [m, n] of [
      [5, 18],
      [6, 10],
      [4, 1],
    ] as const) {
      for (const layout of layouts) {
        const shape = { m, k: 5000, n, dtype, ...layout };
        const program = plainMatmul(shape);
        const arrays = randomArrays(program, randomNumbers(5));
        const want = plainProduct(shape, arrays);
        for (const way of ways) {
          const got = runMatmul(program, arrays, way)[2] as Float32Array | Float64Array;
          want.forEach((value, i) => {
            expect(Math.abs((got[i] as number) - value), planOf(program)).toBeLessThan(
              dtype === 'float32' ? 1e-2 : 1e-9,
            );
          });
        }
      }
    }
  });

  it('int64 is exact and wraps', () => {
    const program = plainMatmul({ m: 1, k: 3, n: 1, dtype: 'int64' });
    const big = 2n ** 62n;
    const arrays = [
      BigInt64Array.of(big + 1n, big, 3n),
      BigInt64Array.of(2n, 3n, 2n ** 53n + 1n),
      new BigInt64Array(1),
    ];
    const want = BigInt.asIntN(64, (big + 1n) * 2n + big * 3n + 3n * (2n ** 53n + 1n));
    for (const way of ways) expect(runMatmul(program, arrays, way)[2]).toEqual(BigInt64Array.of(want));
  });

  it('int64 stored in four bytes', () => {
    const program = plainMatmul({ m: 5, k: 6, n: 7, dtype: 'int64' });
    const random = randomNumbers(3);
    const narrow = [30, 42, 35].map((size) =>
      Int32Array.from({ length: size }, () => Math.floor(random() * 200 - 100)),
    );
    const want = plainProduct({ m: 5, k: 6, n: 7 }, narrow);
    expect(runMatmul(program, narrow, { bytesOfInt64: 4 })[2]).toEqual(Int32Array.from(want));
  });

  it('narrow operands of a float32 product', () => {
    const wide = (slot: number, strides: number[]) => castTo('float32', load('float16', slot, affine(strides)));
    const kernel = plainMatmul({ m: 6, k: 10, n: 9 }, { a: wide(3, [60, 10, 0, 1]), b: wide(4, [90, 0, 1, 9]) }, [
      ['float16', 60],
      ['float16', 90],
    ]);
    check(kernel);
  });
});

describe('special values', () => {
  it('zeros are not skipped: 0 times infinity and NaN is NaN', () => {
    for (const layout of layouts) {
      const program = plainMatmul({ m: 5, k: 6, n: 7, ...layout });
      const arrays = randomArrays(program, randomNumbers(1), true);
      (arrays[0] as Float32Array).fill(0, 0, 12);
      const want = plainProduct({ m: 5, k: 6, n: 7, ...layout }, arrays);
      for (const way of ways) {
        const got = runMatmul(program, arrays, way)[2] as Float32Array;
        want.forEach((value, i) => {
          if (Number.isFinite(value)) expect(got[i]).toBeCloseTo(value, 4);
          else expect(got[i]).toBe(value);
        });
      }
    }
  });

  it('NaN in padding never reaches a result', () => {
    const program = plainMatmul({ m: 70, k: 300, n: 301, b: 'nk' });
    const arrays = [
      new Float32Array(70 * 300).fill(1),
      new Float32Array(300 * 301).fill(1),
      new Float32Array(70 * 301),
    ];
    for (const way of ways) expect(runMatmul(program, arrays, way)[2]).toEqual(new Float32Array(70 * 301).fill(300));
  });
});

describe('operands', () => {
  const shape = { m: 11, k: 13, n: 10 };

  it('broadcast, turned round, and with gaps', () => {
    const variants: readonly (readonly [number[], number])[] = [
      [[0, 0, 0, 1], 0],
      [[0, 1, 0, 0], 0],
      [[0, 0, 0, 0], 3],
      [[0, -13, 0, 1], 130],
      [[0, 13, 0, -1], 12],
      [[0, -1, 0, -11], 142],
      [[0, 26, 0, 2], 1],
    ];
    for (const [strides, offset] of variants) {
      for (const layout of layouts)
        check(
          plainMatmul({ ...shape, ...layout }, { a: load('float32', 3, affine(strides, offset)) }, [['float32', 400]]),
        );
      const [batch = 0, m = 0, , k = 0] = strides;
      check(plainMatmul(shape, { b: load('float32', 3, affine([batch, 0, m, k], offset)) }, [['float32', 400]]));
    }
  });

  it('a batch axis that one operand does not have, several batch axes', () => {
    const program = programOf(
      [
        {
          kind: 'matmul',
          name: 'heads',
          batch: [2, 3],
          m: 5,
          n: 6,
          k: 7,
          a: load('float32', 0, affine([105, 7, 21, 0, 1])),
          b: load('float32', 1, affine([0, 42, 0, 1, 6])),
          dtype: 'float32',
          result: 4,
          stores: [store(2, affine([90, 30, 6, 1]), result('float32', 4))],
          claim: null,
        },
      ],
      [
        ['float32', 210],
        ['float32', 126],
        ['float32', 180],
      ],
    );
    check(program);
  });

  it('rows picked by an index, on either side and either way round', () => {
    const more = [
      ['float32', 800],
      ['int32', 40],
    ] as const;
    for (const length of [13, 40]) {
      /** Element `rest` of the row that axis `by` picks. */
      const picked = (by: number, rest: number) => {
        const row = fn('mod', load('int32', 4, axis(by)), constant('int32', 20));
        return load('float32', 3, fn('add', fn('mul', row, constant('int32', length)), axis(rest)));
      };
      for (const changed of [
        plainMatmul({ m: 20, n: 10, k: length }, { a: picked(1, 3) }, more),
        plainMatmul({ m: 20, n: 10, k: length, b: 'nk' }, { a: picked(1, 3) }, more),
        plainMatmul({ m: 6, n: length, k: 20 }, { b: picked(3, 2) }, more),
        plainMatmul({ m: length, n: 6, k: 20 }, { a: picked(3, 1) }, more),
        plainMatmul({ m: 6, n: 20, k: length }, { b: picked(2, 3) }, more),
      ]) {
        const arrays = randomArrays(changed, randomNumbers(5));
        arrays[4] = (arrays[4] as Int32Array).map(Math.abs);
        checkProgram(changed, arrays);
      }
    }
  });

  it('windows and merged axes, whose places are sums of a part for each dimension', () => {
    const by = (name: 'idiv' | 'mod', x: ReturnType<typeof axis>, y: number) => fn(name, x, constant('int32', y));
    const times = (x: ReturnType<typeof axis>, y: number) => fn('mul', x, constant('int32', y));
    /** Element (own, k) of 3 by 3 windows of a 9 by 11 image, 7 rows of 9 windows. */
    const window = (own: number, dtype: DType) => {
      const row = fn('add', by('idiv', axis(own), 9), by('idiv', axis(3), 3));
      return load(dtype, 3, fn('add', times(row, 11), fn('add', by('mod', axis(own), 9), by('mod', axis(3), 3))));
    };
    /** Element (own, k) of [4, 5, 6] merged to [5, 4 * 6]. */
    const merged = (own: number, dtype: DType) =>
      load(
        dtype,
        3,
        fn('add', fn('add', times(by('idiv', axis(3), 6), 30), times(axis(own), 6)), by('mod', axis(3), 6)),
      );
    for (const dtype of ['float32', 'float64', 'int32'] as const) {
      const more = [[dtype, 120]] as const;
      check(plainMatmul({ m: 5, n: 63, k: 9, dtype }, { b: window(2, dtype) }, more));
      check(plainMatmul({ m: 63, n: 5, k: 9, dtype, b: 'nk' }, { a: window(1, dtype) }, more));
      check(plainMatmul({ m: 5, n: 7, k: 24, dtype }, { a: merged(1, dtype) }, more));
      check(plainMatmul({ m: 7, n: 5, k: 24, dtype }, { b: merged(2, dtype) }, more));
    }
    check(
      plainMatmul({ batch: 3, m: 5, n: 63, k: 9 }, { b: fn('add', window(2, 'float32'), window(2, 'float32')) }, [
        ['float32', 99],
      ]),
    );
    const perBatch = { ...window(2, 'float32'), index: fn('add', times(axis(0), 99), window(2, 'float32').index) };
    check(plainMatmul({ batch: 3, m: 5, n: 63, k: 9 }, { b: perBatch }, [['float32', 297]]));
  });

  it('computed elements: a masked product, a window with a border, an index', () => {
    const x = (strides: number[]) => load('float32', 3, affine(strides));
    const relu = (value: ReturnType<typeof x>) =>
      fn('where', fn('lt', constant('float32', 0), value), value, constant('float32', 0));
    for (const layout of layouts) {
      check(plainMatmul({ ...shape, ...layout }, { a: relu(x([0, 13, 0, 1])) }, [['float32', 143]]));
      check(plainMatmul({ ...shape, ...layout }, { a: relu(x([0, 1, 0, 11])) }, [['float32', 143]]));
      check(plainMatmul({ ...shape, ...layout }, { b: relu(x([0, 0, 1, 10])) }, [['float32', 143]]));
      check(plainMatmul({ ...shape, ...layout }, { b: relu(x([0, 0, 13, 1])) }, [['float32', 143]]));
    }
    const at = fn('add', axis(2), axis(3));
    const inside = fn('lt', at, constant('int32', 15));
    check(plainMatmul(shape, { b: load('float32', 3, at, inside) }, [['float32', 15]]));
    check(plainMatmul(shape, { a: castTo('float32', fn('add', axis(1), axis(3))) }));
  });
});

describe('random shapes', () => {
  it.each(Array.from({ length: 40 }, (_, seed) => seed))('seed %i', (seed) => {
    const random = randomNumbers(1000 + seed);
    const length = (most: number) => 1 + Math.floor(random() ** 2 * most);
    const layout = layouts[Math.floor(random() * 4)] as (typeof layouts)[number];
    checkPlain({ batch: length(3), m: length(90), k: length(120), n: length(90), ...layout });
  });
});

/** Every scalar function on the adapter, for one point and for four a thread, against its definition in `@torchlet/graph`. */
import {
  bfloat16ToNumber,
  type DType,
  dtypes,
  float16ToNumber,
  type HostArray,
  numberToBfloat16,
  numberToFloat16,
  type ScalarFunction,
  scalarFunctions,
} from '@torchlet/device';
import { type Element, elementOf, scalarMeanings } from '@torchlet/graph';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebGpuDevice } from '../src/index.js';
import { noAdapter, opened, titled } from './adapter.js';
import { axis, buffer, fn, load, map, program } from '@torchlet/device/by-hand';
import { execute, noise } from './execute.js';

let device: WebGpuDevice;

beforeAll(async () => {
  if (noAdapter === null) device = await opened();
});

afterAll(() => {
  device?.dispose();
});

const specials = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  2,
  -2,
  NaN,
  Infinity,
  -Infinity,
  3.4e38,
  -3.4e38,
  1.2e-38,
  1e-30,
  88,
  89,
  -87,
  100,
  -150,
];
const range = (from: number, to: number, count = 400): number[] =>
  Array.from(noise(count, from + to), (x) => from + ((x + 1) / 2) * (to - from));
/** Near 0 and near 1, where series lose digits. */
const near = (at: number): number[] => range(-6, 0, 100).flatMap((power) => [at + 10 ** power, at - 10 ** power]);

/** Arguments of functions of one float, and by how many units in the last place a result may be off. */
const unary: Partial<Record<ScalarFunction, { readonly arguments: readonly number[]; readonly ulps: number }>> = {
  neg: { arguments: range(-10, 10), ulps: 0 },
  sqrt: { arguments: range(0, 1e6), ulps: 4 },
  exp: { arguments: [...range(-87, 88.7), ...near(0)], ulps: 3 },
  expm1: { arguments: [...range(-20, 88), ...near(0)], ulps: 5 },
  log: { arguments: [...range(0, 1e6), ...near(1).map(Math.abs), ...range(0, 2)], ulps: 4 },
  log1p: { arguments: [...range(-0.999, 1e4), ...near(0)], ulps: 6 },
  sin: { arguments: [...range(-8000, 8000), ...range(-1e30, 1e30), ...near(0), 2 ** 100], ulps: 4 },
  cos: { arguments: [...range(-8000, 8000), ...range(-1e30, 1e30), ...near(0), 2 ** 100], ulps: 4 },
  atan: { arguments: [...range(-10, 10), ...range(-1e6, 1e6), ...near(0)], ulps: 4 },
  tanh: { arguments: [...range(-10, 10), ...near(0)], ulps: 6 },
  erf: { arguments: [...range(-4, 4), ...near(0)], ulps: 4 },
  floor: { arguments: range(-1000, 1000), ulps: 0 },
};

/** Functions of two, with pairs of arguments. */
const pairs: Partial<
  Record<ScalarFunction, { readonly left: readonly number[]; readonly right: readonly number[]; readonly ulps: number }>
> = {
  add: { left: range(-1e3, 1e3), right: range(-10, 10), ulps: 0.5 },
  sub: { left: range(-1e3, 1e3), right: range(-10, 10), ulps: 0.5 },
  mul: { left: range(-1e3, 1e3), right: range(-10, 10), ulps: 0.5 },
  div: { left: range(-1e3, 1e3), right: range(-10, 10), ulps: 3 },
  mod: { left: range(-1e6, 1e6), right: range(-10, 10), ulps: 0 },
  max: { left: range(-1, 1), right: range(-1, 1).reverse(), ulps: 0 },
  pow: { left: [...range(0, 100), ...range(0.9, 1.1)], right: [...range(-18, 18), ...range(-700, 700)], ulps: 8 },
  lt: { left: range(-1, 1), right: range(-1, 1).reverse(), ulps: 0 },
  eq: { left: range(-1, 1), right: range(-1, 1), ulps: 0 },
};

/** Every special number with every other. */
const special = specials.flatMap((x) => specials.map((y) => [x, y] as const));

/** fn of each element, `width` points a thread: a size that four divides, from 256 elements on, takes four. */
async function computed(name: ScalarFunction, args: readonly HostArray[], dtype: DType, to: DType): Promise<HostArray> {
  const size = (args[0] as HostArray).length;
  const inputs = args.map((_, i) => buffer(i, size, 'read', dtype));
  const value = fn(
    name,
    args.map((_, i) => load(i, axis(0), dtype)),
    to,
  );
  const source = program(
    name,
    [...inputs, buffer(args.length, size, 'write', to)],
    [map(name, size, args.length, value)],
  );
  const results = await execute(device, source, [...args, dtypes[to].zeros(size)]);
  return results[args.length] as HostArray;
}

function ulp(x: number): number {
  if (!Number.isFinite(x)) return 0;
  return 2 ** (Math.max(-126, Math.floor(Math.log2(Math.abs(x) || 2 ** -126))) - 23);
}

/** Subnormal results, and what is computed from subnormal arguments, may be 0. */
function isRight(got: number, expected: number, ulps: number): boolean {
  if (Object.is(got, expected) || (Number.isNaN(got) && Number.isNaN(expected))) return true;
  if (Math.abs(expected) > 3.4028234e38) return Math.abs(got) > 3.402e38 && Math.sign(got) === Math.sign(expected);
  return Math.abs(got - expected) <= ulps * ulp(expected) + 2 ** -126;
}

function compare(name: ScalarFunction, args: readonly (readonly number[])[], got: HostArray, ulps: number): void {
  const wrong: string[] = [];
  const to: DType = name === 'lt' || name === 'eq' ? 'bool' : 'float32';
  for (let i = 0; i < got.length; i++) {
    const own = args.map((values) => values[i] as number);
    const expected = Number(scalarMeanings[name](own, to, 'float32'));
    const value = got[i] as number;
    if (!isRight(value, expected, ulps)) wrong.push(`${name}(${own.join(', ')}) is ${value}, expected ${expected}`);
  }
  expect(wrong).toEqual([]);
}

/** As many as there are, rounded up to a multiple of `multiple` plus `rest`. */
function padded(values: readonly number[], multiple: number, rest: number): Float32Array {
  const size = Math.ceil(values.length / multiple) * multiple + rest;
  return Float32Array.from({ length: size }, (_, i) => values[i % values.length] as number);
}

const shapes = [
  ['four a thread', 256, 0],
  ['one a thread', 4, 1],
] as const;

describe.skipIf(noAdapter !== null)(titled('functions of floats'), () => {
  describe.each(shapes)('%s', (_, multiple, rest) => {
    it.each(Object.entries(unary))('%s', async (name, row) => {
      const fnName = name as ScalarFunction;
      const values = padded([...specials, ...row.arguments], multiple, rest);
      const got = await computed(fnName, [values], 'float32', 'float32');
      compare(fnName, [Array.from(values)], got, row.ulps);
    });

    it.each(Object.entries(pairs))('%s', async (name, row) => {
      const fnName = name as ScalarFunction;
      const left = padded([...special.map(([x]) => x), ...row.left], multiple, rest);
      const right = padded([...special.map(([, y]) => y), ...row.right], multiple, rest);
      const to = fnName === 'lt' || fnName === 'eq' ? 'bool' : 'float32';
      const got = await computed(fnName, [left, right], 'float32', to);
      compare(fnName, [Array.from(left), Array.from(right)], got, row.ulps);
    });
  });

  it('all have a row', () => {
    const own = [
      ...Object.keys(unary),
      ...Object.keys(pairs),
      'cast',
      'where',
      'idiv',
      'and',
      'or',
      'xor',
      'shl',
      'shr',
    ];
    expect(own.sort()).toEqual(Object.keys(scalarFunctions).sort());
  });
});

const integers: readonly DType[] = ['int32', 'int64', 'int16', 'int8', 'uint8'];
const edges: Partial<Record<DType, readonly number[]>> = {
  int32: [0, 1, -1, 7, -7, 2 ** 31 - 1, -(2 ** 31), 65537, -65537],
  int64: [0, 1, -1, 7, -7, 30000, -30000, 12345],
  int16: [0, 1, -1, 7, -7, 32767, -32768, 255],
  int8: [0, 1, -1, 7, -7, 127, -128, 100],
  uint8: [0, 1, 2, 7, 128, 255, 200],
};

function arrayOf(values: readonly Element[], dtype: DType): HostArray {
  const array = dtypes[dtype].zeros(values.length);
  values.forEach((value, i) => {
    array[i] = dtype === 'int64' ? BigInt(value) : Number(value);
  });
  return array;
}

describe.skipIf(noAdapter !== null)(titled('functions of integers and bools'), () => {
  const of = (name: ScalarFunction, dtype: DType): (readonly [Element, Element])[] => {
    const values = (edges[dtype] as readonly number[]).map((value) => elementOf(value, dtype));
    const bits = 8 * dtypes[dtype].bytes;
    const others =
      name === 'shl' || name === 'shr' ? [0, 1, 3, Math.min(bits, 32) - 1].map((y) => elementOf(y, dtype)) : values;
    return values.flatMap((x) => others.map((y) => [x, y] as const));
  };

  it.each(
    integers.flatMap((dtype) =>
      (['add', 'sub', 'mul', 'idiv', 'mod', 'max', 'and', 'or', 'xor', 'shl', 'shr', 'lt', 'eq'] as const).map(
        (name) => [name, dtype] as const,
      ),
    ),
  )('%s of %s', async (name, dtype) => {
    const all = of(name, dtype);
    const to: DType = name === 'lt' || name === 'eq' ? 'bool' : dtype;
    const got = await computed(
      name,
      [
        arrayOf(
          all.map(([x]) => x),
          dtype,
        ),
        arrayOf(
          all.map(([, y]) => y),
          dtype,
        ),
      ],
      dtype,
      to,
    );
    const expected = all.map(([x, y]) => {
      const value = scalarMeanings[name]([x, y], to, dtype);
      // int64 has 32 bits here.
      return typeof value === 'bigint' ? BigInt.asIntN(32, value) : value;
    });
    expect(Array.from<Element>(got)).toEqual(expected);
  });

  it.each(['add', 'mul', 'sub', 'max', 'and', 'or', 'xor', 'lt', 'eq'] as const)('%s of bools', async (name) => {
    const left = Uint8Array.of(0, 0, 1, 1);
    const right = Uint8Array.of(0, 1, 0, 1);
    const got = await computed(name, [left, right], 'bool', 'bool');
    const table = Array.from(left, (x, i) => Number(scalarMeanings[name]([x, right[i] as number], 'bool', 'bool')));
    expect(Array.from<Element>(got)).toEqual(table);
  });
});

const toBits: Partial<Record<DType, (value: number) => number>> = {
  float16: numberToFloat16,
  bfloat16: numberToBfloat16,
};
const fromBits: Partial<Record<DType, (bits: number) => number>> = {
  float16: float16ToNumber,
  bfloat16: bfloat16ToNumber,
};
const numbers = [
  0,
  -0,
  1,
  -1,
  0.4,
  -0.6,
  1.5,
  2.5,
  127.9,
  128,
  -128.9,
  255.5,
  256,
  -1e4,
  32768,
  3e9,
  -3e9,
  NaN,
  Infinity,
  -Infinity,
  65504,
  65519,
  65520,
  1e-5,
  6e-8,
  2e-8,
  1.0009765625,
  1.00048828125,
  3.3895e38,
];
const everyDType: readonly DType[] = [
  'float32',
  'float16',
  'bfloat16',
  'int32',
  'int64',
  'int16',
  'int8',
  'uint8',
  'bool',
];

describe.skipIf(noAdapter !== null)(titled('casts'), () => {
  const held = (dtype: DType): Element[] => {
    const bits = toBits[dtype];
    if (bits !== undefined) return numbers.map((value) => (fromBits[dtype] as (bits: number) => number)(bits(value)));
    if (dtype === 'float32') return numbers.map(Math.fround);
    if (dtype === 'bool') return [0, 1];
    return (edges[dtype] as readonly number[]).map((value) => elementOf(value, dtype));
  };
  const stored = (values: readonly Element[], dtype: DType): HostArray => {
    const bits = toBits[dtype];
    return bits === undefined
      ? arrayOf(values, dtype)
      : arrayOf(
          values.map((value) => bits(Number(value))),
          dtype,
        );
  };

  it.each(everyDType.flatMap((from) => everyDType.filter((to) => to !== from).map((to) => [from, to] as const)))(
    '%s to %s',
    async (from, to) => {
      const values = held(from);
      const got = await computed('cast', [stored(values, from)], from, to);
      const read = fromBits[to];
      const expected = values.map((value) => {
        const meant = scalarMeanings.cast([value], to, from);
        const bits = toBits[to];
        if (bits !== undefined) return (read as (bits: number) => number)(bits(Number(meant)));
        if (to === 'float32') return Math.fround(Number(meant));
        // int64 has 32 bits here, and saturates there.
        if (typeof meant === 'bigint')
          return meant > 2n ** 31n - 1n ? 2n ** 31n - 1n : meant < -(2n ** 31n) ? -(2n ** 31n) : meant;
        return meant;
      });
      const actual = Array.from<Element>(got).map((value) => (read === undefined ? value : read(Number(value))));
      expect(actual.map((value) => (value === 0 ? 0 : value))).toEqual(
        expected.map((value) => (value === 0 ? 0 : value)),
      );
    },
  );
});

describe.skipIf(noAdapter !== null)(titled('where'), () => {
  it('the side that is not taken has no effect', async () => {
    const condition = load(0, axis(0), 'bool');
    const value = fn('where', [condition, load(1, axis(0)), load(2, axis(0))]);
    const source = program(
      'where',
      [buffer(0, 4, 'read', 'bool'), buffer(1, 4, 'read'), buffer(2, 4, 'read'), buffer(3, 4, 'write')],
      [map('where', 4, 3, value)],
    );
    const results = await execute(device, source, [
      Uint8Array.of(1, 0, 1, 0),
      Float32Array.of(1, NaN, 3, Infinity),
      Float32Array.of(NaN, 2, -Infinity, 4),
      new Float32Array(4),
    ]);
    expect(Array.from(results[3] as Float32Array)).toEqual([1, 2, 3, 4]);
  });
});

/** Vector functions: accuracy in units in the last place over wide ranges, and every special value, for both widths. */
import { describe, expect, it } from 'vitest';
import type { FloatName, MathName } from '../../src/math/index.js';
import { apply, type Floats, floatArray, hasFused } from './apply.js';
import { mathNames, reference } from './reference.js';

const ways: readonly boolean[] = hasFused ? [false, true] : [false];
const widths: readonly FloatName[] = ['float32', 'float64'];

/** Largest error allowed, in units in the last place of the true value. The float64 references may themselves be off by one. */
const unitsAllowed: Readonly<Record<Exclude<MathName, 'pow'>, Readonly<Record<FloatName, number>>>> = {
  exp: { float32: 1.4, float64: 2 },
  expm1: { float32: 2, float64: 3 },
  log: { float32: 1.2, float64: 2 },
  log1p: { float32: 1.2, float64: 2 },
  sin: { float32: 1.7, float64: 3 },
  cos: { float32: 1.7, float64: 3 },
  atan: { float32: 2, float64: 2 },
  tanh: { float32: 2.6, float64: 4 },
  erf: { float32: 3, float64: 3 },
};

const ranges: Readonly<Record<Exclude<MathName, 'pow'>, readonly (readonly [number, number])[]>> = {
  exp: [
    [-86, 88],
    [-1, 1],
  ],
  expm1: [
    [-25, 88],
    [-1, 1],
    [-1e-3, 1e-3],
  ],
  log: [
    [1e-3, 1e3],
    [0.5, 2],
    [1e-38, 1e-36],
    [1e30, 1e38],
  ],
  log1p: [
    [-0.99, 10],
    [-1e-3, 1e-3],
    [0, 1e6],
  ],
  sin: [
    [-10, 10],
    [-1e5, 1e5],
    [-1e9, 1e9],
    [1e30, 1e38],
  ],
  cos: [
    [-10, 10],
    [-1e5, 1e5],
    [-1e9, 1e9],
    [1e30, 1e38],
  ],
  atan: [
    [-5, 5],
    [-1e4, 1e4],
  ],
  tanh: [
    [-10, 10],
    [-0.1, 0.1],
    [-1e-6, 1e-6],
  ],
  erf: [
    [-6, 6],
    [-0.5, 0.5],
    [-1e-6, 1e-6],
  ],
};

const wider: readonly (readonly [MathName, number, number])[] = [
  ['exp', -700, 709],
  ['log', 1e-300, 1e-290],
  ['log', 1e300, 1e308],
  ['sin', 1e290, 1e300],
  ['cos', 1e15, 1e17],
];

/** Numbers that look random, the same each run. */
function numbers(count: number, [from, to]: readonly [number, number], seed = 1): number[] {
  let state = seed;
  return Array.from({ length: count }, () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return from + (to - from) * (state / 2 ** 32);
  });
}

function unit(dtype: FloatName, value: number): number {
  const [bits, least] = dtype === 'float32' ? [23, -126] : [52, -1022];
  return 2 ** (Math.max(Math.floor(Math.log2(Math.abs(value))), least) - bits);
}

/** The worst error in units, and where. */
function worst(dtype: FloatName, got: Floats, xs: Floats, fn: MathName): { units: number; x: number } {
  let result = { units: 0, x: 0 };
  xs.forEach((x, i) => {
    const want = reference[fn](x, 0);
    const units = Math.abs((got[i] as number) - want) / unit(dtype, want);
    if (!(units <= result.units)) result = { units, x };
  });
  return result;
}

describe.each(widths)('%s', (dtype) => {
  describe.each(mathNames.filter((fn) => fn !== 'pow'))('%s', (fn) => {
    it.each(ways)('is accurate, fused multiply-add: %s', (way) => {
      const all = [
        ...ranges[fn],
        ...(dtype === 'float64' ? wider.filter(([name]) => name === fn).map(([, a, b]) => [a, b] as const) : []),
      ];
      for (const range of all) {
        const xs = floatArray(dtype, numbers(fn === 'erf' ? 400 : 4000, range));
        const { units, x } = worst(dtype, apply(fn, dtype, way, xs), xs, fn);
        expect(units, `${fn}(${x})`).toBeLessThanOrEqual(unitsAllowed[fn][dtype]);
      }
    });
  });
});

const specials = [
  Number.NaN,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  0,
  -0,
  1,
  -1,
  2,
  -2,
  0.5,
  -0.5,
  3,
  -3,
  2.5,
  -2.5,
  20,
  -20,
  100,
  -100,
  1e-45,
  -1e-45,
  1e-40,
  -1e-40,
  1e-310,
  -1e-310,
  5e-324,
  1e-20,
  -1e-20,
  3e-8,
  1e-16,
  2 ** -126,
  2 ** -149,
  1e30,
  -1e30,
  1e38,
  -1e38,
  1e300,
  -1e300,
  88.72,
  88.73,
  -87.5,
  -95,
  -103.5,
  -104.5,
  709.7,
  709.9,
  -708.5,
  -740,
  -745.2,
  -750,
  1e22,
  2 ** 24 + 2,
  2 ** 53 + 2,
  2 ** 31,
  4,
  5.95,
  6,
  -6,
  9.5,
];

/** The same number, or as near as the accuracy tests allow; NaN, infinities and the sign of zero exactly. */
function agrees(dtype: FloatName, got: number, exact: number): boolean {
  const want = dtype === 'float32' ? Math.fround(exact) : exact;
  if (Object.is(got, want)) return true;
  if (want === 0 || !Number.isFinite(want)) return false;
  return Math.abs(got - want) <= 4 * unit(dtype, want);
}

describe.each(widths)('%s special values', (dtype) => {
  it.each(mathNames.filter((fn) => fn !== 'pow'))('%s', (fn) => {
    const xs = floatArray(dtype, specials);
    for (const way of ways) {
      const got = apply(fn, dtype, way, xs);
      xs.forEach((x, i) => {
        const want = reference[fn](x, 0);
        expect(agrees(dtype, got[i] as number, want), `${fn}(${x}): got ${got[i]}, want ${want}`).toBe(true);
      });
    }
  });

  it('tanh and erf reach 1 and -1', () => {
    const xs = [20, -20, 1e30, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
    for (const way of ways) {
      expect([...apply('tanh', dtype, way, xs)]).toEqual([1, -1, 1, 1, -1]);
      expect([...apply('erf', dtype, way, xs)]).toEqual([1, -1, 1, 1, -1]);
    }
  });

  it('pow keeps the rules of C for every pair', () => {
    const pairs = specials.flatMap((x) => specials.map((y) => [x, y] as const));
    const xs = floatArray(
      dtype,
      pairs.map(([x]) => x),
    );
    const ys = floatArray(
      dtype,
      pairs.map(([, y]) => y),
    );
    for (const way of ways) {
      const got = apply('pow', dtype, way, xs, ys);
      xs.forEach((x, i) => {
        const want = reference.pow(x, ys[i] as number);
        expect(agrees(dtype, got[i] as number, want), `pow(${x}, ${ys[i]}): got ${got[i]}, want ${want}`).toBe(true);
      });
    }
  });

  it('pow is accurate up to the ends of the range', () => {
    const most = dtype === 'float32' ? 87 : 700;
    const xs = floatArray(dtype, numbers(4000, [-3, 3]).map(Math.exp));
    const ys = floatArray(
      dtype,
      numbers(4000, [-most, most], 2).map((l, i) => l / Math.log(xs[i] as number)),
    );
    const got = apply('pow', dtype, false, xs, ys);
    xs.forEach((x, i) => {
      const want = x ** (ys[i] as number);
      expect(Math.abs((got[i] as number) - want), `pow(${x}, ${ys[i]})`).toBeLessThanOrEqual(2 * unit(dtype, want));
    });
  });
});

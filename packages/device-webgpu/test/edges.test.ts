/**
 * The edges of arithmetic, by their bits: NaN, infinities, signed zeros, subnormals, overflow. WGSL promises little of it, and adapters differ; what is expected is
 * written down here, as PyTorch gives it. Functions over their whole range are `functions.test.ts`.
 */
import type { DType, Expression, HostArray, ScalarFunction } from '@torchlet/device';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { WebGpuDevice } from '../src/index.js';
import { noAdapter, opened, titled } from './adapter.js';
import { axis, buffer, constant, fn, int, load, loop, map, phase, program, store } from '@torchlet/device/by-hand';
import { execute } from './execute.js';
import { type Case, floatEdges } from './float-edges.js';

let device: WebGpuDevice;

beforeAll(async () => {
  if (noAdapter === null) device = await opened();
});

afterAll(() => {
  device?.dispose();
});

const inf = Infinity;
const least = 2 ** -126;

const resultDType = (name: ScalarFunction): DType => (name === 'lt' || name === 'eq' ? 'bool' : 'float32');

const called = (name: ScalarFunction, args: readonly number[], result: number): string =>
  `${name}(${args.map((x) => (Object.is(x, -0) ? '-0' : x)).join(', ')}) is ${Object.is(result, -0) ? '-0' : result}`;

/** What one kernel says of each case. @param argument the expression of argument `which` of case `at`. */
async function results(
  name: ScalarFunction,
  cases: readonly Case[],
  argument: (which: number, at: number) => Expression,
): Promise<string[]> {
  const to = resultDType(name);
  const arity = (cases[0] as Case).length - 1;
  const args = Array.from({ length: arity }, (_, which) => Float32Array.from(cases, (one) => one[which] as number));
  const slots = args.map((_, which) => buffer(which, cases.length, 'read'));
  const stores = cases.map((_, at) =>
    store(
      arity,
      int(at),
      fn(
        name,
        args.map((_values, which) => argument(which, at)),
        to,
      ),
    ),
  );
  const source = program(
    name,
    [...slots, buffer(arity, cases.length, 'write', to)],
    [loop(name, [1], phase([], { stores }))],
  );
  const got = await execute(device, source, [
    ...args,
    to === 'bool' ? new Uint8Array(cases.length) : new Float32Array(cases.length),
  ]);
  return cases.map((one, at) => called(name, one.slice(0, -1), Number((got[arity] as HostArray)[at])));
}

const expected = (name: ScalarFunction, cases: readonly Case[]): string[] =>
  cases.map((one) => called(name, one.slice(0, -1), one.at(-1) as number));

describe.skipIf(noAdapter !== null)(titled('edges of floats'), () => {
  const rows = Object.entries(floatEdges) as [ScalarFunction, readonly Case[]][];

  it.each(rows)('%s of values', async (name, cases) => {
    expect(await results(name, cases, (which, at) => load(which, int(at)))).toEqual(expected(name, cases));
  });

  it.each(rows)('%s of values, four a thread', async (name, cases) => {
    const size = 256;
    const arity = (cases[0] as Case).length - 1;
    const to = resultDType(name);
    const args = Array.from({ length: arity }, (_, which) =>
      Float32Array.from({ length: size }, (_value, i) => cases[i % cases.length]?.[which] as number),
    );
    const value = fn(
      name,
      args.map((_, which) => load(which, axis(0))),
      to,
    );
    const slots = [...args.map((_, which) => buffer(which, size, 'read')), buffer(arity, size, 'write', to)];
    const got = await execute(device, program(name, slots, [map(name, size, arity, value)]), [
      ...args,
      to === 'bool' ? new Uint8Array(size) : new Float32Array(size),
    ]);
    const said = cases.map((one, i) => called(name, one.slice(0, -1), Number((got[arity] as HostArray)[i])));
    expect(said).toEqual(expected(name, cases));
  });

  const pairs = rows.filter(([, cases]) => (cases[0] as Case).length === 3);

  it.each(pairs)('%s of a value and a number of the code', async (name, cases) => {
    const known = (position: number) => (which: number, at: number) =>
      which === position ? constant((cases[at] as Case)[which] as number) : load(which, int(at));
    expect(await results(name, cases, known(1))).toEqual(expected(name, cases));
    expect(await results(name, cases, known(0))).toEqual(expected(name, cases));
  });

  it.each(rows)('%s of numbers of the code', async (name, cases) => {
    const known = (which: number, at: number) => constant((cases[at] as Case)[which] as number);
    expect(await results(name, cases, known)).toEqual(expected(name, cases));
  });

  it.each([
    [
      'sub',
      [
        [NaN, NaN],
        [inf, NaN],
        [-inf, NaN],
        [5, 0],
        [-0, 0],
      ],
    ],
    [
      'div',
      [
        [NaN, NaN],
        [inf, NaN],
        [0, NaN],
        [-0, NaN],
        [5, 1],
        [-3e38, 1],
      ],
    ],
    [
      'eq',
      [
        [NaN, 0],
        [inf, 1],
        [-0, 1],
        [5, 1],
      ],
    ],
    [
      'lt',
      [
        [NaN, 0],
        [inf, 0],
        [5, 0],
      ],
    ],
    [
      'max',
      [
        [NaN, NaN],
        [inf, inf],
        [-3, -3],
      ],
    ],
  ] as [ScalarFunction, Case[]][])('%s of a value and itself', async (name, cases) => {
    const doubled = cases.map(([x, result]) => [x, x, result] as unknown as Case);
    expect(await results(name, doubled, (_, at) => load(0, int(at)))).toEqual(expected(name, doubled));
  });

  it('subnormals are kept, or 0 of their sign', async () => {
    const cases: Case[] = [
      [1e-40, 1, 1e-40],
      [-1e-40, 1, -1e-40],
      [least, 0.5, least / 2],
      [-least, 0.25, -least / 4],
      [1e-30, 1e-20, 0],
      [-1e-30, 1e-20, -0],
    ];
    const said = await results('mul', cases, (which, at) => load(which, int(at)));
    cases.forEach(([x, y, result], i) => {
      const stored = Math.fround(result as number);
      const zero = stored < 0 || Object.is(stored, -0) ? -0 : 0;
      expect([called('mul', [x, y as number], stored), called('mul', [x, y as number], zero)]).toContain(said[i]);
    });
  });

  it('signs of zero and NaN survive storage in halves', async () => {
    for (const [dtype, infinity, tiny] of [
      ['float16', 0x7c00, 1e-10],
      ['bfloat16', 0x7f80, 1e-45],
    ] as const) {
      const values = Float32Array.of(0, -0, inf, -inf, tiny, -tiny, 3.4e38, -3.4e38, NaN);
      const source = program(
        'narrow',
        [buffer(0, values.length, 'read'), buffer(1, values.length, 'write', dtype)],
        [map('narrow', values.length, 1, fn('cast', [load(0, axis(0))], dtype))],
      );
      const [, bits] = await execute(device, source, [values, new Uint16Array(values.length)]);
      const got = Array.from(bits as Uint16Array);
      expect(got.slice(0, 8)).toEqual([0, 0x8000, infinity, infinity | 0x8000, 0, 0x8000, infinity, infinity | 0x8000]);
      expect((got[8] as number) & 0x7fff).toBeGreaterThan(infinity);
    }
  });
});

/** Powers of float32, run on the stand-in beside float64: a function of the module, whose logarithm has two parts. */
import { axis, buffer, fn, load, map, program } from '@torchlet/device/by-hand';
import { expect, it } from 'vitest';
import { runProgram } from './standin-program.js';

const target = {
  computeCapability: 80,
  multiprocessors: 4,
  sharedBytesPerBlock: 166912,
  matmulPrecision: 'highest',
  wgmma: 'off',
} as const;

function powers(pairs: readonly (readonly [x: number, y: number])[]): number[] {
  const size = pairs.length;
  const slots = [buffer(0, size, 'read'), buffer(1, size, 'read'), buffer(2, size, 'write')];
  const power = map('power', size, 2, fn('pow', [load(0, axis(0)), load(1, axis(0))]));
  const [x, y] = [0, 1].map((i) => Float32Array.from(pairs, (pair) => pair[i] as number)) as [
    Float32Array<ArrayBuffer>,
    Float32Array<ArrayBuffer>,
  ];
  const { slots: made } = runProgram(program('powers', slots, [power]), target, [x, y, new Float32Array(size)]);
  return [...(made[2] as Float32Array)];
}

/** A number of [0, 1) that is the same in every run. */
const part = (i: number, factor: number): number => (i * factor) % 1;

it.each([
  ['moderate', (p: number, q: number) => [4 * p, 20 * q - 10]],
  ['of any size', (p: number, q: number) => [Math.exp(170 * p - 85), 2 * q - 1]],
  ['near 1, with large exponents', (p: number, q: number) => [1 + (p - 0.5) / 1000, 1e5 * (q - 0.5)]],
] as const)('of numbers %s are within 2 units in the last place', (_, of) => {
  const pairs = Array.from({ length: 4000 }, (__, i) => {
    const [x, y] = of(part(i + 1, 0.754877666), part(i + 1, 0.569840291)) as [number, number];
    return [Math.fround(x), Math.fround(y)] as const;
  });
  const made = powers(pairs);
  const worst = pairs.map(([x, y], i) => {
    const right = x ** y;
    if (!Number.isFinite(Math.fround(right)) || right === 0) return 0;
    return Math.abs((made[i] as number) - right) / 2 ** Math.max(-149, Math.floor(Math.log2(right)) - 23);
  });
  expect(Math.max(...worst)).toBeLessThan(2);
});

it('keep the rules of C', () => {
  const edges = [0, -0, 1, -1, 2, -2, 3, 0.5, -0.5, Infinity, -Infinity, Number.NaN, 1e38, 1e-38];
  const pairs = edges.flatMap((x) => edges.map((y) => [x, y] as const));
  powers(pairs).forEach((found, i) => {
    const [x, y] = pairs[i] as readonly [number, number];
    // JavaScript alone makes no number of 1 and -1 with infinite exponents, and of 1 with none.
    const right =
      (Math.abs(x) === 1 && Math.abs(y) === Infinity) || x === 1 ? 1 : Math.fround(Math.fround(x) ** Math.fround(y));
    const isExact = !Number.isFinite(right) || right === 0;
    expect([x, y, found]).toEqual([
      x,
      y,
      isExact ? right : expect.closeTo(right, Math.max(0, 6 - Math.log10(Math.abs(right)))),
    ]);
  });
});

import type { Kernel } from '@torchlet/device';
import { CodeOfForms, kernelForm } from '@torchlet/device/analysis';
import {
  arena,
  at,
  axis,
  buffer,
  constant,
  fn,
  load,
  loop,
  map,
  masked,
  matmul,
  phase,
  scalar,
  store,
} from '@torchlet/device/by-hand';
import { expect, it } from 'vitest';

const slots = [
  buffer(0, 8),
  buffer(1, 8),
  buffer(2, 8),
  buffer(3, 8),
  buffer(4, 8, 'readwrite', 'float16'),
  arena(0, 8),
  arena(16, 8),
  arena(32, 8),
];
const form = (kernel: Kernel) => kernelForm(kernel, slots);
const sum = (to: number, one: number, other: number) =>
  map('sum', 8, to, fn('add', [load(one, axis(0)), load(other, axis(0))]));

it('is one for equal kernels on other slots, whose order it tells', () => {
  expect(form(sum(2, 0, 1)).key).toBe(form({ ...sum(0, 3, 2), name: 'another' }).key);
  expect(form(sum(0, 3, 2)).slots).toEqual([0, 3, 2]);
});

it('differs by which slots share memory', () => {
  const apart = form(sum(5, 7, 0)).key;
  expect(form(sum(7, 5, 0)).key).toBe(apart);
  expect(form(sum(5, 6, 0)).key).not.toBe(apart);
});

it('is one for equal kernels with other scalars', () => {
  const scaled = (first: number, second: number) =>
    form(map('scaled', 8, 0, fn('add', [fn('mul', [load(1, axis(0)), scalar(first)]), scalar(second)])));
  expect(scaled(4, 1).key).toBe(scaled(0, 2).key);
  expect(scaled(4, 1).scalars).toEqual([4, 1]);
});

it.each<readonly [string, Kernel]>([
  ['one slot read twice', sum(2, 0, 0)],
  ['a slot read that is written', sum(0, 0, 1)],
  ['a slot of another dtype', sum(2, 0, 4)],
  ['a slot of the arena', sum(2, 0, 5)],
  ['another length', map('sum', 4, 2, fn('add', [load(0, axis(0)), load(1, axis(0))]))],
  ['another function', map('sum', 8, 2, fn('mul', [load(0, axis(0)), load(1, axis(0))]))],
  ['other operands', map('sum', 8, 2, fn('add', [load(0, axis(0)), load(1, constant(0, 'int32'))]))],
])('differs for %s', (_, kernel) => {
  expect(form(kernel).key).not.toBe(form(sum(2, 0, 1)).key);
});

it('differs by the sign of zero, by constants, scalars, masks and phases', () => {
  const inside = fn('lt', [axis(0), constant(3, 'int32')]);
  const kernels: Kernel[] = [
    ...[0, -0, 1, Number.NaN].map((value) => map('constant', 8, 0, constant(value))),
    ...[0, -0].map((otherwise) => map('masked', 8, 0, masked(1, axis(0), inside, otherwise))),
    map('scalar', 8, 0, scalar(0)),
    map('two scalars', 8, 0, fn('add', [scalar(0), scalar(1)])),
    map('a scalar twice', 8, 0, fn('add', [scalar(0), scalar(0)])),
    loop('masked store', [8], phase([], { stores: [store(0, axis(0), constant(1), inside)] })),
    loop('two phases', [8], phase([], {}), phase([], { stores: [store(0, axis(0), constant(1))] })),
    loop('a pass', [8], phase([4], { stores: [store(0, axis(0), constant(1))] })),
    matmul('product', [2, 4, 2], {}),
    matmul('claimed', [2, 4, 2], { claim: 'library' }),
    matmul('turned', [2, 4, 2], { a: load(0, at(axis(2), 2, axis(0))) }),
  ];
  expect(new Set(kernels.map((kernel) => form(kernel).key)).size).toBe(kernels.length);
});

it('makes code once for a form, and moves it to the slots and scalars of others', () => {
  const codes = new CodeOfForms<string>(slots, (code, slot, scalar) =>
    code.replace(/s(\d)/g, (_, n) => `s${slot(Number(n))}`).replace(/c(\d)/g, (_, n) => `c${scalar(Number(n))}`),
  );
  const scaled = (to: number, from: number, by: number) =>
    map('scaled', 8, to, fn('mul', [load(from, axis(0)), scalar(by)]));
  expect(codes.of(scaled(1, 0, 2), () => 's1 = s0 * c2 + s9')).toBe('s1 = s0 * c2 + s9');
  expect(codes.of(scaled(0, 3, 1), () => 'never made')).toBe('s0 = s3 * c1 + s9');
});

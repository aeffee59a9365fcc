import { axis, buffer, fn, load, map, program, scalar } from '@torchlet/device/by-hand';
import { expect, it } from 'vitest';
import { cpu } from '../src/index.js';
import { programModule } from '../src/program-module.js';
import { printModule } from '../src/wasm/text.js';

const scaled = (to: number, from: number, factor: number, offset: number) =>
  map(`to ${to}`, 4, to, fn('add', [fn('mul', [load(from, axis(0)), scalar(factor)]), scalar(offset)]));
const twice = program('twice', [buffer(0, 4), buffer(1, 4), buffer(2, 4)], [scaled(1, 0, 0, 1), scaled(0, 2, 1, 0)], {
  scalars: ['float32', 'float32'],
});

it('has one function for kernels that are equal but for slots and scalars', async () => {
  const device = await cpu();
  const features = { fma: false, storedBytes: device.capabilities.storedBytes };
  const memory = { initial: 1, maximum: null, shared: false };
  const functions = printModule(programModule(twice, features, memory, 'cpu', null).module).split('\n\n');
  expect(functions.map((text) => text.split('(')[0])).toEqual(['to 1', 'run']);
});

it('runs it on the slots and scalars of each', async () => {
  const device = await cpu();
  const buffers = [0, 1, 2].map((i) => ({ buffer: device.allocate(16, `slot ${i}`), byteOffset: 0 }));
  const [first, second, third] = buffers as [(typeof buffers)[0], (typeof buffers)[0], (typeof buffers)[0]];
  device.write(first, 'float32', new Float32Array([1, 2, 3, 4]));
  device.write(third, 'float32', new Float32Array([5, 6, 7, 8]));
  device.run(device.compile(twice), { buffers, hostInputs: [], scalars: [10, 0.5] });
  expect(await device.read(second, 'float32', 4)).toEqual(new Float32Array([10.5, 20.5, 30.5, 40.5]));
  expect(await device.read(first, 'float32', 4)).toEqual(new Float32Array([12.5, 13, 13.5, 14]));
});

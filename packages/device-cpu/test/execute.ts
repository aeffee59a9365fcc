/** Programs run on a device with given arrays, and compared with the interpreter. Owns tolerance. */
import {
  type Device,
  type DType,
  type Expression,
  type HostArray,
  isFloat,
  type Kernel,
  postorder,
  type Program,
} from '@torchlet/device';
import { element, interpret, setElement, zerosFor } from './interpret.js';

/** Runs `program`, whose slots are all buffers, on copies of `arrays`; gives what the buffers hold after it. */
export async function execute(
  device: Device,
  program: Program,
  arrays: readonly HostArray[],
  scalars: readonly (number | bigint)[] = [],
): Promise<HostArray[]> {
  const buffers = program.slots.map(({ size }, i) => {
    const buffer = device.allocate(Math.max(1, size * 8), `slot ${i}`);
    return { buffer, byteOffset: 0 };
  });
  for (const [i, { dtype }] of program.slots.entries()) {
    device.write(buffers[i] as (typeof buffers)[0], dtype, arrays[i] as HostArray);
  }
  const compiled = device.compile(program);
  const ticket = device.run(compiled, { buffers, hostInputs: [], scalars });
  await ticket.done;
  const outputs = await Promise.all(
    program.slots.map(({ dtype, size }, i) => device.read(buffers[i] as (typeof buffers)[0], dtype, size)),
  );
  compiled.dispose();
  for (const { buffer } of buffers) device.free(buffer);
  return outputs;
}

/** How far apart results may be: relative to the value, and absolutely for values that cancelled. A few units in the last place, more for sums. */
const tolerances: Partial<Record<DType, readonly [relative: number, absolute: number]>> = {
  float64: [4e-14, 2e-14],
  float32: [4e-6, 2e-6],
  float16: [2e-3, 1e-3],
  bfloat16: [2e-2, 1e-2],
};

/** The least exact float dtype that takes part in a program decides what its results may differ by. */
function toleranceOf(program: Program): readonly [number, number] {
  const roots = program.kernels.flatMap(kernelRoots);
  const used = new Set([...postorder(roots).map(({ dtype }) => dtype), ...program.slots.map(({ dtype }) => dtype)]);
  const [coarsest] = (['bfloat16', 'float16', 'float32', 'float64'] as const).filter((dtype) => used.has(dtype));
  return tolerances[coarsest ?? 'float64'] ?? [0, 0];
}

function kernelRoots(kernel: Kernel): Expression[] {
  switch (kernel.kind) {
    case 'loop':
      return kernel.phases.flatMap(({ reductions, stores }) => [
        ...reductions.map(({ of }) => of),
        ...stores.map(({ value }) => value),
      ]);
    case 'matmul':
      return [kernel.a, kernel.b, ...kernel.stores.map(({ value }) => value)];
    case 'scatter':
      return [kernel.value];
    case 'custom':
      return [];
  }
}

/** The first element where two arrays differ by more than rounding, or null. */
export function difference(
  dtype: DType,
  got: HostArray,
  expected: HostArray,
  [relative, absolute]: readonly [number, number],
): string | null {
  if (got.length !== expected.length) return `length ${got.length}, expected ${expected.length}`;
  for (let i = 0; i < got.length; i++) {
    const [a, b] = [element(dtype, got, i), element(dtype, expected, i)];
    if (Object.is(a, b) || a === b) continue;
    if (isFloat(dtype)) {
      const [x, y] = [Number(a), Number(b)];
      if (Number.isNaN(x) && Number.isNaN(y)) continue;
      if (Math.abs(x - y) <= relative * Math.abs(y) + absolute) continue;
    }
    return `element ${i} is ${a}, expected ${b}`;
  }
  return null;
}

/** Runs on the device and in the interpreter; the first difference, or null. */
export async function check(
  device: Device,
  program: Program,
  arrays: readonly HostArray[],
  scalars: readonly (number | bigint)[] = [],
): Promise<string | null> {
  const expected = arrays.map((array) => array.slice() as HostArray);
  interpret(program, expected, scalars);
  const got = await execute(device, program, arrays, scalars);
  for (const [i, { dtype }] of program.slots.entries()) {
    const found = difference(dtype, got[i] as HostArray, expected[i] as HostArray, toleranceOf(program));
    if (found !== null) return `slot ${i}: ${found}`;
  }
  return null;
}

/** Deterministic numbers in [0, 1). */
export function randomNumbers(seed: number): () => number {
  let state = (seed * 2654435761 + 1) >>> 0;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) >>> 0;
    const mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 32;
  };
}

/** Random content for every slot: whole numbers for integers, now and then a special float. */
export function randomArrays(program: Program, random: () => number, specials = false): HostArray[] {
  const arrays = zerosFor(program);
  program.slots.forEach(({ dtype, size }, i) => {
    for (let j = 0; j < size; j++) setElement(dtype, arrays[i] as HostArray, j, randomValue(dtype, random, specials));
  });
  return arrays;
}

function randomValue(dtype: DType, random: () => number, specials: boolean): number | bigint {
  if (dtype === 'bool') return random() < 0.5 ? 0 : 1;
  if (dtype === 'int64') return BigInt(Math.floor(random() * 200 - 100));
  if (!isFloat(dtype)) return Math.floor(random() * 200 - (dtype === 'uint8' ? 0 : 100));
  if (specials && random() < 0.1) return [NaN, Infinity, -Infinity, 0, -0][Math.floor(random() * 5)] as number;
  return random() * 4 - 2;
}

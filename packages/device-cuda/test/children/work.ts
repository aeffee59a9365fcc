/** What children of the tests compute on a device: a program whose kernel takes as long as it is told. */
import type { Device, Span, Ticket } from '@torchlet/device';
import { axis, buffer, fn, load, loop, phase, program, result, store } from '@torchlet/device/by-hand';

const size = 64;

/** Every y[i] = turns * x[i], added one by one. */
function slow(turns: number) {
  const sum = {
    id: 0,
    combine: 'sum',
    dtype: 'float32',
    of: fn('add', [load(0, axis(0)), fn('cast', [axis(1)], 'float32')]),
  } as const;
  return program(
    `slow ${turns}`,
    [buffer(0, size, 'read'), buffer(1, size, 'write')],
    [
      loop(
        'add up',
        [size],
        phase([turns], { reductions: [sum] }),
        phase([], { stores: [store(1, axis(0), result(0))] }),
      ),
    ],
  );
}

/** Submits a run. @returns it, and where its results go */
export function submit(device: Device, turns: number): { ticket: Ticket; results: Span } {
  const [x, y] = ['x', 'y'].map((label) => ({ buffer: device.allocate(4 * size, label), byteOffset: 0 }));
  if (x === undefined || y === undefined) throw new RangeError('no buffers');
  device.write(x, 'float32', new Float32Array(size).fill(1));
  const ticket = device.run(device.compile(slow(turns)), { buffers: [x, y], hostInputs: [], scalars: [] });
  return { ticket, results: y };
}

/** Submits a run and reads what it gives. */
export async function compute(device: Device, turns: number): Promise<number> {
  const values = await device.read(submit(device, turns).results, 'float32', size);
  return Number(values[size - 1]);
}

/** What `compute` gives. */
export const expected = (turns: number): number => turns + (turns * (turns - 1)) / 2;

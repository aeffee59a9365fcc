/** Programs of eight elements, and their runs in few words. Owns shorthand only. */
import type { Device, DeviceBuffer, Program, Span } from '@torchlet/device';
import { axis, buffer, constant, fn, load, map, program } from '@torchlet/device/by-hand';

export const size = 8;

/** slot 1 = slot 0 * factor. The factor is in the code, so each is a pipeline of its own. */
export function times(factor: number): Program {
  const value = fn('mul', [load(0, axis(0)), constant(factor)]);
  return program(
    `times ${factor}`,
    [buffer(0, size, 'read'), buffer(1, size, 'write')],
    [map(`times ${factor}`, size, 1, value)],
  );
}

export function span(target: DeviceBuffer, byteOffset = 0): Span {
  return { buffer: target, byteOffset };
}

export function uploaded(device: Device, value: number, bytes = 4 * size): DeviceBuffer {
  const target = device.allocate(bytes, 'uploaded');
  device.write(span(target), 'float32', new Float32Array(size).fill(value));
  return target;
}

export async function first(device: Device, at: Span): Promise<number> {
  return (await device.read(at, 'float32', 1))[0] as number;
}

export const bound = (...spans: Span[]) => ({ buffers: spans, hostInputs: [], scalars: [] });

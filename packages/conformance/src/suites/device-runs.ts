/**
 * What the tests of the device suite share: uploading, running a program once, reading floats, and the form of a test. Owns nothing of what is tested.
 */
import type { Device, DeviceBuffer, HostArray, Program } from '@torchlet/device';
import * as built from '@torchlet/device/by-hand';
import type { Session } from './suite.js';

/** A test of the contract; `session` opens further devices. */
export interface DeviceTest {
  readonly name: string;
  readonly run: (device: Device, session: Session) => Promise<void>;
}

/** Uploads `values` into a buffer of its own. */
export function uploaded(
  device: Device,
  values: HostArray,
  dtype: 'float32' | 'int64' | 'int32' = 'float32',
): DeviceBuffer {
  const buffer = device.allocate(values.byteLength, 'uploaded');
  device.write({ buffer, byteOffset: 0 }, dtype, values);
  return buffer;
}

export async function floats(device: Device, buffer: DeviceBuffer, size: number, byteOffset = 0): Promise<number[]> {
  return Array.from(await device.read({ buffer, byteOffset }, 'float32', size), Number);
}

/** Compiles and runs a program once. */
export async function ran(
  device: Device,
  program: Program,
  buffers: readonly DeviceBuffer[],
  { hostInputs = [], scalars = [] }: { hostInputs?: readonly HostArray[]; scalars?: readonly (number | bigint)[] } = {},
): Promise<void> {
  const compiled = device.compile(program);
  await compiled.ready;
  device.run(compiled, { buffers: buffers.map((buffer) => ({ buffer, byteOffset: 0 })), hostInputs, scalars });
  await device.synchronize();
}

/** slot 1 = 2 * slot 0, four floats. */
export const doubled = built.program(
  'doubled',
  [built.buffer(0, 4, 'read'), built.buffer(1, 4, 'write')],
  [built.map('double', 4, 1, built.fn('mul', [built.load(0, built.axis(0)), built.constant(2)]))],
);

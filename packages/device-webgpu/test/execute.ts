/** Runs a program on a device: uploads, runs once, reads every outside buffer. Owns nothing else. */
import type { Device, HostArray, Program, Slot, Span } from '@torchlet/device';

type Outside = Extract<Slot, { kind: 'buffer' }>;

/**
 * @param buffers what each outside buffer holds before. @param hostInputs in the order of their index.
 * @returns what each outside buffer holds afterwards.
 */
export async function execute(
  device: Device,
  program: Program,
  buffers: readonly HostArray[],
  hostInputs: readonly HostArray[] = [],
  scalars: readonly (number | bigint)[] = [],
): Promise<HostArray[]> {
  const outside = program.slots.filter((slot): slot is Outside => slot.kind === 'buffer');
  const spans: Span[] = buffers.map((data, i) => {
    const { dtype } = outside.find(({ index }) => index === i) as Outside;
    const buffer = device.allocate(Math.max(4, data.length * device.capabilities.storedBytes[dtype]), `buffer ${i}`);
    device.write({ buffer, byteOffset: 0 }, dtype, data);
    return { buffer, byteOffset: 0 };
  });
  const compiled = device.compile(program);
  await device.run(compiled, { buffers: spans, hostInputs, scalars }).done;
  const results = await Promise.all(
    spans.map((span, i) => {
      const { dtype } = outside.find(({ index }) => index === i) as Outside;
      return device.read(span, dtype, (buffers[i] as HostArray).length);
    }),
  );
  compiled.dispose();
  for (const { buffer } of spans) device.free(buffer);
  return results;
}

/** Deterministic numbers in [-1, 1). */
export function noise(size: number, seed = 1): Float32Array {
  let state = seed * 2654435761;
  return Float32Array.from({ length: size }, () => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    const mixed = Math.imul(state ^ (state >>> 12), 0x297a2d39);
    return ((mixed ^ (mixed >>> 15)) >>> 0) / 2 ** 31 - 1;
  });
}

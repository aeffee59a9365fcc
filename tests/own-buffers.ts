/**
 * A device on which no two values share memory: what a program keeps in the arena lies in buffers of its own. Where the device makes each buffer an allocation
 * of the driver's, an access past the end of any value is then one that a driver reports. Owns that rewriting; it computes nothing.
 */
import type { Bindings, Compiled, Device, DeviceBuffer, Opener, Program, Slot } from '@torchlet/device';

interface Spread {
  readonly inner: Compiled;
  /** Behind the program's own buffers. */
  readonly own: readonly DeviceBuffer[];
}

/** The program with outside buffers where it had a part of the arena, and the sizes of those. */
function spread(
  program: Program,
  storedBytes: Device['capabilities']['storedBytes'],
): { program: Program; bytes: number[] } {
  const first = 1 + Math.max(-1, ...program.slots.map((slot) => (slot.kind === 'buffer' ? slot.index : -1)));
  const bytes: number[] = [];
  const slots = program.slots.map((slot): Slot => {
    if (slot.kind !== 'arena') return slot;
    const { dtype, size } = slot;
    bytes.push(size * storedBytes[dtype]);
    return { kind: 'buffer', dtype, size, index: first + bytes.length - 1, access: 'readwrite' };
  });
  return { program: { ...program, slots, arena: [] }, bytes };
}

/** Opens a device of `opener`, with a buffer for every value. */
export function withOwnBuffers({ name, open }: Opener): Opener {
  return { name, open: async () => ownBuffers(await open()) };
}

function ownBuffers(device: Device): Device {
  const known = new WeakMap<Compiled, Spread>();
  const compile = (program: Program): Compiled => {
    const { program: wide, bytes } = spread(program, device.capabilities.storedBytes);
    const inner = device.compile(wide);
    const own = bytes.map((size, i) => device.allocate(size, `value ${i} of ${program.name}`));
    const dispose = (): void => {
      inner.dispose();
      for (const buffer of own) device.free(buffer);
    };
    const compiled = { program, dispose };
    known.set(compiled, { inner, own });
    return compiled;
  };
  const run = (compiled: Compiled, bindings: Bindings) => {
    const found = known.get(compiled);
    if (found === undefined) return device.run(compiled, bindings);
    const { inner, own } = found;
    const first = inner.program.slots.filter((slot) => slot.kind === 'buffer').length - own.length;
    const buffers = [...bindings.buffers.slice(0, first), ...own.map((buffer) => ({ buffer, byteOffset: 0 }))];
    return device.run(inner, { ...bindings, buffers });
  };
  const overridden: Partial<Device> = { compile, run };
  return new Proxy(device, {
    get(target, property) {
      const value: unknown = Reflect.get(overridden, property) ?? Reflect.get(target, property);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/**
 * Whether a program keeps to what a device said it can do; one that does not was planned for another device. Every device asks before it generates
 * code. Owns the checks and their words.
 */
import { type Capabilities, DeviceError } from './device.js';
import { type Expression, loadsIn } from './expression.js';
import type { Kernel, Store } from './kernel.js';
import type { Program } from './program.js';

/** The expressions of stores: indices, values, masks. */
export function storeParts(stores: readonly Store[]): Expression[] {
  return stores.flatMap(({ index, value, mask }) => (mask === null ? [index, value] : [index, value, mask]));
}

/** Distinct slots that a kernel touches. */
export function kernelSlots(kernel: Kernel): Set<number> {
  const slots = new Set<number>();
  const visit = (roots: readonly Expression[]) => {
    for (const { slot } of loadsIn(roots)) slots.add(slot);
  };
  const store = (stores: readonly Store[]) => {
    visit(storeParts(stores));
    for (const { slot } of stores) slots.add(slot);
  };
  switch (kernel.kind) {
    case 'loop':
      for (const phase of kernel.phases) {
        visit(phase.reductions.map(({ of }) => of));
        store(phase.stores);
      }
      return slots;
    case 'matmul':
      visit([kernel.a, kernel.b]);
      store(kernel.stores);
      return slots;
    case 'scatter':
      visit([kernel.index, kernel.value]);
      return slots.add(kernel.slot);
    case 'custom':
      for (const slot of [...kernel.inputs, ...kernel.outputs]) slots.add(slot);
      return slots;
    default: {
      const never: never = kernel;
      return never;
    }
  }
}

/** @throws DeviceError naming the slot or kernel that asks for too much. */
export function checkProgram(device: string, capabilities: Capabilities, program: Program): void {
  const fail = (problem: string, kernel: string | null = null): never => {
    throw new DeviceError(
      `${device}: program ${program.name}${kernel === null ? '' : `, kernel ${kernel}`}: ${problem}`,
      {
        device,
        program: program.name,
        kernel,
      },
    );
  };
  /** The first kernel that touches a slot. */
  const user = (slot: number): string | null =>
    program.kernels.find((kernel) => kernelSlots(kernel).has(slot))?.name ?? null;
  program.slots.forEach((slot, i) => {
    const width = capabilities.storedBytes[slot.dtype];
    if (width === 0) fail(`slot ${i} is ${slot.dtype}, which this device does not have`, user(i));
    const bytes = slot.size * width;
    if (bytes > capabilities.bindingBytes)
      fail(`slot ${i} has ${bytes} bytes, a kernel may see ${capabilities.bindingBytes}`, user(i));
    if (slot.kind !== 'arena') return;
    const segment = program.arena[slot.segment];
    if (segment === undefined) fail(`slot ${i} lies in segment ${slot.segment} of an arena of ${program.arena.length}`);
    else if (slot.offset + bytes > segment)
      fail(`slot ${i} ends at ${slot.offset + bytes} of ${segment} bytes of its segment`);
    if (slot.offset % capabilities.alignment !== 0)
      fail(`slot ${i} starts at ${slot.offset}, which is no multiple of ${capabilities.alignment}`);
  });
  program.arena.forEach((bytes, segment) => {
    if (bytes > capabilities.bufferBytes)
      fail(`segment ${segment} of the arena has ${bytes} bytes, a buffer may have ${capabilities.bufferBytes}`);
  });
  for (const kernel of program.kernels) {
    const slots = kernelSlots(kernel);
    if (slots.size > capabilities.buffersPerKernel) {
      fail(`it touches ${slots.size} slots, a kernel may touch ${capabilities.buffersPerKernel}`, kernel.name);
    }
    for (const slot of slots)
      if (program.slots[slot] === undefined) fail(`it names slot ${slot} of ${program.slots.length}`, kernel.name);
  }
}

/**
 * The bind groups of one dispatch, by the outside buffers it is run with: at most four sets are remembered. Arena, scratch and inputs move seldom; when they do,
 * all are made anew. Owns that cache and the check that a dispatch does not write what it also sees by another name.
 */
import type { Slot } from '@torchlet/device';
import type { Access } from '../wgsl/kernel-module.js';
import type { OwnSpan } from './compiled.js';
import { storedBytes } from './host-data.js';
import type { DeviceMemory } from './memory.js';
import type { BindingKind } from './pipelines.js';

const rememberedSets = 4;

export interface BoundSlot {
  readonly slot: Slot;
  readonly access: Access;
  /** Of a host slot, in the inputs buffer. */
  readonly inputOffset: number;
}

export interface BindGroupsSetup {
  readonly gpu: GPUDevice;
  readonly memory: DeviceMemory;
  readonly layout: GPUBindGroupLayout;
  readonly kinds: readonly BindingKind[];
  readonly label: string;
  readonly bindings: readonly BoundSlot[];
  /** Host inputs and scalars of the program. */
  inputs(): GPUBuffer | null;
  readonly scalars: { readonly offset: number; readonly bytes: number } | null;
  fault(problem: string): Error;
}

export class BindGroups {
  readonly #setup: BindGroupsSetup;
  readonly #groups = new Map<string, GPUBindGroup>();
  /** Positions of bindings to outside buffers. */
  readonly #outside: readonly number[];
  /** Pairs of them that may not be the same memory. */
  readonly #apart: readonly (readonly [number, number])[];
  #version = -1;

  constructor(setup: BindGroupsSetup) {
    this.#setup = setup;
    this.#outside = setup.bindings.flatMap(({ slot }, i) => (slot.kind === 'buffer' ? [i] : []));
    const writes = (position: number): boolean => setup.bindings[position]?.access === 'read_write';
    this.#apart = this.#outside.flatMap((a, i) =>
      this.#outside.slice(i + 1).flatMap((b) => (writes(a) || writes(b) ? [[a, b] as const] : [])),
    );
  }

  /** The bind group for a run's spans, and the offsets that come with it. */
  of(spans: readonly OwnSpan[]): { readonly group: GPUBindGroup; readonly offsets: number[] } {
    const { memory, kinds } = this.#setup;
    if (this.#version !== memory.version) {
      this.#groups.clear();
      this.#version = memory.version;
    }
    const offsets: number[] = [];
    let key = '';
    for (const position of this.#outside) {
      const { buffer, byteOffset } = this.#span(position, spans);
      const dynamic = kinds[position]?.dynamic ?? false;
      if (dynamic) offsets.push(byteOffset);
      key += dynamic ? `${buffer.id} ` : `${buffer.id}+${byteOffset} `;
    }
    this.#checkOverlaps(spans);
    const known = this.#groups.get(key);
    if (known !== undefined) return { group: known, offsets };
    if (this.#groups.size >= rememberedSets) this.#groups.delete(this.#groups.keys().next().value as string);
    const group = this.#make(spans);
    this.#groups.set(key, group);
    return { group, offsets };
  }

  #make(spans: readonly OwnSpan[]): GPUBindGroup {
    const { gpu, layout, label, bindings, scalars, kinds } = this.#setup;
    const inputs = this.#setup.inputs();
    const entries: GPUBindGroupEntry[] = bindings.map((bound, binding) => ({
      binding,
      resource: { ...this.#placeOf(bound, binding, spans, kinds[binding]?.dynamic ?? false), size: bytesOf(bound) },
    }));
    if (scalars !== null && inputs !== null) {
      const size = Math.ceil(scalars.bytes / 16) * 16;
      entries.push({ binding: bindings.length, resource: { buffer: inputs, offset: scalars.offset, size } });
    }
    return gpu.createBindGroup({ label, layout, entries });
  }

  #placeOf(
    { slot, inputOffset }: BoundSlot,
    position: number,
    spans: readonly OwnSpan[],
    dynamic: boolean,
  ): { buffer: GPUBuffer; offset: number } {
    switch (slot.kind) {
      case 'buffer': {
        const { buffer, byteOffset } = this.#span(position, spans);
        return { buffer: buffer.gpu, offset: dynamic ? 0 : byteOffset };
      }
      case 'host':
        return { buffer: this.#setup.inputs() as GPUBuffer, offset: inputOffset };
      case 'arena':
        return { buffer: this.#setup.memory.segment(slot.segment), offset: slot.offset };
      default: {
        const never: never = slot;
        return never;
      }
    }
  }

  #span(position: number, spans: readonly OwnSpan[]): OwnSpan {
    const slot = this.#setup.bindings[position]?.slot as Extract<Slot, { kind: 'buffer' }>;
    return spans[slot.index] as OwnSpan;
  }

  /** WebGPU refuses a dispatch that sees memory twice and writes it. */
  #checkOverlaps(spans: readonly OwnSpan[]): void {
    const { bindings, fault } = this.#setup;
    for (const [a, b] of this.#apart) {
      const [first, second] = [this.#span(a, spans), this.#span(b, spans)];
      if (first.buffer !== second.buffer) continue;
      const ends = [
        first.byteOffset + bytesOf(bindings[a] as BoundSlot),
        second.byteOffset + bytesOf(bindings[b] as BoundSlot),
      ] as const;
      if (ends[0] <= second.byteOffset || ends[1] <= first.byteOffset) continue;
      throw fault(`two of its buffers overlap in ${first.buffer.label}; give one buffer once, or a copy`);
    }
  }
}

function bytesOf({ slot }: BoundSlot): number {
  return Math.max(4, storedBytes(slot.dtype, slot.size));
}

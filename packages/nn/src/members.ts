/**
 * What a module is made of, found by looking at its fields: parameters and modules assigned to them, also in arrays. Nothing is registered, so
 * nothing can be forgotten; `#private` fields cannot be seen. Owns the look; `module.ts` says what is done with it.
 */
import { Tensor } from '@torchlet/tensor';
import type { Module } from './module.js';
import { Parameter } from './parameter.js';

export type Named<T> = readonly [name: string, value: T];

const known = new WeakSet<object>();
const owned = new WeakSet<object>();
let unseen: WeakRef<Module>[] = [];

/** A module was made; its fields do not exist yet. */
export function announce(module: Module): void {
  known.add(module);
  unseen.push(new WeakRef(module));
}

export function isModule(value: unknown): value is Module {
  return typeof value === 'object' && value !== null && known.has(value);
}

/** Parameters and modules among `fields`, those in arrays by their positions: `layers.0`. */
export function membersOf(fields: Iterable<Named<unknown>>): Named<Parameter | Module>[] {
  const found: Named<Parameter | Module>[] = [];
  for (const [name, value] of fields) collect(name, value, found);
  return found;
}

function collect(name: string, value: unknown, found: Named<Parameter | Module>[]): void {
  if (value instanceof Parameter || isModule(value)) {
    found.push([name, value]);
    if (!(value instanceof Parameter)) owned.add(value);
    return;
  }
  if (!Array.isArray(value)) return;
  for (let i = 0; i < value.length; i++) {
    const entry: unknown = value[i];
    if (typeof entry === 'object' && entry !== null) collect(`${name}.${i}`, entry, found);
  }
}

/** Whether `module` is part of no other. Looks at modules made since it was asked last. */
export function isRoot(module: Module): boolean {
  const made = unseen;
  unseen = [];
  for (const reference of made) {
    const fresh = reference.deref();
    if (fresh !== undefined) membersOf(fresh.fields());
  }
  return !owned.has(module);
}

/** Every tensor in `value`: in arrays, maps, sets and objects, at any depth, but not in modules. */
export function tensorsIn(value: unknown, found: Set<Tensor> = new Set(), seen: Set<object> = new Set()): Set<Tensor> {
  if (typeof value !== 'object' || value === null) return found;
  if (value instanceof Tensor) {
    found.add(value);
    return found;
  }
  if (isModule(value) || ArrayBuffer.isView(value) || seen.has(value)) return found;
  seen.add(value);
  const parts = value instanceof Map || value instanceof Set ? value.values() : Object.values(value);
  for (const part of parts) tensorsIn(part, found, seen);
  return found;
}

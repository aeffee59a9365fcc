/**
 * Rows that are copied as they lie: a gather of whole rows, a part of a `cat`. One `memory.copy` a row keeps many lines of memory on their way at
 * once, which a loop of loads and stores does not. A turn of the loop copies the row of the turn before, after it has read the first element of
 * its own: rows in no order arrive while another is copied, a tenth faster. Owns finding such kernels and that instruction.
 */
import { i32, memory, type Value } from '../wasm/index.js';
import type { Variable } from './affine.js';
import { addressOf } from './addresses.js';
import { regionOf } from './elements.js';
import type { Emitter } from './emitter.js';
import type { Phases } from './phases.js';

/** From this size on a copy costs less than the loop. */
const fewestBytes = 256;

/**
 * Emits the copying of rows along `variable`, the innermost loop, if that is all the kernel does, and gives what emits the copy of the last one after all
 * loops; else emits nothing and gives null.
 */
export function copyRow(emitter: Emitter, { list, space }: Phases, variable: Variable): (() => void) | null {
  const [phase, ...others] = list;
  if (phase === undefined || others.length > 0 || phase.reductions.length > 0 || phase.stores.length !== 1) return null;
  const [store] = phase.stores;
  const load = store?.value;
  if (store === undefined || store.adds || store.mask !== null || load?.kind !== 'load' || load.mask !== null)
    return null;
  const { slots } = emitter.site.program;
  if (slots[store.slot]?.dtype !== slots[load.slot]?.dtype || slots[load.slot]?.dtype !== load.dtype) return null;
  const [to, from] = [regionOf(emitter, store.slot), regionOf(emitter, load.slot)];
  const bytes = variable.length * from.width;
  if (to.width !== from.width || bytes < fewestBytes || space.inner[phase.domain]?.length !== 0) return null;
  emitter.enter(phase.domain);
  const forms = [emitter.laneForm(store.index), emitter.laneForm(load.index)] as const;
  if (!forms.every(({ stride, laneAtoms }) => stride === 1 && laneAtoms.size === 0)) return null;
  emitter.counts = [1];
  const { f } = emitter;
  const target = f.local('target', 'i32');
  const source = f.local('source', 'i32');
  // No bytes until the first row is known.
  const size = f.local('size', 'i32');
  const copy = () => f.do(memory.copy(target, source, size));
  emitter.fixed(variable, 0, () => {
    const next = f.let('next', at(addressOf(emitter, from, forms[1].address)));
    f.set(f.local('first', 'i32'), i32.load(next));
    copy();
    f.set(target, at(addressOf(emitter, to, forms[0].address)));
    f.set(source, next);
    f.set(size, i32.const(bytes));
  });
  return copy;
}

function at({ pointer, offset }: { readonly pointer: Value; readonly offset: number }): Value {
  return offset === 0 ? pointer : i32.add(pointer, offset);
}

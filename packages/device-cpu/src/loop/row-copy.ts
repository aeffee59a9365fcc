/**
 * Rows that are copied as they lie: a gather of whole rows, a part of a `cat`. One `memory.copy` a row keeps many lines of memory on their way at
 * once, which a loop of loads and stores does not. Owns finding such kernels and that instruction.
 */
import { i32, memory, type Value } from '../wasm/index.js';
import type { Variable } from './affine.js';
import { addressOf } from './addresses.js';
import { regionOf } from './elements.js';
import type { Emitter } from './emitter.js';
import type { Phases } from './phases.js';

/** From this size on a copy costs less than the loop. */
const fewestBytes = 256;

/** Emits the copy of one row along `variable`, the innermost loop, if that is all the kernel does; else emits nothing and gives false. */
export function copyRow(emitter: Emitter, { list, space }: Phases, variable: Variable): boolean {
  const [phase, ...others] = list;
  if (phase === undefined || others.length > 0 || phase.reductions.length > 0 || phase.stores.length !== 1)
    return false;
  const [store] = phase.stores;
  const load = store?.value;
  if (store === undefined || store.adds || store.mask !== null || load?.kind !== 'load' || load.mask !== null)
    return false;
  const { slots } = emitter.site.program;
  if (slots[store.slot]?.dtype !== slots[load.slot]?.dtype || slots[load.slot]?.dtype !== load.dtype) return false;
  const [to, from] = [regionOf(emitter, store.slot), regionOf(emitter, load.slot)];
  const bytes = variable.length * from.width;
  if (to.width !== from.width || bytes < fewestBytes || space.inner[phase.domain]?.length !== 0) return false;
  emitter.enter(phase.domain);
  const forms = [emitter.laneForm(store.index), emitter.laneForm(load.index)] as const;
  if (!forms.every(({ stride, laneAtoms }) => stride === 1 && laneAtoms.size === 0)) return false;
  emitter.counts = [1];
  emitter.fixed(variable, 0, () => {
    const [target, source] = [addressOf(emitter, to, forms[0].address), addressOf(emitter, from, forms[1].address)];
    emitter.f.do(memory.copy(at(target), at(source), i32.const(bytes)));
  });
  return true;
}

function at({ pointer, offset }: { readonly pointer: Value; readonly offset: number }): Value {
  return offset === 0 ? pointer : i32.add(pointer, offset);
}

/**
 * Two tables that together say where each element of an operand lies: an address for every position of its own dimension, and an offset for
 * every term of k. Owns filling them and loading by them; where they lie is `matmul-site.ts`.
 */
import type { Pieces } from '../kernel-function.js';
import type { Count } from '../loop/lanes.js';
import { i32, i32x4, type Local, v128 } from '../wasm/index.js';
import { type Direction, type MatmulSite, moved, position, type Side } from './matmul-site.js';

/** Fills the tables of an operand, if it has any, for the current place in the batch. */
export function fillTables(site: MatmulSite, { operand, direction, length, tables }: Side): void {
  if (operand.kind !== 'table') return;
  const { f, plan } = site;
  const origin = f.let('origin', site.address(operand, {}));
  const fill = (along: Direction, count: number, table: number, from: Local | number) => {
    const at = f.let('at', i32.const(0));
    f.while(at, count, 1, () => {
      const address = site.address(operand, { [along]: position(at) });
      f.do(i32.store(moved(site.inScratch(table), at, 4), i32.sub(address, from)));
    });
  };
  fill(direction, length, tables.own, 0);
  fill('k', plan.k, tables.k, origin);
}

/** Elements at `base` + entries of a table that begin `first` entries past `entries`. Neighbours are loaded as such. */
export function loadByTable(
  { f, memory, arithmetic }: MatmulSite,
  base: Local,
  entries: Local,
  first: number,
  count: Count,
): Pieces {
  const pointer = (lane: number) => i32.add(base, i32.load(entries, 4 * (first + lane)));
  const oneByOne = () =>
    memory.gather((setLane) => {
      for (let lane = 0; lane < count; lane++) setLane(lane, pointer(lane), 0);
    });
  if (count < 4) return oneByOne();
  const start = f.let('start', i32.load(entries, 4 * first));
  const steps = i32x4.sub(v128.load(entries, 4 * first), i32x4.splat(start));
  const { width, pieces } = arithmetic;
  const loaded = Array.from({ length: pieces }, () => f.local('loaded', 'v128'));
  const keep = (values: Pieces) => {
    values.forEach((value, i) => {
      f.set(loaded[i] as Local, value);
    });
  };
  f.if(
    i32x4.allTrue(i32x4.eq(steps, i32x4.const(0, width, 2 * width, 3 * width))),
    () => keep(memory.load(f.let('neighbours', i32.add(base, start)), 0, 4)),
    () => keep(oneByOne()),
  );
  return loaded;
}

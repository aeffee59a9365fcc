/** The right operand's block as strips: for each k, the columns of the strip, filled up to groups of four. Owns the copying of all kinds of right operand. */
import type { Expression } from '@torchlet/device';
import type { Pieces } from '../kernel-function.js';
import type { Count } from '../loop/lanes.js';
import { i32, type Local } from '../wasm/index.js';
import { type MatmulSite, moved } from './matmul-site.js';
import type { Dimension } from './operand.js';
import { loadByTable } from './offset-table.js';
import { byFours, computed, lanesApart, position, type Span } from './packing.js';
import { groupCount } from './tile.js';

/** One strip: its first column, and where it goes. */
interface Strip {
  readonly column: Local;
  readonly width: number;
  readonly to: Local;
  /** Bytes to the next k. */
  readonly step: number;
}

/** Bytes between one k and the next in a packed strip. */
export function stripStep(site: MatmulSite, width: number): number {
  return Math.ceil(width / 4) * 4 * site.arithmetic.width;
}

/**
 * Copies the strips of `width` columns that begin in `columns`, by terms `terms`. Missing columns of a last group hold anything. The block in
 * scratch begins with column `blockStart`; `base` is the address of element (0, 0), where the operand is strided.
 */
export function packRight(
  site: MatmulSite,
  width: number,
  columns: Span,
  blockStart: Local,
  terms: Span,
  base: Local | null,
): void {
  const { f, scratch, right } = site;
  const column = f.let('column', columns.start);
  f.while(column, columns.end, width, () => {
    const to = f.let('to', moved(site.inScratch(scratch.right), i32.sub(column, blockStart), scratch.rightColumn));
    const strip: Strip = { column, width, to, step: stripStep(site, width) };
    switch (right.kind) {
      case 'strided':
        return strided(site, right.own, right.k, strip, terms, base as Local);
      case 'lines':
        return lines(site, right.slot, right.index, strip, terms);
      case 'table':
        return byTable(site, strip, terms);
      case 'computed':
        return expression(site, right.value, right.along ?? 'own', strip, terms);
      default: {
        const never: never = right;
        return never;
      }
    }
  });
}

/** For each k, stores what `load` gives for each group of the strip. */
function eachTerm(
  { f, memory, arithmetic }: MatmulSite,
  { width, to, step }: Strip,
  terms: Span,
  load: (k: Local, group: number, count: Count) => Pieces,
  before: (k: Local) => void,
): void {
  const k = f.let('k', terms.start);
  f.while(k, terms.end, 1, () => {
    before(k);
    for (let group = 0; 4 * group < width; group++) {
      memory.store(to, 4 * group * arithmetic.width, load(k, group, groupCount(width, group)), 4);
    }
    f.advance(to, step);
  });
}

function strided(site: MatmulSite, byOwn: number, byK: number, strip: Strip, terms: Span, base: Local): void {
  const { f, memory, arithmetic } = site;
  const [columnBytes, termBytes] = [byOwn * arithmetic.width, byK * arithmetic.width];
  const from = f.let('from', i32.sub(moved(moved(base, strip.column, columnBytes), terms.start, termBytes), termBytes));
  const load = (_: Local, group: number, count: Count): Pieces => {
    const offset = 4 * group * columnBytes;
    return byOwn === 1 ? memory.load(from, offset, count) : lanesApart(site, from, offset, columnBytes, count);
  };
  eachTerm(site, strip, terms, load, () => f.advance(from, termBytes));
}

function lines(site: MatmulSite, slot: number, index: Expression, strip: Strip, terms: Span): void {
  const { f, memory, arithmetic } = site;
  const line = f.local('line', 'i32');
  eachTerm(
    site,
    strip,
    terms,
    (_, group, count) => memory.load(line, 4 * group * arithmetic.width, count),
    (k) => f.set(line, site.address(slot, index, { column: position(strip.column), k: position(k) })),
  );
}

function byTable(site: MatmulSite, strip: Strip, terms: Span): void {
  const { f, scratch } = site;
  const { own, k: ofK } = scratch.rightTables;
  const entries = f.let('entries', moved(site.inScratch(own), strip.column, 4));
  const base = f.local('base', 'i32');
  eachTerm(
    site,
    strip,
    terms,
    (_, group, count) => loadByTable(site, base, entries, 4 * group, count),
    (k) => f.set(base, i32.load(moved(site.inScratch(ofK), k, 4))),
  );
}

function expression(site: MatmulSite, value: Expression, along: Dimension, strip: Strip, terms: Span): void {
  const { f, memory, arithmetic } = site;
  if (along === 'own') {
    const load = (k: Local, group: number, count: Count): Pieces =>
      computed(site, value, { column: { local: strip.column, offset: 4 * group }, k: position(k) }, 'column', count);
    return eachTerm(site, strip, terms, load, () => {});
  }
  const column = f.let('column', strip.column);
  f.repeat(column, f.let('columnsEnd', i32.add(strip.column, strip.width)), 1, () => {
    const to = f.let('to', moved(strip.to, i32.sub(column, strip.column), arithmetic.width));
    byFours(site, 'k', terms, (k, count) => {
      memory.scatter(computed(site, value, { column: position(column), k: position(k) }, 'k', count), (storeLane) => {
        for (let lane = 0; lane < count; lane++) storeLane(lane, to, lane * strip.step);
      });
      f.advance(to, count * strip.step);
    });
  });
}

/** The left operand's block as rows along k. Owns the copying of all kinds of left operand. */
import type { Expression } from '@torchlet/device';
import { i32, type Local, memory as wholeMemory, type Value } from '../wasm/index.js';
import { type MatmulSite, moved } from './matmul-site.js';
import type { Dimension, StridedOperand } from './operand.js';
import { loadByTable } from './offset-table.js';
import { byFours, computed, lanesApart, position, type Span } from './packing.js';

/** Rows that are copied together where neighbours in memory are neighbouring rows. */
const rowsTogether = 64;

/** Copies rows `rows` by terms `terms`. `base` is the address of element (0, 0), where the operand is strided. */
export function packLeft(site: MatmulSite, rows: Span, terms: Span, base: Local | null): void {
  const { left } = site;
  switch (left.kind) {
    case 'strided':
      return strided(site, left, rows, terms, base as Local);
    case 'lines':
      return lines(site, left.slot, left.index, rows, terms);
    case 'table':
      return byTable(site, rows, terms);
    case 'computed':
      return expression(site, left.value, left.along ?? 'k', rows, terms);
    default: {
      const never: never = left;
      return never;
    }
  }
}

/** Where element (row, k) goes. */
function target(site: MatmulSite, rows: Span, terms: Span, row: Local, k: Local): Value {
  const line = moved(site.inScratch(site.scratch.left), i32.sub(row, rows.start), site.scratch.leftRow);
  return moved(line, i32.sub(k, terms.start), site.arithmetic.width);
}

function strided(site: MatmulSite, { own, k: byK }: StridedOperand, rows: Span, terms: Span, base: Local): void {
  const { f, arithmetic, memory, scratch } = site;
  const [rowBytes, termBytes] = [own * arithmetic.width, byK * arithmetic.width];
  const first = f.let('first', rows.start);
  f.while(first, rows.end, rowsTogether, () => {
    const last = f.let('last', i32.add(first, rowsTogether));
    f.if(i32.gtU(last, rows.end), () => f.set(last, rows.end));
    byFours(site, 'k', terms, (k, count) => {
      const row = f.let('row', first);
      const from = f.let('from', moved(moved(base, first, rowBytes), k, termBytes));
      const to = f.let('to', target(site, rows, terms, first, k));
      f.repeat(row, last, 1, () => {
        memory.store(to, 0, lanesApart(site, from, 0, termBytes, count), count);
        f.advance(from, rowBytes);
        f.advance(to, scratch.leftRow);
      });
    });
  });
}

function lines(site: MatmulSite, slot: number, index: Expression, rows: Span, terms: Span): void {
  const { f, arithmetic } = site;
  const bytes = f.let('bytes', i32.mul(i32.sub(terms.end, terms.start), arithmetic.width));
  const row = f.let('row', rows.start);
  f.while(row, rows.end, 1, () => {
    const line = site.address(slot, index, { row: position(row), k: position(terms.start) });
    f.do(wholeMemory.copy(target(site, rows, terms, row, terms.start), line, bytes));
  });
}

function byTable(site: MatmulSite, rows: Span, terms: Span): void {
  const { f, memory, scratch } = site;
  const { own, k: ofK } = scratch.leftTables;
  const row = f.let('row', rows.start);
  f.while(row, rows.end, 1, () => {
    const base = f.let('base', i32.load(moved(site.inScratch(own), row, 4)));
    byFours(site, 'k', terms, (k, count) => {
      const entries = f.let('entries', moved(site.inScratch(ofK), k, 4));
      memory.store(
        f.let('to', target(site, rows, terms, row, k)),
        0,
        loadByTable(site, base, entries, 0, count),
        count,
      );
    });
  });
}

function expression(site: MatmulSite, value: Expression, along: Dimension, rows: Span, terms: Span): void {
  const { f, memory, scratch } = site;
  if (along === 'k') {
    const row = f.let('row', rows.start);
    return f.while(row, rows.end, 1, () =>
      byFours(site, 'k', terms, (k, count) => {
        const pieces = computed(site, value, { row: position(row), k: position(k) }, 'k', count);
        memory.store(f.let('to', target(site, rows, terms, row, k)), 0, pieces, count);
      }),
    );
  }
  byFours(site, 'row', rows, (row, count) => {
    const k = f.let('k', terms.start);
    f.while(k, terms.end, 1, () => {
      const to = f.let('to', target(site, rows, terms, row, k));
      memory.scatter(computed(site, value, { row: position(row), k: position(k) }, 'row', count), (storeLane) => {
        for (let lane = 0; lane < count; lane++) storeLane(lane, to, lane * scratch.leftRow);
      });
    });
  });
}

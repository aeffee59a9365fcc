/**
 * Matmul kernels as Wasm functions: analyses the operands, plans, and writes the loops over batch, blocks and tiles. Owns the order of these
 * loops; the decisions are `plan.ts`, the innermost loops `tile.ts`, copies `packing.ts`, stores `epilogue.ts`.
 */
import type { MatmulKernel } from '@torchlet/device';
import { emptyKernel, type KernelFunction, type KernelSite, kernelFunction } from '../kernel-function.js';
import { i32, type Local, type Operand, type Value } from '../wasm/index.js';
import { Space } from '../loop/space.js';
import { Arithmetic } from './arithmetic.js';
import { emitPartialSums, emitStores } from './epilogue.js';
import { isTableSide, least, MatmulSite, moved, type Planned, type Side } from './matmul-site.js';
import { analyseOperand, matmulAxes, strideOf, towards } from './operand.js';
import { fillTables } from './offset-table.js';
import { withLeadingDigit } from './leading-digit.js';
import { packLeft, packRight, type Span, stripStep } from './packing.js';
import { planMatmul, type Roles, type Strips } from './plan.js';
import { emitTile, type TileOperands } from './tile.js';

/** Products and sums a nanosecond, about, with and without fused multiply-add. */
const flopsPerNanosecond = { fused: 45, plain: 35 } as const;

/** How this device computes the kernel. */
export function planKernel(site: KernelSite, kernel: MatmulKernel): Planned {
  const arithmetic = new Arithmetic(kernel.dtype, site.features.fma);
  const space = new Space([...kernel.batch, kernel.m, kernel.n, kernel.k], [[]]);
  const axes = matmulAxes(kernel);
  const batch = kernel.batch.map((_, axis) => axis);
  const analyse = (expression: MatmulKernel['a'], own: number) =>
    analyseOperand({ expression, own, k: axes.k, batch, dtype: kernel.dtype, space, arithmetic, site });
  const [a, b] = [analyse(kernel.a, axes.m), analyse(kernel.b, axes.n)];
  const roles = (swapped: boolean): Roles => ({
    swapped,
    rows: swapped ? kernel.n : kernel.m,
    columns: swapped ? kernel.m : kernel.n,
    k: kernel.k,
    left: towards(swapped ? b : a, 'k'),
    right: towards(swapped ? a : b, 'own'),
    width: arithmetic.width,
    pieces: arithmetic.pieces,
    storesAlongColumns: kernel.stores.every(({ index }) => {
      const [axis, length] = swapped ? [axes.m, kernel.m] : [axes.n, kernel.n];
      return length === 1 || strideOf(space, index, axis) === 1;
    }),
  });
  const plan = planMatmul([roles(false), roles(true)]);
  const { left, right } = roles(plan.swapped);
  return { plan, left, right, arithmetic, space };
}

export function emitMatmulKernel(site: KernelSite, given: MatmulKernel): KernelFunction {
  const empty = kernelFunction(site, given);
  const f = empty.callee;
  const kernel = withLeadingDigit(given);
  const count = kernel.batch.reduce((a, b) => a * b, 1);
  if (count * kernel.m * kernel.n === 0) return emptyKernel(empty);
  const planned = planKernel(site, kernel);
  const { plan } = planned;
  const at = new MatmulSite(site, f, kernel, planned);
  const units = Math.ceil((plan.split === 'rows' ? plan.rows : plan.columns) / plan.unit);
  emitParts(at, count, units);
  const rate = site.features.fma ? flopsPerNanosecond.fused : flopsPerNanosecond.plain;
  return {
    ...empty,
    extent: count * units,
    // Each part packs the whole right operand: it must have rows enough to be worth that.
    granule: plan.split === 'rows' && plan.packRight ? Math.ceil(64 / plan.unit) : 1,
    scratchBytes: at.scratch.bytes,
    nanoseconds: (2 * count * kernel.m * kernel.n * kernel.k) / rate + count * kernel.m * kernel.n,
  };
}

/** The terms of k that are being summed: all of them, or a piece. */
interface Terms extends Span {
  readonly count: Operand;
  /** Null where there is but one piece. */
  readonly piece: { readonly isFirst: Value; readonly isLast: Value } | null;
}

/** Over the parts of the work: each is one unit of rows or columns of one product of the batch. */
function emitParts(at: MatmulSite, count: number, units: number): void {
  const { f } = at;
  const { begin, end } = f.params as { begin: Local; end: Local };
  for (const side of [at.left, at.right]) {
    if (isTableSide(side) && side.operand.fixed) f.if(i32.ltU(begin, end), () => fillTables(at, side));
  }
  if (count === 1) return f.if(i32.ltU(begin, end), () => emitProduct(at, begin, end));
  const part = f.let('part', begin);
  f.if(i32.ltU(part, end), () =>
    f.loop((again) => {
      const product = f.let('product', i32.divU(part, units));
      const from = f.let('from', i32.sub(part, i32.mul(product, units)));
      const to = least(f, 'to', i32.add(from, i32.sub(end, part)), i32.const(units));
      at.batch = batchPositions(at, product);
      emitProduct(at, from, to);
      f.advance(part, i32.sub(to, from));
      f.branchIf(again, i32.ltU(part, end));
    }),
  );
}

function batchPositions(at: MatmulSite, product: Local) {
  const { f } = at;
  const rest = f.let('rest', product);
  const positions = [...at.kernel.batch].reverse().map((length) => {
    const local = f.let('batch', i32.remU(rest, length));
    f.set(rest, i32.divU(rest, length));
    return { local, offset: 0 };
  });
  return positions.reverse();
}

function emitProduct(at: MatmulSite, from: Local, to: Local): void {
  const { f } = at;
  const { split, unit, rows, columns, rowBlock } = at.plan;
  for (const side of [at.left, at.right]) {
    const { operand } = side;
    side.base = operand.kind === 'strided' || operand.kind === 'table' ? f.let('base', at.address(operand, {})) : null;
    if (isTableSide(side) && !side.operand.fixed) fillTables(at, side);
  }
  const start = f.let('start', i32.mul(from, unit));
  const stop = least(f, 'stop', i32.mul(to, unit), i32.const(split === 'rows' ? rows : columns));
  const whole = (length: number): Span => ({
    start: f.let('first', i32.const(0)),
    end: f.let('last', i32.const(length)),
  });
  const rowSpan = split === 'rows' ? { start, end: stop } : whole(rows);
  const columnSpan = split === 'columns' ? { start, end: stop } : whole(columns);
  inBlocks(at, 'rowBlock', rowSpan, rowBlock, rows, (block) => inPieces(at, block, columnSpan));
}

/** Runs `body` for blocks of a span; with one block, for the span. */
function inBlocks(
  at: MatmulSite,
  name: string,
  span: Span,
  block: number,
  length: number,
  body: (block: Span) => void,
): void {
  if (block >= length) return body(span);
  const { f } = at;
  const start = f.let(name, span.start);
  f.while(start, span.end, block, () => {
    body({ start, end: least(f, `${name}End`, i32.add(start, block), span.end) });
  });
}

function inPieces(at: MatmulSite, rows: Span, columns: Span): void {
  const { f } = at;
  const { k, depth, packLeft: packs } = at.plan;
  const run = (terms: Terms) => {
    if (packs) packLeft(at, rows, terms);
    emitColumns(at, rows, columns, terms);
  };
  const start = f.let('k', i32.const(0));
  if (k <= depth) return run({ start, end: f.let('kEnd', i32.const(k)), count: k, piece: null });
  f.repeat(start, k, depth, () => {
    const end = least(f, 'kEnd', i32.add(start, depth), i32.const(k));
    const count = f.let('terms', i32.sub(end, start));
    run({ start, end, count, piece: { isFirst: i32.eqz(start), isLast: i32.eq(end, k) } });
  });
}

function emitColumns(at: MatmulSite, rows: Span, columns: Span, terms: Terms): void {
  const { columnBlock, columns: length, strips } = at.plan;
  inBlocks(at, 'columnBlock', columns, columnBlock, length, (block) => {
    for (const strip of strips) {
      withinStrips(at, strip, block, (part) => {
        if (at.plan.packRight) packRight(at, strip.width, part, block.start, terms);
        emitTiles(at, strip, rows, part, block.start, terms);
      });
    }
  });
}

/** The part of a block that has strips of one width. */
function withinStrips(at: MatmulSite, { from, width, count }: Strips, block: Span, body: (part: Span) => void): void {
  const { f } = at;
  if (at.plan.strips.length === 1) return body(block);
  const last = from + width * count;
  const end = least(f, 'stripsEnd', block.end, i32.const(last));
  const start = f.let('stripsStart', block.start);
  f.if(i32.ltU(start, from), () => f.set(start, i32.const(from)));
  f.if(i32.ltU(start, end), () => body({ start, end }));
}

function emitTiles(at: MatmulSite, strip: Strips, rows: Span, columns: Span, blockStart: Local, terms: Terms): void {
  const { f } = at;
  const { tileRows, width } = strip;
  const rest = at.plan.rows % tileRows;
  const row = f.local('row', 'i32');
  const column = f.local('column', 'i32');
  const tile = (height: number) => emitTileOf(at, strip, height, row, column, rows.start, blockStart, terms);
  const overColumns = (height: number) => {
    f.set(column, columns.start);
    f.while(column, columns.end, width, () => tile(height));
  };
  const overRows = (body: (height: number) => void) => {
    f.set(row, rows.start);
    if (at.plan.rows >= tileRows) {
      const lastWhole = f.let('lastWhole', i32.sub(rows.end, tileRows - 1));
      f.if(i32.geS(lastWhole, 0), () => f.while(row, lastWhole, tileRows, () => body(tileRows)));
    }
    if (rest > 0) f.if(i32.ltU(row, rows.end), () => body(rest));
  };
  if (at.plan.order === 'rows') return overRows(overColumns);
  f.set(column, columns.start);
  f.while(column, columns.end, width, () => overRows(tile));
}

function emitTileOf(
  at: MatmulSite,
  strip: Strips,
  height: number,
  row: Local,
  column: Local,
  rowStart: Local,
  columnStart: Local,
  terms: Terms,
): void {
  const shape = { rows: height, width: strip.width };
  const operands = operandsOf(at, strip, row, column, rowStart, columnStart, terms);
  const sums = emitTile(at, shape, operands, terms.count, terms.piece?.isLast ?? null);
  const finish = () => emitStores(at, shape, sums, row, column);
  if (terms.piece === null) return finish();
  emitPartialSums(at, sums, { row, column, blockStart: rowStart }, terms.piece, finish);
}

function operandsOf(
  at: MatmulSite,
  strip: Strips,
  row: Local,
  column: Local,
  rowStart: Local,
  columnStart: Local,
  terms: Terms,
): TileOperands {
  const { left, right, scratch, plan } = at;
  const { width } = at.arithmetic;
  /** Null where the operand is packed. */
  const direct = ({ operand, base }: Side, packed: boolean, position: Local) => {
    if (packed || operand.kind !== 'strided') return null;
    const line = moved(base as Local, position, operand.own * width);
    const start = terms.piece === null ? line : moved(line, terms.start, operand.k * width);
    return { start, own: operand.own * width, k: operand.k * width };
  };
  const ofLeft = direct(left, plan.packLeft, row) ?? {
    start: moved(at.inScratch(scratch.left), i32.sub(row, rowStart), scratch.leftRow),
    own: scratch.leftRow,
    k: width,
  };
  const ofRight = direct(right, plan.packRight, column);
  return {
    left: ofLeft,
    right: ofRight ?? {
      start: moved(at.inScratch(scratch.right), i32.sub(column, columnStart), scratch.rightColumn),
      own: 0,
      k: stripStep(at, strip.width),
    },
    padded: ofRight === null,
  };
}

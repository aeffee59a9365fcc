/**
 * Tables that say where the elements of an operand lie: an offset for every position of its own dimension and for every term of k, which are added; where
 * elements have bounds, beside each offset its part of the sums that are compared. Owns filling them and copying by them, four elements at a time; where
 * they lie is `matmul-site.ts`, what is copied where `packing.ts`.
 */
import { type Pieces, slotParam } from '../kernel-function.js';
import { type FunctionBuilder, i16x8, i32, i32x4, type Local, select, type Value, v128 } from '../wasm/index.js';
import type { Count } from '../loop/lanes.js';
import { turned } from '../loop/elements.js';
import { type Direction, type MatmulSite, moved, position, type TableSide } from './matmul-site.js';
import type { Dimension, TableOperand } from './operand.js';

const other = { own: 'k', k: 'own' } as const;

/** The entries of `count` positions from `at` on, in lanes. */
type Entry = (at: Local, count: Count) => Value;

/** Fills the tables for the current place in the batch. Entries past the last, which fill up a group of four, are those of the last. */
export function fillTables(site: MatmulSite, side: TableSide): void {
  const { operand, direction, length, tables } = side;
  const { width } = site.arithmetic;
  const { index, bounds } = operand;
  const fill = (along: Direction, count: number, table: number, entry: Entry) =>
    fillTable(site, along, count, table, entry);
  const lanes = (expression: TableOperand['index'], along: Direction | null, at: Local | null, count: Count): Value => {
    const points = site.pointsAt(along === null || at === null ? {} : { [along]: position(at) }, along, count);
    return site.points.value(expression, points)[0] as Value;
  };
  const first = (expression: TableOperand['index']): Value =>
    i32x4.splat(i32x4.extractLane(lanes(expression, null, null, 1), 0));
  const origin = site.f.let('origin', first(index));
  const offsets =
    (along: Direction): Entry =>
    (at, count) =>
      i32x4.mul(i32x4.sub(lanes(index, along, at, count), origin), i32x4.const(width, width, width, width));
  fill(direction, length, tables.own.offsets, offsets(direction));
  fill('k', site.plan.k, tables.k.offsets, offsets('k'));
  if (bounds.length === 0) return;
  const starts = bounds.map(({ sum }) => site.f.let('start', first(sum)));
  const sums =
    (along: Direction, from: (bound: number) => Value): Entry =>
    (at, count) => {
      const [low, high] = bounds.map(({ sum }, i) => i32x4.sub(lanes(sum, along, at, count), from(i)));
      const half = v128.and(low as Value, splatConstant(0xffff));
      return high === undefined ? half : v128.or(half, i32x4.shl(high, 16));
    };
  fill(
    direction,
    length,
    tables.own.bounds,
    sums(direction, (i) => splatConstant(bounds[i]?.low ?? 0)),
  );
  fill(
    'k',
    site.plan.k,
    tables.k.bounds,
    sums('k', (i) => starts[i] as Local),
  );
}

function fillTable(site: MatmulSite, along: Direction, count: number, table: number, entry: Entry): void {
  const { f } = site;
  const whole = count - (count % 4);
  const at = f.let(along, i32.const(0));
  f.while(at, whole, 4, () => f.do(v128.store(moved(site.inScratch(table), at, 4), entry(at, 4))));
  if (whole === count) return;
  const rest = f.let('rest', entry(at, (count - whole) as Count));
  const last = i32x4.splat(i32x4.extractLane(rest, count - whole - 1));
  const past = i32x4.const(...[0, 1, 2, 3].map((lane) => (lane < count - whole ? 0 : -1)));
  f.do(v128.store(moved(site.inScratch(table), at, 4), v128.bitselect(last, rest, past)));
}

function splatConstant(value: number): Value {
  return i32x4.const(value, value, value, value);
}

/** The tables of one dimension from a position on. */
interface Entries {
  readonly at: Local;
  /** Bytes from an offset to what its bounds compare. */
  readonly toBounds: number;
}

function entriesFrom(site: MatmulSite, { tables }: TableSide, along: Dimension, first: Local): Entries {
  const { offsets, bounds } = tables[along];
  return { at: site.f.let('entries', moved(site.inScratch(offsets), first, 4)), toBounds: bounds - offsets };
}

/** A group of four positions along one dimension. */
interface Group {
  readonly offsets: Local;
  /** Whether its elements are neighbours, wherever they are along the other dimension. */
  readonly isLine: Value;
  readonly bounds: Local | null;
}

function groupAt(f: FunctionBuilder, { at, toBounds }: Entries, { operand }: TableSide, width: number): Group {
  const offsets = f.let('offsets', v128.load(at));
  const steps = i32x4.sub(offsets, i32x4.splat(i32x4.extractLane(offsets, 0)));
  return {
    offsets,
    isLine: i32x4.allTrue(i32x4.eq(steps, i32x4.const(0, width, 2 * width, 3 * width))),
    bounds: operand.bounds.length === 0 ? null : f.let('bounds', v128.load(at, toBounds)),
  };
}

/** Which lanes of `group` are within bounds, with entry `at` of the other dimension; null where there are no bounds. */
function inside({ f }: MatmulSite, { operand }: TableSide, { bounds }: Group, { at, toBounds }: Entries): Local | null {
  if (bounds === null) return null;
  const [low, high] = operand.bounds.map((bound) => bound.high - bound.low);
  const limits = splatConstant(((low as number) & 0xffff) | ((high ?? 0xffff) << 16));
  const past = i16x8.subSatU(i16x8.add(bounds, v128.load32Splat(at, toBounds)), limits);
  return f.let('inside', i32x4.eq(past, i32x4.const(0)));
}

/** The four elements of `group`, with `offset` of the other dimension. Memory is read near the slot at the most: see `LinearMemory`. */
function elements(
  site: MatmulSite,
  side: TableSide,
  group: Group,
  offset: Local,
  within: Local | null,
  isLine: boolean,
): Pieces {
  const { f, memory } = site;
  const base = side.base as Local;
  const slot = f.param(slotParam(side.operand.slot));
  const from = f.let('from', i32.add(base, offset));
  const lane = (i: number): Value => i32.add(from, i32x4.extractLane(group.offsets, i));
  const pieces = isLine
    ? memory.load(
        within === null ? f.let('line', lane(0)) : f.let('line', select(lane(0), slot, v128.anyTrue(within))),
        0,
        4,
      )
    : memory.gather((setLane) => {
        for (let i = 0; i < 4; i++)
          setLane(i, within === null ? lane(i) : select(lane(i), slot, i32x4.extractLane(within, i)), 0);
      });
  return within === null ? pieces : pieces.map((piece) => v128.and(piece, within));
}

/**
 * Copies four positions along `along`, from `first` on, for every position of the other dimension in `span`: each of these groups lies `step` bytes behind
 * the one before, from `to` on.
 */
export function copyGroup(
  site: MatmulSite,
  side: TableSide,
  along: Dimension,
  first: Local,
  span: { readonly start: Local; readonly end: Local },
  to: Local,
  step: number,
): void {
  const { f, memory, arithmetic } = site;
  const group = groupAt(f, entriesFrom(site, side, along, first), side, arithmetic.width);
  const target = f.let('target', to);
  const others = entriesFrom(site, side, other[along], span.start);
  const end = f.let('entriesEnd', i32.add(others.at, i32.mul(i32.sub(span.end, span.start), 4)));
  const copy = (isLine: boolean) =>
    f.while(others.at, end, 4, () => {
      const within = inside(site, side, group, others);
      const values = elements(site, side, group, f.let('offset', i32.load(others.at)), within, isLine);
      memory.store(target, 0, values, 4);
      f.advance(target, step);
    });
  f.if(
    group.isLine,
    () => copy(true),
    () => copy(false),
  );
}

/**
 * Copies the four terms of k from `term` on of the columns in `span`, a multiple of four of them: lines along k, turned. Those of one term lie next to each
 * other, from `to` on; those of the next term `step` bytes behind them.
 */
export function copyTurned(
  site: MatmulSite,
  side: TableSide,
  term: Local,
  first: Local,
  columns: number,
  to: Local,
  step: number,
): void {
  const { f, memory, arithmetic } = site;
  const group = groupAt(f, entriesFrom(site, side, 'k', term), side, arithmetic.width);
  const others = entriesFrom(site, side, 'own', first);
  const end = f.let('entriesEnd', i32.add(others.at, 4 * columns));
  const target = f.let('target', to);
  const copy = (isLine: boolean) =>
    f.while(others.at, end, 16, () => {
      const lines = [0, 1, 2, 3].map((i) => {
        const entry = { at: f.let('entry', i32.add(others.at, 4 * i)), toBounds: others.toBounds };
        const within = inside(site, side, group, entry);
        const [values] = elements(site, side, group, f.let('offset', i32.load(entry.at)), within, isLine);
        return f.let('line', values as Value);
      });
      turned(f, lines).forEach((values, i) => {
        memory.store(i === 0 ? target : f.let('row', i32.add(target, i * step)), 0, [values], 4);
      });
      f.advance(target, 16);
    });
  f.if(
    group.isLine,
    () => copy(true),
    () => copy(false),
  );
}

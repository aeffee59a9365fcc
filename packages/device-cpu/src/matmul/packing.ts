/**
 * Copies of blocks of the operands into scratch, in the order in which tiles read them: of the left one rows along k, of the right one strips, which
 * hold for each k the columns of the strip, filled up to groups of four. Owns the copying of every kind of operand; which are packed is
 * `plan.ts`.
 */
import { i32, type Local, memory as wholeMemory, select, type Value } from '../wasm/index.js';
import type { Count } from '../loop/lanes.js';
import type { Pieces } from '../kernel-function.js';
import { isTableSide, type MatmulSite, moved, type PlainSide, position, type TableSide } from './matmul-site.js';
import { copyGroup, copyTurned } from './offset-table.js';
import type { Dimension } from './operand.js';
import { groupCount } from './tile.js';

/** From `start` to before `end`. */
export interface Span {
  readonly start: Local;
  readonly end: Local;
}

/** Runs `body` for every fourth position of the span that has four left, then for what is left, one at a time. */
function byFours({ f }: MatmulSite, name: string, { start, end }: Span, body: (at: Local, count: 1 | 4) => void): void {
  const at = f.let(name, start);
  const fourAreLeft = i32.leU(i32.add(at, 4), end);
  f.if(fourAreLeft, () =>
    f.loop((again) => {
      body(at, 4);
      f.advance(at, 4);
      f.branchIf(again, fourAreLeft);
    }),
  );
  f.while(at, end, 1, () => body(at, 1));
}

/** Reads elements of one line: `count` of them, from the one that lies `first` past its begin. */
type Line = (first: number, count: Count) => Pieces;

/** The line of an operand along a dimension that begins with element (`own`, `k`). */
function lineAt(site: MatmulSite, side: PlainSide, along: Dimension, own: Local, k: Local): Line {
  const { f, memory, arithmetic, points } = site;
  const { operand, direction } = side;
  const { width } = arithmetic;
  switch (operand.kind) {
    case 'strided': {
      const bytes = operand[along] * width;
      const from = f.let('from', moved(moved(side.base as Local, own, operand.own * width), k, operand.k * width));
      if (bytes === width) return (first, count) => memory.load(from, first * width, count);
      return (first, count) =>
        memory.gather((setLane) => {
          for (let lane = 0; lane < count; lane++) {
            const past = (first + lane) * bytes;
            if (past >= 0) setLane(lane, from, past);
            else setLane(lane, i32.add(from, past), 0);
          }
        });
    }
    case 'lines': {
      const from = f.let('line', site.address(operand, { [direction]: position(own), k: position(k) }));
      return (first, count) => memory.load(from, first * width, count);
    }
    case 'computed':
      return (first, count) => {
        const past = (local: Local, dimension: Dimension) => ({ local, offset: dimension === along ? first : 0 });
        const at = site.pointsAt(
          { [direction]: past(own, 'own'), k: past(k, 'k') },
          along === 'k' ? 'k' : direction,
          count,
        );
        return points.value(operand.value, at).map((piece) => f.held('value', piece));
      };
    default: {
      const never: never = operand;
      return never;
    }
  }
}

/** Rows that are copied together, as neighbours in memory may be neighbouring rows. */
const rowsTogether = 64;

/** Copies rows `rows` by terms `terms` of the left operand. */
export function packLeft(site: MatmulSite, rows: Span, terms: Span): void {
  const { f, arithmetic, memory, scratch, left } = site;
  const target = (row: Local, k: Local): Value => {
    const line = moved(site.inScratch(scratch.left), i32.sub(row, rows.start), scratch.leftRow);
    return moved(line, i32.sub(k, terms.start), arithmetic.width);
  };
  const eachFrom = (name: string, { start, end }: Span, body: (at: Local) => void) => {
    const at = f.let(name, start);
    f.while(at, end, 1, () => body(at));
  };
  const inTurns = (body: (span: Span) => void) => {
    const start = f.let('first', rows.start);
    f.while(start, rows.end, rowsTogether, () => {
      const next = i32.add(start, rowsTogether);
      body({ start, end: f.let('last', select(next, rows.end, i32.ltU(next, rows.end))) });
    });
  };
  if (isTableSide(left))
    return inTurns((span) => {
      const k = f.let('k', terms.start);
      f.while(k, terms.end, 4, () =>
        copyGroup(site, left, 'k', k, span, f.let('to', target(span.start, k)), scratch.leftRow),
      );
    });
  const { operand } = left;
  if (operand.kind === 'lines') {
    const bytes = f.let('bytes', i32.mul(i32.sub(terms.end, terms.start), arithmetic.width));
    return eachFrom('row', rows, (row) => {
      const line = site.address(operand, { row: position(row), k: position(terms.start) });
      f.do(wholeMemory.copy(target(row, terms.start), line, bytes));
    });
  }
  if (operand.kind === 'computed' && operand.along === 'own')
    return byFours(site, 'row', rows, (row, count) =>
      eachFrom('k', terms, (k) => {
        const to = f.let('to', target(row, k));
        memory.scatter(lineAt(site, left, 'own', row, k)(0, count), (storeLane) => {
          for (let lane = 0; lane < count; lane++) storeLane(lane, to, lane * scratch.leftRow);
        });
      }),
    );
  inTurns((span) =>
    byFours(site, 'k', terms, (k, count) =>
      eachFrom('row', span, (row) =>
        memory.store(f.let('to', target(row, k)), 0, lineAt(site, left, 'k', row, k)(0, count), count),
      ),
    ),
  );
}

/** Bytes between one k and the next in a packed strip. */
export function stripStep({ arithmetic }: MatmulSite, width: number): number {
  return Math.ceil(width / 4) * 4 * arithmetic.width;
}

/**
 * Copies the strips of `width` columns that begin in `columns`, by terms `terms`, of the right operand. Missing columns of a last group hold
 * anything. The block in scratch begins with column `blockStart`.
 */
export function packRight(site: MatmulSite, width: number, columns: Span, blockStart: Local, terms: Span): void {
  const { f, arithmetic, memory, scratch, right } = site;
  const step = stripStep(site, width);
  const column = f.let('column', columns.start);
  f.while(column, columns.end, width, () => {
    const to = f.let('to', moved(site.inScratch(scratch.right), i32.sub(column, blockStart), scratch.rightColumn));
    if (isTableSide(right)) return packTable(site, right, width, column, terms, to, step);
    if (right.operand.kind === 'computed' && right.operand.along === 'k') {
      const own = f.let('own', column);
      return f.repeat(own, f.let('columnsEnd', i32.add(column, width)), 1, () => {
        const place = f.let('place', moved(to, i32.sub(own, column), arithmetic.width));
        byFours(site, 'k', terms, (k, count) => {
          memory.scatter(lineAt(site, right, 'k', own, k)(0, count), (storeLane) => {
            for (let lane = 0; lane < count; lane++) storeLane(lane, place, lane * step);
          });
          f.advance(place, count * step);
        });
      });
    }
    const k = f.let('k', terms.start);
    f.while(k, terms.end, 1, () => {
      const line = lineAt(site, right, 'own', column, k);
      for (let group = 0; 4 * group < width; group++)
        memory.store(to, 4 * group * arithmetic.width, line(4 * group, groupCount(width, group)), 4);
      f.advance(to, step);
    });
  });
}

/** One strip of a right operand that is found by tables. */
function packTable(
  site: MatmulSite,
  side: TableSide,
  width: number,
  column: Local,
  terms: Span,
  to: Local,
  step: number,
): void {
  const { f, arithmetic } = site;
  const columns = Math.ceil(width / 4) * 4;
  if (side.operand.along === 'k' && arithmetic.width === 4) {
    const k = f.let('k', terms.start);
    return f.while(k, terms.end, 4, () => {
      copyTurned(site, side, k, column, columns, to, step);
      f.advance(to, 4 * step);
    });
  }
  const first = f.let('group', column);
  f.repeat(first, f.let('groupsEnd', i32.add(column, columns)), 4, () => {
    copyGroup(site, side, 'own', first, terms, to, step);
    f.advance(to, 4 * arithmetic.width);
  });
}

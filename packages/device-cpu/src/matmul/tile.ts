/**
 * One tile: so many rows by one strip of columns, summed over a piece of k in registers. Owns the innermost loops, in both forms; where tiles
 * lie is `matmul-kernel.ts`, what happens to their results `epilogue.ts`. No unrolling of k: on Node 20 it makes the engine spill.
 */
import type { Count } from '../loop/lanes.js';
import { i32, isConstant, type Local, type Operand, type Value } from '../wasm/index.js';
import type { MatmulSite } from './matmul-site.js';

/** Where an operand begins in a tile, and bytes to its next row or column and to the next term of k. */
interface TileOperand {
  readonly start: Value;
  readonly own: number;
  readonly k: number;
}

export interface TileOperands {
  readonly left: TileOperand;
  readonly right: TileOperand;
  /** Whether the right operand has whole groups even where the strip ends within one. */
  readonly padded: boolean;
}

export interface TileShape {
  readonly rows: number;
  /** Columns of the strip. */
  readonly width: number;
}

/** Sums by row and group of four columns. */
export type TileSums = readonly (readonly (readonly Local[])[])[];

/** Columns of group `group` that exist. */
export function groupCount(width: number, group: number): Count {
  return Math.min(width - 4 * group, 4) as Count;
}

/** Sums of `terms` products. `ends` says whether these are the last terms of k; only then need their number not divide by four. */
export function emitTile(
  site: MatmulSite,
  shape: TileShape,
  operands: TileOperands,
  terms: Operand,
  ends: Value | null,
): TileSums {
  return site.plan.form === 'splat'
    ? splatTile(site, shape, operands, terms)
    : dotTile(site, shape, operands, terms, ends);
}

/** A pointer to the lowest of `count` rows or columns, and their offsets from it. */
function pointerTo({ f }: MatmulSite, name: string, { start, own }: TileOperand, count: number) {
  const low = Math.min(0, (count - 1) * own);
  return { pointer: f.let(name, low === 0 ? start : i32.add(start, low)), at: (i: number) => i * own - low };
}

function splatTile(site: MatmulSite, { rows, width }: TileShape, operands: TileOperands, terms: Operand): TileSums {
  const { f, arithmetic, memory } = site;
  const groups = Math.ceil(width / 4);
  const sums = Array.from({ length: rows }, () =>
    Array.from({ length: groups }, () =>
      Array.from({ length: arithmetic.pieces }, () => f.let('sum', arithmetic.zero())),
    ),
  );
  if (terms === 0) return sums;
  const { pointer: left, at } = pointerTo(site, 'left', operands.left, rows);
  const right = f.let('right', operands.right.start);
  countedLoop(site, left, operands.left.k, right, operands.right.k, terms, () => {
    const columns = Array.from({ length: groups }, (_, group) =>
      memory
        .load(right, 4 * group * arithmetic.width, operands.padded ? 4 : groupCount(width, group))
        .map((piece) => (isConstant(piece) ? piece : f.let('b', piece))),
    );
    for (let row = 0; row < rows; row++) {
      const a = f.held('a', memory.loadSplat(left, at(row))[0] as Value);
      columns.forEach((pieces, group) => {
        pieces.forEach((b, piece) => {
          const sum = sums[row]?.[group]?.[piece] as Local;
          f.set(sum, arithmetic.multiplyAdd(a, b, sum));
        });
      });
    }
  });
  return sums;
}

/** Runs `body` `terms` times, moving both pointers; one of them counts if it rises. */
function countedLoop(
  { f }: MatmulSite,
  left: Local,
  leftStep: number,
  right: Local,
  rightStep: number,
  terms: Operand,
  body: () => void,
): void {
  const [counter, step] =
    rightStep > 0 ? [right, rightStep] : leftStep > 0 ? [left, leftStep] : [f.let('term', i32.const(0)), 1];
  const end = f.let('end', i32.add(counter, typeof terms === 'number' ? terms * step : i32.mul(terms, step)));
  f.loop((again) => {
    body();
    if (leftStep !== 0) f.advance(left, leftStep);
    if (rightStep !== 0) f.advance(right, rightStep);
    if (counter !== left && counter !== right) f.advance(counter, step);
    f.branchIf(again, i32.ltU(counter, end));
  });
}

function dotTile(
  site: MatmulSite,
  { rows, width }: TileShape,
  operands: TileOperands,
  terms: Operand,
  ends: Value | null,
): TileSums {
  const { f, arithmetic, memory, plan } = site;
  const { lanes } = arithmetic;
  const sums = Array.from({ length: rows }, () => Array.from({ length: width }, () => f.let('sum', arithmetic.zero())));
  const { pointer: left, at: rowAt } = pointerTo(site, 'left', operands.left, rows);
  const { pointer: right, at: columnAt } = pointerTo(site, 'right', operands.right, width);

  const step = (load: (pointer: Local, offset: number) => Value) => {
    const a = sums.map((_, row) => f.let('a', load(left, rowAt(row))));
    for (let column = 0; column < width; column++) {
      const b = f.let('b', load(right, columnAt(column)));
      a.forEach((vector, row) => {
        const sum = sums[row]?.[column] as Local;
        f.set(sum, arithmetic.multiplyAdd(vector, b, sum));
      });
    }
  };
  const whole = typeof terms === 'number' ? Math.floor(terms / lanes) * lanes : i32.and(terms, -lanes);
  const end = f.let(
    'end',
    i32.add(left, typeof whole === 'number' ? whole * arithmetic.width : i32.mul(whole, arithmetic.width)),
  );
  const vectors = () =>
    f.loop((again) => {
      step((pointer, offset) => memory.load(pointer, offset, 4 as Count)[0] as Value);
      f.advance(left, 16);
      f.advance(right, 16);
      f.branchIf(again, i32.ltU(left, end));
    });
  if (typeof whole !== 'number') f.if(i32.ltU(left, end), vectors);
  else if (whole > 0) vectors();

  const rest = plan.k % lanes;
  const last = () => step((pointer, offset) => memory.load(pointer, offset, rest as Count)[0] as Value);
  if (rest > 0 && ends !== null) f.if(ends, last);
  else if (rest > 0) last();

  return sums.map((row) =>
    Array.from({ length: Math.ceil(width / 4) }, (_, group) =>
      arithmetic.sumsAcross(f, row.slice(4 * group, 4 * group + 4)),
    ),
  );
}

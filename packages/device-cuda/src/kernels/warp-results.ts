/**
 * How results of tensor cores leave the registers of warps, each of which holds 16 rows by 8 columns for one sum after another: lane l has columns 2 (l mod 4)
 * and the next of rows l / 4 and 8 further. Owns the ways out; what is done with results is `ProductSite.store`.
 */
import { float32, int32, type Operand } from '../ptx/register.js';
import { pitchOf, type Slab, isLongEpilogue, storeSlabs } from './epilogue.js';
import { plus, quotient, remainder, times } from './index-arithmetic.js';
import { offsetText } from './operand-tile.js';
import type { ProductSite } from './product.js';

export const warpSize = 32;
/** Bytes between rows of results in shared memory: pairs of 4 rows fill a line of banks. */
const slabPadding = 32;

/** Of a warp, by 16 rows and then by 8 columns. */
export type Sums = readonly (readonly (readonly Operand[])[])[];

/** What a warp has of its block's results, and where: `down` warps are one below the other. */
export interface WarpResults {
  readonly sums: Sums;
  readonly row: Operand;
  readonly column: Operand;
  readonly rows: number;
  readonly down: number;
  readonly lane: Operand;
}

/** A warp's sums, of which nothing has been added yet. */
export function emptySums({ body }: ProductSite, rows: number, columns: number): Operand[][][] {
  return Array.from({ length: rows / 16 }, () =>
    Array.from({ length: columns / 8 }, () =>
      Array.from({ length: 4 }, () => body.op('f32', 'mov.f32', [float32(0)], 'sum')),
    ),
  );
}

/** Does the epilogue with all results. @param shared where the block's shared memory begins. @returns the bytes of it that this takes */
export function storeResults(site: ProductSite, shared: Operand, results: WarpResults): number {
  const { sums, rows, down } = results;
  const columns = (sums[0]?.length ?? 0) * 8;
  if (!isLongEpilogue(site.kernel, (rows * columns) / warpSize)) {
    storeSums(site, results);
    return 0;
  }
  storeSlabs(site, shared, slabsOf(site, results), slabPadding);
  return down * 16 * pitchOf(site.tiling.columns, slabPadding);
}

/** The i-th 16 rows of every warp are a slab. */
function slabsOf({ body }: ProductSite, { sums, row: first, column: left, rows, down, lane }: WarpResults): Slab[] {
  const pair = times(body, remainder(body, lane, 4), int32(2), 'pair');
  const row = plus(body, quotient(body, lane, 4), times(body, quotient(body, first, rows), int32(16)), 'slab_row');
  return sums.map((line, i) => ({
    rows: down * 16,
    rowOf: (at) => {
      const warp = times(body, quotient(body, at, 16), int32(rows), 'warp_row');
      return plus(body, plus(body, warp, remainder(body, at, 16)), int32(16 * i), 'row');
    },
    keep: (base, pitch) => {
      const column = times(body, plus(body, left, pair), int32(4), 'column');
      const from = plus(body, body.op('s32', 'mad.lo.s32', [row, int32(pitch), base]), column, 'slab_at');
      line.forEach((four, j) => {
        for (const lower of [0, 1]) {
          const texts = four.slice(2 * lower, 2 * lower + 2).map(({ text }) => text);
          body.line(`st.shared.v2.f32 [${from.text}${offsetText(8 * lower * pitch + 32 * j)}], {${texts.join(', ')}}`);
        }
      });
    },
  }));
}

/**
 * The epilogue. A lane has two neighbours of each 8 columns; lanes beside each other exchange those of two such groups, so that each has four neighbours of
 * one, and whole sectors are written.
 */
function storeSums(site: ProductSite, { sums, row: top, column, lane }: WarpResults): void {
  const { body } = site;
  const [group, member] = [quotient(body, lane, 4, 'group'), remainder(body, lane, 4, 'member')];
  const odd = remainder(body, lane, 2, 'odd');
  const isOdd = body.compare('ne.s32', odd, int32(0), 'is_odd');
  const half = times(body, quotient(body, member, 2), int32(4), 'half');
  const first = plus(body, plus(body, column, half), times(body, odd, int32(8)), 'first');
  const exchanged = (value: Operand): Operand => {
    const other = body.register('f32', 'other');
    body.line(`shfl.sync.bfly.b32 ${other.text}, ${value.text}, 1, 31, 0xffffffff`);
    return other;
  };
  sums.forEach((line, i) => {
    for (let j = 0; j < line.length; j += 2) {
      const [left, right] = [line[j] as readonly Operand[], line[j + 1] as readonly Operand[]];
      const others = left.map((value, e) => exchanged(body.choose(isOdd, value, right[e] as Operand)));
      for (const lower of [0, 1]) {
        const [own, other] = [0, 1].map((pair) =>
          [0, 1].map((e) => {
            const at = 2 * lower + e;
            return pair === 0
              ? body.choose(isOdd, others[at] as Operand, left[at] as Operand)
              : body.choose(isOdd, right[at] as Operand, others[at] as Operand);
          }),
        ) as [Operand[], Operand[]];
        const row = plus(body, plus(body, top, group), int32(16 * i + 8 * lower), 'row');
        site.store(row, plus(body, first, int32(8 * j), 'column'), [...own, ...other]);
      }
    }
  });
}

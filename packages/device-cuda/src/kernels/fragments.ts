/**
 * How a warp reads fragments of an operand for tensor cores from its tile: four matrices of 8 rows by 16 bytes at once (`ldmatrix`), turned on the way where the
 * tile lies along the operand's side; words of TF32, which cannot be turned so, one by one. Owns the addresses, which follow how `operand-tile.ts`
 * lays chunks out.
 */
import { int32, type Operand } from '../ptx/register.js';
import { plus, quotient, remainder, times } from './index-arithmetic.js';
import { offsetText, type OperandTile, rowBytesAlongK } from './operand-tile.js';
import { chunkBytes } from './operand-way.js';
import type { ProductSite } from './product.js';

/** Four registers: of the left operand 16 rows, of the right one 16 columns, by one instruction's terms. */
type Read = (step: number, sixteen: number) => Operand[];

export interface Fragments {
  /** Readers of the tile `buffer` bytes into shared memory. */
  at(buffer: Operand): Read;
}

export interface FragmentSource {
  readonly operand: 'a' | 'b';
  readonly tile: OperandTile;
  readonly factor: 'tf32' | 'bf16' | 'f16';
  /** Address of the tile in the first stage. */
  readonly base: Operand;
  /** Where the warp's part of the side begins, and its length. */
  readonly corner: Operand;
  readonly side: number;
  readonly lane: Operand;
}

export function fragmentsOf(site: ProductSite, source: FragmentSource): Fragments {
  if (source.tile.along === 'k') return rowsAlongK(site, source);
  return source.factor === 'tf32' ? words(site, source) : rowsOfTerms(site, source);
}

/** Which row of 8 a lane names, and which of the four matrices: of the left, rows before terms; of the right, terms before columns. */
function lanePlaces({ body }: ProductSite, { operand, lane }: FragmentSource) {
  const row = remainder(body, lane, 8, 'row8');
  const upper = remainder(body, quotient(body, lane, 8), 2, 'upper');
  const outermost = quotient(body, lane, 16, 'outermost');
  const [outer, term] = operand === 'a' ? [upper, outermost] : [outermost, upper];
  return { row, outer, term };
}

function matrices({ body }: ProductSite, stem: string, turned: string, address: Operand, offset: number): Operand[] {
  const four = Array.from({ length: 4 }, () => body.register('b32', stem));
  const texts = four.map(({ text }) => text).join(', ');
  body.line(`ldmatrix.sync.aligned.m8n8.x4${turned}.shared.b16 {${texts}}, [${address.text}${offsetText(offset)}]`);
  return four;
}

/** An address whose place within a line of banks is moved by a constant; each is made once. */
function movedFrom({ body }: ProductSite, at: Operand): (bytes: number) => Operand {
  const known = new Map([[0, at]]);
  return (bytes) => {
    const found = known.get(bytes) ?? body.op('s32', 'xor.b32', [at, int32(bytes)], 'moved');
    known.set(bytes, found);
    return found;
  };
}

function rowsAlongK(site: ProductSite, source: FragmentSource): Fragments {
  const { body } = site;
  const { base, corner, factor, operand } = source;
  const { row, outer, term } = lanePlaces(site, source);
  const line = plus(body, corner, plus(body, times(body, outer, int32(8)), row), 'line');
  const swizzle = remainder(body, quotient(body, row, 2), 4, 'swizzle');
  const chunk = times(body, body.op('s32', 'xor.b32', [term, swizzle]), int32(chunkBytes), 'chunk');
  const from = plus(body, body.op('s32', 'mad.lo.s32', [line, int32(rowBytesAlongK), base]), chunk, `${operand}_from`);
  return {
    at: (buffer) => {
      const moved = movedFrom(site, plus(body, from, buffer, `${operand}_at`));
      return (step, sixteen) => {
        const four = matrices(site, operand, '', moved(step * 2 * chunkBytes), sixteen * 16 * rowBytesAlongK);
        return factor === 'tf32' ? four.map((word) => rounded(site, word)) : four;
      };
    },
  };
}

function rowsOfTerms(site: ProductSite, source: FragmentSource): Fragments {
  const { body } = site;
  const { base, corner, operand, tile } = source;
  const { row, outer, term } = lanePlaces(site, source);
  const line = plus(body, times(body, term, int32(8)), row, 'line');
  // The warp's part begins at a whole line of banks or in its middle, so that the chunks of its fragments differ in bits of their own.
  const chunk = plus(body, quotient(body, corner, 8), outer, 'chunk');
  const place = times(body, body.op('s32', 'xor.b32', [chunk, row]), int32(chunkBytes), 'place');
  const from = plus(body, body.op('s32', 'mad.lo.s32', [line, int32(tile.rowBytes), base]), place, `${operand}_from`);
  return {
    at: (buffer) => {
      const moved = movedFrom(site, plus(body, from, buffer, `${operand}_at`));
      return (step, sixteen) =>
        matrices(site, operand, '.trans', moved(sixteen * 2 * chunkBytes), step * 16 * tile.rowBytes);
    },
  };
}

function words(site: ProductSite, { base, corner, lane, operand, tile }: FragmentSource): Fragments {
  const { body } = site;
  const [group, member] = [quotient(body, lane, 4, 'group'), remainder(body, lane, 4, 'member')];
  const outer = plus(body, corner, group, 'outer');
  const moved = times(body, member, int32(2 * chunkBytes), 'moved');
  const place = body.op('s32', 'xor.b32', [times(body, outer, int32(4)), moved], 'place');
  const from = plus(body, body.op('s32', 'mad.lo.s32', [member, int32(tile.rowBytes), base]), place, `${operand}_from`);
  const lineBytes = 8 * chunkBytes;
  return {
    at: (buffer) => {
      const movedBy = movedFrom(site, plus(body, from, buffer, `${operand}_at`));
      const read = (step: number, position: number, later: number): Operand => {
        const bytes = position * 4;
        const value = body.register('b32', operand);
        const within = bytes % lineBytes;
        const offset = bytes - within + (8 * step + 4 * later) * tile.rowBytes;
        body.line(`ld.shared.b32 ${value.text}, [${movedBy(within).text}${offsetText(offset)}]`);
        return rounded(site, value);
      };
      return (step, sixteen) =>
        [0, 1, 2, 3].map((i) => {
          const [upper, outermost] = [i % 2, Math.floor(i / 2)];
          const [further, later] = operand === 'a' ? [upper, outermost] : [outermost, upper];
          return read(step, 16 * sixteen + 8 * further, later);
        });
    },
  };
}

/** The bits of a float32 rounded to what tensor cores take of it. */
function rounded({ body }: ProductSite, word: Operand): Operand {
  const value = body.op('f32', 'mov.b32', [word], 'wide');
  return body.op('b32', 'cvt.rna.tf32.f32', [value], 'rounded');
}

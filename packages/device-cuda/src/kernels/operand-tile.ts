/**
 * How a tile of one operand of a product lies in shared memory and comes there. It lies as it does in global memory, in chunks of 16 bytes along k or along the
 * operand's other axis, each chunk moved within its line of banks so that those who read it together find it in different ones. Elements of a plain array
 * are copied past the registers (`cp.async`), 16 bytes at once where they are so aligned; else values are computed and then written. Owns both ways
 * and the places; when they happen is `tile-pipeline.ts`, who reads them the products.
 */
import type { Expression, Load } from '@torchlet/device';
import { LaneForms } from '@torchlet/device/analysis';
import { storedBytes } from '../ptx/dtypes.js';
import { halfOf, pairOf, pairs } from '../ptx/elements.js';
import { float32, float64, int32, int64, type Operand } from '../ptx/register.js';
import { plus, quotient, remainder, times } from './index-arithmetic.js';
import type { Point } from './point.js';
import { type Along, chunkBytes, wayOf } from './operand-way.js';
import type { ProductSite } from './product.js';

/** Bytes of a row of a tile whose chunks lie along k, unless warpgroups read it. */
export const rowBytesAlongK = 64;
/** Bytes of a row that warpgroups read: 8 chunks, which are moved within it; 8 rows are an atom. */
export const atomRowBytes = 128;
export const atomBytes = 8 * atomRowBytes;
/** From one row to the next where threads read 8 of them at once: so many chunks that they are in different banks. */
const paddedRowBytes = rowBytesAlongK + chunkBytes;

/**
 * Who reads chunks together: `threads` those of 8 rows a chunk's number apart, as each has neighbours of its own; `matrices` (of `ldmatrix`) those of 8
 * neighbouring rows; `words` single words of 4 neighbouring terms; `warpgroups` whole tiles by themselves, which lie in atoms for them.
 */
export type Readers = 'threads' | 'matrices' | 'words' | 'warpgroups';

/** Values of a unit on their way to shared memory. */
interface Piece {
  readonly values: readonly Operand[];
  readonly number: number;
}

/** Copies that walk over k by a constant distance: where they begin, which is moved by `bytes` from tile to tile, and each piece's place after it. */
interface Moving {
  readonly pointer: Operand;
  readonly places: readonly { readonly index: Operand | null; readonly offset: number }[];
  readonly bytes: number;
}

export class OperandTile {
  readonly along: Along;
  readonly bytes: number;
  readonly rowBytes: number;
  /** Whether elements are copied past the registers. */
  readonly isCopied: boolean;
  readonly #site: ProductSite;
  readonly #operand: 'a' | 'b';
  readonly #expression: Expression;
  readonly #elementBytes: number;
  readonly #unit: number;
  readonly #readers: Readers;
  /** Units of a row, and units that a thread takes. */
  readonly #perRow: number;
  readonly #count: number;
  /** The row and the unit of it that the thread takes first, and its address in the first stage. */
  readonly #row: Operand;
  readonly #number: Operand;
  readonly #into: Operand;
  /** Where rows of threads that read them are apart, from a row to its neighbour; null where rows follow each other. */
  readonly #turnBytes: number | null;
  #moving: Moving | null = null;

  /** @param base address of the tile in the first stage. @param readers who will read it, by how it lies. */
  constructor(site: ProductSite, operand: 'a' | 'b', base: Operand, readers: (along: Along) => Readers) {
    const { body, kernel, tiling, thread } = site;
    this.#site = site;
    this.#operand = operand;
    this.#expression = kernel[operand];
    this.#elementBytes = storedBytes(kernel.dtype);
    const way = wayOf(kernel, operand, site.lengths);
    this.isCopied = way.isCopied;
    this.along = way.along;
    this.#unit = way.unit;
    this.#readers = readers(way.along);
    const { tile } = site.side(operand);
    const unitBytes = way.unit * this.#elementBytes;
    const rowBytes = (way.along === 'k' ? tiling.terms : tile) * this.#elementBytes;
    const isPadded = way.along === 'k' && this.#readers === 'threads';
    this.rowBytes = this.#readers === 'warpgroups' ? atomRowBytes : isPadded ? paddedRowBytes : rowBytes;
    // Rows that follow each other in global memory are written at once: they are half a line of banks apart.
    this.#turnBytes = isPadded ? (tile / this.#chunk) * paddedRowBytes + rowBytesAlongK : null;
    this.bytes = this.#turnBytes === null ? tile * tiling.terms * this.#elementBytes : this.#turnBytes * this.#chunk;
    this.#perRow = rowBytes / unitBytes;
    this.#count = (tile * tiling.terms) / way.unit / tiling.threads;
    this.#row = quotient(body, thread, this.#perRow, `${operand}_row`);
    this.#number = remainder(body, thread, this.#perRow, `${operand}_unit`);
    const within = this.#withinRow(unitBytes);
    this.#into = plus(body, this.#swizzled(plus(body, this.#rowPlace(), within, 'place')), base, `${operand}_into`);
  }

  /** Bytes from one column of atoms to the next, each as wide as its rows and as high as the tile has them. */
  get columnBytes(): number {
    const { tiling } = this.#site;
    return (this.along === 'k' ? this.#site.side(this.#operand).tile : tiling.terms) * this.rowBytes;
  }

  /** Bytes from a chunk that a thread reads to the one that is `neighbour` rows and `further` whole chunks' numbers of rows further, along k. */
  rowOffset(neighbour: number, further: number): number {
    return neighbour * (this.#turnBytes ?? 0) + further * this.rowBytes;
  }

  /** Sets out where copies begin, if those of later tiles lie at a constant distance. To be called before the first is copied. */
  begin(term: Operand): void {
    const load = this.#expression;
    if (!this.isCopied || load.kind !== 'load' || load.mask !== null) return;
    const { body, lengths, axes, tiling, emitter } = this.#site;
    const strideAlong = (axis: number): number | null =>
      new LaneForms({ axis, count: lengths[axis] as number }, lengths).of(load.index).stride;
    const perTerm = strideAlong(axes.k);
    if (perTerm === null) return;
    const perRow = this.along === 'outer' ? perTerm : strideAlong(axes[this.#operand]);
    const first = emitter.address(load.slot, load.index, this.#point(term, 0));
    const start = perRow === null ? body.parameter(emitter.site.argumentOf(load.slot), 'input') : first.address;
    const pointer = body.register('s64', `${this.#operand}_from`);
    body.assign(pointer, 'mov.s64', [start]);
    const rows = tiling.threads / this.#perRow;
    const places = Array.from({ length: this.#count }, (_, i) =>
      perRow === null
        ? { index: body.inRegister(emitter.value(load.index, this.#point(term, i))), offset: 0 }
        : { index: null, offset: first.offset + i * rows * perRow * this.#elementBytes },
    );
    this.#moving = { pointer, places, bytes: tiling.terms * perTerm * this.#elementBytes };
  }

  /** Starts copying the tile that begins at `term`, `buffer` bytes into shared memory. Tiles are asked for in order. */
  copy(term: Operand, buffer: Operand): void {
    const { body } = this.#site;
    const bytes = this.#unit * this.#elementBytes;
    const into = plus(body, this.#into, buffer, 'into');
    // Copies of 16 bytes are read once and stay out of the first cache.
    const cache = bytes === chunkBytes ? 'cg' : 'ca';
    const insideOf = this.#inside(term);
    for (let i = 0; i < this.#count; i++) {
      const { source, holds } = this.#source(term, i);
      const isInside = insideOf(i);
      const both =
        isInside === null || holds === null ? (isInside ?? holds) : body.op('pred', 'and.pred', [isInside, holds]);
      const size = both === null ? '' : `, ${body.op('s32', 'selp.s32', [int32(bytes), int32(0), both], 'size').text}`;
      body.line(`cp.async.${cache}.shared.global ${this.#destination(into, i)}, ${source}, ${bytes}${size}`);
    }
    const moving = this.#moving;
    if (moving !== null) body.assign(moving.pointer, 'add.s64', [moving.pointer, int64(moving.bytes)]);
  }

  /** Computes the values of the tile that begins at `term`, in registers. */
  read(term: Operand): Piece[] {
    const { body, emitter, kind } = this.#site;
    const zero = kind === 'f64' ? float64(0) : float32(0);
    const inside = this.#inside(term);
    return Array.from({ length: this.#count }, (_, number) => {
      const isInside = inside(number);
      const values = this.#point(term, number, true).all.map((lane) => {
        const value = body.inRegister(emitter.value(this.#expression, lane));
        return isInside === null ? value : body.choose(isInside, value, zero);
      });
      return { values, number };
    });
  }

  /** Writes values that were read, `buffer` bytes into shared memory. */
  keep(pieces: readonly Piece[], buffer: Operand): void {
    const { body, kind, kernel } = this.#site;
    const into = plus(body, this.#into, buffer, 'into');
    const write = (to: string, type: string, values: readonly Operand[]): void => {
      const texts = values.map(({ text }) => text).join(', ');
      if (values.length === 1) body.line(`st.shared.${type} ${to}, ${texts}`);
      else body.line(`st.shared.v${values.length}.${type} ${to}, {${texts}}`);
    };
    for (const { values, number } of pieces) {
      const to = this.#destination(into, number);
      if (this.#elementBytes > 2) write(to, kind, values);
      else if (values.length === 1) write(to, 'b16', [halfOf(body, kernel.dtype, values[0] as Operand)]);
      else
        write(
          to,
          'b32',
          pairs(values).map(([low, high]) => pairOf(body, kernel.dtype, low, high)),
        );
    }
  }

  get #chunk(): number {
    return chunkBytes / this.#elementBytes;
  }

  /** Chunks of row r are moved by the exclusive-or of their place and (r / divisor & mask) * scale. */
  get #swizzle(): { readonly divisor: number; readonly mask: number; readonly scale: number } | null {
    if (this.#readers === 'threads') return null;
    if (this.#readers === 'warpgroups') return { divisor: 1, mask: 7, scale: chunkBytes };
    if (this.along === 'k') return { divisor: 2, mask: 3, scale: chunkBytes };
    if (this.#readers === 'matrices') return { divisor: 1, mask: 7, scale: chunkBytes };
    return { divisor: 1, mask: 3, scale: 2 * chunkBytes };
  }

  /** Where the thread's unit is in its row; that of atoms goes on in the next column of them. */
  #withinRow(unitBytes: number): Operand {
    const { body } = this.#site;
    const within = times(body, this.#number, int32(unitBytes), 'within');
    if (this.#readers !== 'warpgroups' || this.#perRow * unitBytes === atomRowBytes) return within;
    const column = times(body, quotient(body, within, atomRowBytes), int32(this.columnBytes), 'column');
    return plus(body, column, remainder(body, within, atomRowBytes), 'within');
  }

  /** Where the thread's first row is. */
  #rowPlace(): Operand {
    const { body } = this.#site;
    if (this.#turnBytes === null) return times(body, this.#row, int32(this.rowBytes), 'place');
    const turn = times(body, remainder(body, this.#row, this.#chunk), int32(this.#turnBytes), 'turn');
    return plus(body, turn, times(body, quotient(body, this.#row, this.#chunk), int32(this.rowBytes)), 'place');
  }

  /** The place of the thread's first unit, moved. */
  #swizzled(place: Operand): Operand {
    const { body } = this.#site;
    const swizzle = this.#swizzle;
    if (swizzle === null) return place;
    const { divisor, mask, scale } = swizzle;
    const turn = body.op('s32', 'and.b32', [quotient(body, this.#row, divisor), int32(mask)], 'turn');
    return body.op('s32', 'xor.b32', [place, times(body, turn, int32(scale))], 'place');
  }

  /** Rows from a thread's first unit to its i-th. */
  #rowsTo(i: number): number {
    return (i * this.#site.tiling.threads) / this.#perRow;
  }

  /** The address of the thread's i-th unit, given that of its first. */
  #destination(into: Operand, i: number): string {
    const { body } = this.#site;
    const rows = this.#rowsTo(i);
    const swizzle = this.#swizzle;
    // A thread's rows differ in bits that its first one does not have, so what moves them differs by a constant.
    const moved = swizzle === null ? 0 : (Math.floor(rows / swizzle.divisor) & swizzle.mask) * swizzle.scale;
    const from = moved === 0 ? into : body.op('s32', 'xor.b32', [into, int32(moved)], 'into');
    const turns = this.#turnBytes === null ? rows : rows / this.#chunk;
    return `[${from.text}${offsetText(turns * this.rowBytes)}]`;
  }

  /** The outer position in the tile, and the term, of the thread's i-th unit. */
  #place(i: number): { outer: Operand; term: Operand } {
    const { body } = this.#site;
    return body.within(body.root, () => {
      const row = plus(body, this.#row, int32(this.#rowsTo(i)), 'row');
      const first = times(body, this.#number, int32(this.#unit), 'first');
      return this.along === 'k' ? { outer: row, term: first } : { outer: first, term: row };
    });
  }

  /** Whether the thread's i-th unit of the tile at `term` is there, rather than past an end; null where every one is. */
  #inside(term: Operand): (i: number) => Operand | null {
    const { body, kernel, tiling } = this.#site;
    const { length, tile, first } = this.#site.side(this.#operand);
    const outerEnd = length % tile === 0 ? null : length;
    const termEnd = kernel.k % tiling.terms === 0 ? null : kernel.k;
    const [from, rowFrom, end, rowEnd] =
      this.along === 'k' ? [term, first, termEnd, outerEnd] : [first, term, outerEnd, termEnd];
    const unit = times(body, this.#number, int32(this.#unit), 'unit');
    const isUnit = end === null ? null : body.compare('lt.s32', plus(body, from, unit, 'at'), int32(end), 'is_unit');
    if (rowEnd === null) return () => isUnit;
    const row = plus(body, rowFrom, this.#row, 'row');
    return (i) => {
      const last = int32(rowEnd - this.#rowsTo(i));
      return isUnit === null
        ? body.compare('lt.s32', row, last, 'is_row')
        : body.op('pred', 'setp.lt.and.s32', [row, last, isUnit], 'is_row');
    };
  }

  /** The thread's i-th unit. @param isHeld whether positions past the end are the last ones. */
  #point(term: Operand, i: number, isHeld = false): Point {
    const { body, kernel, axes, tiling, corner } = this.#site;
    const { length, tile, first } = this.#site.side(this.#operand);
    const place = this.#place(i);
    const alongK = this.along === 'k';
    const held = (x: Operand, last: number, isWhole: boolean): Operand =>
      isWhole || !isHeld ? x : body.op('s32', 'min.s32', [x, int32(last)], 'held');
    const outer = body.within(body.root, () =>
      held(plus(body, first, place.outer, 'at'), length - (alongK ? 1 : this.#unit), length % tile === 0),
    );
    const at = plus(body, term, place.term, 'k');
    const k = held(at, kernel.k - (alongK ? this.#unit : 1), kernel.k % tiling.terms === 0);
    const point = corner.withCoordinates(
      new Map([
        [axes[this.#operand], { operand: outer, scope: body.root }],
        [axes.k, { operand: k, scope: k.literal === null ? body.scope : body.root }],
      ]),
    );
    if (this.#unit === 1) return point;
    return point.with({ lanes: { axis: alongK ? axes.k : axes[this.#operand], count: this.#unit } });
  }

  /** Where the thread's i-th unit is copied from, and whether there is anything to copy. */
  #source(term: Operand, i: number): { source: string; holds: Operand | null } {
    const { body, emitter } = this.#site;
    const moving = this.#moving;
    if (moving !== null) {
      const { index, offset } = moving.places[i] as Moving['places'][number];
      if (index === null) return { source: `[${moving.pointer.text}${offsetText(offset)}]`, holds: null };
      const address = body.op('s64', 'mad.wide.s32', [index, int32(this.#elementBytes), moving.pointer], 'at');
      return { source: `[${address.text}]`, holds: null };
    }
    const load = this.#expression as Load;
    const point = this.#point(term, i);
    const { address, offset } = emitter.address(load.slot, load.index, point);
    const holds = load.mask === null ? null : emitter.value(load.mask, point);
    return { source: `[${address.text}${offsetText(offset)}]`, holds };
  }
}

export function offsetText(bytes: number): string {
  return bytes === 0 ? '' : `+${bytes}`;
}

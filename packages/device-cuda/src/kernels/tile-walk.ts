/** The walk over the terms of a product, tile by tile: while one is multiplied the next is on its way in registers. Owns the order and the two buffers. */
import { int32, type Operand } from '../ptx/register.js';
import { plus } from './index-arithmetic.js';
import type { Piece, ProductSite } from './product.js';

export interface TileSteps {
  /** Writes a piece of an operand to shared memory, `buffer` bytes further. */
  keep(operand: 'a' | 'b', piece: Piece, buffer: Operand): void;
  /** Multiplies the tiles that lie `buffer` bytes further. */
  multiply(buffer: Operand): void;
}

const operands = ['a', 'b'] as const;

/** @param bufferBytes from one buffer to the other. */
export function walkTiles(site: ProductSite, bufferBytes: number, { keep, multiply }: TileSteps): void {
  const { body, kernel, tiling } = site;
  const first = int32(0);
  for (const operand of operands) for (const piece of site.pieces(operand, first)) keep(operand, piece, first);
  body.line('bar.sync 0');
  if (kernel.k <= tiling.terms) {
    multiply(first);
    return;
  }
  const term = body.op('s32', 'mov.s32', [int32(0)], 'term');
  const buffer = body.op('s32', 'mov.s32', [int32(0)], 'buffer');
  // Every piece has registers of its own that outlive the block which reads it.
  body.repeat('tile', () => {
    const next = plus(body, term, int32(tiling.terms), 'next');
    const isMore = body.compare('lt.s32', next, int32(kernel.k), 'is_more');
    const coming = operands.flatMap((operand) => nextPieces(site, operand, next, isMore));
    multiply(buffer);
    const other = body.op('s32', 'sub.s32', [int32(bufferBytes), buffer], 'other');
    body.when(isMore, () => {
      for (const { operand, piece } of coming) keep(operand, piece, other);
    });
    body.line('bar.sync 0');
    body.assign(term, 'mov.s32', [next]);
    body.assign(buffer, 'mov.s32', [other]);
    return isMore;
  });
}

function nextPieces(
  site: ProductSite,
  operand: 'a' | 'b',
  next: Operand,
  isMore: Operand,
): { readonly operand: 'a' | 'b'; readonly piece: Piece }[] {
  const { body } = site;
  const found: { operand: 'a' | 'b'; piece: Piece }[] = [];
  body.when(isMore, () => {
    for (const piece of site.pieces(operand, next)) {
      const values = piece.values.map((value) => body.op(value.kind, `mov.${value.kind}`, [value], 'coming'));
      found.push({ operand, piece: { ...piece, values } });
    }
  });
  return found;
}

/**
 * The walk over the terms of a product, tile by tile, through stages of shared memory: while one tile is multiplied the next ones are on their way, as copies
 * that go past the registers or as values in registers. Owns the order, the stages and the barriers.
 */
import type { Target } from '../generated.js';
import { int32, type Operand } from '../ptx/register.js';
import { plus } from './index-arithmetic.js';
import type { OperandTile } from './operand-tile.js';
import type { ProductSite } from './product.js';

export interface Pipeline {
  readonly tiles: readonly OperandTile[];
  readonly stages: number;
  readonly stageBytes: number;
  /** Multiplies the tiles that lie `buffer` bytes into shared memory. */
  multiply(buffer: Operand): void;
}

const mostStages = 4;

/**
 * Stages that a product of these operands has: as many as leave room for a second block on the multiprocessor, whose memory is about what one block may
 * ask for. Values that come through registers are one tile ahead.
 */
export function stagesFor(tiles: readonly OperandTile[], stageBytes: number, { sharedBytesPerBlock }: Target): number {
  if (tiles.some(({ isCopied }) => !isCopied)) return 2;
  return Math.max(2, Math.min(mostStages, Math.floor(sharedBytesPerBlock / 2 / stageBytes)));
}

export function walkTiles(site: ProductSite, { tiles, stages, stageBytes, multiply }: Pipeline): void {
  const { body, kernel, tiling } = site;
  const copied = tiles.filter(({ isCopied }) => isCopied);
  const computed = tiles.filter(({ isCopied }) => !isCopied);
  const first = site.firstTerm();
  const last = Math.min(tiling.partTerms, kernel.k);
  const end = tiling.parts === 1 ? int32(kernel.k) : endOf(site, first);
  for (const tile of tiles) tile.begin(first);
  const commit = (): void => {
    if (copied.length > 0) body.line('cp.async.commit_group');
  };
  for (let stage = 0; stage < stages - 1; stage++) {
    const further = int32(stage * tiling.terms);
    const fetch = (): void => {
      const term = plus(body, first, further, 'term');
      for (const tile of copied) tile.copy(term, int32(stage * stageBytes));
      for (const tile of computed) tile.keep(tile.read(term), int32(stage * stageBytes));
    };
    // Every part has a first tile; the last part may have fewer than the others.
    if (stage === 0) fetch();
    else if (stage * tiling.terms < last) {
      const term = plus(body, first, further, 'term');
      if (tiling.parts === 1) fetch();
      else body.when(body.compare('lt.s32', term, end, 'is_more'), fetch);
    }
    commit();
  }
  const arrive = (): void => {
    if (copied.length > 0) body.line(`cp.async.wait_group ${stages - 2}`);
    body.line('bar.sync 0');
  };
  if (last <= tiling.terms) {
    arrive();
    multiply(int32(0));
    return;
  }
  const term = body.op('s32', 'mov.s32', [first], 'term');
  const used = body.op('s32', 'mov.s32', [int32(0)], 'used');
  const filled = body.op('s32', 'mov.s32', [int32((stages - 1) * stageBytes)], 'filled');
  body.repeat('tile', () => {
    arrive();
    const coming = plus(body, term, int32((stages - 1) * tiling.terms), 'coming');
    const isMore = body.compare('lt.s32', coming, end, 'is_more');
    // Every value has a register of its own that outlives the block which computes it.
    const values = fetchNext(site, copied, computed, coming, filled, isMore);
    commit();
    multiply(used);
    if (values.length > 0) {
      body.when(isMore, () => {
        for (const { tile, pieces } of values) tile.keep(pieces, filled);
      });
    }
    for (const stage of [used, filled]) {
      const next = plus(body, stage, int32(stageBytes), 'next');
      const isPast = body.compare('eq.s32', next, int32(stages * stageBytes), 'is_past');
      body.assign(stage, 'selp.s32', [int32(0), next, isPast]);
    }
    body.assign(term, 'add.s32', [term, int32(tiling.terms)]);
    return body.compare('lt.s32', term, end, 'is_term');
  });
}

type Coming = { readonly tile: OperandTile; readonly pieces: ReturnType<OperandTile['read']> };

function fetchNext(
  { body }: ProductSite,
  copied: readonly OperandTile[],
  computed: readonly OperandTile[],
  coming: Operand,
  filled: Operand,
  isMore: Operand,
): Coming[] {
  const found: Coming[] = [];
  body.when(isMore, () => {
    for (const tile of copied) tile.copy(coming, filled);
    for (const tile of computed) {
      const pieces = tile.read(coming).map((piece) => ({
        ...piece,
        values: piece.values.map((value) => body.op(value.kind, `mov.${value.kind}`, [value], 'value')),
      }));
      found.push({ tile, pieces });
    }
  });
  return found;
}

/** Where the block's part of the sum ends. */
function endOf({ body, kernel, tiling }: ProductSite, first: Operand): Operand {
  const end = plus(body, first, int32(tiling.partTerms), 'end');
  return kernel.k % tiling.partTerms === 0 ? end : body.op('s32', 'min.s32', [end, int32(kernel.k)], 'end');
}

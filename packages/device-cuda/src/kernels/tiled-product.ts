/**
 * Matrix products of float32 and float64 by threads: each multiplies what its rows and columns of results need, in registers, from tiles in shared memory. The
 * lanes of a warp are 4 down by 8 across; each reads the left operand's chunks as the lane two further does and the right one's as its neighbour does, so
 * that halves of a warp can be served at once. Owns this form; `tensor-core-product.ts` is the one of tensor cores.
 */
import type { MatmulKernel } from '@torchlet/device';
import { storedBytes } from '../ptx/dtypes.js';
import type { KernelCode } from '../ptx/module.js';
import { float32, float64, int32, type Operand } from '../ptx/register.js';
import { isLongEpilogue, pitchOf, type Slab, storeSlabs } from './epilogue.js';
import { plus, quotient, remainder, times } from './index-arithmetic.js';
import { offsetText, OperandTile } from './operand-tile.js';
import { type Along, chunkBytes } from './operand-way.js';
import { ProductSite, type Tiling } from './product.js';
import type { KernelSite } from './site.js';
import { stagesFor, walkTiles } from './tile-pipeline.js';

const lanesDown = 4;
/** Bytes between rows of results in shared memory: those of lanes beside each other, 4 rows apart, are half a line of banks apart. */
const slabPadding = 16;
const lanesAcross = 8;

/** Results of a block along each side, and how many chunks of 16 bytes of them each thread has. */
export interface ThreadForm {
  readonly rows: number;
  readonly columns: number;
  readonly down: number;
  readonly across: number;
}

/** One operand as a thread reads it. */
interface Side {
  readonly tile: OperandTile;
  /** Threads along the side, and how many chunks each has. */
  readonly lanes: number;
  readonly groups: number;
  /** Address of the thread's first chunk. */
  readonly from: Operand;
}

/** Values of a chunk of either operand: 4 of float32, 2 of float64. */
export function chunkOf({ dtype }: Pick<MatmulKernel, 'dtype'>): number {
  return chunkBytes / storedBytes(dtype);
}

export function threadsOf({ rows, columns, down, across }: ThreadForm, chunk: number): number {
  return (rows / (down * chunk)) * (columns / (across * chunk));
}

export function tiledProduct(site: KernelSite, kernel: MatmulKernel, form: ThreadForm, tiling: Tiling): KernelCode {
  const written = new ProductSite(site, kernel, tiling);
  const { body, kind, thread } = written;
  const chunk = chunkOf(kernel);
  const zero = kind === 'f32' ? float32(0) : float64(0);
  const lanes = { a: form.rows / (form.down * chunk), b: form.columns / (form.across * chunk) };
  const warp = quotient(body, thread, lanesDown * lanesAcross, 'warp');
  const lane = remainder(body, thread, lanesDown * lanesAcross, 'lane');
  const warpsAcross = lanes.b / lanesAcross;
  // Bits 0 and 4 of the lane are down, bits 1 to 3 across.
  const down = plus(body, remainder(body, lane, 2), times(body, quotient(body, lane, 16), int32(2)), 'down');
  const across = remainder(body, quotient(body, lane, 2), lanesAcross, 'across');
  const own = {
    a: plus(body, times(body, quotient(body, warp, warpsAcross), int32(lanesDown)), down, 'down'),
    b: plus(body, times(body, remainder(body, warp, warpsAcross), int32(lanesAcross)), across, 'across'),
  };
  const shared = body.sharedTiles();
  const a = new OperandTile(written, 'a', shared, () => 'threads');
  const bBase = plus(body, shared, int32(a.bytes), 'b_tiles');
  const b = new OperandTile(written, 'b', bBase, () => 'threads');
  const sides: Readonly<Record<'a' | 'b', Side>> = {
    a: { tile: a, lanes: lanes.a, groups: form.down, from: startOf(written, a, own.a, shared) },
    b: { tile: b, lanes: lanes.b, groups: form.across, from: startOf(written, b, own.b, bBase) },
  };
  const sums = Array.from({ length: form.down * chunk }, () =>
    Array.from({ length: form.across * chunk }, () => body.op(kind, `mov.${kind}`, [zero], 'sum')),
  );
  const stageBytes = a.bytes + b.bytes;
  const stages = stagesFor([a, b], stageBytes, site.target);
  walkTiles(written, {
    tiles: [a, b],
    stages,
    stageBytes,
    multiply: (buffer) => {
      multiply(written, sums, sides, chunk, buffer);
    },
  });

  const slabRows = lanes.a * chunk;
  const isLong = isLongEpilogue(kernel, form.down * form.across * chunk * chunk);
  if (isLong) {
    const slabs = Array.from(
      { length: form.down },
      (_, group): Slab => ({
        rows: slabRows,
        rowOf: (row) => plus(body, row, int32(group * slabRows), 'row'),
        keep: (base, pitch) => {
          const at = plus(body, base, times(body, own.b, int32(chunkBytes)), 'slab_at');
          const from = body.op('s32', 'mad.lo.s32', [own.a, int32(chunk * pitch), at], 'slab_at');
          for (let i = 0; i < chunk; i++) {
            for (let j = 0; j < form.across; j++) {
              const values = (sums[group * chunk + i] as Operand[]).slice(chunk * j, chunk * (j + 1));
              const place = `[${from.text}${offsetText(i * pitch + j * lanes.b * chunkBytes)}]`;
              body.line(`st.shared.v4.f32 ${place}, {${values.map(({ text }) => text).join(', ')}}`);
            }
          }
        },
      }),
    );
    storeSlabs(written, shared, slabs, slabPadding);
  } else {
    sums.forEach((line, i) => {
      const offset = Math.floor(i / chunk) * slabRows + (i % chunk);
      const row = plus(body, times(body, own.a, int32(chunk), 'rows'), int32(offset), 'row');
      for (let group = 0; group < form.across; group++) {
        const first = plus(body, times(body, own.b, int32(chunk), 'columns'), int32(group * lanes.b * chunk), 'column');
        written.store(row, first, line.slice(chunk * group, chunk * (group + 1)));
      }
    });
  }
  const each = `${form.down * chunk} by ${form.across * chunk} a thread`;
  return {
    name: kernel.name,
    comment: `${kernel.name}: tiles of ${form.rows} by ${form.columns} results, ${each}, ${stages} stages`,
    body,
    grid: [written.blocks, 1, 1],
    block: [tiling.threads, 1, 1],
    sharedBytes: Math.max(stages * stageBytes, isLong ? slabRows * pitchOf(form.columns, slabPadding) : 0),
    leastBlocks: tiling.blocks,
  };
}

/** Where a thread's first chunk is: its own rows are as many apart as they have neighbours in a chunk. */
function startOf({ body }: ProductSite, { along, rowBytes }: OperandTile, own: Operand, base: Operand): Operand {
  return body.op('s32', 'mad.lo.s32', [own, int32(along === 'k' ? rowBytes : chunkBytes), base], 'from');
}

/** All terms of a tile, as many at once as a chunk has where one of the operands lies along k. */
function multiply(
  site: ProductSite,
  sums: readonly (readonly Operand[])[],
  { a, b }: Readonly<Record<'a' | 'b', Side>>,
  chunk: number,
  buffer: Operand,
): void {
  const { body, kind, tiling } = site;
  const read = {
    a: readerOf(site, a, plus(body, a.from, buffer, 'a_at'), chunk, 'a'),
    b: readerOf(site, b, plus(body, b.from, buffer, 'b_at'), chunk, 'b'),
  };
  const isAlongK = (along: Along): boolean => along === 'k';
  const multiplyAdd = (row: number, column: number, x: Operand, y: Operand): void => {
    body.assign(sums[row]?.[column] as Operand, `fma.rn.${kind}`, [x, y, sums[row]?.[column] as Operand]);
  };
  const rows = sums.length;
  const columns = sums[0]?.length ?? 0;
  const step = isAlongK(a.tile.along) || isAlongK(b.tile.along) ? chunk : 1;
  for (let term = 0; term < tiling.terms; term += step) {
    // By row, then by term.
    const left = isAlongK(a.tile.along)
      ? Array.from({ length: rows }, (_, row) => read.a.terms(row, term))
      : transposed(Array.from({ length: step }, (_, t) => read.a.side(term + t)));
    if (isAlongK(b.tile.along)) {
      for (let column = 0; column < columns; column++) {
        const right = read.b.terms(column, term);
        for (let t = 0; t < step; t++) {
          left.forEach((values, row) => {
            multiplyAdd(row, column, values[t] as Operand, right[t] as Operand);
          });
        }
      }
      continue;
    }
    for (let t = 0; t < step; t++) {
      const right = read.b.side(term + t);
      left.forEach((values, row) => {
        right.forEach((value, column) => {
          multiplyAdd(row, column, values[t] as Operand, value);
        });
      });
    }
  }
}

function transposed(lines: readonly (readonly Operand[])[]): Operand[][] {
  return (lines[0] ?? []).map((_, i) => lines.map((line) => line[i] as Operand));
}

/** How a thread reads its part of a tile: some terms of one position, or one term of every position. */
function readerOf(
  { body, kind }: ProductSite,
  { tile, lanes, groups }: Side,
  at: Operand,
  chunk: number,
  stem: string,
): {
  terms(position: number, term: number): Operand[];
  side(term: number): Operand[];
} {
  const load = (offset: number): Operand[] => {
    const registers = Array.from({ length: chunk }, () => body.register(kind, stem));
    const texts = registers.map(({ text }) => text).join(', ');
    body.line(`ld.shared.v${chunk}.${kind} {${texts}}, [${at.text}${offsetText(offset)}]`);
    return registers;
  };
  return {
    terms: (position, term) => {
      const group = Math.floor(position / chunk);
      return load(tile.rowOffset(position % chunk, group * lanes) + (term / chunk) * chunkBytes);
    },
    side: (term) =>
      Array.from({ length: groups }, (_, group) => load(term * tile.rowBytes + group * lanes * chunkBytes)).flat(),
  };
}

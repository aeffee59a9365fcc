/**
 * Matrix products by tensor cores: halves, and float32 rounded to TF32 where that is allowed; sums are float32. Each warp computes a part of the block's
 * results, from tiles in shared memory. Owns this form; how fragments are read is `fragments.ts`, `tiled-product.ts` is the exact one.
 */
import type { MatmulKernel } from '@torchlet/device';
import type { Target } from '../generated.js';
import { storedBytes } from '../ptx/dtypes.js';
import type { KernelCode } from '../ptx/module.js';
import { float32, int32, type Operand } from '../ptx/register.js';
import { isLongEpilogue, pitchOf, type Slab, storeSlabs } from './epilogue.js';
import { type Fragments, fragmentsOf } from './fragments.js';
import { plus, quotient, remainder, times } from './index-arithmetic.js';
import { offsetText, OperandTile, rowBytesAlongK } from './operand-tile.js';
import { ProductSite, type Tiling } from './product.js';
import type { KernelSite } from './site.js';
import { stagesFor, walkTiles } from './tile-pipeline.js';

const warpSize = 32;
/** Bytes between rows of results in shared memory: pairs of 4 rows fill a line of banks. */
const slabPadding = 32;
/** Bytes along k that one instruction takes. */
export const fragmentBytes = 32;

export type Factor = 'tf32' | 'bf16' | 'f16';

/** Results of a block along each side, and the warps that share them. */
export interface WarpForm {
  readonly rows: number;
  readonly columns: number;
  readonly down: number;
  readonly across: number;
}

/** What the factors are rounded to; null where tensor cores are not exact enough. */
export function factorOf({ dtype, precision }: MatmulKernel, { matmulPrecision }: Target): Factor | null {
  switch (dtype) {
    case 'bfloat16':
      return 'bf16';
    case 'float16':
      return 'f16';
    default:
      return dtype === 'float32' && (precision ?? matmulPrecision) === 'high' ? 'tf32' : null;
  }
}

export function tensorCoreProduct(
  site: KernelSite,
  kernel: MatmulKernel,
  factor: Factor,
  form: WarpForm,
  tiling: Tiling,
): KernelCode {
  const written = new ProductSite(site, kernel, tiling);
  const { body, thread } = written;
  const warp = quotient(body, thread, warpSize, 'warp');
  const lane = remainder(body, thread, warpSize, 'lane');
  const side = { a: form.rows / form.down, b: form.columns / form.across };
  const corner = {
    a: times(body, quotient(body, warp, form.across), int32(side.a), 'warp_row'),
    b: times(body, remainder(body, warp, form.across), int32(side.b), 'warp_column'),
  };
  const shared = body.sharedTiles();
  const readers = (along: 'k' | 'outer'): 'matrices' | 'words' =>
    factor === 'tf32' && along === 'outer' ? 'words' : 'matrices';
  const a = new OperandTile(written, 'a', shared, readers);
  const bases = { a: shared, b: plus(body, shared, int32(a.bytes), 'b_tiles') };
  const b = new OperandTile(written, 'b', bases.b, readers);
  const fragments = {
    a: fragmentsOf(written, { operand: 'a', tile: a, factor, base: bases.a, corner: corner.a, lane, side: side.a }),
    b: fragmentsOf(written, { operand: 'b', tile: b, factor, base: bases.b, corner: corner.b, lane, side: side.b }),
  };
  const sums = Array.from({ length: side.a / 16 }, () =>
    Array.from({ length: side.b / 8 }, () =>
      Array.from({ length: 4 }, () => body.op('f32', 'mov.f32', [float32(0)], 'sum')),
    ),
  );
  const stageBytes = a.bytes + b.bytes;
  const stages = stagesFor([a, b], stageBytes, site.target);
  const depth = fragmentBytes / storedBytes(kernel.dtype);
  walkTiles(written, {
    tiles: [a, b],
    stages,
    stageBytes,
    multiply: (buffer) => {
      multiply(written, sums, fragments, `m16n8k${depth}.row.col.f32.${factor}.${factor}.f32`, buffer);
    },
  });
  const slabRows = form.down * 16;
  const isLong = isLongEpilogue(kernel, (side.a * side.b) / warpSize);
  if (isLong)
    storeSlabs(written, shared, slabsOf(written, sums, { ...corner, side: side.a, slabRows }, lane), slabPadding);
  else storeSums(written, sums, corner, lane);
  return {
    name: kernel.name,
    comment: `${kernel.name}: tiles of ${form.rows} by ${form.columns} results by tensor cores, factors of ${factor}, ${stages} stages`,
    body,
    grid: [written.blocks, 1, 1],
    block: [tiling.threads, 1, 1],
    sharedBytes: Math.max(stages * stageBytes, isLong ? slabRows * pitchOf(form.columns, slabPadding) : 0),
    leastBlocks: tiling.blocks,
  };
}

function multiply(
  { body }: ProductSite,
  sums: readonly (readonly (readonly Operand[])[])[],
  fragments: Readonly<Record<'a' | 'b', Fragments>>,
  instruction: string,
  buffer: Operand,
): void {
  const read = { a: fragments.a.at(buffer), b: fragments.b.at(buffer) };
  const columns = sums[0]?.length ?? 0;
  for (let step = 0; step < rowBytesAlongK / fragmentBytes; step++) {
    const right = Array.from({ length: columns / 2 }, (_, j) => read.b(step, j)).flatMap((four) => [
      four.slice(0, 2),
      four.slice(2),
    ]);
    sums.forEach((line, i) => {
      const left = read.a(step, i);
      line.forEach((four, j) => {
        const texts = [four, left, right[j] as Operand[], four].map(
          (registers) => `{${registers.map(({ text }) => text).join(', ')}}`,
        );
        body.line(`mma.sync.aligned.${instruction} ${texts.join(', ')}`);
      });
    });
  }
}

/** The i-th 16 rows of every warp are a slab. */
function slabsOf(
  { body }: ProductSite,
  sums: readonly (readonly (readonly Operand[])[])[],
  {
    a,
    b,
    side,
    slabRows,
  }: { readonly a: Operand; readonly b: Operand; readonly side: number; readonly slabRows: number },
  lane: Operand,
): Slab[] {
  const pair = times(body, remainder(body, lane, 4), int32(2), 'pair');
  const row = plus(body, quotient(body, lane, 4), times(body, quotient(body, a, side), int32(16)), 'slab_row');
  return sums.map((line, i) => ({
    rows: slabRows,
    rowOf: (at) => {
      const warp = times(body, quotient(body, at, 16), int32(side), 'warp_row');
      return plus(body, plus(body, warp, remainder(body, at, 16)), int32(16 * i), 'row');
    },
    keep: (base, pitch) => {
      const column = times(body, plus(body, b, pair), int32(4), 'column');
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
function storeSums(
  written: ProductSite,
  sums: readonly (readonly (readonly Operand[])[])[],
  corner: { readonly a: Operand; readonly b: Operand },
  lane: Operand,
): void {
  const { body } = written;
  const [group, member] = [quotient(body, lane, 4, 'group'), remainder(body, lane, 4, 'member')];
  const odd = remainder(body, lane, 2, 'odd');
  const isOdd = body.compare('ne.s32', odd, int32(0), 'is_odd');
  const half = times(body, quotient(body, member, 2), int32(4), 'half');
  const first = plus(body, plus(body, corner.b, half), times(body, odd, int32(8)), 'first');
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
        const row = plus(body, plus(body, corner.a, group), int32(16 * i + 8 * lower), 'row');
        written.store(row, plus(body, first, int32(8 * j), 'column'), [...own, ...other]);
      }
    }
  });
}

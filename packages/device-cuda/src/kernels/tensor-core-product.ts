/**
 * Matrix products by tensor cores: halves, and float32 rounded to TF32 where that is allowed; sums are float32. Each warp computes a part of the block's
 * results, from tiles in shared memory. Owns this form; how fragments are read is `fragments.ts`, what becomes of results `warp-results.ts`; `tiled-product.ts` is the exact
 * one, `warpgroup-product.ts` that of compute capability 9.0.
 */
import type { MatmulKernel } from '@torchlet/device';
import type { Target } from '../generated.js';
import { storedBytes } from '../ptx/dtypes.js';
import type { KernelCode } from '../ptx/module.js';
import { int32, type Operand } from '../ptx/register.js';
import { type Fragments, fragmentsOf } from './fragments.js';
import { plus, quotient, remainder, times } from './index-arithmetic.js';
import { OperandTile, rowBytesAlongK } from './operand-tile.js';
import { ProductSite, type Tiling } from './product.js';
import type { KernelSite } from './site.js';
import { stagesFor, walkTiles } from './tile-pipeline.js';
import { emptySums, storeResults, type Sums, warpSize } from './warp-results.js';

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
  const sums = emptySums(written, side.a, side.b);
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
  const places = { row: corner.a, column: corner.b, rows: side.a, down: form.down, lane };
  const resultBytes = storeResults(written, shared, { sums, ...places });
  return {
    name: kernel.name,
    comment: `${kernel.name}: tiles of ${form.rows} by ${form.columns} results by tensor cores, factors of ${factor}, ${stages} stages`,
    body,
    grid: [written.blocks, 1, 1],
    block: [tiling.threads, 1, 1],
    sharedBytes: Math.max(stages * stageBytes, resultBytes),
    leastBlocks: tiling.blocks,
  };
}

function multiply(
  { body }: ProductSite,
  sums: Sums,
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

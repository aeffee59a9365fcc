/**
 * Matrix products by tensor cores: halves, and float32 rounded to TF32 where that is allowed; sums are float32. Warps share a tile of each operand, twice
 * buffered, whose rows lie so that the words of a fragment are in different banks. Owns this form; `tiled-product.ts` is the exact one.
 */
import type { MatmulKernel } from '@torchlet/device';
import type { Target } from '../generated.js';
import { halfOf } from '../ptx/elements.js';
import type { KernelCode } from '../ptx/module.js';
import { float32, int32, type Operand } from '../ptx/register.js';
import { plus, quotient, remainder, times } from './index-arithmetic.js';
import { type Piece, ProductSite } from './product.js';
import type { KernelSite } from './site.js';
import { walkTiles } from './tile-walk.js';

/** Words of one row of a tile, and from one row to the next. */
const words = 16;
const pitch = 4 * (words + 4);
/** Words of a row that one instruction takes. */
const fragmentWords = 8;
const warpSize = 32;

/** Warps of a block along n, by results along a side; along m there are 2. */
const warpsAcross = { 64: 2, 128: 4 } as const;

type Factor = 'tf32' | 'bf16' | 'f16';

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

/**
 * @param across results of a block along each side, of which each warp computes a part.
 * @param rounds whether results of halves are rounded to them.
 */
export function tensorCoreProduct(
  site: KernelSite,
  kernel: MatmulKernel,
  factor: Factor,
  across: 64 | 128,
  rounds: boolean,
): KernelCode {
  const perWord = factor === 'tf32' ? 1 : 2;
  const tiling = {
    rows: across,
    columns: across,
    terms: words * perWord,
    threads: 2 * warpSize * warpsAcross[across],
    rounds,
  };
  const written = new ProductSite(site, kernel, tiling);
  const { body, thread } = written;
  const tileBytes = across * pitch;
  const shared = body.shared('tiles', 4 * tileBytes);
  const offsets = { a: 0, b: 2 * tileBytes };
  const warp = quotient(body, thread, warpSize, 'warp');
  const lane = remainder(body, thread, warpSize, 'lane');
  const [group, member] = [quotient(body, lane, 4, 'group'), remainder(body, lane, 4, 'member')];
  const sides = { a: across / 2, b: across / warpsAcross[across] };
  const corner = {
    a: times(body, quotient(body, warp, warpsAcross[across]), int32(sides.a), 'warp_row'),
    b: times(body, remainder(body, warp, warpsAcross[across]), int32(sides.b), 'warp_column'),
  };
  // Each lane names one row of four matrices of 8 rows by 4 words: of the left, rows before words; of the right, words before rows.
  const [row8, upper, outermost] = [
    remainder(body, lane, 8, 'row8'),
    remainder(body, quotient(body, lane, 8), 2, 'upper'),
    quotient(body, lane, 16, 'outermost'),
  ];
  const from = (operand: 'a' | 'b'): Operand => {
    const [rows, right] = operand === 'a' ? [upper, outermost] : [outermost, upper];
    const line = plus(body, corner[operand], body.op('s32', 'mad.lo.s32', [rows, int32(8), row8]), 'line');
    const place = body.op('s32', 'mad.lo.s32', [line, int32(pitch), times(body, right, int32(16))], 'place');
    return plus(body, place, shared, `${operand}_from`);
  };
  const starts = { a: from('a'), b: from('b') };
  const [down, along] = [sides.a / 16, sides.b / 8];
  const sums = Array.from({ length: down }, () =>
    Array.from({ length: along }, () =>
      Array.from({ length: 4 }, () => body.op('f32', 'mov.f32', [float32(0)], 'sum')),
    ),
  );
  const shape = `m16n8k${fragmentWords * perWord}`;

  walkTiles(written, tileBytes, {
    keep: (operand, piece, buffer) => {
      const base = plus(body, plus(body, shared, buffer, 'into'), int32(offsets[operand]), 'into');
      keepPiece(written, piece, base, factor);
    },
    multiply: (buffer) => {
      const at = { a: plus(body, starts.a, buffer, 'a_at'), b: plus(body, starts.b, buffer, 'b_at') };
      /** The words of 16 rows from `row` on, 8 words each. */
      const fragment = (operand: 'a' | 'b', row: number, word: number): Operand[] => {
        const four = Array.from({ length: 4 }, () => body.register('b32', operand));
        const place = `[${at[operand].text}+${offsets[operand] + row * pitch + word * 4}]`;
        const texts = four.map(({ text }) => text).join(', ');
        body.line(`ldmatrix.sync.aligned.m8n8.x4.shared.b16 {${texts}}, ${place}`);
        return four;
      };
      for (let step = 0; step < words; step += fragmentWords) {
        const right = Array.from({ length: along / 2 }, (_, j) => fragment('b', 16 * j, step)).flatMap((four) => [
          four.slice(0, 2),
          four.slice(2),
        ]);
        for (let i = 0; i < down; i++) {
          const left = fragment('a', 16 * i, step);
          right.forEach((column, j) => {
            const four = sums[i]?.[j] as Operand[];
            const texts = [four, left, column, four].map(
              (registers) => `{${registers.map(({ text }) => text).join(', ')}}`,
            );
            body.line(`mma.sync.aligned.${shape}.row.col.f32.${factor}.${factor}.f32 ${texts.join(', ')}`);
          });
        }
      }
    },
  });

  sums.forEach((line, i) => {
    line.forEach((four, j) => {
      const column = plus(body, plus(body, corner.b, times(body, member, int32(2), 'pair')), int32(8 * j), 'column');
      for (const half of [0, 1]) {
        const row = plus(body, plus(body, corner.a, group), int32(16 * i + 8 * half), 'row');
        written.store(row, column, four.slice(2 * half, 2 * half + 2));
      }
    });
  });
  return {
    name: kernel.name,
    comment: `${kernel.name}: tiles of ${across} by ${across} results by tensor cores, factors of ${factor}`,
    body,
    grid: [written.blocks, 1, 1],
    block: [tiling.threads, 1, 1],
  };
}

/** Writes a piece to [outer][term], rounded to what the instruction takes. */
function keepPiece(written: ProductSite, { values, along, outer, term }: Piece, base: Operand, factor: Factor): void {
  const { body, kernel } = written;
  const bytes = factor === 'tf32' ? 4 : 2;
  const line = body.op('s32', 'mad.lo.s32', [outer, int32(pitch), base], 'line');
  const at = plus(body, line, times(body, term, int32(bytes)), 'into');
  if (factor === 'tf32') {
    const rounded = values.map((value) => body.op('b32', 'cvt.rna.tf32.f32', [value], 'rounded').text);
    if (along === 'k') body.line(`st.shared.v4.b32 [${at.text}], {${rounded.join(', ')}}`);
    else {
      rounded.forEach((text, i) => {
        body.line(`st.shared.b32 [${at.text}+${i * pitch}], ${text}`);
      });
    }
    return;
  }
  if (along === 'outer') {
    values.forEach((value, i) => {
      body.line(`st.shared.b16 [${at.text}+${i * pitch}], ${halfOf(body, kernel.dtype, value).text}`);
    });
    return;
  }
  const pairs = [0, 2].map((i) => {
    const args = [values[i + 1] as Operand, values[i] as Operand];
    return body.op('b32', `cvt.rn.${factor}x2.f32`, args, 'pair').text;
  });
  body.line(`st.shared.v2.b32 [${at.text}], {${pairs.join(', ')}}`);
}

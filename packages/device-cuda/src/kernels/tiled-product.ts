/**
 * Matrix products of float32 and float64 through shared memory: the threads of a block bring a tile of each operand, twice buffered, and each multiplies what its
 * rows and columns of results need, in registers. Owns this form; `tensor-core-product.ts` is the one of tensor cores.
 */
import type { MatmulKernel } from '@torchlet/device';
import type { KernelCode } from '../ptx/module.js';
import { float32, float64, int32, type Operand } from '../ptx/register.js';
import { plus, quotient, remainder, times } from './index-arithmetic.js';
import { type Piece, ProductSite } from './product.js';
import type { KernelSite } from './site.js';
import { walkTiles } from './tile-walk.js';

/** Threads along each side of a block. */
const side = 16;

/** Results of one thread along each side, in groups of 4 next to each other. */
export type Groups = 1 | 2;

export function tiledProduct(site: KernelSite, kernel: MatmulKernel, groups: Groups): KernelCode {
  const across = side * 4 * groups;
  const terms = groups === 1 ? 16 : 8;
  const tiling = { rows: across, columns: across, terms, threads: side * side, rounds: true };
  const written = new ProductSite(site, kernel, tiling);
  const { body, kind, thread } = written;
  const bytes = kind === 'f32' ? 4 : 8;
  const zero = kind === 'f32' ? float32(0) : float64(0);
  // Columns of a tile lie in different banks.
  const pitch = (across + 4) * bytes;
  const tileBytes = terms * pitch;
  const shared = body.shared('tiles', 4 * tileBytes);
  const lane = remainder(body, thread, side, 'across');
  const row = quotient(body, thread, side, 'down');
  const from = {
    a: plus(body, shared, times(body, row, int32(4 * bytes), 'down_bytes'), 'a_from'),
    b: plus(body, shared, times(body, lane, int32(4 * bytes), 'across_bytes'), 'b_from'),
  };
  const sums = Array.from({ length: 4 * groups }, () =>
    Array.from({ length: 4 * groups }, () => body.op(kind, `mov.${kind}`, [zero], 'sum')),
  );
  const offsets = { a: 0, b: 2 * tileBytes };

  walkTiles(written, tileBytes, {
    keep: (operand, piece, buffer) =>
      keepPiece(written, piece, plus(body, plus(body, shared, buffer, 'into'), int32(offsets[operand])), pitch, bytes),
    multiply: (buffer) => {
      const at = { a: plus(body, from.a, buffer, 'a_at'), b: plus(body, from.b, buffer, 'b_at') };
      for (let term = 0; term < terms; term++) {
        const read = (operand: 'a' | 'b'): Operand[] =>
          Array.from({ length: groups }, (_, group) => {
            const offset = offsets[operand] + term * pitch + group * side * 4 * bytes;
            return readFour(written, at[operand], offset, bytes, operand);
          }).flat();
        const [a, b] = [read('a'), read('b')];
        sums.forEach((line, i) => {
          line.forEach((sum, j) => {
            body.assign(sum, `fma.rn.${kind}`, [a[i] as Operand, b[j] as Operand, sum]);
          });
        });
      }
    },
  });

  sums.forEach((line, i) => {
    const offset = Math.floor(i / 4) * side * 4 + (i % 4);
    const at = plus(body, times(body, row, int32(4), 'rows'), int32(offset), 'row');
    for (let group = 0; group < groups; group++) {
      const column = plus(body, times(body, lane, int32(4), 'columns'), int32(group * side * 4), 'column');
      written.store(at, column, line.slice(4 * group, 4 * group + 4));
    }
  });
  return {
    name: kernel.name,
    comment: `${kernel.name}: tiles of ${across} by ${across} results, ${4 * groups} by ${4 * groups} a thread`,
    body,
    grid: [written.blocks, 1, 1],
    block: [tiling.threads, 1, 1],
  };
}

/** Writes a piece to [term][outer]. */
function keepPiece(
  { body, kind }: ProductSite,
  { values, along, outer, term }: Piece,
  base: Operand,
  pitch: number,
  bytes: number,
): void {
  const at = body.op(
    's32',
    'mad.lo.s32',
    [term, int32(pitch), plus(body, base, times(body, outer, int32(bytes)))],
    'into',
  );
  if (along === 'k') {
    values.forEach((value, i) => {
      body.line(`st.shared.${kind} [${at.text}+${i * pitch}], ${value.text}`);
    });
    return;
  }
  const wide = 16 / bytes;
  for (let i = 0; i < values.length; i += wide) {
    const part = values.slice(i, i + wide).map(({ text }) => text);
    body.line(`st.shared.v${wide}.${kind} [${at.text}+${i * bytes}], {${part.join(', ')}}`);
  }
}

function readFour({ body, kind }: ProductSite, at: Operand, offset: number, bytes: number, stem: string): Operand[] {
  const registers = Array.from({ length: 4 }, () => body.register(kind, stem));
  const wide = 16 / bytes;
  for (let i = 0; i < 4; i += wide) {
    const part = registers.slice(i, i + wide).map(({ text }) => text);
    body.line(`ld.shared.v${wide}.${kind} {${part.join(', ')}}, [${at.text}+${offset + i * bytes}]`);
  }
  return registers;
}

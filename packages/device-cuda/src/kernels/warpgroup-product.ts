/**
 * Matrix products by warpgroups of four warps, as compute capability 9.0 has them: each multiplies 64 rows of a tile by all of its columns, which the tensor cores
 * read from shared memory by themselves (`wgmma`) while the next tiles are copied. Owns this form and how tiles are described to the card, which is the PTX
 * manual's "matrix descriptor" for the 128-byte swizzle (CUTLASS's `mma_traits_sm90_gmma.hpp` has the layouts as formulas); the order of things is
 * `tile-pipeline.ts`, where other products go `tensor-core-product.ts`.
 */
import type { MatmulKernel } from '@torchlet/device';
import { storedBytes } from '../ptx/dtypes.js';
import type { KernelCode } from '../ptx/module.js';
import { int32, int64, type Operand } from '../ptx/register.js';
import { plus, quotient, remainder, times } from './index-arithmetic.js';
import { atomBytes, atomRowBytes, OperandTile } from './operand-tile.js';
import { chunkBytes, wayOf } from './operand-way.js';
import { ProductSite, productLengths, type Tiling } from './product.js';
import type { KernelSite } from './site.js';
import { type Factor, fragmentBytes } from './tensor-core-product.js';
import { leastStagesByWarpgroups, stagesByWarpgroups, walkByWarpgroups } from './tile-pipeline.js';
import { emptySums, storeResults, warpSize } from './warp-results.js';

const groupThreads = 4 * warpSize;
/** Rows that one instruction multiplies. */
const groupRows = 64;

/** Results of a block along each side; each warpgroup has 64 rows. */
export interface GroupForm {
  readonly rows: number;
  readonly columns: number;
  /** Blocks that a multiprocessor should have room for. */
  readonly blocks: number;
}

export function groupThreadsOf({ rows }: GroupForm): number {
  return (rows / groupRows) * groupThreads;
}

/** Terms of a tile: a row of 128 bytes. */
export function termsByWarpgroups({ dtype }: Pick<MatmulKernel, 'dtype'>): number {
  return atomRowBytes / storedBytes(dtype);
}

/**
 * Whether warpgroups can do it: they read what lies in shared memory, so operands are plain arrays that are copied by whole chunks. Words of TF32 cannot be turned
 * on the way and lie along k.
 */
export function isForWarpgroups(kernel: MatmulKernel, factor: Factor): boolean {
  const lengths = productLengths(kernel, 1);
  return (['a', 'b'] as const).every((operand) => {
    const { along, unit, isCopied } = wayOf(kernel, operand, lengths);
    return isCopied && unit * storedBytes(kernel.dtype) === chunkBytes && (factor !== 'tf32' || along === 'k');
  });
}

/** Whether enough stages fit a block's shared memory. */
export function hasStages({ rows, columns, blocks }: GroupForm, { target }: KernelSite): boolean {
  return stagesByWarpgroups((rows + columns) * atomRowBytes, blocks, target) >= leastStagesByWarpgroups;
}

export function warpgroupProduct(
  site: KernelSite,
  kernel: MatmulKernel,
  factor: Factor,
  form: GroupForm,
  tiling: Tiling,
): KernelCode {
  const written = new ProductSite(site, kernel, tiling);
  const { body, thread } = written;
  const warp = quotient(body, thread, warpSize, 'warp');
  const lane = remainder(body, thread, warpSize, 'lane');
  const shared = body.sharedTiles(atomBytes);
  const a = new OperandTile(written, 'a', shared, () => 'warpgroups');
  const b = new OperandTile(written, 'b', plus(body, shared, int32(a.bytes), 'b_tiles'), () => 'warpgroups');
  const sums = emptySums(written, 16, form.columns);
  const stageBytes = a.bytes + b.bytes;
  const stages = stagesByWarpgroups(stageBytes, form.blocks, site.target);
  const describe = {
    a: describerOf(written, a, plus(body, shared, groupOffset(written, a), 'a_tiles')),
    b: describerOf(written, b, plus(body, shared, int32(a.bytes), 'b_tiles')),
  };
  const depth = fragmentBytes / storedBytes(kernel.dtype);
  const turned = factor === 'tf32' ? [] : [a, b].map(({ along }) => (along === 'k' ? '0' : '1'));
  const isAdded = body.compare('ne.s32', int32(1), int32(0), 'is_added');
  const registers = `{${sums
    .flat(2)
    .map(({ text }) => text)
    .join(', ')}}`;
  const instruction = `wgmma.mma_async.sync.aligned.m64n${form.columns}k${depth}.f32.${factor}.${factor} ${registers}`;
  walkByWarpgroups(written, {
    tiles: [a, b],
    stages,
    stageBytes,
    multiply: (buffer) => {
      const described = { a: describe.a(buffer), b: describe.b(buffer) };
      body.line('wgmma.fence.sync.aligned');
      for (let step = 0; step < atomRowBytes / fragmentBytes; step++) {
        const operands = [described.a(step).text, described.b(step).text, isAdded.text, '1', '1', ...turned];
        body.line(`${instruction}, ${operands.join(', ')}`);
      }
      body.line('wgmma.commit_group.sync.aligned');
    },
  });
  const row = times(body, warp, int32(16), 'warp_row');
  const places = { row, column: int32(0), rows: 16, down: tiling.threads / warpSize, lane };
  const resultBytes = storeResults(written, shared, { sums, ...places });
  return {
    name: kernel.name,
    comment: `${kernel.name}: tiles of ${form.rows} by ${form.columns} results by warpgroups, factors of ${factor}, ${stages} stages`,
    body,
    grid: [written.blocks, 1, 1],
    block: [tiling.threads, 1, 1],
    sharedBytes: Math.max(stages * stageBytes, resultBytes),
    leastBlocks: form.blocks,
    architecture: 'sm_90a',
  };
}

/** Bytes into the left tile where the rows of the thread's warpgroup begin: its rows of atoms, or its column of them. */
function groupOffset({ body, thread, tiling }: ProductSite, { along, columnBytes }: OperandTile): Operand {
  if (tiling.threads === groupThreads) return int32(0);
  // All threads of a warp have one number, which the assembler can tell where one lane says it.
  const group = body.register('s32', 'group');
  const own = quotient(body, thread, groupThreads, 'own_group');
  body.line(`shfl.sync.idx.b32 ${group.text}, ${own.text}, 0, 31, 0xffffffff`);
  return times(body, group, int32(along === 'k' ? groupRows * atomRowBytes : columnBytes), 'group_at');
}

/** Of a tile in a stage, what one instruction reads of it. */
type Describer = (buffer: Operand) => (step: number) => Operand;

/**
 * A descriptor holds, in units of 16 bytes, the address (bits 0 to 13), what the manual calls the leading dimension byte offset (16 to 29) and the stride dimension
 * byte offset (32 to 45), and 1 for the 128-byte swizzle (62 and 63). Of rows along k the stride is that between atoms, one below the other, and the
 * next terms are further in the row; of rows along the side it is that between atoms further along k, and the leading offset that between their columns.
 */
function describerOf({ body }: ProductSite, { along, columnBytes }: OperandTile, base: Operand): Describer {
  const units = (bytes: number): bigint => BigInt(bytes / 16);
  const leading = along === 'k' ? 1n : units(columnBytes);
  const form = int64((1n << 62n) | (units(atomBytes) << 32n) | (leading << 16n));
  return (buffer) => {
    const at = body.op('s32', 'shr.u32', [plus(body, base, buffer, 'at'), int32(4)], 'unit');
    const start = body.op('s64', 'or.b64', [body.op('s64', 'cvt.u64.u32', [at], 'unit_at'), form], 'described');
    const stepBytes = along === 'k' ? fragmentBytes : (fragmentBytes / 2) * atomRowBytes;
    return (step) =>
      step === 0 ? start : body.op('s64', 'add.s64', [start, int64(units(step * stepBytes))], 'described');
  };
}

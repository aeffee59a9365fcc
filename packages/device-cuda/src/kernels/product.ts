/**
 * What the kernels of matrix products share: the axes, which part of the results and of the sum a block of threads has, values of the operands, and the
 * epilogue. Operands are any expressions, so prologues and the windows of convolutions are read as they lie, and nothing is copied first. Owns no
 * multiplication; how operands come to shared memory is `operand-tile.ts`.
 */
import type { MatmulKernel } from '@torchlet/device';
import { Body } from '../ptx/body.js';
import { cast } from '../ptx/casts.js';
import { storedBytes } from '../ptx/dtypes.js';
import { int32, type Operand, special } from '../ptx/register.js';
import { Emitter } from './emitter.js';
import { plus, times } from './index-arithmetic.js';
import { Point, type Value } from './point.js';
import { writtenSlots } from './roots.js';
import type { KernelSite } from './site.js';
import { positions, product, threadOfBlock } from './threads.js';

/** How a product is cut among blocks of threads. */
export interface Tiling {
  /** Results of one block. */
  readonly rows: number;
  readonly columns: number;
  /** Terms of k that lie in one stage of shared memory. */
  readonly terms: number;
  readonly threads: number;
  /** Blocks that a multiprocessor should have room for. */
  readonly blocks: number;
  /** Parts that the sum is cut into, and the terms of each: a multiple of `terms`. */
  readonly parts: number;
  readonly partTerms: number;
  /** Whether results of halves are rounded to them, rather than kept as the float32 that they were summed in. */
  readonly rounds: boolean;
}

/** Tiles of rows whose blocks run side by side, so that what they read of both operands stays in the card's cache. */
const groupSizes = [8, 4, 2, 1] as const;

/** Lengths of the axes by number: batch, m, n, k and the parts of the sum. */
export function productLengths({ batch, m, n, k }: MatmulKernel, parts: number): number[] {
  return [...batch, m, n, k, parts];
}

/** The number of the axis along which parts of the sum lie: after batch, m, n and k. */
export function partAxis({ batch }: Pick<MatmulKernel, 'batch'>): number {
  return batch.length + 3;
}

export class ProductSite {
  readonly body = new Body();
  readonly emitter: Emitter;
  readonly kernel: MatmulKernel;
  readonly tiling: Tiling;
  readonly thread: Operand;
  readonly blocks: number;
  /** Where the block's results begin: every axis but k. */
  readonly corner: Point;
  /** Numbers of the axes of the operands' sides, and of k. */
  readonly axes: { readonly a: number; readonly b: number; readonly k: number };
  /** Lengths of the axes by number. */
  readonly lengths: readonly number[];

  constructor(site: KernelSite, kernel: MatmulKernel, tiling: Tiling) {
    const { body } = this;
    this.kernel = kernel;
    this.tiling = tiling;
    const { batch, m, n, name, stores } = kernel;
    const { rows, columns, parts } = tiling;
    const rank = batch.length;
    this.axes = { a: rank, b: rank + 1, k: rank + 2 };
    this.lengths = productLengths(kernel, parts);
    this.emitter = new Emitter(site, body, { name, lengths: this.lengths, written: writtenSlots(stores) });
    this.thread = threadOfBlock(body);
    const [down, across] = [Math.ceil(m / rows), Math.ceil(n / columns)];
    const group = groupSizes.find((size) => down % size === 0) as number;
    const order = [parts, ...batch, down / group, across, group];
    this.blocks = product(order);
    const found = positions(body, body.op('s32', 'mov.u32', [special('%ctaid.x')], 'tile'), order);
    const at = (place: number): Operand => (found.get(place) as Value).operand;
    const row = plus(body, times(body, at(rank + 1), int32(group)), at(rank + 3), 'tile_row');
    const known = (operand: Operand): Value => ({ operand, scope: body.root });
    this.corner = Point.at(
      new Map([
        ...batch.map((_, axis): [number, Value] => [axis, known(at(axis + 1))]),
        [this.axes.a, known(times(body, row, int32(rows), 'first_row'))],
        [this.axes.b, known(times(body, at(rank + 2), int32(columns), 'first_column'))],
        [partAxis(kernel), known(at(0))],
      ]),
    );
  }

  /** How terms are multiplied: halves as float32. */
  get kind(): 'f32' | 'f64' {
    return this.kernel.dtype === 'float64' ? 'f64' : 'f32';
  }

  /** Length of an operand's side, how much of it a block has, and where that begins. */
  side(operand: 'a' | 'b'): { readonly length: number; readonly tile: number; readonly first: Operand } {
    const { kernel, tiling } = this;
    const first = (this.corner.coordinates.get(this.axes[operand]) as Value).operand;
    return operand === 'a'
      ? { length: kernel.m, tile: tiling.rows, first }
      : { length: kernel.n, tile: tiling.columns, first };
  }

  /** The first term of the block's part of the sum. */
  firstTerm(): Operand {
    const part = (this.corner.coordinates.get(partAxis(this.kernel)) as Value).operand;
    return times(this.body, part, int32(this.tiling.partTerms), 'first_term');
  }

  /** The epilogue for results next to each other along n, from `row` and `column` of the tile on. */
  store(row: Operand, column: Operand, sums: readonly Operand[]): void {
    const { body, emitter, kernel, tiling } = this;
    const { m, n, dtype, result, stores } = kernel;
    const at = plus(body, this.side('a').first, row, 'row');
    const from = plus(body, this.side('b').first, column, 'column');
    const isWhole = n % sums.length === 0;
    const groups = isWhole ? [sums] : sums.map((sum) => [sum]);
    groups.forEach((values, i) => {
      const first = isWhole ? from : plus(body, from, int32(i), 'column');
      const checks = [
        ...(m % tiling.rows === 0 ? [] : [body.compare('lt.s32', at, int32(m), 'is_row')]),
        ...(n % tiling.columns === 0 ? [] : [body.compare('lt.s32', first, int32(n), 'is_column')]),
      ];
      const write = (): void => {
        const { scope } = body;
        const rounded = values.map((value) => ({
          operand: tiling.rounds && storedBytes(dtype) === 2 ? cast(body, value, 'float32', dtype) : value,
          scope,
        }));
        let point = this.corner
          .withCoordinates(
            new Map([
              [this.axes.a, { operand: at, scope }],
              [this.axes.b, { operand: first, scope }],
            ]),
          )
          .withResults(new Map([[result, rounded]]));
        if (values.length > 1) point = point.with({ lanes: { axis: this.axes.b, count: values.length } });
        emitter.store(stores, point);
      };
      const [one, two] = checks;
      if (one === undefined) write();
      else body.when(two === undefined ? one : body.op('pred', 'and.pred', [one, two], 'inside'), write);
    });
  }
}

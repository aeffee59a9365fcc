/**
 * What the kernels of matrix products share: the axes, the tiles of operands that a block of threads brings to shared memory, and the epilogue. Operands are any
 * expressions, so prologues and the windows of convolutions are read as they lie, and nothing is copied first. Owns no multiplication.
 */
import { type Expression, loadsIn, type MatmulKernel } from '@torchlet/device';
import { Body } from '../ptx/body.js';
import { cast } from '../ptx/casts.js';
import { storedBytes } from '../ptx/dtypes.js';
import { int32, type Operand, special } from '../ptx/register.js';
import { Emitter } from './emitter.js';
import { plus, quotient, remainder, times } from './index-arithmetic.js';
import { LaneForms } from '@torchlet/device/analysis';
import { Point, type Value } from './point.js';
import { writtenSlots } from './roots.js';
import type { KernelSite } from './site.js';
import { positions, product, threadOfBlock } from './threads.js';

/** Elements that a thread reads of an operand at once. */
const vector = 4;

/** Lengths of the axes by number: batch, m, n, k. */
export function productLengths({ batch, m, n, k }: MatmulKernel): number[] {
  return [...batch, m, n, k];
}

export interface Tiling {
  /** Results of one block of threads. */
  readonly rows: number;
  readonly columns: number;
  /** Terms of k that lie in shared memory at once. */
  readonly terms: number;
  readonly threads: number;
  /** Whether results of halves are rounded to them, rather than kept as the float32 that they were summed in. */
  readonly rounds: boolean;
}

/** Values of an operand next to each other, on their way to shared memory: `along` k or the operand's other axis. */
export interface Piece {
  readonly values: readonly Operand[];
  readonly along: 'k' | 'outer';
  /** Positions in the tile of the first. */
  readonly outer: Operand;
  readonly term: Operand;
}

export class ProductSite {
  readonly body = new Body();
  readonly emitter: Emitter;
  readonly kernel: MatmulKernel;
  readonly tiling: Tiling;
  readonly thread: Operand;
  readonly blocks: number;
  readonly #corner: Point;
  readonly #rank: number;

  constructor(site: KernelSite, kernel: MatmulKernel, tiling: Tiling) {
    const { body } = this;
    this.kernel = kernel;
    this.tiling = tiling;
    const { batch, m, n, name, stores } = kernel;
    this.#rank = batch.length;
    this.emitter = new Emitter(site, body, { name, lengths: productLengths(kernel), written: writtenSlots(stores) });
    this.thread = threadOfBlock(body);
    const tiles = [...batch, Math.ceil(m / tiling.rows), Math.ceil(n / tiling.columns)];
    this.blocks = product(tiles);
    const found = positions(body, body.op('s32', 'mov.u32', [special('%ctaid.x')], 'tile'), tiles);
    for (const [axis, length] of [
      [batch.length, tiling.rows],
      [batch.length + 1, tiling.columns],
    ] as const) {
      const { operand, scope } = found.get(axis) as Value;
      found.set(axis, { operand: times(body, operand, int32(length), 'corner'), scope });
    }
    this.#corner = Point.at(found);
  }

  /** The pieces of an operand's tile that a thread reads, whose first term is `term`. Past the end of k they are 0. */
  pieces(operand: 'a' | 'b', term: Operand): Piece[] {
    const { body, kernel, tiling } = this;
    const expression = kernel[operand];
    const axis = operand === 'a' ? this.#rank : this.#rank + 1;
    const length = operand === 'a' ? kernel.m : kernel.n;
    const side = operand === 'a' ? tiling.rows : tiling.columns;
    const along = this.#along(expression, axis, length);
    const within = along === 'k' ? tiling.terms : side;
    const count = (side * tiling.terms) / vector / tiling.threads;
    const corner = (this.#corner.coordinates.get(axis) as Value).operand;
    return Array.from({ length: count }, (_, i) => {
      const number = this.#atRoot(() => plus(body, this.thread, int32(i * tiling.threads), 'piece'));
      const inner = this.#atRoot(() => times(body, remainder(body, number, within / vector), int32(vector), 'inner'));
      const other = this.#atRoot(() => quotient(body, number, within / vector, 'other'));
      const [outer, place] = along === 'k' ? [other, inner] : [inner, other];
      const values = this.#values(expression, axis, length, along, plus(body, term, place, 'k'), () =>
        plus(body, corner, outer, 'at'),
      );
      return { values, along, outer, term: place };
    });
  }

  /** Along which axis neighbours lie next to each other in memory. */
  #along(expression: Expression, axis: number, length: number): 'k' | 'outer' {
    const strides = (lane: number, count: number): (number | null)[] => {
      const forms = new LaneForms({ axis: lane, count }, productLengths(this.kernel));
      return loadsIn([expression]).map(({ index }) => forms.of(index).stride);
    };
    const alongK = strides(this.#rank + 2, this.kernel.k % vector === 0 ? vector : 1);
    const alongOuter = strides(axis, length % vector === 0 ? vector : 1);
    return alongOuter.includes(1) && !alongK.includes(1) ? 'outer' : 'k';
  }

  #values(
    expression: Expression,
    axis: number,
    length: number,
    along: 'k' | 'outer',
    k: Operand,
    outerAt: () => Operand,
  ): Operand[] {
    const { body, emitter, kernel, tiling } = this;
    const kAxis = this.#rank + 2;
    const laneAxis = along === 'k' ? kAxis : axis;
    const isWhole = (along === 'k' ? kernel.k : length) % vector === 0;
    const outer = this.#atRoot(outerAt);
    const side = axis === this.#rank ? tiling.rows : tiling.columns;
    const zero = {
      kind: this.kind,
      text: this.kind === 'f64' ? '0d0000000000000000' : '0f00000000',
      literal: 0,
    } as const;
    const held = (x: Operand, most: number, mayPass: boolean): Operand =>
      mayPass ? body.op('s32', 'min.s32', [x, int32(most)], 'held') : x;
    const mayPassK = kernel.k % tiling.terms !== 0;
    const mayPass = length % side !== 0;
    const lanes = isWhole ? 1 : vector;
    const result: Operand[] = [];
    for (let i = 0; i < lanes; i++) {
      const step = isWhole ? vector : 1;
      const at = (alongThis: boolean, x: Operand): Operand => (alongThis ? plus(body, x, int32(i), 'lane') : x);
      const term = at(along === 'k', k);
      const row = this.#atRoot(() =>
        held(at(along === 'outer', outer), length - (along === 'outer' ? step : 1), mayPass),
      );
      const inside = held(term, kernel.k - (along === 'k' ? step : 1), mayPassK);
      const coordinates = new Map([
        [axis, { operand: row, scope: body.root }],
        [kAxis, { operand: inside, scope: inside.literal === null ? body.scope : body.root }],
      ]);
      let point = this.#corner.withCoordinates(coordinates);
      if (isWhole) point = point.with({ lanes: { axis: laneAxis, count: vector } });
      const values = point.all.map((lane) => body.inRegister(emitter.value(expression, lane)));
      if (!mayPassK) result.push(...values);
      else {
        const isTerm = body.compare('lt.s32', term, int32(kernel.k), 'is_term');
        result.push(...values.map((value) => body.choose(isTerm, value, zero)));
      }
    }
    return result;
  }

  /** How terms are multiplied: halves as float32. */
  get kind(): 'f32' | 'f64' {
    return this.kernel.dtype === 'float64' ? 'f64' : 'f32';
  }

  #atRoot(write: () => Operand): Operand {
    return this.body.within(this.body.root, write);
  }

  /** The epilogue for results next to each other along n, from `row` and `column` of the tile on. */
  store(row: Operand, column: Operand, sums: readonly Operand[]): void {
    const { body, emitter, kernel, tiling } = this;
    const { m, n, dtype, result, stores } = kernel;
    const [mAxis, nAxis] = [this.#rank, this.#rank + 1];
    const corner = (axis: number): Operand => (this.#corner.coordinates.get(axis) as Value).operand;
    const at = plus(body, corner(mAxis), row, 'row');
    const from = plus(body, corner(nAxis), column, 'column');
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
        let point = this.#corner
          .withCoordinates(
            new Map([
              [mAxis, { operand: at, scope }],
              [nAxis, { operand: first, scope }],
            ]),
          )
          .withResults(new Map([[result, rounded]]));
        if (values.length > 1) point = point.with({ lanes: { axis: nAxis, count: values.length } });
        emitter.store(stores, point);
      };
      const [one, two] = checks;
      if (one === undefined) write();
      else body.when(two === undefined ? one : body.op('pred', 'and.pred', [one, two], 'inside'), write);
    });
  }
}

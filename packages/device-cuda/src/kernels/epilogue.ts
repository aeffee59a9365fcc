/**
 * How results of a product leave a block: straight from the registers that hold them, or, where what is done with each is long, through shared memory and a
 * loop, so that the long text stands there once for each slab of rows and not for each register. Owns the choice and the loop; what is
 * done is `ProductSite.store`.
 */
import { type MatmulKernel, postorder, type ScalarFunction, storeParts } from '@torchlet/device';
import { int32, type Operand } from '../ptx/register.js';
import { plus, quotient, remainder, times } from './index-arithmetic.js';
import type { ProductSite } from './product.js';

/** Instructions of an epilogue for all registers of a thread from which on it is a loop. */
const longEpilogue = 1024;
/** Functions that are formulas, and about how many instructions those have. */
const formulas: ReadonlySet<ScalarFunction> = new Set([
  'exp',
  'expm1',
  'log',
  'log1p',
  'sin',
  'cos',
  'atan',
  'tanh',
  'erf',
  'pow',
  'mod',
  'div',
]);
const formulaLength = 25;

/** Results next to each other that a thread takes from memory at once. */
const vector = 4;

/** Some rows of the block's results. */
export interface Slab {
  readonly rows: number;
  /** Writes what the thread has of them to shared memory: rows `pitch` bytes apart, from `base` on. */
  keep(base: Operand, pitch: number): void;
  /** The row of the tile that a row of the slab is. */
  rowOf(row: Operand): Operand;
}

/** @param results of one thread. */
export function isLongEpilogue({ stores, dtype }: MatmulKernel, results: number): boolean {
  if (dtype === 'float64') return false;
  const each = postorder(storeParts(stores)).reduce(
    (sum, node) => sum + (node.kind === 'apply' && formulas.has(node.fn) ? formulaLength : 1),
    0,
  );
  return each * results > longEpilogue;
}

export function pitchOf(columns: number, padding: number): number {
  return columns * 4 + padding;
}

/** @param shared where the block's shared memory begins. @param padding bytes between rows, by which writers find different banks. */
export function storeSlabs(site: ProductSite, shared: Operand, slabs: readonly Slab[], padding: number): void {
  const { body, tiling, thread } = site;
  const pitch = pitchOf(tiling.columns, padding);
  const across = tiling.columns / vector;
  const column = times(body, remainder(body, thread, across), int32(vector), 'column');
  const first = quotient(body, thread, across, 'first');
  const from = plus(body, shared, times(body, column, int32(4)), 'from');
  for (const slab of slabs) {
    body.line('bar.sync 0');
    slab.keep(shared, pitch);
    body.line('bar.sync 0');
    const row = body.op('s32', 'mov.s32', [first], 'slab_row');
    body.repeat('slab', () => {
      const at = body.op('s32', 'mad.lo.s32', [row, int32(pitch), from], 'result_at');
      const results = Array.from({ length: vector }, () => body.register('f32', 'result'));
      body.line(`ld.shared.v4.f32 {${results.map(({ text }) => text).join(', ')}}, [${at.text}]`);
      site.store(slab.rowOf(row), column, results);
      body.assign(row, 'add.s32', [row, int32(tiling.threads / across)]);
      return body.compare('lt.s32', row, int32(slab.rows), 'is_row');
    });
  }
}

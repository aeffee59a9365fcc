/** What both variants of a matrix product share: the axes, the view of the epilogue, and the epilogue for the rows that a thread has computed. Owns no product. */
import type { MatmulKernel } from '@torchlet/device';
import type { LaneAxis } from '@torchlet/device/analysis';
import type { Emitter, Point } from '../wgsl/emitter.js';
import type { Width } from '../wgsl/kinds.js';
import { resultValue } from './reduction.js';

/** Lengths of the axes by number: batch, m, n, k. */
export function matmulLengths({ batch, m, n, k }: MatmulKernel): number[] {
  return [...batch, m, n, k];
}

/** The position `offset` after that of `point` along `axis`. */
export function moved(point: Point, axis: number, offset: number): Point {
  const coordinate = point.coordinates.get(axis);
  if (offset === 0 || coordinate === undefined) return point;
  const text = coordinate.text === '0' ? String(offset) : `(${coordinate.text} + ${offset})`;
  return point.with(axis, { ...coordinate, text });
}

/** Writes `text` under a name, unless it is one. */
export function named(emitter: Emitter, text: string, stem: string): string {
  if (/^\w+$/.test(text)) return text;
  const { writer } = emitter.module;
  const name = writer.name(stem);
  writer.line(`let ${name} = ${text};`);
  return name;
}

/** Sizes of the blocks of results that threads take: past the last row or column there is nothing to store. */
export interface Block {
  readonly rows: number;
  readonly columns: number;
}

/** The epilogue for the results of a thread: `sums` by row and vector of columns, vectors of four along `alongN`. */
export function writeResults(
  emitter: Emitter,
  kernel: MatmulKernel,
  point: Point,
  sums: readonly (readonly string[])[],
  alongN: LaneAxis | null,
  block: Block,
): void {
  const { writer } = emitter.module;
  const { m, n, batch, dtype, result, stores } = kernel;
  const [mAxis, nAxis] = [batch.length, batch.length + 1];
  const width: Width = alongN === null ? 1 : 4;
  sums.forEach((vectors, r) => {
    vectors.forEach((sum, v) => {
      const at = moved(moved(point, mAxis, r), nAxis, v * width);
      const row = at.coordinates.get(mAxis)?.text as string;
      const column = at.coordinates.get(nAxis)?.text as string;
      const lanes = n % width === 0 ? () => null : (c: number) => `${column === '0' ? c : `${column} + ${c}`} < ${n}`;
      const conditions = [
        ...(m % block.rows === 0 ? [] : [`${row} < ${m}`]),
        ...(n % block.columns === 0 || n % width !== 0 ? [] : [`${column} < ${n}`]),
      ];
      const write = (): void => {
        const value = resultValue(emitter, sum, dtype, width, writer.scope);
        emitter.store(stores, at.withResult(result, value).along(alongN), lanes);
      };
      if (conditions.length === 0) write();
      else writer.block(`if (${conditions.join(' && ')})`, write);
    });
  });
}

/**
 * The matrices of a product as cuBLASLt describes them: column by column, with a leading dimension, perhaps transposed, perhaps one of a batch at a fixed
 * distance. Owns the way there from strides; what is fused is `epilogue.ts`, and which slots they lie in `product-step.ts`.
 */

/** Strides of what a product reads or writes, in elements. */
export interface Strides {
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

export interface Lengths {
  readonly batch: readonly number[];
  readonly m: number;
  readonly n: number;
  readonly k: number;
}

/** One matrix, as the library reads or writes it. */
export interface MatrixLayout {
  readonly isTransposed: boolean;
  /** Elements from one column to the next. */
  readonly leading: number;
  /** Elements from one matrix of the batch to the next. */
  readonly batchOffset: number;
}

export interface ProductLayouts {
  /** Rows and columns of the result, and terms, as the library counts them. */
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch: number;
  /** Whether the library computes the transpose, which is our result row by row: its A is our b, and its B our a. */
  readonly isSwapped: boolean;
  readonly a: MatrixLayout;
  readonly b: MatrixLayout;
  readonly d: MatrixLayout;
  /** Where something is added to the product: a matrix like the result, or a value for each row of the library's result. */
  readonly addend: MatrixLayout | 'bias' | null;
}

/** What takes part in a product. */
export interface Parts<T> {
  readonly a: T;
  readonly b: T;
  readonly d: T;
  readonly addend: T | null;
}

/** The layouts of a product; null where the library has no description of one of its matrices. */
export function layoutsOf(given: Lengths, strides: Parts<Strides>): ProductLayouts | null {
  const { lengths, parts } = folded(given, strides);
  const [batch = 1] = lengths.batch;
  if (lengths.batch.length > 1) return null;
  const { m, n, k } = lengths;
  const { a, b, d, addend } = parts;
  // Row by row is the common case; a result of one column is both.
  const isSwapped = d.n === 1 || n === 1;
  if (!isSwapped && d.m !== 1 && m !== 1) return null;
  const rows = isSwapped ? n : m;
  const columns = isSwapped ? m : n;
  const along = (each: Strides) => (isSwapped ? { row: each.n, column: each.m } : { row: each.m, column: each.n });
  const [first, second] = isSwapped ? [b, a] : [a, b];
  const left = factor(rows, along(first).row, k, first.k, false, first);
  const right = factor(columns, along(second).column, k, second.k, true, second);
  const result = resultMatrix(rows, columns, along(d), d);
  const added = addend === null ? null : addendLayout(rows, columns, along(addend), addend);
  if (left === null || right === null || result === null || added === undefined) return null;
  return { m: rows, n: columns, k, batch, isSwapped, a: left, b: right, d: result, addend: added };
}

/**
 * A factor whose one axis is `length` long and whose other is k. Columns of memory run along k or along the first axis.
 *
 * @param isRight whether it is the library's B, which has k along its columns where it is not transposed.
 */
function factor(
  length: number,
  stride: number,
  k: number,
  kStride: number,
  isRight: boolean,
  { batch }: Strides,
): MatrixLayout | null {
  const batchOffset = batch[0] ?? 0;
  const alongK = k === 1 || kStride === 1 ? leadingOf(k, length, stride) : null;
  if (alongK !== null) return { isTransposed: !isRight, leading: alongK, batchOffset };
  const along = length === 1 || stride === 1 ? leadingOf(length, k, kStride) : null;
  return along === null ? null : { isTransposed: isRight, leading: along, batchOffset };
}

function resultMatrix(
  rows: number,
  columns: number,
  { row, column }: { readonly row: number; readonly column: number },
  { batch }: Strides,
): MatrixLayout | null {
  const leading = row === 1 || rows === 1 ? leadingOf(rows, columns, column) : null;
  return leading === null ? null : { isTransposed: false, leading, batchOffset: batch[0] ?? 0 };
}

/** Undefined where the library has no description of it. */
function addendLayout(
  rows: number,
  columns: number,
  along: { readonly row: number; readonly column: number },
  strides: Strides,
): MatrixLayout | 'bias' | undefined {
  const isBias = along.row === 1 && (along.column === 0 || columns === 1) && strides.batch.every((each) => each === 0);
  return isBias ? 'bias' : (resultMatrix(rows, columns, along, strides) ?? undefined);
}

/** The leading dimension of columns that are `rows` long and `stride` apart; null where they would overlap. */
function leadingOf(rows: number, columns: number, stride: number): number | null {
  if (columns === 1) return Math.max(1, rows);
  return stride >= rows ? stride : null;
}

/** Joins axes of the batch with their neighbours, and with m or n, wherever all matrices walk them as one. */
function folded(lengths: Lengths, strides: Parts<Strides>): { lengths: Lengths; parts: Parts<Strides> } {
  const all = [strides.a, strides.b, strides.d, ...(strides.addend === null ? [] : [strides.addend])];
  let batch = [...lengths.batch];
  let rest: Strides[] = all;
  let { m, n } = lengths;
  const without = (axis: number): void => {
    batch = batch.filter((_, i) => i !== axis);
    rest = rest.map((each) => ({ ...each, batch: each.batch.filter((_, i) => i !== axis) }));
  };
  for (let axis = batch.length - 1; axis >= 0; axis--) if (batch[axis] === 1) without(axis);
  for (let axis = batch.length - 2; axis >= 0; axis--) {
    const inner = batch[axis + 1] as number;
    if (!rest.every((each) => each.batch[axis] === (each.batch[axis + 1] as number) * inner)) continue;
    batch[axis + 1] = inner * (batch[axis] as number);
    without(axis);
  }
  const last = batch.length - 1;
  if (last >= 0) {
    const length = batch[last] as number;
    const [a, b] = rest as [Strides, Strides];
    // What does not move along m must not move along the batch either; an axis of one element moves as the batch does.
    const walks = (side: 'm' | 'n', size: number, still: Strides) =>
      still.batch[last] === 0 && rest.every((each) => size === 1 || each.batch[last] === each[side] * size);
    const side = walks('m', m, b) ? 'm' : walks('n', n, a) ? 'n' : null;
    if (side !== null) {
      const isOne = (side === 'm' ? m : n) === 1;
      if (isOne) rest = rest.map((each) => ({ ...each, [side]: each.batch[last] as number }));
      if (side === 'm') m *= length;
      else n *= length;
      without(last);
    }
  }
  const [a, b, d, addend = null] = rest as [Strides, Strides, Strides, Strides?];
  return { lengths: { batch, m, n, k: lengths.k }, parts: { a, b, d, addend } };
}

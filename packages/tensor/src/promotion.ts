/**
 * Promotion: the dtype that operands of different dtypes meet in. PyTorch's rules
 * (https://pytorch.org/docs/stable/tensor_attributes.html#type-promotion-doc). Owns the grid and the categories; nothing is computed here.
 */
import { type DType, dtypes } from '@torchlet/device';

/** Row and column order of the grid. */
const order = [
  'bool',
  'uint8',
  'int8',
  'int16',
  'int32',
  'int64',
  'float16',
  'bfloat16',
  'float32',
  'float64',
] as const satisfies readonly DType[];

const [b1, u1, i1, i2, i4, i8, f2, bf, f4, f8] = order;

/** The upper triangle mirrors the lower one: the grid is symmetric. */
const grid: readonly (readonly DType[])[] = [
  // b1  u1  i1  i2  i4  i8  f2  bf  f4  f8
  [b1, u1, i1, i2, i4, i8, f2, bf, f4, f8],
  [u1, u1, i2, i2, i4, i8, f2, bf, f4, f8],
  [i1, i2, i1, i2, i4, i8, f2, bf, f4, f8],
  [i2, i2, i2, i2, i4, i8, f2, bf, f4, f8],
  [i4, i4, i4, i4, i4, i8, f2, bf, f4, f8],
  [i8, i8, i8, i8, i8, i8, f2, bf, f4, f8],
  [f2, f2, f2, f2, f2, f2, f2, f4, f4, f8],
  [bf, bf, bf, bf, bf, bf, f4, bf, f4, f8],
  [f4, f4, f4, f4, f4, f4, f4, f4, f4, f8],
  [f8, f8, f8, f8, f8, f8, f8, f8, f8, f8],
];

const positions = Object.fromEntries(order.map((dtype, i) => [dtype, i])) as Readonly<Record<DType, number>>;

/** The smallest dtype that both convert to: `promoteTypes('uint8', 'int8')` is int16. */
export function promoteTypes(a: DType, b: DType): DType {
  return (grid[positions[a]] as readonly DType[])[positions[b]] as DType;
}

/** A JavaScript number among tensors: a whole one counts as an integer, as Python's int does. */
export type PlainNumber = number | bigint | boolean;

/** What promotion sees of an operand. */
export interface Operand {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

export function dtypeOfNumber(value: PlainNumber): DType {
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'bigint' || Number.isInteger(value)) return 'int64';
  return 'float32';
}

/**
 * The dtype an element-wise operation computes in: tensors with dims decide, then 0-d tensors, then numbers; a lower rank
 * only counts when its category (bool, integer, float) is higher.
 */
export function resultType(operands: readonly (Operand | PlainNumber)[]): DType {
  let dims: DType | null = null;
  let zeroDims: DType | null = null;
  let numbers: DType | null = null;
  for (const operand of operands) {
    if (typeof operand !== 'object') numbers = join(numbers, dtypeOfNumber(operand));
    else if (operand.shape.length > 0) dims = join(dims, operand.dtype);
    else zeroDims = join(zeroDims, operand.dtype);
  }
  return combineRanks(dims, combineRanks(zeroDims, numbers)) ?? 'float32';
}

function join(a: DType | null, b: DType): DType {
  return a === null ? b : promoteTypes(a, b);
}

function combineRanks(higher: DType | null, lower: DType | null): DType | null {
  if (higher === null || lower === null) return higher ?? lower;
  if (dtypes[higher].kind === 'float') return higher;
  if (higher === 'bool' || dtypes[lower].kind === 'float') return promoteTypes(higher, lower);
  return higher;
}

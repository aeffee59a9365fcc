/**
 * Indices as a library sees them: an offset and a stride for each axis. Owns the reading of them out of expressions; an index with a division or a value of
 * memory in it has none. Read `layouts.ts` next.
 */
import type { Expression } from '@torchlet/device';

/** offset + the sum of strides[axis] * axis. */
export interface Affine {
  readonly offset: number;
  readonly strides: readonly number[];
}

/** @param axes how many there are. @returns null where `index` is no such sum. */
export function affineOf(index: Expression, axes: number): Affine | null {
  switch (index.kind) {
    case 'constant':
      return { offset: Number(index.value), strides: Array.from({ length: axes }, () => 0) };
    case 'axis':
      return { offset: 0, strides: Array.from({ length: axes }, (_, axis) => (axis === index.axis ? 1 : 0)) };
    case 'scalar':
    case 'load':
    case 'result':
      return null;
    case 'apply': {
      const [x, y] = index.args.map((arg) => affineOf(arg, axes));
      if (x === undefined || x === null || y === undefined || y === null) return null;
      if (index.fn === 'add') return combined(x, y, 1);
      if (index.fn === 'sub') return combined(x, y, -1);
      if (index.fn !== 'mul') return null;
      if (isConstant(x)) return combined(constant(axes), y, x.offset);
      return isConstant(y) ? combined(constant(axes), x, y.offset) : null;
    }
    default: {
      const never: never = index;
      return never;
    }
  }
}

/** x + times * y. */
function combined(x: Affine, y: Affine, times: number): Affine {
  return {
    offset: x.offset + times * y.offset,
    strides: x.strides.map((stride, axis) => stride + times * (y.strides[axis] ?? 0)),
  };
}

function constant(axes: number): Affine {
  return { offset: 0, strides: Array.from({ length: axes }, () => 0) };
}

function isConstant({ strides }: Affine): boolean {
  return strides.every((stride) => stride === 0);
}

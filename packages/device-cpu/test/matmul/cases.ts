/** Matmul kernels by shape and layout, for tests and benchmarks, and what they must give. */
import type { DType, Expression, HostArray, MatmulKernel, Program, Store } from '@torchlet/device';
import { affine, load, programOf, result, store } from '../build.js';

export interface Plain {
  readonly batch?: number;
  readonly m: number;
  readonly k: number;
  readonly n: number;
  /** Order of the axes in memory. */
  readonly a?: 'mk' | 'km';
  readonly b?: 'kn' | 'nk';
  readonly dtype?: DType;
}

/** Slots 0, 1 and 2 are a, b and the result; slots from 3 on are what `more` says. */
export function plainMatmul(
  shape: Plain,
  changes: Partial<MatmulKernel> = {},
  more: readonly (readonly [DType, number])[] = [],
): Program {
  const { m, k, n, batch = 1, dtype = 'float32' } = shape;
  const a = shape.a === 'km' ? [m * k, 1, 0, m] : [m * k, k, 0, 1];
  const b = shape.b === 'nk' ? [k * n, 0, k, 1] : [k * n, 0, 1, n];
  const kernel: MatmulKernel = {
    kind: 'matmul',
    name: 'matmul',
    batch: [batch],
    m,
    n,
    k,
    a: load(dtype, 0, affine(a)),
    b: load(dtype, 1, affine(b)),
    dtype,
    result: 0,
    stores: [storeOf(shape, result(dtype, 0))],
    claim: null,
    ...changes,
  };
  const slots: (readonly [DType, number])[] = [
    [dtype, batch * m * k],
    [dtype, batch * k * n],
    [kernel.stores[0]?.value.dtype ?? dtype, batch * m * n],
    ...more,
  ];
  return programOf([kernel], slots, ['float32']);
}

/** The store of a value for every point of the result, in row-major order. */
export function storeOf({ m, n }: Pick<Plain, 'm' | 'n'>, value: Expression): Store {
  return store(2, affine([m * n, n, 1]), value);
}

/** The product in float64. */
export function plainProduct(
  { m, k, n, batch = 1, a = 'mk', b = 'kn' }: Plain,
  [x, y]: readonly HostArray[],
): Float64Array {
  const out = new Float64Array(batch * m * n);
  const [am, ak] = a === 'km' ? [1, m] : [k, 1];
  const [bk, bn] = b === 'nk' ? [1, k] : [n, 1];
  for (let i = 0; i < batch; i++) {
    for (let row = 0; row < m; row++) {
      for (let column = 0; column < n; column++) {
        let sum = 0;
        for (let term = 0; term < k; term++) {
          sum += Number(x?.[i * m * k + row * am + term * ak]) * Number(y?.[i * k * n + term * bk + column * bn]);
        }
        out[(i * m + row) * n + column] = sum;
      }
    }
  }
  return out;
}

/** The two kernels of the device suite that are more than a line: the rows of a softmax, and a product with relu. Owns what they compute. */
import type { LoopKernel, MatmulKernel } from '@torchlet/device';
import { at, axis, constant, fn, load, loop, matmul, phase, result, store } from '@torchlet/device/by-hand';

/** The row kernel of softmax over [rows, columns]: maximum, sum of exponentials, quotient. */
export function softmaxKernel(rows: number, columns: number, from: number, to: number): LoopKernel {
  const place = at(axis(0), columns, axis(1));
  const x = load(from, place);
  const exponential = fn('exp', [fn('sub', [x, result(0)])]);
  return loop(
    'softmax',
    [rows],
    phase([columns], { reductions: [{ id: 0, combine: 'max', dtype: 'float32', of: x }] }),
    phase([columns], { reductions: [{ id: 1, combine: 'sum', dtype: 'float32', of: exponential }] }),
    phase([columns], { stores: [store(to, place, fn('div', [exponential, result(1)]))] }),
  );
}

/** slot 2 = relu(slot 0 @ slot 1), [m, k] by [k, n]. */
export function reluMatmulKernel(m: number, n: number, k: number): MatmulKernel {
  const product = result(0);
  const rectified = fn('where', [fn('lt', [product, constant(0)]), constant(0), product]);
  return matmul('matmul relu', [m, n, k], { stores: [store(2, at(axis(0), n, axis(1)), rectified)] });
}

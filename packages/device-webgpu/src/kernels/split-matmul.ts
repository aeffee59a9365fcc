/** Matrix products with few results and a long sum: the sum is cut into parts that are computed side by side, and a loop kernel joins them and does the epilogue. Owns the rewriting. */
import type { Apply, DType, Expression, LoopKernel, MatmulKernel } from '@torchlet/device';
import { flatIndex, partDType, Scratch, substitution } from './split.js';
import { registerThreads } from './register-matmul.js';
import type { Slot } from '@torchlet/device';

/** Threads below which an adapter idles, and terms that a part should have at least. */
const threadsWanted = { sharing: 2048, alone: 32 } as const;
const shortestPart = 128;

/** How many parts the sum of a product is worth cutting into. */
export function matmulParts(kernel: MatmulKernel, sharing: boolean): number {
  const threads = Math.max(1, registerThreads(kernel, { sharing }));
  const wanted = Math.ceil(threadsWanted[sharing ? 'sharing' : 'alone'] / threads);
  return Math.max(1, Math.min(wanted, Math.floor(kernel.k / shortestPart)));
}

/** The product in parts, and the kernel that joins them. */
export function splitMatmul(
  kernel: MatmulKernel,
  parts: number,
  firstSlot: number,
  alignment: number,
): { readonly product: MatmulKernel; readonly join: LoopKernel; readonly scratch: readonly Slot[] } {
  const { batch, m, n, k, dtype, result } = kernel;
  const rank = batch.length;
  const terms = Math.ceil(k / parts / 4) * 4;
  const axis = (number: number): Expression => ({ kind: 'axis', dtype: 'int32', axis: number });
  const int = (value: number): Expression => ({ kind: 'constant', dtype: 'int32', value });
  const apply = (fn: Apply['fn'], args: readonly Expression[], of: DType = 'int32'): Expression => ({
    kind: 'apply',
    dtype: of,
    fn,
    args,
  });
  const term = apply('add', [apply('mul', [axis(0), int(terms)]), axis(rank + 3)]);
  const axes = new Map<number, Expression>(Array.from({ length: rank + 2 }, (_, i) => [i, axis(i + 1)]));
  axes.set(rank + 2, term);
  const into = substitution(axes, new Map());
  const whole = parts * terms === k;
  const operand = (expression: Expression): Expression => {
    const value = into(expression);
    if (whole) return value;
    const nothing: Expression = { kind: 'constant', dtype: expression.dtype, value: 0 };
    return apply('where', [apply('lt', [term, int(k)], 'bool'), value, nothing], expression.dtype);
  };
  const scratch = new Scratch(firstSlot, alignment);
  const shape = [...batch, m, n];
  const slot = scratch.slot(partDType(dtype), parts * shape.reduce((size, length) => size * length, 1));
  const product: MatmulKernel = {
    ...kernel,
    name: `${kernel.name} in parts`,
    batch: [parts, ...batch],
    k: terms,
    a: operand(kernel.a),
    b: operand(kernel.b),
    stores: [{ slot, index: flatIndex([parts, ...shape]), value: { kind: 'result', dtype, id: result }, mask: null }],
  };
  const place = substitution(
    new Map([[0, axis(rank + 2)], ...shape.map((_, i): [number, Expression] => [i + 1, axis(i)])]),
    new Map(),
  );
  const part: Expression = {
    kind: 'load',
    dtype,
    slot,
    index: place(flatIndex([parts, ...shape])),
    mask: null,
    otherwise: 0,
  };
  const join: LoopKernel = {
    kind: 'loop',
    name: `${kernel.name} joined`,
    axes: shape,
    phases: [
      { lengths: [parts], reductions: [{ id: result, combine: 'sum', dtype, of: part }], stores: [] },
      { lengths: [], reductions: [], stores: kernel.stores },
    ],
  };
  return { product, join, scratch: scratch.slots };
}

/**
 * How a matrix product is best run on a card: the size of its tiles, tensor cores or not, and sums that are cut into parts which are computed side by side.
 * Owns the choice and the cut; the code is in the files of each form.
 */
import { type Expression, isFloat, type LoopKernel, type MatmulKernel } from '@torchlet/device';
import type { KernelCode } from '../ptx/module.js';
import type { KernelSite } from './site.js';
import { apply, axis, flatIndex, int, substitution } from './split.js';
import { factorOf, tensorCoreProduct } from './tensor-core-product.js';
import { product } from './threads.js';
import { tiledProduct } from './tiled-product.js';

/** Rows, columns and terms below which a tile is mostly empty. */
const leastSide = 16;
/** Terms that a part should have at least, and a number that divides them, so that parts begin at whole tiles. */
const shortestPart = 128;
const partMultiple = 32;
const smallTile = 64;
const largeTile = 128;

function isWorthTiling({ batch, m, n, k, dtype }: MatmulKernel): boolean {
  return isFloat(dtype) && Math.min(m, n, k) >= leastSide && product(batch) > 0;
}

function tilesOf({ batch, m, n }: MatmulKernel, side: number): number {
  return product(batch) * Math.ceil(m / side) * Math.ceil(n / side);
}

/**
 * The product by tiles; null where a thread for each result is better.
 *
 * @param rounds whether results of halves are rounded to them, rather than kept as the float32 that they were summed in.
 */
export function productKernel(kernel: MatmulKernel, site: KernelSite, rounds = true): KernelCode | null {
  if (!isWorthTiling(kernel)) return null;
  const fills = Math.min(kernel.m, kernel.n) > smallTile;
  const isLarge = fills && tilesOf(kernel, largeTile) >= site.target.multiprocessors;
  const factor = factorOf(kernel, site.target);
  if (factor !== null) return tensorCoreProduct(site, kernel, factor, isLarge ? largeTile : smallTile, rounds);
  return tiledProduct(site, kernel, isLarge && kernel.dtype === 'float32' ? 2 : 1);
}

/** How many parts the sum of a product is worth cutting into. */
export function productParts(kernel: MatmulKernel, site: KernelSite): number {
  if (!isWorthTiling(kernel)) return 1;
  const wanted = Math.floor(site.target.multiprocessors / tilesOf(kernel, smallTile));
  return Math.max(1, Math.min(wanted, Math.floor(kernel.k / shortestPart)));
}

/** The product in parts, whose results go to scratch memory, and the kernel that joins them and does the epilogue. */
export function splitProduct(
  kernel: MatmulKernel,
  parts: number,
  site: KernelSite,
): { readonly product: MatmulKernel; readonly join: LoopKernel } {
  const { batch, m, n, k, dtype, result } = kernel;
  const rank = batch.length;
  const terms = Math.ceil(k / parts / partMultiple) * partMultiple;
  const used = Math.ceil(k / terms);
  const term = apply('add', [apply('mul', [axis(0), int(terms)]), axis(rank + 3)]);
  const inside = used * terms === k ? null : apply('lt', [term, int(k)], 'bool');
  const axes = new Map<number, Expression>(Array.from({ length: rank + 2 }, (_, i) => [i, axis(i + 1)]));
  axes.set(rank + 2, term);
  const into = substitution(axes, new Map(), inside);
  const operand = (expression: Expression): Expression => {
    const value = into(expression);
    const nothing: Expression = { kind: 'constant', dtype: expression.dtype, value: 0 };
    return inside === null ? value : apply('where', [inside, value, nothing], expression.dtype);
  };
  // Parts of halves are kept as float32, which they were summed in.
  const partDType = dtype === 'float64' ? dtype : 'float32';
  const shape = [...batch, m, n];
  const slot = site.scratch(partDType, used * product(shape));
  const index = flatIndex([used, ...shape]);
  const back = substitution(
    new Map([[0, axis(rank + 2)], ...shape.map((_, i): [number, Expression] => [i + 1, axis(i)])]),
    new Map(),
  );
  const part: Expression = { kind: 'load', dtype: partDType, slot, index: back(index), mask: null, otherwise: 0 };
  const whole: Expression = { kind: 'result', dtype: partDType, id: result };
  const rounded = partDType === dtype ? whole : apply('cast', [whole], dtype);
  const epilogue = substitution(new Map(), new Map([[result, rounded]]));
  return {
    product: {
      ...kernel,
      name: `${kernel.name} in parts`,
      batch: [used, ...batch],
      k: terms,
      a: operand(kernel.a),
      b: operand(kernel.b),
      stores: [{ slot, index, value: { kind: 'result', dtype, id: result }, mask: null }],
    },
    join: {
      kind: 'loop',
      name: `${kernel.name} joined`,
      axes: shape,
      phases: [
        { lengths: [used], reductions: [{ id: result, combine: 'sum', dtype: partDType, of: part }], stores: [] },
        {
          lengths: [],
          reductions: [],
          stores: kernel.stores.map((store) => ({
            slot: store.slot,
            index: epilogue(store.index),
            value: epilogue(store.value),
            mask: store.mask === null ? null : epilogue(store.mask),
          })),
        },
      ],
    },
  };
}

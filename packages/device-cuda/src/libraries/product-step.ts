/**
 * A product of the kernel language as one that cuBLASLt is asked for: which claims are made, and the step of a program. Owns that translation; layouts are
 * `layouts.ts`, what is fused `epilogue.ts`, and where its result goes `library-step.ts`.
 */
import { type Expression, isFloat, type MatmulCandidate, type MatmulKernel, type Store } from '@torchlet/device';
import type { LibraryProduct, ProductStep, StepOperand } from '../generated.js';
import type { KernelSite } from '../kernels/site.js';
import { flatIndex } from '../kernels/split.js';
import { product } from '../kernels/threads.js';
import { storedBytes } from '../ptx/dtypes.js';
import { type Affine, affineOf } from './affine.js';
import { libraries } from './claimed.js';
import { type Epilogue, epilogueOf } from './epilogue.js';
import { layoutsOf, type ProductLayouts, type Strides } from './layouts.js';
import { alignmentOf, type ByLibrary, byLibrary, type LibraryPlans } from './library-step.js';

/** What the library asks of a bias. */
const biasAlignment = 16;

/** Whether the library can take the product of `candidate`, should its result lie row by row. */
export function takesProduct(candidate: MatmulCandidate): boolean {
  return describe({ ...candidate, result: 0 }, naturalStore(candidate, 0)) !== null;
}

/** Whether the library can take `value` as an epilogue of the product of `candidate`. */
export function takesEpilogue(candidate: MatmulCandidate, value: Expression, result: number): boolean {
  return describe({ ...candidate, result }, { ...naturalStore(candidate, result), value }) !== null;
}

/** The kernel by the library; null where the library does not do it. */
export function productByLibrary(
  kernel: MatmulKernel,
  site: KernelSite,
  library: LibraryPlans,
  moving: ReadonlySet<number>,
): ByLibrary | null {
  // What the library cannot store is better stored by the kernel that computes it.
  const takes = (store: Store) => describe(kernel, store) !== null;
  return byLibrary(kernel, site, moving, {
    alone: kernel.stores.every(takes) ? naturalStore(kernel, kernel.result) : null,
    takes,
    step: (given, store) => stepFor(given, store, site, library),
  });
}

type Product = Pick<MatmulKernel, 'batch' | 'm' | 'n' | 'k' | 'a' | 'b' | 'dtype' | 'result'>;

interface Operand {
  readonly slot: number;
  /** In elements. */
  readonly offset: number;
}

interface Described {
  readonly layouts: ProductLayouts;
  readonly epilogue: Epilogue;
  readonly a: Operand;
  readonly b: Operand;
  readonly d: Operand;
  readonly addend: Operand | null;
}

function describe(kernel: Product, store: Store): Described | null {
  const { batch, m, n, k, dtype, result } = kernel;
  if (!isFloat(dtype) || product([...batch, m, n, k]) === 0 || store.mask !== null) return null;
  const epilogue = epilogueOf(store.value, result, dtype);
  if (epilogue === null) return null;
  const read = (value: Expression): Affine | null =>
    value.kind === 'load' && value.mask === null && value.dtype === dtype
      ? affineOf(value.index, batch.length + 3)
      : null;
  const [a, b] = [read(kernel.a), read(kernel.b)];
  const d = affineOf(store.index, batch.length + 3);
  const addend = epilogue.addend === null ? null : read(epilogue.addend);
  if (a === null || b === null || d === null || (addend === null) !== (epilogue.addend === null)) return null;
  const strides = {
    a: stridesOf(a),
    b: stridesOf(b),
    d: stridesOf(d),
    addend: addend === null ? null : stridesOf(addend),
  };
  const layouts = layoutsOf({ batch, m, n, k }, strides);
  if (layouts === null) return null;
  const at = (load: Expression, { offset }: Affine): Operand => ({
    slot: load.kind === 'load' ? load.slot : -1,
    offset,
  });
  return {
    layouts,
    epilogue,
    a: at(kernel.a, a),
    b: at(kernel.b, b),
    d: { slot: store.slot, offset: d.offset },
    addend: epilogue.addend === null || addend === null ? null : at(epilogue.addend, addend),
  };
}

function stridesOf({ strides }: Affine): Strides {
  const [m = 0, n = 0, k = 0] = strides.slice(-3);
  return { batch: strides.slice(0, -3), m, n, k };
}

/** A store of the product alone, row by row. */
function naturalStore({ batch, m, n, dtype }: Omit<MatmulCandidate, 'a' | 'b' | 'k'>, result: number): Store {
  return { slot: -1, index: flatIndex([...batch, m, n]), value: { kind: 'result', dtype, id: result }, mask: null };
}

function stepFor(kernel: MatmulKernel, store: Store, site: KernelSite, library: LibraryPlans): ProductStep | null {
  const described = describe(kernel, store);
  if (described === null) return null;
  const { layouts, epilogue } = described;
  const width = storedBytes(kernel.dtype);
  const operand = ({ slot, offset }: Operand): StepOperand => ({
    argument: site.argumentOf(slot),
    offset: offset * width,
  });
  const isBias = layouts.addend === 'bias';
  const added = described.addend ?? described.d;
  const [left, right] = layouts.isSwapped ? [described.b, described.a] : [described.a, described.b];
  const operands = [left, right, isBias ? described.d : added, described.d].map(operand);
  if (isBias) operands.push(operand(added));
  if (isBias && alignmentOf(added.offset * width) < biasAlignment) return null;
  const c = layouts.addend === null || layouts.addend === 'bias' ? layouts.d : layouts.addend;
  const product: LibraryProduct = {
    dtype: kernel.dtype,
    precision: kernel.precision ?? site.target.matmulPrecision,
    m: layouts.m,
    n: layouts.n,
    k: layouts.k,
    batch: layouts.batch,
    matrices: [layouts.a, layouts.b, c, layouts.d].map((matrix, i) => ({
      ...matrix,
      alignment: alignmentOf((operands[i] as StepOperand).offset),
    })),
    epilogue: isBias ? 'bias' : 'none',
    alpha: epilogue.alpha,
    beta: layouts.addend === null || isBias ? 0 : 1,
  };
  const plan = library.planProduct(product);
  return plan === null ? null : { kind: 'product', kernel: -1, library: libraries.products, plan, product, operands };
}

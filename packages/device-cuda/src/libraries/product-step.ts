/**
 * A product of the kernel language as one that cuBLASLt is asked for: which claims are made, and the step of a program. Owns that translation; layouts are
 * `layouts.ts`, what is fused `epilogue.ts`, and asking the library is whoever gives a `ProductLibrary`.
 */
import {
  type Expression,
  isFloat,
  type LoopKernel,
  type MatmulCandidate,
  type MatmulKernel,
  postorder,
  rewriter,
  type Store,
  storeParts,
} from '@torchlet/device';
import type { LibraryProduct, ProductStep, StepOperand } from '../generated.js';
import type { KernelSite } from '../kernels/site.js';
import { flatIndex } from '../kernels/split.js';
import { product } from '../kernels/threads.js';
import { storedBytes } from '../ptx/dtypes.js';
import { type Affine, affineOf } from './affine.js';
import { libraryName } from './claimed.js';
import { type Epilogue, epilogueOf } from './epilogue.js';
import { layoutsOf, type ProductLayouts, type Strides } from './layouts.js';

/** Whoever knows which products the library does. */
export interface ProductLibrary {
  /** The number of a plan; null where the library has no algorithm. */
  plan(product: LibraryProduct): number | null;
}

/** What addresses of slots are multiples of. */
const slotAlignment = 256;
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

/** What a kernel becomes: the step, and a kernel for what the library leaves. */
export interface ByLibrary {
  readonly step: ProductStep;
  readonly rest: LoopKernel | null;
}

/**
 * The kernel by the library: the product goes where one of the stores wants it, or through scratch memory. Null where the library does not do it.
 *
 * @param moving slots whose memory is another at each run, so that a graph with this step in it would be made anew each time.
 */
export function productByLibrary(
  kernel: MatmulKernel,
  site: KernelSite,
  library: ProductLibrary,
  moving: ReadonlySet<number>,
): ByLibrary | null {
  const { batch, m, n, dtype, result, stores } = kernel;
  for (const store of stores) {
    const made = moving.has(store.slot) ? null : storing(kernel, store, site, library);
    if (made !== null) return made;
  }
  // What the library cannot store is better stored by the kernel that computes it.
  if (!stores.every((store) => describe(kernel, store) !== null)) return null;
  const alone = naturalStore(kernel, result);
  const values = stores.filter(({ slot }) => moving.has(slot)).map(({ value }) => value);
  // Where the library refuses the epilogues it may do the product, unless that is what it was asked for.
  if (!stores.some(({ value }) => value.kind === 'result')) values.push(alone.value);
  const slot = values.length === 0 ? -1 : site.scratch(dtype, product([...batch, m, n]));
  for (const value of values) {
    const store = { ...alone, slot, value };
    const made = storing({ ...kernel, stores: [store, ...stores] }, store, site, library);
    if (made !== null) return made;
  }
  return null;
}

/** The product into one of the stores, and the others behind it. */
function storing(kernel: MatmulKernel, store: Store, site: KernelSite, library: ProductLibrary): ByLibrary | null {
  const rest = restBehind(kernel, store, site);
  const step = rest === undefined ? null : stepFor(kernel, store, site, library);
  return rest === undefined || step === null ? null : { step, rest };
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

function stepFor(kernel: MatmulKernel, store: Store, site: KernelSite, library: ProductLibrary): ProductStep | null {
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
  const plan = library.plan(product);
  return plan === null ? null : { kind: 'product', kernel: -1, library: libraryName, plan, product, operands };
}

/** What an address `offset` bytes into a slot is a multiple of. */
function alignmentOf(offset: number): number {
  let alignment = slotAlignment;
  while (offset % alignment !== 0) alignment /= 2;
  return alignment;
}

/**
 * The stores beside `done`, which is in memory by then. Null where there are none; undefined where they need what is not in memory, or was overwritten.
 */
function restBehind(kernel: MatmulKernel, done: Store, site: KernelSite): LoopKernel | null | undefined {
  const { batch, m, n, result, name } = kernel;
  const stores = kernel.stores.filter((store) => store !== done);
  if (stores.length === 0) return null;
  const { slot, index, value } = done;
  const stored: Expression = { kind: 'load', dtype: value.dtype, slot, index, mask: null, otherwise: 0 };
  const isDone = (expression: Expression): boolean =>
    value.kind === 'result' ? expression.kind === 'result' && expression.id === result : expression === value;
  const behind = rewriter((expression) => (isDone(expression) ? stored : expression));
  const rest = stores.map((store) => ({
    slot: store.slot,
    index: behind(store.index),
    value: behind(store.value),
    mask: store.mask === null ? null : behind(store.mask),
  }));
  const parts = postorder(storeParts(rest));
  const written = new Set([slot]);
  const isGone = (expression: Expression): boolean =>
    expression.kind === 'result' ||
    (expression.kind === 'load' && expression !== stored && site.mayBeWritten(expression.slot, written));
  if (parts.some(isGone)) return undefined;
  return {
    kind: 'loop',
    name: `${name} stored`,
    axes: [...batch, m, n],
    phases: [{ lengths: [], reductions: [], stores: rest }],
  };
}

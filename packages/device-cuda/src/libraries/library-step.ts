/**
 * A claimed product as a step of a library: its result goes where one of the stores wants it, or through scratch memory, and a kernel does what the library
 * leaves. Owns that choice; what a step looks like is `product-step.ts` and `convolution-step.ts`.
 */
import {
  type Expression,
  type LoopKernel,
  type MatmulKernel,
  postorder,
  rewriter,
  type Store,
  storeParts,
} from '@torchlet/device';
import type { LibraryConvolution, LibraryProduct, LibraryStep } from '../generated.js';
import type { KernelSite } from '../kernels/site.js';
import { product } from '../kernels/threads.js';

/** Whoever knows what the libraries do: the number of a plan, null where the library has no algorithm. */
export interface LibraryPlans {
  planProduct(product: LibraryProduct): number | null;
  planConvolution(convolution: LibraryConvolution): number | null;
}

/** What a kernel becomes: the step, and a kernel for what the library leaves. */
export interface ByLibrary {
  readonly step: LibraryStep;
  readonly rest: LoopKernel | null;
}

/** How a library is given a product. */
export interface LibraryWay {
  /** A store of the product alone, as the library likes it; null where it is not to go through scratch memory. */
  readonly alone: Store | null;
  /** Whether the library has a description of what `store` stores, and of where. */
  takes(store: Store): boolean;
  /** The step that stores into `store`, one of `kernel`'s; null where the library does not do it. */
  step(kernel: MatmulKernel, store: Store): LibraryStep | null;
}

/**
 * Null where the library does not do it.
 *
 * @param moving slots whose memory is another at each run, so that a graph with this step in it would be made anew each time.
 */
export function byLibrary(
  kernel: MatmulKernel,
  site: KernelSite,
  moving: ReadonlySet<number>,
  way: LibraryWay,
): ByLibrary | null {
  const { batch, m, n, dtype, stores } = kernel;
  for (const store of stores) {
    const made = moving.has(store.slot) ? null : storing(kernel, store, site, way);
    if (made !== null) return made;
  }
  const { alone } = way;
  if (alone === null) return null;
  const values = stores.filter(({ slot }) => moving.has(slot)).map(({ value }) => value);
  // Where the library refuses the epilogues it may do the product, unless that is what it was asked for.
  if (!stores.some((store) => store.value.kind === 'result' && way.takes(store))) values.push(alone.value);
  const slot = values.length === 0 ? -1 : site.scratch(dtype, product([...batch, m, n]));
  for (const value of values) {
    const store = { ...alone, slot, value };
    const made = storing({ ...kernel, stores: [store, ...stores] }, store, site, way);
    if (made !== null) return made;
  }
  return null;
}

/** The product into one of the stores, and the others behind it. */
function storing(kernel: MatmulKernel, store: Store, site: KernelSite, way: LibraryWay): ByLibrary | null {
  const rest = restBehind(kernel, store, site);
  const step = rest === undefined ? null : way.step(kernel, store);
  return rest === undefined || step === null ? null : { step, rest };
}

/** What addresses of slots are multiples of. */
const slotAlignment = 256;

/** What an address `offset` bytes into a slot is a multiple of. */
export function alignmentOf(offset: number): number {
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

/** What primitives cost, and the bounds that the scheduler weighs costs against. Owns numbers and their reasons; `fuse.ts` and `stores.ts` use them. */
import { type Primitive, primitives } from '@torchlet/graph';

/** Functions that take a polynomial or several instructions, in additions. */
const costly: { readonly [Name in Primitive]?: number } = {
  exp: 8,
  expm1: 10,
  log: 8,
  log1p: 10,
  sin: 8,
  cos: 8,
  atan: 10,
  tanh: 10,
  erf: 12,
  pow: 16,
  sqrt: 3,
  div: 3,
  idiv: 4,
  mod: 8,
  gather: 2,
};

/** What one element of the primitive costs by itself, in additions. Movement is index arithmetic, which devices hoist. */
export function costOf(op: Primitive): number {
  const kind = primitives[op].class;
  if (kind === 'movement' || kind === 'source' || kind === 'marker') return 0;
  return costly[op] ?? 1;
}

export const bounds = {
  /** Items inlined for one element: beyond, compile times and register pressure grow faster than memory traffic shrinks. */
  weight: 200,
  /** From this cost on, a value that several kernels need is stored: a load and a store cost about this much. */
  sharedCost: 16,
  /** From this cost on, a small value that a large kernel needs again and again is stored. */
  hoistedCost: 8,
  /** How many times larger the kernel must be for that. */
  hoistedRatio: 64,
  /** A value at most this costly is computed again rather than stored, if all it reads is stored or small. */
  recomputedCost: 2,
  /** Elements that take next to no time to store and load. */
  small: 1024,
  /** What may be computed again for every array that then need not be stored. */
  rebasedCost: 20,
  /** A row kernel's points run side by side on a GPU, each point along its row: longer rows want a kernel of their own. */
  row: 65_536,
  /** The same where there is a single row. */
  onlyRow: 4096,
} as const;

/**
 * The table of primitives: everything a graph can say. A primitive is here because a device must know it or because fusion must see it; all
 * else is composed of these in `@torchlet/tensor`. Owns names, arities, classes and the rule for shape and dtype; meaning is in
 * `meaning.ts`, derivatives in `@torchlet/autograd`. Shapes are exact: broadcasting and promotion happened before.
 */
import { type DType, isFloat } from '@torchlet/device';
import { printShape, type Shape, ShapeError, sameShape, sizeOf } from './shape.js';

export type PrimitiveClass =
  | 'source'
  | 'movement'
  | 'unary'
  | 'binary'
  | 'ternary'
  | 'reduce'
  | 'contraction'
  | 'indexing'
  | 'marker'
  | 'escape';

/** What a rule sees of an input. */
export interface Typed {
  readonly shape: Shape;
  readonly dtype: DType;
}

interface PrimitiveRow {
  readonly class: PrimitiveClass;
  /** Number of inputs; null where it varies. */
  readonly arity: number | null;
  /** Whether a gradient can pass through it to some input. */
  readonly differentiable: boolean;
}

const source = { class: 'source', arity: 0, differentiable: false } as const;
const movement = { class: 'movement', arity: 1, differentiable: true } as const;
const unary = { class: 'unary', arity: 1, differentiable: true } as const;
const smooth = { class: 'binary', arity: 2, differentiable: true } as const;
const discrete = { class: 'binary', arity: 2, differentiable: false } as const;
/** Over the axes `attrs`, which stay with length 1. */
const reduction = { class: 'reduce', arity: 1, differentiable: true } as const;
const marker = { class: 'marker', arity: 1, differentiable: true } as const;

/** Each row says in its comment what the primitive is. `attrs` are whole numbers; the comment says which. */
export const primitives = {
  /** the number `value` everywhere, part of the structure */
  constant: source,
  /** the number `value` everywhere, given at run time */
  scalar: source,
  /** host data or a stored tensor: `source` */
  buffer: source,
  /** 1-d: 0, 1, 2, ... */
  iota: source,

  /** same elements in row-major order, other shape */
  reshape: movement,
  /** attrs: which input axis each output axis is */
  permute: movement,
  /** axes of length 1 repeated; rank unchanged */
  expand: movement,
  /** a box. attrs: start per axis, then the axis (or -1) to whose start the optional second input, a 0-d int32, is added */
  shrink: { ...movement, arity: null },
  /** attrs: before, after per axis; filled with `value` */
  pad: movement,
  /** attrs: the axes that are reversed */
  flip: movement,
  /** attrs: axis, size, stride, dilation. A last axis of `size` is added; `axis` counts the windows */
  window: movement,
  /** inputs joined along attrs[0] */
  cat: { ...movement, arity: null },

  /** -x */
  neg: unary,
  /** square root */
  sqrt: unary,
  /** e^x */
  exp: unary,
  /** e^x - 1 */
  expm1: unary,
  /** natural logarithm */
  log: unary,
  /** log(1 + x) */
  log1p: unary,
  /** sine */
  sin: unary,
  /** cosine */
  cos: unary,
  /** arc tangent */
  atan: unary,
  /** hyperbolic tangent */
  tanh: unary,
  /** error function */
  erf: unary,
  /** largest whole number not above x */
  floor: unary,
  /** to the dtype of the node */
  cast: unary,

  /** x + y */
  add: smooth,
  /** x * y */
  mul: smooth,
  /** x / y, floats */
  div: smooth,
  /** x / y towards 0, integers */
  idiv: discrete,
  /** remainder with the sign of x, exact */
  mod: smooth,
  /** the larger, NaN if either is NaN */
  max: smooth,
  /** x ** y, floats */
  pow: smooth,
  /** x < y, bool */
  lt: discrete,
  /** x == y, bool */
  eq: discrete,
  /** bitwise and */
  and: discrete,
  /** bitwise or */
  or: discrete,
  /** bitwise exclusive or */
  xor: discrete,
  /** x << y */
  shl: discrete,
  /** x >> y, keeping the sign */
  shr: discrete,
  /** condition ? x : y */
  where: { class: 'ternary', arity: 3, differentiable: true },

  /** sum */
  reduceSum: reduction,
  /** max */
  reduceMax: reduction,
  /** product */
  reduceProd: reduction,
  /** [..., m, k] @ [..., k, n], equal batch axes. attrs: 1 where factors may be rounded to TF32 */
  matmul: { class: 'contraction', arity: 2, differentiable: true },

  /** inputs x, index (integers): x[.., index[..], ..] along attrs[0], as torch.gather; an index outside is clamped */
  gather: { class: 'indexing', arity: 2, differentiable: true },
  /** inputs base, index, src: base with src added at index along attrs[0], as torch.scatter_add; outside, nothing is added */
  scatterAdd: { class: 'indexing', arity: 3, differentiable: true },

  /** the same value, stored in row-major order */
  contiguous: marker,
  /** the same value in a storage of its own */
  copy: marker,
  /** the same value; no gradient passes */
  detach: { ...marker, differentiable: false },
  /** the value of input 0; `payload` gives the gradients of the other inputs (custom functions) */
  attach: { ...marker, arity: null },
  /** inputs target, value: the target with value written at attrs (start, step per axis); evaluated as an output it is written in place */
  assign: { ...marker, arity: 2 },

  /** a kernel of the user: `payload` is a CustomKernelSpec */
  custom: { class: 'escape', arity: null, differentiable: false },
} as const satisfies Record<string, PrimitiveRow>;

export type Primitive = keyof typeof primitives;

export type PrimitiveOf<Class extends PrimitiveClass> = {
  [Name in Primitive]: (typeof primitives)[Name]['class'] extends Class ? Name : never;
}[Primitive];

/** Every primitive in the table's order; the position is its stable code in structural keys. */
export const primitiveNames = Object.keys(primitives) as readonly Primitive[];

export const primitiveCodes = Object.fromEntries(primitiveNames.map((name, code) => [name, code])) as Readonly<
  Record<Primitive, number>
>;

/** The primitives that compute each element from the elements at the same place. */
export function isElementwise(op: Primitive): boolean {
  const { class: kind } = primitives[op];
  return kind === 'unary' || kind === 'binary' || kind === 'ternary';
}

/** @throws ShapeError where two inputs of an element-wise primitive differ in shape or dtype. */
export function checkSame(op: string, a: Typed, b: Typed): void {
  if (!sameShape(a.shape, b.shape)) {
    throw new ShapeError(`${op}: expected equal shapes, got ${printShape(a.shape)} and ${printShape(b.shape)}`);
  }
  if (a.dtype !== b.dtype) throw new TypeError(`${op}: expected equal dtypes, got ${a.dtype} and ${b.dtype}`);
}

/** @throws TypeError where the dtype is not of floats. */
export function checkFloat(op: string, a: Typed): void {
  if (!isFloat(a.dtype)) throw new TypeError(`${op}: expected a float dtype, got ${a.dtype}`);
}

/** @throws ShapeError where the two shapes hold different numbers of elements. */
export function checkReshape(from: Shape, to: Shape): void {
  if (sizeOf(from) !== sizeOf(to)) {
    throw new ShapeError(
      `reshape: ${printShape(from)} has ${sizeOf(from)} elements and cannot become ${printShape(to)} with ${sizeOf(to)}`,
    );
  }
}

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
  readonly doc: string;
  /** Whether a gradient can pass through it to some input. */
  readonly differentiable: boolean;
}

/** `attrs` are whole numbers; the doc line says which. */
export const primitives = {
  constant: {
    class: 'source',
    arity: 0,
    differentiable: false,
    doc: 'the number `value` everywhere, part of the structure',
  },
  scalar: { class: 'source', arity: 0, differentiable: false, doc: 'the number `value` everywhere, given at run time' },
  buffer: { class: 'source', arity: 0, differentiable: false, doc: 'host data or a stored tensor: `source`' },
  iota: { class: 'source', arity: 0, differentiable: false, doc: '1-d: 0, 1, 2, ...' },

  reshape: { class: 'movement', arity: 1, differentiable: true, doc: 'same elements in row-major order, other shape' },
  permute: { class: 'movement', arity: 1, differentiable: true, doc: 'attrs: which input axis each output axis is' },
  expand: { class: 'movement', arity: 1, differentiable: true, doc: 'axes of length 1 repeated; rank unchanged' },
  shrink: {
    class: 'movement',
    arity: null,
    differentiable: true,
    doc: 'a box. attrs: start per axis, then the axis (or -1) to whose start the optional second input, a 0-d int32, is added',
  },
  pad: { class: 'movement', arity: 1, differentiable: true, doc: 'attrs: before, after per axis; filled with `value`' },
  flip: { class: 'movement', arity: 1, differentiable: true, doc: 'attrs: the axes that are reversed' },
  window: {
    class: 'movement',
    arity: 1,
    differentiable: true,
    doc: 'attrs: axis, size, stride, dilation. A last axis of `size` is added; `axis` counts the windows',
  },
  cat: { class: 'movement', arity: null, differentiable: true, doc: 'inputs joined along attrs[0]' },

  neg: { class: 'unary', arity: 1, differentiable: true, doc: '-x' },
  sqrt: { class: 'unary', arity: 1, differentiable: true, doc: 'square root' },
  exp: { class: 'unary', arity: 1, differentiable: true, doc: 'e^x' },
  expm1: { class: 'unary', arity: 1, differentiable: true, doc: 'e^x - 1' },
  log: { class: 'unary', arity: 1, differentiable: true, doc: 'natural logarithm' },
  log1p: { class: 'unary', arity: 1, differentiable: true, doc: 'log(1 + x)' },
  sin: { class: 'unary', arity: 1, differentiable: true, doc: 'sine' },
  cos: { class: 'unary', arity: 1, differentiable: true, doc: 'cosine' },
  atan: { class: 'unary', arity: 1, differentiable: true, doc: 'arc tangent' },
  tanh: { class: 'unary', arity: 1, differentiable: true, doc: 'hyperbolic tangent' },
  erf: { class: 'unary', arity: 1, differentiable: true, doc: 'error function' },
  floor: { class: 'unary', arity: 1, differentiable: true, doc: 'largest whole number not above x' },
  cast: { class: 'unary', arity: 1, differentiable: true, doc: 'to the dtype of the node' },

  add: { class: 'binary', arity: 2, differentiable: true, doc: 'x + y' },
  mul: { class: 'binary', arity: 2, differentiable: true, doc: 'x * y' },
  div: { class: 'binary', arity: 2, differentiable: true, doc: 'x / y, floats' },
  idiv: { class: 'binary', arity: 2, differentiable: false, doc: 'x / y towards 0, integers' },
  mod: { class: 'binary', arity: 2, differentiable: true, doc: 'remainder with the sign of x, exact' },
  max: { class: 'binary', arity: 2, differentiable: true, doc: 'the larger, NaN if either is NaN' },
  pow: { class: 'binary', arity: 2, differentiable: true, doc: 'x ** y, floats' },
  lt: { class: 'binary', arity: 2, differentiable: false, doc: 'x < y, bool' },
  eq: { class: 'binary', arity: 2, differentiable: false, doc: 'x == y, bool' },
  and: { class: 'binary', arity: 2, differentiable: false, doc: 'bitwise and' },
  or: { class: 'binary', arity: 2, differentiable: false, doc: 'bitwise or' },
  xor: { class: 'binary', arity: 2, differentiable: false, doc: 'bitwise exclusive or' },
  shl: { class: 'binary', arity: 2, differentiable: false, doc: 'x << y' },
  shr: { class: 'binary', arity: 2, differentiable: false, doc: 'x >> y, keeping the sign' },
  where: { class: 'ternary', arity: 3, differentiable: true, doc: 'condition ? x : y' },

  reduceSum: {
    class: 'reduce',
    arity: 1,
    differentiable: true,
    doc: 'sum over the axes attrs, which stay with length 1',
  },
  reduceMax: {
    class: 'reduce',
    arity: 1,
    differentiable: true,
    doc: 'max over the axes attrs, which stay with length 1',
  },
  reduceProd: {
    class: 'reduce',
    arity: 1,
    differentiable: true,
    doc: 'product over the axes attrs, which stay with length 1',
  },
  matmul: { class: 'contraction', arity: 2, differentiable: true, doc: '[..., m, k] @ [..., k, n], equal batch axes' },

  gather: {
    class: 'indexing',
    arity: 2,
    differentiable: true,
    doc: 'inputs x, index (integers): x[.., index[..], ..] along attrs[0], as torch.gather; an index outside is clamped',
  },
  scatterAdd: {
    class: 'indexing',
    arity: 3,
    differentiable: true,
    doc: 'inputs base, index, src: base with src added at index along attrs[0], as torch.scatter_add; outside, nothing is added',
  },

  contiguous: { class: 'marker', arity: 1, differentiable: true, doc: 'the same value, stored in row-major order' },
  copy: { class: 'marker', arity: 1, differentiable: true, doc: 'the same value in a storage of its own' },
  detach: { class: 'marker', arity: 1, differentiable: false, doc: 'the same value; no gradient passes' },
  attach: {
    class: 'marker',
    arity: null,
    differentiable: true,
    doc: 'the value of input 0; `payload` gives the gradients of the other inputs (custom functions)',
  },
  assign: {
    class: 'marker',
    arity: 2,
    differentiable: true,
    doc: 'inputs target, value: the target with value written at attrs (start, step per axis); evaluated as an output it is written in place',
  },

  custom: {
    class: 'escape',
    arity: null,
    differentiable: false,
    doc: 'a kernel of the user: `payload` is a CustomKernelSpec',
  },
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

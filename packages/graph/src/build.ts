/**
 * One function per primitive: checks the inputs, finds shape and dtype, records the node. Shapes must be exact here; broadcasting, promotion
 * and negative dims are normalised by the op library of `@torchlet/tensor`. Trivial movements (to the same shape) give their input back.
 */
import { type DType, type HostArray, isFloat, isInteger } from '@torchlet/device';
import { Node, type Source } from './node.js';
import { getFloat32MatmulPrecision } from './precision.js';
import { checkFloat, checkReshape, checkSame, type PrimitiveOf } from './primitives.js';
import { printShape, type Shape, ShapeError, sameShape, sizeOf } from './shape.js';

const scalarShape: Shape = Object.freeze([]);

/** A number of the structure, at every place of `shape`: two graphs with different constants have different plans. */
export function constant(value: number | bigint, dtype: DType, shape: Shape = scalarShape): Node {
  return new Node('constant', dtype, shape, undefined, undefined, value);
}

/** A number given at run time, at every place of `shape`: it never causes a new plan. */
export function scalar(value: number | bigint, dtype: DType, shape: Shape = scalarShape): Node {
  return new Node('scalar', dtype, shape, undefined, undefined, value);
}

/** A runtime scalar is not moved like this: each such node is a slot of its own. */
function isConstant(x: Node): boolean {
  return x.op === 'constant' && x.source === null;
}

/** A leaf whose value lies at `source`. */
export function leaf(source: Source, shape: Shape, dtype: DType, version = 0): Node {
  const node = new Node('buffer', dtype, shape);
  node.source = source;
  node.version = version;
  return node;
}

/** Host data as a source. The array is not copied: whoever calls hands it over. */
export function hostSource(data: HostArray): Source {
  return { kind: 'host', data, mark: 0, number: 0 };
}

export function iota(length: number, dtype: DType): Node {
  return new Node('iota', dtype, [length]);
}

export function reshape(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  checkReshape(x.shape, shape);
  if (isConstant(x)) return constant(x.value, x.dtype, shape);
  return new Node('reshape', x.dtype, shape, [x]);
}

export function permute(x: Node, order: readonly number[]): Node {
  let identity = order.length === x.shape.length;
  let seen = 0;
  for (let i = 0; i < order.length; i++) {
    if (order[i] !== i) identity = false;
    seen |= 1 << (order[i] as number);
  }
  if (order.length !== x.shape.length || seen !== 2 ** order.length - 1) {
    throw new ShapeError(`permute: expected each of ${x.shape.length} axes once, got [${order.join(', ')}]`);
  }
  if (identity) return x;
  return new Node(
    'permute',
    x.dtype,
    order.map((axis) => x.shape[axis] as number),
    [x],
    order,
  );
}

export function expand(x: Node, shape: Shape): Node {
  if (sameShape(x.shape, shape)) return x;
  const fits =
    x.shape.length === shape.length && x.shape.every((length, axis) => length === 1 || length === shape[axis]);
  if (!fits) throw new ShapeError(`expand: ${printShape(x.shape)} does not broadcast to ${printShape(shape)}`);
  if (isConstant(x)) return constant(x.value, x.dtype, shape);
  return new Node('expand', x.dtype, shape, [x]);
}

/** The box of `shape` that begins at `starts`; along `dynamic.axis` the 0-d int32 `dynamic.start` is added to the start at run time. */
export function shrink(
  x: Node,
  starts: readonly number[],
  shape: Shape,
  dynamic: { readonly axis: number; readonly start: Node } | null = null,
): Node {
  for (let axis = 0; axis < x.shape.length; axis++) {
    const start = starts[axis] as number;
    if (start < 0 || start + (shape[axis] as number) > (x.shape[axis] as number)) {
      throw new ShapeError(`shrink: [${starts.join(', ')}] + ${printShape(shape)} is outside ${printShape(x.shape)}`);
    }
  }
  if (dynamic === null && sameShape(x.shape, shape)) return x;
  if (dynamic === null) return new Node('shrink', x.dtype, shape, [x], [...starts, -1]);
  return new Node('shrink', x.dtype, shape, [x, dynamic.start], [...starts, dynamic.axis]);
}

/** `padding` is (before, after) per axis, none negative; the new elements are `fill`. */
export function pad(x: Node, padding: readonly number[], fill: number | bigint = 0): Node {
  if (padding.length !== 2 * x.shape.length || padding.some((count) => count < 0)) {
    throw new ShapeError(`pad: expected ${2 * x.shape.length} counts of at least 0, got [${padding.join(', ')}]`);
  }
  if (padding.every((count) => count === 0)) return x;
  const shape = x.shape.map(
    (length, axis) => length + (padding[2 * axis] as number) + (padding[2 * axis + 1] as number),
  );
  return new Node('pad', x.dtype, shape, [x], padding, fill);
}

export function flip(x: Node, axes: readonly number[]): Node {
  if (axes.length === 0) return x;
  return new Node('flip', x.dtype, x.shape, [x], axes);
}

/** Sliding windows along `axis`: that axis then counts the windows, and a last axis of `size` walks within one. */
export function window(x: Node, axis: number, size: number, stride: number, dilation: number): Node {
  const length = x.shape[axis] as number;
  const reach = dilation * (size - 1) + 1;
  if (reach > length || size < 1 || stride < 1 || dilation < 1) {
    throw new ShapeError(
      `window: size ${size}, stride ${stride}, dilation ${dilation} does not fit axis ${axis} of ${printShape(x.shape)}`,
    );
  }
  const shape = [...x.shape, size];
  shape[axis] = Math.floor((length - reach) / stride) + 1;
  return new Node('window', x.dtype, shape, [x], [axis, size, stride, dilation]);
}

export function cat(parts: readonly Node[], axis: number): Node {
  const first = parts[0];
  if (first === undefined) throw new ShapeError('cat: expected at least one part, got none');
  if (parts.length === 1) return first;
  const shape = [...first.shape];
  for (const part of parts.slice(1)) {
    if (part.dtype !== first.dtype)
      throw new TypeError(`cat: expected equal dtypes, got ${first.dtype} and ${part.dtype}`);
    const fits = part.shape.length === shape.length && part.shape.every((n, a) => a === axis || n === first.shape[a]);
    if (!fits) {
      throw new ShapeError(
        `cat: expected shapes equal but along dim ${axis}, got ${printShape(first.shape)} and ${printShape(part.shape)}`,
      );
    }
    shape[axis] = (shape[axis] as number) + (part.shape[axis] as number);
  }
  return new Node('cat', first.dtype, shape, parts, [axis]);
}

export function cast(x: Node, dtype: DType): Node {
  if (x.dtype === dtype) return x;
  return new Node('cast', dtype, x.shape, [x]);
}

/** Any unary primitive but `cast`. All but neg and floor want floats. */
export function unary(op: Exclude<PrimitiveOf<'unary'>, 'cast'>, x: Node): Node {
  if (op !== 'neg' && op !== 'floor') checkFloat(op, x);
  return new Node(op, x.dtype, x.shape, [x]);
}

/** An operand of a formula: a number is a constant of the shape and dtype of the node beside it. */
export type Term = Node | number | bigint;

/** A primitive of two operands, of which one at least is a node. */
export interface BinaryPrimitive {
  (x: Node, y: Term): Node;
  (x: number | bigint, y: Node): Node;
}

/** `x` as a node like `beside`. */
function nodeOf(x: Term, beside: Term): Node {
  if (x instanceof Node) return x;
  const { shape, dtype } = beside as Node;
  return constant(x, dtype, shape);
}

export function binary(op: PrimitiveOf<'binary'>, left: Term, right: Term): Node {
  const x = nodeOf(left, right);
  const y = nodeOf(right, left);
  checkSame(op, x, y);
  switch (op) {
    case 'lt':
    case 'eq':
      return new Node(op, 'bool', x.shape, [x, y]);
    case 'div':
    case 'pow':
      checkFloat(op, x);
      break;
    case 'idiv':
    case 'shl':
    case 'shr':
      if (!isInteger(x.dtype)) throw new TypeError(`${op}: expected an integer dtype, got ${x.dtype}`);
      break;
    case 'and':
    case 'or':
    case 'xor':
      if (isFloat(x.dtype)) throw new TypeError(`${op}: expected an integer dtype or bool, got ${x.dtype}`);
      break;
    case 'mod':
      if (x.dtype === 'bool') throw new TypeError(`${op}: expected a number dtype, got bool`);
      break;
    case 'add':
    case 'mul':
    case 'max':
      break;
    default: {
      const never: never = op;
      return never;
    }
  }
  return new Node(op, x.dtype, x.shape, [x, y]);
}

export const neg = (x: Node): Node => unary('neg', x);
export const exp = (x: Node): Node => unary('exp', x);
export const log = (x: Node): Node => unary('log', x);
export const sqrt = (x: Node): Node => unary('sqrt', x);
export const add: BinaryPrimitive = (x: Term, y: Term) => binary('add', x, y);
export const mul: BinaryPrimitive = (x: Term, y: Term) => binary('mul', x, y);
export const div: BinaryPrimitive = (x: Term, y: Term) => binary('div', x, y);
export const idiv: BinaryPrimitive = (x: Term, y: Term) => binary('idiv', x, y);
export const mod: BinaryPrimitive = (x: Term, y: Term) => binary('mod', x, y);
export const pow: BinaryPrimitive = (x: Term, y: Term) => binary('pow', x, y);
export const max: BinaryPrimitive = (x: Term, y: Term) => binary('max', x, y);
export const lt: BinaryPrimitive = (x: Term, y: Term) => binary('lt', x, y);
export const eq: BinaryPrimitive = (x: Term, y: Term) => binary('eq', x, y);
export const and: BinaryPrimitive = (x: Term, y: Term) => binary('and', x, y);
export const or: BinaryPrimitive = (x: Term, y: Term) => binary('or', x, y);
export const xor: BinaryPrimitive = (x: Term, y: Term) => binary('xor', x, y);
export const sub: BinaryPrimitive = (x: Term, y: Term) => add(x as Node, y instanceof Node ? neg(y) : -y);
export const ne: BinaryPrimitive = (x: Term, y: Term) => not(binary('eq', x, y));
/** Of a bool. */
export const not = (x: Node): Node => xor(x, 1);

/** `left` where the condition holds, else `right`; one of the two at least is a node. */
export function where(condition: Node, left: Term, right: Term): Node {
  const x = nodeOf(left, right);
  const y = nodeOf(right, left);
  checkSame('where', x, y);
  if (condition.dtype !== 'bool') throw new TypeError(`where: expected a bool condition, got ${condition.dtype}`);
  if (!sameShape(condition.shape, x.shape)) {
    throw new ShapeError(`where: expected equal shapes, got ${printShape(condition.shape)} and ${printShape(x.shape)}`);
  }
  return new Node('where', x.dtype, x.shape, [condition, x, y]);
}

/** Combines over `axes`, which stay with length 1. Over no axis: the input. */
export function reduce(op: PrimitiveOf<'reduce'>, x: Node, axes: readonly number[]): Node {
  if (axes.length === 0) return x;
  const shape = [...x.shape];
  for (const axis of axes) shape[axis] = 1;
  return new Node(op, x.dtype, shape, [x], axes);
}

/** Attributes of a product whose factors may be rounded. */
const high: readonly number[] = Object.freeze([1]);

export function matmul(a: Node, b: Node): Node {
  const rank = a.shape.length;
  const inner = a.shape[rank - 1];
  if (a.dtype !== b.dtype) throw new TypeError(`matmul: expected equal dtypes, got ${a.dtype} and ${b.dtype}`);
  if (rank < 2 || b.shape.length !== rank || !sameShape(a.shape.slice(0, -2), b.shape.slice(0, -2))) {
    throw new ShapeError(`matmul: expected equal batch axes, got ${printShape(a.shape)} @ ${printShape(b.shape)}`);
  }
  if (inner !== b.shape[rank - 2]) {
    throw new ShapeError(
      `matmul: inner dimensions differ: ${printShape(a.shape)} @ ${printShape(b.shape)} (${inner} and ${b.shape[rank - 2]})`,
    );
  }
  const attrs = a.dtype === 'float32' && getFloat32MatmulPrecision() === 'high' ? high : undefined;
  return new Node('matmul', a.dtype, [...a.shape.slice(0, -1), b.shape[rank - 1] as number], [a, b], attrs);
}

/** x[.., index[..], ..] along `axis`. But for `axis`, the index may be shorter than x, as in torch.gather. */
export function gather(x: Node, index: Node, axis: number): Node {
  checkIndex('gather', x.shape, index, axis);
  return new Node('gather', x.dtype, index.shape, [x, index], [axis]);
}

export function scatterAdd(base: Node, index: Node, src: Node, axis: number): Node {
  checkIndex('scatterAdd', base.shape, index, axis);
  if (base.dtype !== src.dtype)
    throw new TypeError(`scatterAdd: expected equal dtypes, got ${base.dtype} and ${src.dtype}`);
  if (!sameShape(index.shape, src.shape)) {
    throw new ShapeError(
      `scatterAdd: expected index and src of one shape, got ${printShape(index.shape)} and ${printShape(src.shape)}`,
    );
  }
  return new Node('scatterAdd', base.dtype, base.shape, [base, index, src], [axis]);
}

function checkIndex(op: string, shape: Shape, index: Node, axis: number): void {
  if (!isInteger(index.dtype)) throw new TypeError(`${op}: expected an integer index, got ${index.dtype}`);
  const fits =
    index.shape.length === shape.length && index.shape.every((n, a) => a === axis || n <= (shape[a] as number));
  if (!fits) {
    throw new ShapeError(
      `${op}: expected an index no longer than ${printShape(shape)} but along dim ${axis}, got ${printShape(index.shape)}`,
    );
  }
}

export function marker(op: 'contiguous' | 'copy' | 'detach', x: Node): Node {
  return new Node(op, x.dtype, x.shape, [x]);
}

/** The value of `result`, whose gradient goes to `inputs` by `payload` (a `GradientFunction` of `@torchlet/autograd`). */
export function attach(result: Node, inputs: readonly Node[], payload: unknown): Node {
  return new Node('attach', result.dtype, result.shape, [result, ...inputs], undefined, 0, payload);
}

/** `target` with `value` written over all of it. */
export function assign(target: Node, value: Node): Node {
  return assignSlice(
    target,
    value,
    target.shape.map(() => 0),
    target.shape.map(() => 1),
  );
}

/** `target` with `value` written at start + i * step along each axis. */
export function assignSlice(target: Node, value: Node, starts: readonly number[], steps: readonly number[]): Node {
  if (target.dtype !== value.dtype) {
    throw new TypeError(`assign: expected a value of dtype ${target.dtype}, got ${value.dtype}`);
  }
  const fits =
    value.shape.length === target.shape.length &&
    value.shape.every(
      (n, axis) =>
        n === 0 || (starts[axis] as number) + (n - 1) * (steps[axis] as number) < (target.shape[axis] as number),
    );
  if (!fits) {
    throw new ShapeError(
      `assign: ${printShape(value.shape)} at [${starts.join(', ')}] is outside ${printShape(target.shape)}`,
    );
  }
  const attrs: number[] = [];
  for (let axis = 0; axis < target.shape.length; axis++) attrs.push(starts[axis] as number, steps[axis] as number);
  return new Node('assign', target.dtype, target.shape, [target, value], attrs);
}

/** A user's kernel: its text per kind of device, and what it gives. */
export interface CustomKernelSpec {
  /** Two specs with one name are one kernel to the plan cache. */
  readonly name: string;
  readonly sources: Readonly<Record<string, string>>;
  /** The same on the host, for the reference evaluator: row-major elements in, row-major elements out. */
  meaning(inputs: readonly (readonly number[])[], shapes: readonly Shape[]): number[];
}

export function custom(spec: CustomKernelSpec, inputs: readonly Node[], shape: Shape, dtype: DType): Node {
  return new Node('custom', dtype, shape, inputs, undefined, 0, spec);
}

/** `value` of x's dtype at every place of x's shape. */
export function fullLike(x: { readonly shape: Shape; readonly dtype: DType }, value: number): Node {
  return full(x.shape, value, x.dtype);
}

/** A constant at every place of `shape`. */
export function full(shape: Shape, value: number | bigint, dtype: DType): Node {
  return constant(value, dtype, shape);
}

/** Elements of x. */
export function sizeOfNode(x: Node): number {
  return sizeOf(x.shape);
}

/**
 * Functions of two or three operands beside arithmetic: angles, lengths, signs, extremes that pass over NaN, sums of logarithms. Where PyTorch's
 * gradient is a convention it is said here; operands are promoted and broadcast first.
 */
import type { DType } from '@torchlet/device';
import {
  or,
  sub,
  max,
  xor,
  and,
  add,
  attach,
  div,
  eq,
  lt,
  marker,
  mul,
  neg,
  type Node,
  unary,
  where,
} from '@torchlet/graph';
import { resultType } from '../promotion.js';
import { abs } from './arithmetic.js';
import { isNaN, not } from './comparison.js';
import { sigmoid } from './functions.js';
import { align, alignFloat, like, type NodeOperand, nodeOf, toFloat } from './operands.js';
import { piecewise } from './piecewise.js';

type Pair = readonly [Node, Node];

/** `value` as a function of a and b with gradients written as formulas of them. */
function withGradients(a: Node, b: Node, value: Node, gradients: (grad: Node) => Pair): Node {
  if (!a.requiresGrad && !b.requiresGrad) return value;
  return attach(marker('detach', value), [a, b], gradients);
}

/** Whether the sign bit is set: of -0 as well. */
export function signbit(x: Node): Node {
  const below = lt(x, 0);
  if (x.dtype === 'bool' || x.dtype === 'uint8') return like({ shape: x.shape, dtype: 'bool' }, 0);
  if (!isFloatNode(x)) return below;
  return or(below, lt(div(1, x), 0));
}

const isFloatNode = (x: Node): boolean => toFloat(x) === x;

/** The angle of (x, y) in (-pi, pi]; signed zeros and infinities as in C. */
export function atan2(y: NodeOperand, x: NodeOperand): Node {
  const [a, b] = alignFloat('atan2', [y, x]) as [Node, Node];
  const value = angle(a, b);
  return withGradients(a, b, value, (grad) => {
    const scale = div(grad, add(mul(a, a), mul(b, b)));
    return [mul(scale, b), neg(mul(scale, a))];
  });
}

function angle(y: Node, x: Node): Node {
  const [height, width] = [abs(y), abs(x)];
  const steep = lt(width, height);
  const larger = where(steep, height, width);
  const smaller = where(steep, width, height);
  // 0 / 0 is the angle 0 and infinity / infinity half a right angle.
  const same = eq(smaller, larger);
  const ratio = where(same, where(eq(larger, 0), like(x, 0), 1), div(smaller, larger));
  const first = unary('atan', ratio);
  const upright = where(steep, sub(Math.PI / 2, first), first);
  const turned = where(signbit(x), sub(Math.PI, upright), upright);
  const signed = where(signbit(y), neg(turned), turned);
  return where(or(isNaN(x), isNaN(y)), Number.NaN, signed);
}

/** sqrt(x^2 + y^2) without overflow. */
export function hypot(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = alignFloat('hypot', [x, y]) as [Node, Node];
  const [p, q] = [abs(a), abs(b)];
  const larger = max(p, q);
  const smaller = neg(max(neg(p), neg(q)));
  const plain = or(eq(larger, 0), eq(smaller, larger));
  const ratio = where(eq(larger, 0), 0, div(smaller, larger));
  const scaled = mul(larger, unary('sqrt', add(mul(ratio, ratio), 1)));
  const finite = where(plain, mul(larger, Math.SQRT2), scaled);
  const infinite = or(eq(p, Infinity), eq(q, Infinity));
  const value = where(infinite, Infinity, finite);
  return withGradients(a, b, value, (grad) => {
    const length = hypot(a, b);
    return [mul(grad, div(a, length)), mul(grad, div(b, length))];
  });
}

/** The magnitude of x with the sign of y. The gradient at 0 is 0. */
export function copysign(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = alignFloat('copysign', [x, y]) as [Node, Node];
  const flips = xor(signbit(a), signbit(b));
  const flipped = (n: Node): Node => where(flips, neg(n), n);
  const zero = eq(a, 0);
  return withGradients(a, b, flipped(a), (grad) => [where(zero, 0, flipped(grad)), like(grad, 0)]);
}

/** The larger or smaller, over NaN where the other is a number; of equals the gradient goes to x. */
export function overNaN(op: 'fmax' | 'fmin', x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align(op, [x, y]) as [Node, Node];
  const beyond = op === 'fmax' ? lt(a, b) : lt(b, a);
  const takesB = or(beyond, and(isNaN(a), not(isNaN(b))));
  return where(takesB, b, a);
}

/** log(e^x + e^y) or, to base 2, log2(2^x + 2^y), without overflow. */
export function logAddExp(op: 'logaddexp' | 'logaddexp2', x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = alignFloat(op, [x, y]) as [Node, Node];
  const unit = op === 'logaddexp' ? 1 : Math.LN2;
  const scaled = (n: Node): Node => (unit === 1 ? n : mul(n, unit));
  const difference = scaled(sub(a, b));
  const soft = unary('log1p', unary('exp', neg(abs(difference))));
  const sum = add(max(a, b), unit === 1 ? soft : div(soft, unit));
  const equalInfinities = and(eq(a, b), eq(abs(a), Infinity));
  return withGradients(a, b, where(equalInfinities, a, sum), (grad) => [
    mul(grad, sigmoid(scaled(sub(a, b)))),
    mul(grad, sigmoid(scaled(sub(b, a)))),
  ]);
}

/** x + value * a * b. */
export function addcmul(x: Node, a: Node, b: Node, value: number): Node {
  const dtype = resultType([x, a, b]);
  const [base, left, right, factor] = align('addcmul', [x, a, b, value], dtype) as [Node, Node, Node, Node];
  return add(base, mul(mul(factor, left), right));
}

/** x + value * a / b, in floats. */
export function addcdiv(x: Node, a: Node, b: Node, value: number): Node {
  const dtype = resultType([x, a, b]);
  if (!isFloatNode(nodeOf(0, dtype))) {
    throw new TypeError(`addcdiv: expected floats, got ${dtype}; convert with x.float()`);
  }
  const [base, left, right, factor] = align('addcdiv', [x, a, b, value], dtype) as [Node, Node, Node, Node];
  return add(base, div(mul(factor, left), right));
}

/** The largest finite number of each float dtype. */
const largest: Readonly<Partial<Record<DType, number>>> = {
  float64: Number.MAX_VALUE,
  float32: 3.4028234663852886e38,
  float16: 65504,
  bfloat16: 3.3895313892515355e38,
};

/** NaN and infinities replaced by numbers; no gradient passes there. */
export function nanToNum(x: Node, nan: number, posinf: number | null, neginf: number | null): Node {
  const most = largest[x.dtype];
  if (most === undefined) return x;
  const replaced = (n: Node, at: Node, value: number): Node => where(at, nodeOfLike(n, value), n);
  const infinite = (sign: number): Node => eq(x, sign * Infinity);
  const finiteUp = replaced(x, infinite(1), posinf ?? most);
  const finite = replaced(finiteUp, infinite(-1), neginf ?? -most);
  return replaced(finite, isNaN(x), nan);
}

function nodeOfLike(x: Node, value: number): Node {
  return align('nanToNum', [value, x], x.dtype)[0] as Node;
}

/** 0 below 0, 1 above, y at 0; NaN passes. */
export function heaviside(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align('heaviside', [x, y]) as [Node, Node];
  const zero = like(a, 0);
  const step = where(lt(zero, a), 1, zero);
  return piecewise(a, where(isNaN(a), a, where(eq(a, zero), b, step)), (grad) => like(grad, 0));
}

/** x * log(y), 0 where x is 0 and y no NaN. */
export function xlogy(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = alignFloat('xlogy', [x, y]) as [Node, Node];
  const empty = and(eq(a, 0), not(isNaN(b)));
  return where(empty, 0, mul(a, unary('log', where(empty, 1, b))));
}

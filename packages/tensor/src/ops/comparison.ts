/** Comparisons, logic and tests of float classes: everything that gives bool, and the bitwise operations. */
import { type DType, isFloat } from '@torchlet/device';
import {
  xor,
  or,
  and,
  mul,
  add,
  max,
  binary,
  cast,
  eq as eqExact,
  lt as ltExact,
  type Node,
  where as whereExact,
} from '@torchlet/graph';
import { resultType } from '../promotion.js';
import { align, broadcastShapes, broadcastTo, like, type NodeOperand } from './operands.js';

export function not(x: Node): Node {
  return xor(x, 1);
}

export function eq(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align('eq', [x, y]) as [Node, Node];
  return eqExact(a, b);
}

export function ne(x: NodeOperand, y: NodeOperand): Node {
  return not(eq(x, y));
}

export function lt(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align('lt', [x, y]) as [Node, Node];
  return ltExact(a, b);
}

export function gt(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align('gt', [x, y]) as [Node, Node];
  return ltExact(b, a);
}

export function le(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align('le', [x, y]) as [Node, Node];
  return or(ltExact(a, b), eqExact(a, b));
}

export function ge(x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align('ge', [x, y]) as [Node, Node];
  return or(ltExact(b, a), eqExact(a, b));
}

/** x where the condition holds, else y; the condition is bool. */
export function where(condition: Node, x: NodeOperand, y: NodeOperand): Node {
  const [a, b] = align('where', [x, y]) as [Node, Node];
  const shape = broadcastShapes('where', [condition.shape, a.shape]);
  return whereExact(
    broadcastTo('where', condition, shape),
    broadcastTo('where', a, shape),
    broadcastTo('where', b, shape),
  );
}

/** x with `value` where the mask holds; of x's dtype. */
export function maskedFill(x: Node, mask: Node, value: NodeOperand): Node {
  const [filled] = align('maskedFill', [value], x.dtype) as [Node];
  const shape = broadcastShapes('maskedFill', [x.shape, mask.shape]);
  return whereExact(
    broadcastTo('maskedFill', mask, shape),
    broadcastTo('maskedFill', filled, shape),
    broadcastTo('maskedFill', x, shape),
  );
}

function truth(x: NodeOperand): NodeOperand {
  return typeof x === 'object' ? cast(x, 'bool') : Boolean(x);
}

export function logicalNot(x: Node): Node {
  return not(cast(x, 'bool'));
}

export function logical(x: NodeOperand, y: NodeOperand, op: 'and' | 'or' | 'xor'): Node {
  const [a, b] = align(`logical_${op}`, [truth(x), truth(y)], 'bool') as [Node, Node];
  return binary(op, a, b);
}

export function bitwise(x: NodeOperand, y: NodeOperand, op: 'and' | 'or' | 'xor'): Node {
  const [a, b] = align(`bitwise_${op}`, [x, y]) as [Node, Node];
  return binary(op, a, b);
}

export function bitwiseNot(x: Node): Node {
  return xor(x, x.dtype === 'bool' ? 1 : x.dtype === 'uint8' ? 255 : -1);
}

export function shift(x: NodeOperand, y: NodeOperand, op: 'shl' | 'shr'): Node {
  const [a, b] = align(op === 'shl' ? 'bitwiseLeftShift' : 'bitwiseRightShift', [x, y]) as [Node, Node];
  return binary(op, a, b);
}

export function isNaN(x: Node): Node {
  return not(eqExact(x, x));
}

export function isInf(x: Node): Node {
  if (!isFloat(x.dtype)) return like({ shape: x.shape, dtype: 'bool' }, 0);
  return or(eqExact(x, Infinity), eqExact(x, -Infinity));
}

export function isFinite(x: Node): Node {
  if (!isFloat(x.dtype)) return like({ shape: x.shape, dtype: 'bool' }, 1);
  return and(ltExact(x, Infinity), ltExact(-Infinity, x));
}

/** Differences are exact, bounds float32, as in PyTorch. */
function isCloseInteger(x: Node, y: Node, rtol: number, atol: number, dtype: DType): Node {
  const [a, b] = align('isclose', [x, y], dtype) as [Node, Node];
  const size = (n: Node): Node => whereExact(ltExact(n, 0), mul(n, -1), n);
  const difference = cast(size(add(a, mul(b, -1))), 'float32');
  const other = cast(size(b), 'float32');
  const bound = add(atol, mul(rtol, other));
  return or(eqExact(a, b), or(ltExact(difference, bound), eqExact(difference, bound)));
}

/** |x - y| <= atol + rtol * |y|, infinities equal, NaN by choice. */
export function isClose(x: Node, y: Node, rtol: number, atol: number, equalNaN: boolean): Node {
  const dtype: DType = resultType([x, y]);
  if (!isFloat(dtype)) return isCloseInteger(x, y, rtol, atol, dtype === 'bool' ? 'int32' : dtype);
  const [a, b] = align('isclose', [x, y], dtype) as [Node, Node];
  const magnitude = (n: Node): Node => max(n, mul(n, -1));
  const difference = magnitude(add(a, mul(b, -1)));
  const bound = add(atol, mul(rtol, magnitude(b)));
  const near = and(or(ltExact(difference, bound), eqExact(difference, bound)), isFinite(b));
  const close = or(eqExact(a, b), and(near, isFinite(a)));
  return equalNaN ? or(close, and(isNaN(a), isNaN(b))) : close;
}

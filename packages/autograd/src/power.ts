/**
 * The derivatives of `pow`. Owns the care at 0, where the plain formulas read 0 * infinity: the argument is replaced, not the result, so that
 * no NaN hides on the untaken side of a `where` and comes out in the second derivative.
 */
import { pow, and, add, eq, fullLike, log, lt, mul, type Node, where } from '@torchlet/graph';
import type { DerivativeRule } from './derivatives.js';

/** y * x^(y-1), which is 0 for y = 0 whatever x is, and log(x) * x^y, which is 0 for x = 0 and y >= 0. */
export const power: DerivativeRule = (node, grad, wants) => {
  const [x, y] = node.inputs as [Node, Node];
  return [wants[0] ? mul(grad, ofBase(x, y)) : null, wants[1] ? mul(grad, mul(node, logOfBase(x, y))) : null];
};

function ofBase(x: Node, y: Node): Node {
  const exponent = constantOf(y);
  if (exponent === 0) return fullLike(x, 0);
  if (exponent === 1) return fullLike(x, 1);
  if (exponent === 2) return add(x, x);
  if (exponent !== null) return mul(y, pow(x, exponent - 1));
  const zero = fullLike(x, 0);
  const positive = lt(zero, x);
  const base = where(and(eq(y, zero), eq(positive, 0)), 1, x);
  return mul(y, pow(base, add(y, -1)));
}

function logOfBase(x: Node, y: Node): Node {
  const zero = fullLike(x, 0);
  const flat = and(eq(x, zero), eq(lt(y, zero), 0));
  return log(where(flat, 1, x));
}

/** The number that `node` holds at every place, if the structure alone says so. */
function constantOf(node: Node): number | null {
  return node.op === 'constant' ? Number(node.value) : null;
}

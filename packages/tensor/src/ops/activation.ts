/**
 * Activations beside the most used ones of `functions.ts`. Owns their formulas and what their gradients are at the corners, as in PyTorch
 * (https://pytorch.org/docs/stable/nn.functional.html#non-linear-activation-functions).
 */
import {
  or,
  eq,
  and,
  sub,
  add,
  axisOf,
  div,
  lt,
  mul,
  type Node,
  printShape,
  ShapeError,
  unary,
  where,
} from '@torchlet/graph';
import { abs } from './arithmetic.js';
import { not } from './comparison.js';
import { elu, sigmoid, softplus } from './functions.js';
import { box } from './movement.js';
import { like, toFloat } from './operands.js';
import { piecewise } from './piecewise.js';

/** `grad` where the mask holds, else 0. */
const only = (mask: Node, grad: Node): Node => where(mask, grad, 0);

/** Between `min` and `max`; the gradient passes strictly inside, and at NaN. */
export function hardtanh(x: Node, min: number, max: number): Node {
  if (!(min <= max)) throw new RangeError(`hardtanh: expected minVal <= maxVal, got ${min} and ${max}`);
  const [low, high] = [like(x, min), like(x, max)];
  const value = where(lt(x, low), low, where(lt(high, x), high, x));
  const outside = or(not(lt(low, x)), not(lt(x, high)));
  const isNumber = eq(x, x);
  return piecewise(x, value, (grad) => only(not(and(outside, isNumber)), grad));
}

/** max(0, min(6, x + 3)) / 6. */
export function hardsigmoid(x: Node): Node {
  const f = toFloat(x);
  return div(hardtanh(add(f, 3), 0, 6), 6);
}

/** x * hardsigmoid(x) (https://arxiv.org/abs/1905.02244). */
export function hardswish(x: Node): Node {
  const f = toFloat(x);
  return mul(f, hardsigmoid(f));
}

/** x but within lambda of 0, where it is 0. */
export function hardshrink(x: Node, lambda: number): Node {
  const within = and(not(lt(x, -lambda)), not(lt(lambda, x)));
  const inside = and(within, eq(x, x));
  return piecewise(x, where(inside, 0, x), (grad) => only(not(inside), grad));
}

/** x moved by lambda towards 0, and 0 within. */
export function softshrink(x: Node, lambda: number): Node {
  if (!(lambda >= 0)) throw new RangeError(`softshrink: expected a lambd of at least 0, got ${lambda}`);
  const [above, below] = [lt(lambda, x), lt(x, -lambda)];
  const outside = or(above, below);
  const moved = add(x, where(above, like(x, -lambda), lambda));
  const value = where(outside, moved, mul(x, 0));
  return piecewise(x, value, (grad) => only(outside, grad));
}

export function tanhshrink(x: Node): Node {
  const f = toFloat(x);
  return sub(f, unary('tanh', f));
}

/** x above the threshold, else `value`. */
export function threshold(x: Node, limit: number, value: number): Node {
  const passes = not(or(lt(x, limit), eq(x, limit)));
  return piecewise(x, where(passes, x, value), (grad) => only(passes, grad));
}

/** x / (1 + |x|). */
export function softsign(x: Node): Node {
  const f = toFloat(x);
  return div(f, add(abs(f), 1));
}

/** x * tanh(softplus(x)) (https://arxiv.org/abs/1908.08681). */
export function mish(x: Node): Node {
  const f = toFloat(x);
  return mul(f, unary('tanh', softplus(f, 1, 20)));
}

const seluAlpha = 1.6732632423543772;
const seluScale = 1.0507009873554805;

/** elu scaled so that means and variances settle (https://arxiv.org/abs/1706.02515). */
export function selu(x: Node): Node {
  const f = toFloat(x);
  return mul(elu(f, seluAlpha), seluScale);
}

/** max(0, x) + min(0, alpha * (e^(x / alpha) - 1)) (https://arxiv.org/abs/1704.07483). */
export function celu(x: Node, alpha: number): Node {
  if (alpha === 0) throw new RangeError('celu: expected an alpha other than 0');
  const f = toFloat(x);
  const positive = lt(0, f);
  const scaled = div(where(positive, 0, f), alpha);
  return where(positive, f, mul(unary('expm1', scaled), alpha));
}

/** The first half along `dim` times the sigmoid of the second (https://arxiv.org/abs/1612.08083). */
export function glu(x: Node, dim: number): Node {
  const axis = axisOf('glu', dim, x.shape.length);
  const length = x.shape[axis];
  if (length === undefined || length % 2 !== 0) {
    throw new ShapeError(`glu: expected an even length of dim ${dim}, got shape ${printShape(x.shape)}`);
  }
  const half = length / 2;
  return mul(toFloat(box(x, axis, 0, half)), sigmoid(box(x, axis, half, half)));
}

/**
 * Gradients of functions with corners and steps, where the derivative of the formula is not PyTorch's convention. Owns the way a gradient is attached to a
 * value; which function has which gradient is said where the function is.
 */
import { attach, isGradEnabled, marker, type Node } from '@torchlet/graph';
import { like } from './operands.js';

/**
 * `value` as a function of x with the gradient `through(grad)`, whose slope does not change with x but for its corners. The derivative of that gradient
 * by x is 0 and not absent, as PyTorch's formulas have it.
 */
export function piecewise(x: Node, value: Node, through: (grad: Node) => Node): Node {
  if (!x.requiresGrad) return value;
  return attach(marker('detach', value), [x], (grad: Node) => [connected(x, through, grad)]);
}

/** A step function of x: its gradient is 0 everywhere. */
export function steps(x: Node, value: Node): Node {
  return piecewise(x, value, () => like(x, 0));
}

function connected(x: Node, through: (grad: Node) => Node, grad: Node): Node {
  const passed = through(grad);
  if (!isGradEnabled()) return passed;
  return attach(marker('detach', passed), [grad, x], (next: Node) => [connected(x, through, next), like(x, 0)]);
}

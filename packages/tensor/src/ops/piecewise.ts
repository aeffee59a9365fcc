/**
 * Gradients that the derivative of the formula does not give: of corners and steps, where PyTorch has a convention, and of results that say it better. Owns the way a gradient is attached to a
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

/** `value` as a function of x whose gradient is written in terms of the result, which stands for itself in derivatives of any order. */
export function inTermsOfResult(x: Node, value: Node, gradient: (grad: Node, result: Node) => Node): Node {
  if (!x.requiresGrad) return value;
  const result: Node = attach(marker('detach', value), [x], (grad: Node) => [gradient(grad, result)]);
  return result;
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

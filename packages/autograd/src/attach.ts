/**
 * Gradients that a user wrote: the `attach` marker carries them beside a value. Owns their type and the check of what they give; how a
 * custom function is made is in `@torchlet/tensor`.
 */
import { type Node, printShape, ShapeError, sameShape } from '@torchlet/graph';
import type { DerivativeRule } from './derivatives.js';

/**
 * The payload of an `attach` node: from the gradient of its value, the gradients of `inputs` (those given to `attach`, without the value), one
 * each, of the input's shape and dtype; null where none flows.
 */
export type GradientFunction = (grad: Node, inputs: readonly Node[]) => readonly (Node | null)[];

export const attached: DerivativeRule = (node, grad) => {
  const gradientOf = node.payload as GradientFunction;
  const inputs = node.inputs.slice(1);
  const given = gradientOf(grad, inputs);
  if (given.length !== inputs.length) {
    throw new RangeError(
      `custom gradient: expected one gradient for each of ${inputs.length} inputs, got ${given.length}`,
    );
  }
  given.forEach((gradient, i) => {
    const of = inputs[i] as Node;
    if (gradient === null || (sameShape(gradient.shape, of.shape) && gradient.dtype === of.dtype)) return;
    throw new ShapeError(
      `custom gradient: expected ${of.dtype} ${printShape(of.shape)} for input ${i}, got ${gradient.dtype} ${printShape(gradient.shape)}`,
    );
  });
  return [null, ...given];
};
